"""Stands for Prefect, which has 60 dependencies: flows and tasks are their functions, in the same process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flow(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def task(function: Callable[..., Any], *, retries: int, retry_delay_seconds: int) -> Callable[..., Any]:
    return function
