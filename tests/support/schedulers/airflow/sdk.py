"""Stands for Airflow's SDK, which has 100 dependencies and needs a database: a DAG lists the operators in its block."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

current: list[DAG] = []


class DAG:
    def __init__(self, name: str, *, schedule: str, start_date: datetime, catchup: bool, max_active_runs: int) -> None:
        self.tasks: list[Any] = []

    def __enter__(self) -> Self:
        current.append(self)
        return self

    def __exit__(self, *failure: object) -> None:
        """The latest stays the current one, for who runs it."""
