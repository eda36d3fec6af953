"""Stands for Airflow's PythonOperator: `execute` calls the function with its arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk import current


class PythonOperator:
    def __init__(
        self, *, task_id: str, python_callable: Callable[..., Any], op_kwargs: dict[str, Any], retries: int
    ) -> None:
        self.execute = lambda: python_callable(**op_kwargs)
        current[-1].tasks.append(self)
