"""End the processes of a run after Ctrl-C, SIGTERM or SIGHUP, and those of its tasks also when the main one has died.

The main process raises SystemExit, so that Luigi ends its children; a task's process removes its temporary files and
exits without reporting to its parent, which ends too. Needs `[worker] force_multiprocessing`, which our luigi.cfg sets.

A Python handler runs only between two instructions of the interpreter, and its exception can get lost: DuckDB makes
RuntimeError of it, `__del__` and callbacks from C drop it, and libpq does not return before its server answers. So a
thread waits beside it, in every process, for the signal's number, which the interpreter's C handler writes into a
socket at once. In a task's process it also waits for the end of a pipe that the main process alone holds open: a
parent-death signal of Linux's would come too when only the thread ends that forked, and to a handler that others set.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from types import FrameType
from typing import Any

from luigi.cmdline_parser import CmdlineParser

from taxi_luigi.core import atomic_files, console
from taxi_luigi.core.logs import log
from taxi_luigi.runs import scheduler_client

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_TASK_EXIT_LIMIT = 8.0
"""seconds for a task's process to clean up and to report to luigid (two time limits of 3 s) before it ends"""

_AGAIN = 0.5
"""seconds after which the main process gets the signal again, in case the exception of the handler got lost"""

_STUCK = 5.0
"""seconds after which a main process that has not begun to end, as in a blocking query, is ended"""

_LAST = 9.0
"""seconds after a signal in which the main process has ended its tasks' and itself, or is ended; Docker gives 10"""

_supervision: Supervision | None = None
"""of the current run in this process, or in the one that it was forked from"""

_hooked = False

_in_task_process = False
"""whether this process was forked to run a task, or to check whether one is complete"""
_task_process: Any = None
"""Luigi's TaskProcess that this process runs; None in the main process"""
_exiting = threading.Lock()


class Supervision:
    """The signals of one run. Create it in the main process, in the thread that will fork the tasks' processes."""

    def __init__(self) -> None:
        global _supervision
        self._pid, self._thread = os.getpid(), threading.get_ident()
        self._alive, self._held = os.pipe()
        """only this process has the second end open"""
        self._stopped = 0
        """the first signal's number"""
        self._ending, self._decided = threading.Event(), threading.Event()
        self._code = 0
        self._written_to: socket.socket | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._written: Callable[[int, str], None] = lambda _code, _line: None
        self._holding = False
        """whether the exception of a signal is deferred"""
        self._blocked: set[int] = set()
        _supervision = self
        _hook()

    def take_signals(self, written: Callable[[int, str], None]) -> None:
        """Handle signals from here on, in the main thread of the `luigi` command; a notebook keeps its handlers.

        Args:
            written: records an exit code and its reason in the history, when a thread ends the process
        """
        if CmdlineParser.get_instance() is None or threading.current_thread() is not threading.main_thread():
            return
        self._written = written
        _close_files_on_exec()
        ends = _wake()
        self._written_to = ends[1]
        self._handlers = {number: signal.signal(number, self._leave) for number in _SIGNALS if not _is_ignored(number)}
        with _blocked():  # the main thread gets them, which may wait for something
            threading.Thread(target=self._watch, args=ends[:1], daemon=True).start()

    @property
    def stopped(self) -> int:
        """The exit code of a run that was stopped, else 0."""
        return 128 + self._stopped if self._stopped else 0

    @property
    def why(self) -> str:
        """The reason for the history; '' unless the run was stopped."""
        return f"stopped by {signal.Signals(self._stopped).name}" if self._stopped else ""

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Defer signals to the end of the block, which should take milliseconds."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._stopped:
            sys.exit(self.stopped)

    def ending(self) -> None:
        """Mark the run as ending: the tasks' processes are being ended, and signals no longer interrupt that."""
        self._ending.set()

    def decided(self, code: int) -> None:
        """Fix the exit code, which is about to be recorded: later signals no longer change it."""
        self._code = code
        self._decided.set()

    def over(self) -> None:
        """Release everything after the run; in a process other than the `luigi` command, restore the handlers."""
        global _supervision
        _supervision = None
        os.close(self._alive)
        os.close(self._held)
        if self._handlers and not console.is_luigi():
            self._restore_handlers()
            assert self._written_to is not None
            self._written_to.close()

    def _restore_handlers(self) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _leave(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            _exit_task_process(number)
        if self._decided.is_set():
            return
        if not self._stopped:
            self._stopped = number
            log.warning("Stopped by %s; run the same command again to finish", signal.Signals(number).name)
        # A second Ctrl-C must not interrupt the cleanup, and Python drops exceptions raised in a hook of a fork
        if not self._ending.is_set() and not self._holding:
            sys.exit(self.stopped)

    def _watch(self, signals: socket.socket) -> None:
        number = _next_signal(signals)
        if not number:
            return
        began, main = time.monotonic(), threading.main_thread().ident
        assert main is not None
        while not self._ending.wait(_AGAIN):
            if time.monotonic() - began > _STUCK:
                self._end_here(number)
            signal.pthread_kill(main, number)
        time.sleep(max(0.0, began + _LAST - time.monotonic()))
        if console.is_luigi():
            self._end_here(number)

    def _end_here(self, number: int) -> None:
        """End the process from a thread other than the main one, which may hold any lock."""
        code = self._code if self._decided.is_set() else 128 + number
        at_last = threading.Timer(1.0, os._exit, (code,))
        at_last.daemon = True
        at_last.start()
        atomic_files.remove_being_written()
        if not self._decided.is_set():
            self._written(code, f"stopped by {signal.Signals(number).name}")
        os._exit(code)

    def before_fork(self) -> None:
        """Block signals until the new process can handle them."""
        if threading.get_ident() == self._thread:
            self._holding = True
            self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def after_fork(self) -> None:
        """Unblock signals in the parent."""
        if threading.get_ident() == self._thread:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
            self._holding = False

    def in_child(self) -> None:
        """Arrange in a new process that it ends by a signal and with its parent.

        A process that another thread of a notebook forked is left alone.
        """
        global _supervision, _in_task_process
        _supervision = None
        os.close(self._held)
        if threading.get_ident() == self._thread:
            _in_task_process = True
            signals, written = _wake()
            for number in _SIGNALS:
                if not _is_ignored(number):
                    signal.signal(number, lambda number, _frame: _exit_task_process(number))
            threading.Thread(target=_end_with_parent, args=(self._alive, signals, written), daemon=True).start()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        else:
            os.close(self._alive)
            if self._handlers:
                self._restore_handlers()


def in_task_process() -> bool:
    """Return whether this process was forked to run a task, and ends with it."""
    return _in_task_process


def _hook() -> None:
    """Register the hooks of forks once per process: they cannot be removed, and do nothing without a run."""
    global _hooked
    if not _hooked:
        _hooked = True
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


def _before_fork() -> None:
    if _supervision is not None:
        _supervision.before_fork()


def _after_fork() -> None:
    if _supervision is not None:
        _supervision.after_fork()


def _in_child() -> None:
    global _in_task_process
    if _supervision is not None:
        _supervision.in_child()
    elif _in_task_process:  # a subprocess of a task, which keeps the default handlers
        _in_task_process = False
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """End the run when it was stopped and a library converted the exception of the signal into another."""
    try:
        yield
    except Exception:
        if _supervision is not None and _supervision.stopped:
            sys.exit(_supervision.stopped)
        raise


def _close_files_on_exec() -> None:
    """Keep programs that tasks start from inheriting open files, such as cron-run's lock."""
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the listing's own, which is closed by now
                os.set_inheritable(int(name), False)


def _wake() -> tuple[socket.socket, socket.socket]:
    """Return a socket that yields the number of each signal, and the one that the interpreter writes them to."""
    ends = socket.socketpair()
    ends[1].setblocking(False)
    signal.set_wakeup_fd(ends[1].fileno(), warn_on_full_buffer=False)
    return ends


def _next_signal(signals: socket.socket) -> int:
    """Wait for the next signal and return it; 0 when the run is over."""
    while received := signals.recv(1):
        if received[0] in _SIGNALS:
            return received[0]
    return 0


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_ignored(number: signal.Signals) -> bool:
    """Return whether SIGHUP is ignored, as by nohup: the run then continues when its terminal is closed."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


def _end_with_parent(alive: int, signals: socket.socket, _written: socket.socket) -> None:
    while True:
        ready = wait([alive, signals])
        if alive in ready:
            _exit_task_process(0)
        number = signals.recv(1)[0]
        if number in _SIGNALS:
            _exit_task_process(number)


def _exit_task_process(number: int) -> None:
    """End a task's process after a signal; 0: its parent has died."""
    # The handler and the waiting thread both come here. The first does the work; the second ends the process all the
    # same if the first does not, as when the signal came while the code it interrupted held a lock that it needs.
    if _exiting.acquire(timeout=_TASK_EXIT_LIMIT):
        atomic_files.remove_being_written()
        # Without a parent it ends at once, so that it publishes nothing beside the next run; luigid notices by itself
        if number and _task_process is not None:
            scheduler_client.mark_failed(
                _task_process.task.task_id, _task_process.worker_id, signal.Signals(number).name
            )
    os._exit(128 + (number or signal.SIGKILL))


class TaskProcess:
    """Luigi's `[worker] task_process_context`: wraps each task's run, in the process that runs it."""

    def __init__(self, task_process: Any) -> None:
        self._task_process = task_process

    def __enter__(self) -> None:
        global _task_process
        if _in_task_process:
            _task_process = self._task_process

    def __exit__(self, *_: object) -> None:
        """Do nothing: the process reports and ends by itself."""
