"""Draws the panel of a run while it goes on: a thread of the main process, on a terminal alone.

Not rich's Live, which expects that its process alone writes: here each task's process writes its own log lines. After
each frame the cursor is back at the panel's first character. So a line of any process, which begins by clearing the
screen from there (core/logs/terminal.py), takes the panel's place, and the next frame is drawn below it; the same holds
for a terminal that is resized. A frame is one write, which no other write to the terminal is mixed with.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING

from taxi_luigi.core.logs import log, terminal
from taxi_luigi.history import TaskResult
from taxi_luigi.runs import progress, scheduler_client, shared_runs
from taxi_luigi.runs.month_results import ColorCounts
from taxi_luigi.runs.panel import Panel, summary

if TYPE_CHECKING:
    from rich.console import Console

_FRAME = 0.25
"""seconds between two frames; one takes 3 ms of CPU (Nov 2026)"""

_LOOK = 5.0
"""seconds between two looks at what other machines do, of a request each"""

_CLOSING = 1.0
"""seconds to wait for the thread, which a terminal that is stopped (Ctrl-S) may hold up"""


class Live:
    """Draws a panel from now on, until it is closed. Made before the first task is forked."""

    def __init__(
        self,
        panel: Panel,
        began: float,
        fresh: Callable[[], list[TaskResult]],
        ids: Mapping[str, Mapping[str, str]],
    ) -> None:
        """Show the panel.

        Args:
            panel: changed from here alone from now on
            began: when the run began, by time.monotonic()
            fresh: returns the results that were added since its last call
            ids: the id of each scheduled task → its `log_fields`
        """
        self._panel, self._began, self._fresh, self._ids = panel, began, fresh, ids
        self._console, self._letters = _console()  # imports rich before a fork, so that no process has half of it
        self._channel = progress.Channel()
        progress.send_steps(self._channel)
        terminal.panel_shown = True
        self._over, self._others = threading.Event(), SimpleQueue[TaskResult]()
        self._thread = threading.Thread(target=self._draw_on, daemon=True)
        self._thread.start()
        if not scheduler_client.is_local():
            threading.Thread(target=self._look_around, daemon=True).start()

    def close(self) -> None:
        """Remove the panel."""
        progress.send_steps(None)
        self._over.set()
        self._thread.join(_CLOSING)
        if not self._thread.is_alive():
            self._channel.close()
        terminal.panel_shown = False
        terminal.clear()

    def _draw_on(self) -> None:
        try:
            while not self._over.wait(_FRAME):
                results = self._fresh()  # before the steps: those of a task that has ended are there by now
                for step in self._channel.received():
                    self._panel.begin(step)
                for result in results:
                    self._panel.end(result)
                while not self._others.empty():
                    self._panel.end(self._others.get())
                self._draw()
        except OSError as error:
            log.debug("no panel any more, as the terminal was closed: %s", error)
        finally:
            terminal.panel_shown = False

    def _draw(self) -> None:
        file = sys.stderr.fileno()
        if not _in_front(file):
            return
        width, height = _size(file)
        self._console.size = type(self._console.size)(width, height)
        with self._console.capture() as capture:
            self._console.print(self._panel.text(time.monotonic() - self._began, width, height, self._letters))
        lines = capture.get().splitlines()[: max(1, height - 1)]
        up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        frame = "\x1b[K\n".join(lines)
        os.write(file, f"\r{frame}\x1b[J{up}\r".encode(self._console.encoding, "replace"))

    def _look_around(self) -> None:
        """See what other machines do, and what they have done since the last look."""
        before: set[str] = set()
        while not self._over.wait(_LOOK):
            steps = shared_runs.steps_elsewhere(self._ids)
            ended = before - steps.keys()
            before = set(steps)
            self._panel.elsewhere = tuple(steps.values())
            if ended:
                for result in shared_runs.done_elsewhere(self._ids):
                    self._others.put(result)


def print_summary(counts: Sequence[ColorCounts], failures: Sequence[str]) -> None:
    """Print the end of a run on the terminal, in color where it has any; arguments as of `panel.summary`."""
    console, letters = _console()
    with suppress(OSError):  # the terminal was closed meanwhile
        width, height = _size(sys.stderr.fileno())
        console.size = type(console.size)(width, height)
        console.print(summary(counts, failures, width, letters))


def _console() -> tuple[Console, bool]:
    """Return rich's console on stderr, and whether the terminal has letters alone."""
    from rich.console import Console

    console = Console(file=sys.stderr, force_terminal=True, highlight=False)
    return console, not console.encoding.startswith("utf")


def _size(file: int) -> tuple[int, int]:
    """Return columns and lines of a terminal, without its last column, in which a character may begin a line."""
    columns, lines = os.get_terminal_size(file)
    return max(20, (columns or 80) - 1), lines or 24


def _in_front(file: int) -> bool:
    """Whether this process is in the foreground of its terminal, which a shell's Ctrl-Z and `bg` change."""
    try:
        return os.tcgetpgrp(file) == os.getpgrp()
    except OSError:  # it is not the terminal of this session
        return True
