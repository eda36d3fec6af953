"""How a run ends when it is told to: Ctrl-C, SIGTERM and SIGHUP, in the main process and in each task's.

The main process leaves by SystemExit, so that Luigi ends its children; a task's process removes its temporary files and
is gone, without reporting to a parent that ends too. Needs `[worker] force_multiprocessing`, which our luigi.cfg sets.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Self

from luigi.cmdline_parser import CmdlineParser

from taxi_luigi import files, luigid
from taxi_luigi.logs import log

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_main_process: int | None = None
_task_process: Any = None
"""Luigi's TaskProcess that this process runs; None in the main process"""
_vanishing = threading.Lock()
_VANISH = 8.0
"""seconds that a task's process may take to clean up and to tell luigid (two time limits of 3 s) before it just ends"""


def supervise() -> None:
    """Installs the signal handlers, in the main thread and under the `luigi` command: a notebook keeps its own."""
    global _main_process
    if CmdlineParser.get_instance() is None or threading.current_thread() is not threading.main_thread():
        return
    _main_process = os.getpid()
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # which nohup ignores
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    if os.getpid() != _main_process:
        _vanish(number)
    for again in _SIGNALS:
        signal.signal(again, signal.SIG_IGN)  # a second Ctrl-C must not cut the cleaning up short
    log.warning("Stopped by %s; run the same command again to finish", signal.Signals(number).name)
    sys.exit(128 + number)


def _vanish(number: int) -> None:
    # The handler and the waiting thread both come here. The first does the work; the second ends the process all the
    # same if the first does not, as when the signal came while the code it interrupted held a lock that it needs.
    if _vanishing.acquire(timeout=_VANISH):
        files.remove_being_written()
        if _task_process is not None:
            luigid.give_back(_task_process.task.task_id, _task_process.worker_id, signal.Signals(number).name)
    os._exit(128 + number)


class TaskProcess:
    """Luigi's `[worker] task_process_context`: wraps each task's run, in the process that runs it.

    Python runs a signal handler only between two of its own instructions, and an INSERT or a CREATE INDEX is one
    instruction that can take a minute. So a thread waits for the signal's number on a socket, where the interpreter's
    C handler writes it at once, and ends the process from there.
    """

    def __init__(self, task_process: Any) -> None:
        self._task_process = task_process
        self._ends: tuple[socket.socket, socket.socket] | None = None

    def __enter__(self) -> Self:
        global _task_process
        if _main_process is not None and os.getpid() != _main_process:
            _task_process = self._task_process
            self._ends = socket.socketpair()
            for end in self._ends:
                end.setblocking(end is self._ends[0])
            signal.set_wakeup_fd(self._ends[1].fileno(), warn_on_full_buffer=False)
            threading.Thread(target=_wait_for_signal, args=(self._ends[0],), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ends is not None:
            signal.set_wakeup_fd(-1)
            self._ends[1].close()


def _wait_for_signal(end: socket.socket) -> None:
    while number := end.recv(1):
        if number[0] in _SIGNALS:
            _vanish(number[0])
