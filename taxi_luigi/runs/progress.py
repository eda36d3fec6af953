"""The progress of a task: a line on luigid's page, and what its process passes to the panel of the main one."""

from __future__ import annotations

import json
import os
import select
import time
from contextlib import suppress
from dataclasses import astuple, dataclass
from types import TracebackType
from typing import Any, Self

from luigi.rpc import RPCError

from taxi_luigi.core.logs import log
from taxi_luigi.core.units import duration, size
from taxi_luigi.runs import scheduler_client

_INTERVAL = 1.0
"""seconds between two reports to luigid, each of two HTTP requests that the task waits for"""

_PAUSE = 30.0
"""seconds without a report after a failed one, which may cost a task 3 s (scheduler_client.py)"""


_FRAME = 0.1
"""seconds between two reports to the panel: 20 µs each"""


@dataclass(frozen=True)
class Step:
    """What a task is doing now, for the panel: of a task of this run, or of another machine's."""

    task: str
    color: str
    month: str
    store: str
    doing: str
    done: int = 0
    total: int = 0
    """0: not known"""
    unit: str = ""
    """`B`, or what is counted"""
    seconds: float = 0.0
    """that the step has taken"""
    host: str = ""
    """the other machine; '' is this one"""
    percent: int | None = None
    """of a step of another machine: luigid has its amounts as text alone"""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The task."""
        return self.task, self.color, self.month, self.store

    @property
    def share(self) -> float | None:
        """The part of the step that is done, from 0 to 1; None where its total is not known."""
        if self.percent is not None:
            return self.percent / 100
        return min(1.0, self.done / self.total) if self.total else None


class Channel:
    """Passes steps from the tasks' processes, which inherit it, to the main one: a pipe, and one write for each.

    A step is dropped while the pipe is full: the next one has all that it had.
    """

    def __init__(self) -> None:
        self._ends = os.pipe()
        for end in self._ends:
            os.set_blocking(end, False)

    def send(self, step: Step) -> None:
        """Pass a step; without a reader, do nothing."""
        line = json.dumps(astuple(step)).encode() + b"\n"
        if len(line) <= select.PIPE_BUF:  # which no other process's write is mixed with
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self._ends[1], line)

    def received(self) -> list[Step]:
        """Return the steps that were sent since the last call."""
        found = b""
        with suppress(BlockingIOError):
            while piece := os.read(self._ends[0], 65_536):
                found += piece
        return [Step(*json.loads(line)) for line in found.splitlines()]

    def close(self) -> None:
        """Free the pipe."""
        for end in self._ends:
            os.close(end)


_channel: Channel | None = None
"""of the run with a panel in this process, or in the one that it was forked from"""


def send_steps(channel: Channel | None) -> None:
    """Send the steps of tasks that begin from now on, in this process and those forked from it; None: nowhere."""
    global _channel
    _channel = channel


class Progress:
    """Called with (done, total) in `unit`, "B" or what is counted; a total of 0 is unknown.

    A context manager, which shows an error on the page. Shows our own words, numbers and names of stores only, and
    nothing from the data.
    """

    def __init__(self, task: Any, doing: str, unit: str) -> None:
        self._task, self._unit = task, unit
        self._began = time.monotonic()
        self.now(doing)

    def now(self, doing: str) -> None:
        """Begin the next step, which is counted from 0 again."""
        self._doing, self._since = doing, time.monotonic()
        self._done = self._total = 0
        self._send(0.0)
        self._shown = self._show(doing, None)

    def __call__(self, done: int, total: int) -> None:
        self._done, self._total = done, total
        now = time.monotonic()
        seconds = now - self._since
        if now >= self._next_frame:
            self._send(seconds)
        if now >= self._next:
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

    def _send(self, seconds: float) -> None:
        self._next_frame = time.monotonic() + _FRAME
        if _channel is not None:
            task = self._task.log_fields
            _channel.send(
                Step(**task, doing=self._doing, done=self._done, total=self._total, unit=self._unit, seconds=seconds)
            )


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
    return f"{amount(done, total, unit)}\n{number(round(speed), unit)}/s{left}"


def amount(done: int, total: int, unit: str) -> str:
    """Return `12.4 MB of 49.9 MB`, `131,072 of 1,369,769 rows`; `131,072 rows` where the total is unknown (0)."""
    if not total:
        return number(done, unit)
    return f"{size(done) if unit == 'B' else f'{done:,}'} of {number(total, unit)}"


def number(count: int, unit: str) -> str:
    """Return `12.4 MB`, `131,072 rows`."""
    return size(count) if unit == "B" else f"{count:,} {unit}"
