"""What a log line is about, as fields beside its text: the task that this process runs, and the line's own figures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

_task: dict[str, str] = {}


@contextmanager
def about(task: Mapping[str, str]) -> Iterator[None]:
    """Every line of this process that is logged in the block is about the task: `task`, `color`, `month`, `store`."""
    global _task
    before, _task = _task, dict(task)
    try:
        yield
    finally:
        _task = before


def figures(rows: int = 0, bytes: int = 0, seconds: float = 0.0) -> dict[str, Any]:
    """For `extra=`: what the line counts; 0 where it counts none."""
    return {"fields": {"rows": rows, "bytes": bytes, "seconds": round(seconds, 3)}}


def of_task(task: Mapping[str, str]) -> dict[str, Any]:
    """For `extra=`, where a line is about a task that this process does not run."""
    return {"fields": dict(task)}


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What is known of a line's task and figures, without the fields that say nothing."""
    return {name: value for name, value in (_task | getattr(record, "fields", {})).items() if value}
