"""How far a task is: percent and rows in luigid's page, a bar on a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

_INTERVAL = 1.0
"""seconds between two reports to luigid: each is an HTTP request that the task waits for"""


class Progress:
    """Called with (done, total); a total of 0 is unknown. As a context manager, so that the bar is taken away."""

    def __init__(self, task: Any, doing: str, unit: str) -> None:
        self._task, self._doing, self._unit = task, doing, unit
        self._told = time.monotonic()
        self._bar: tqdm[Any] = tqdm(
            desc=f"{doing} {task.color} {task.month}",
            unit=unit,
            unit_scale=True,
            unit_divisor=1024 if unit == "B" else 1000,
            leave=False,
            disable=not sys.stderr.isatty(),
        )

    def __call__(self, done: int, total: int) -> None:
        self._bar.total = total or None
        self._bar.update(done - self._bar.n)
        if time.monotonic() - self._told < _INTERVAL:
            return
        self._told = time.monotonic()
        # Luigi's page inserts the message as HTML (3.8.1): it holds nothing but our own words and numbers.
        self._task.set_status_message(f"{self._doing}: {done:,} of {total:,} {self._unit}")
        if total:
            self._task.set_progress_percentage(round(100 * done / total))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
