"""The progress of a run: a line for each task on luigid's page, and one bar on a terminal.

With one worker the bar is of the running task; with several it is of the months, and drawn by the main process. So a
terminal has one bar at a time, and log lines of every process clear it first (logs/terminal.py).
"""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

from luigi.interface import core
from luigi.rpc import RPCError
from tqdm import tqdm

from taxi_luigi.core.logs import log, terminal
from taxi_luigi.core.units import duration, size
from taxi_luigi.runs import scheduler_client

_INTERVAL = 1.0
"""seconds between two reports to luigid, each of two HTTP requests that the task waits for"""

_PAUSE = 30.0
"""seconds without a report after a failed one, which may cost a task 3 s (scheduler_client.py)"""


class _Bar(tqdm):  # type: ignore[type-arg]
    """A bar with its own lock: tqdm's is shared with all forked processes, and stays held when its holder is killed."""

    monitor_interval = 0
    """no thread that looks for bars that stand still, in a process that forks"""


_Bar.set_lock(threading.RLock())


class Progress:
    """Called with (done, total) in `unit`, "B" or what is counted; a total of 0 is unknown.

    A context manager, which removes the bar and shows an error on the page. Shows our own words, numbers and names of
    stores only, and nothing from the data.
    """

    def __init__(self, task: Any, doing: str, unit: str) -> None:
        self._task, self._unit = task, unit
        self._began = time.monotonic()
        self._bar: tqdm[Any] | None = None
        if core().workers == 1 and terminal.can_draw():
            self._bar = _bar(f"{doing} {task.label}", f" {unit}", unit_scale=True)
        self.now(doing)

    def now(self, doing: str) -> None:
        """Begin the next step, which is counted from 0 again."""
        self._doing, self._since = doing, time.monotonic()
        self._done = self._total = 0
        self._shown = self._show(doing, None)

    def __call__(self, done: int, total: int) -> None:
        if self._bar is not None:
            self._bar.total = total or None
            self._bar.update(done - self._bar.n)
        self._done, self._total = done, total
        if time.monotonic() >= self._next:
            seconds = time.monotonic() - self._since
            self._shown = self._show(f"{self._doing}: {pace(done, total, self._unit, seconds)}", self._percent)

    def page(self, url: str) -> None:
        """Give the task a button on luigid's page that leads to a web page; '' is none."""
        # Luigi's own method, which tries three times: not where luigid has just not answered
        if not url or not self._shown:
            return
        try:
            self._task.set_tracking_url(url)
        except RPCError as error:
            log.debug("luigid did not get the page %s: %s", url, error)

    def ended(self, made: str) -> None:
        """Show the result; the page keeps it when the task is done."""
        self._show(f"{made}, {duration(time.monotonic() - self._began)}", 100)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if error is not None:
            far = f" at {amount(self._done, self._total, self._unit)}" if self._done else ""
            self._show(f"{self._doing}: failed{far} after {duration(time.monotonic() - self._began)}", self._percent)

    @property
    def _percent(self) -> int | None:
        return min(100, 100 * self._done // self._total) if self._total else None

    def _show(self, message: str, percent: int | None) -> bool:
        shown = scheduler_client.set_status(self._task.task_id, message, percent)
        self._next = time.monotonic() + (_INTERVAL if shown else _PAUSE)
        return shown


class Months:
    """The bar of a run with several workers."""

    def __init__(self, total: int) -> None:
        shown = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} [{elapsed}, {remaining} left]"
        self._bar: tqdm[Any] = _bar("months", "", total=total, bar_format=shown, unit_scale=False)

    def show(self, done: int) -> None:
        """Draw the bar again, below the lines written since."""
        self._bar.n = done
        self._bar.refresh()

    def close(self) -> None:
        """Remove the bar."""
        self._bar.close()


def _bar(what: str, unit: str, **more: Any) -> tqdm[Any]:
    return _Bar(desc=what, unit=unit, leave=False, dynamic_ncols=True, file=sys.stderr, **more)


def pace(done: int, total: int, unit: str, seconds: float) -> str:
    """Return how much is done, and in a second line how fast, and how long the rest takes at that speed.

    luigid's box has room for 66 letters in a line. `12.4 MB of 49.9 MB`, `4.1 MB/s, 9.1 s left`.

    Args:
        done: so much
        total: of so much; 0 where it is not known
        unit: "B", or what is counted
        seconds: that it took, more than 0
    """
    speed = done / seconds
    left = f", {duration((total - done) / speed)} left" if speed and done < total else ""
    return f"{amount(done, total, unit)}\n{_number(round(speed), unit)}/s{left}"


def amount(done: int, total: int, unit: str) -> str:
    """Return `12.4 MB of 49.9 MB`, `131,072 of 1,369,769 rows`; `131,072 rows` where the total is unknown (0)."""
    if not total:
        return _number(done, unit)
    return f"{size(done) if unit == 'B' else f'{done:,}'} of {_number(total, unit)}"


def _number(number: int, unit: str) -> str:
    return size(number) if unit == "B" else f"{number:,} {unit}"
