"""Stands for Dagster, which has 50 dependencies: a job calls its ops, in order, in the same process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class RetryPolicy:
    def __init__(self, *, max_retries: int, delay: float) -> None: ...


def op(*, retry_policy: RetryPolicy) -> Callable[..., Any]:
    return lambda function: function


def job(function: Callable[..., Any]) -> Callable[..., Any]:
    return function
