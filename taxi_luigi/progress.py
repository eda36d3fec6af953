"""How far a run is: percent and rows of each task in luigid's page, and one bar on a terminal.

With one worker the task that runs has the bar; with several, the months have it, drawn by the main process. So a
terminal has one bar at a time, and log lines of whichever process clear it first (logs/terminal.py).
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

from luigi.interface import core
from tqdm import tqdm

from taxi_luigi.logs import terminal

_INTERVAL = 1.0
"""seconds between two reports to luigid: each is an HTTP request that the task waits for"""

# tqdm's own lock is shared with all processes forked from here, and stays held when one is killed that holds it.
tqdm.set_lock(threading.RLock())
# Its thread that looks for bars that stand still is not worth a thread in a process that forks.
tqdm.monitor_interval = 0


class Progress:
    """Called with (done, total); a total of 0 is unknown. As a context manager, so that the bar is taken away."""

    def __init__(self, task: Any, doing: str, unit: str) -> None:
        self._task, self._doing, self._unit = task, doing, unit
        self._told = time.monotonic()
        self._bar: tqdm[Any] | None = None
        if core().workers == 1 and terminal.can_draw():
            divisor = 1024 if unit == "B" else 1000
            self._bar = _bar(f"{doing} {task.color} {task.month}", f" {unit}", unit_divisor=divisor, unit_scale=True)

    def __call__(self, done: int, total: int) -> None:
        if self._bar is not None:
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
        if self._bar is not None:
            self._bar.close()


class Months:
    """The bar of a run with several workers."""

    def __init__(self, total: int) -> None:
        shown = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} [{elapsed}, {remaining} left]"
        self._bar: tqdm[Any] = _bar("months", "", total=total, bar_format=shown, unit_scale=False)

    def show(self, done: int) -> None:
        """Draws it anew, below whatever was written since."""
        self._bar.n = done
        self._bar.refresh()

    def close(self) -> None:
        """Takes it away."""
        self._bar.close()


def _bar(what: str, unit: str, **more: Any) -> tqdm[Any]:
    return tqdm(desc=what, unit=unit, leave=False, dynamic_ncols=True, file=sys.stderr, **more)
