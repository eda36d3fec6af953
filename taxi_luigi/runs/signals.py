"""How the processes of a run end: by Ctrl-C, SIGTERM and SIGHUP, and those of its tasks also when the main one is gone.

The main process leaves by SystemExit, so that Luigi ends its children; a task's process removes its temporary files and
is gone, without reporting to a parent that ends too. Needs `[worker] force_multiprocessing`, which our luigi.cfg sets.

A handler of Python's runs only between two of its own instructions, and what it raises can get lost: DuckDB makes
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
from pathlib import Path
from types import FrameType
from typing import Any

from luigi.cmdline_parser import CmdlineParser

from taxi_luigi.core import atomic_files
from taxi_luigi.core.logs import log
from taxi_luigi.runs import scheduler_client

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_VANISH = 8.0
"""seconds that a task's process may take to clean up and to tell luigid (two time limits of 3 s) before it just ends"""

_AGAIN = 0.5
"""seconds after which the main process is stopped once more, where what the handler raised has got lost"""

_STUCK = 5.0
"""seconds after which the main process is ended that has not begun to end, as in a query that nobody answers"""

_LAST = 9.0
"""seconds after a signal in which the main process has ended its tasks' and itself, or is ended; Docker gives 10"""

_supervision: Supervision | None = None
"""of the run that goes on in this process, or in the one that it was forked from"""

_hooked = False

_is_tasks = False
"""whether this process was forked for a task, or to ask whether one is complete"""
_task_process: Any = None
"""Luigi's TaskProcess that this process runs; None in the main process"""
_vanishing = threading.Lock()


class Supervision:
    """Of one run, made in its main process, by the thread that will fork its tasks' processes."""

    def __init__(self) -> None:
        global _supervision
        self._pid, self._thread = os.getpid(), threading.get_ident()
        self._alive, self._held = os.pipe()
        """ours is the only process that holds the second end open"""
        self._stopped = 0
        """the first signal's number"""
        self._ending, self._decided = threading.Event(), threading.Event()
        self._code = 0
        self._written_to: socket.socket | None = None
        self._handlers: dict[signal.Signals, Any] = {}
        self._written: Callable[[int, str], None] = lambda _code, _line: None
        self._holding = False
        """whether what a signal raises waits"""
        self._blocked: set[int] = set()
        _supervision = self
        _hook()

    def take_signals(self, written: Callable[[int, str], None]) -> None:
        """Handles signals from here on, under the `luigi` command, in the main thread: a notebook keeps its own.

        Args:
            written: puts an exit code and why into the history, called where the process is ended from a thread
        """
        if CmdlineParser.get_instance() is None or threading.current_thread() is not threading.main_thread():
            return
        self._written = written
        _keep_open_files()
        ends = _wake()
        self._written_to = ends[1]
        self._handlers = {number: signal.signal(number, self._leave) for number in _SIGNALS if not _is_ignored(number)}
        with _blocked():  # the main thread gets them, which may wait for something
            threading.Thread(target=self._watch, args=ends[:1], daemon=True).start()

    @property
    def stopped(self) -> int:
        """The exit code of a run that was stopped; 0 of another."""
        return 128 + self._stopped if self._stopped else 0

    @property
    def why(self) -> str:
        """For the history; '' where it was not stopped."""
        return f"stopped by {signal.Signals(self._stopped).name}" if self._stopped else ""

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """A signal ends the run behind the block, which takes milliseconds."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._stopped:
            sys.exit(self.stopped)

    def ending(self) -> None:
        """The run ends: its tasks' processes are ended now, and no signal cuts that short."""
        self._ending.set()

    def decided(self, code: int) -> None:
        """How it ended is decided, and about to be written down: a signal changes that no more."""
        self._code = code
        self._decided.set()

    def over(self) -> None:
        """Everything is done. The `luigi` command ends with the run; elsewhere, what was there before is put back."""
        global _supervision
        _supervision = None
        os.close(self._alive)
        os.close(self._held)
        if self._handlers and not _is_command():
            self._give_back()
            assert self._written_to is not None
            self._written_to.close()

    def _give_back(self) -> None:
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
        # A second Ctrl-C must not cut the cleaning up short; and what is raised in a hook of a fork, Python drops
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
        if _is_command():
            self._end_here(number)

    def _end_here(self, number: int) -> None:
        """Ends the process from another thread than the main one, which may hold any lock."""
        code = self._code if self._decided.is_set() else 128 + number
        at_last = threading.Timer(1.0, os._exit, (code,))
        at_last.daemon = True
        at_last.start()
        atomic_files.remove_being_written()
        if not self._decided.is_set():
            self._written(code, f"stopped by {signal.Signals(number).name}")
        os._exit(code)

    def before_fork(self) -> None:
        """A signal waits until the new process can take it."""
        if threading.get_ident() == self._thread:
            self._holding = True
            self._blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def after_fork(self) -> None:
        """In the parent."""
        if threading.get_ident() == self._thread:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
            self._holding = False

    def in_child(self) -> None:
        """In a new process, before anything else: it ends by a signal and with its parent.

        One that another thread of a notebook's has forked is none of ours.
        """
        global _supervision, _is_tasks
        _supervision = None
        os.close(self._held)
        if threading.get_ident() == self._thread:
            _is_tasks = True
            signals, written = _wake()
            for number in _SIGNALS:
                if not _is_ignored(number):
                    signal.signal(number, lambda number, _frame: _exit_task_process(number))
            threading.Thread(target=_end_with_parent, args=(self._alive, signals, written), daemon=True).start()
            signal.pthread_sigmask(signal.SIG_SETMASK, self._blocked)
        else:
            os.close(self._alive)
            if self._handlers:
                self._give_back()


def _hook() -> None:
    """Once in a process: what is to be done at a fork cannot be taken back, and does nothing where no run goes on."""
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
    global _is_tasks
    if _supervision is not None:
        _supervision.in_child()
    elif _is_tasks:  # a process of a task's own, whose signals are not for the task's
        _is_tasks = False
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Ends the run where what was raised in the block is what some library has made of the end of the run."""
    try:
        yield
    except Exception:
        if _supervision is not None and _supervision.stopped:
            sys.exit(_supervision.stopped)
        raise


def _keep_open_files() -> None:
    """From programs that tasks start: cron-run's lock is handed to Luigi by exec, and would be handed on."""
    for name in os.listdir("/dev/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the listing's own, which is closed by now
                os.set_inheritable(int(name), False)


def _wake() -> tuple[socket.socket, socket.socket]:
    """A socket that yields the number of each signal, and the one that the interpreter writes them to."""
    ends = socket.socketpair()
    ends[1].setblocking(False)
    signal.set_wakeup_fd(ends[1].fileno(), warn_on_full_buffer=False)
    return ends


def _next_signal(signals: socket.socket) -> int:
    """Waits for it; 0 when the run is over."""
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
    """Whether SIGHUP is ignored, as nohup arranges it: the run goes on then when its terminal is closed."""
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN


def _is_command() -> bool:
    """Whether this process is Luigi's own command, which ends with its run, and no program that calls `luigi.run`."""
    path = Path(sys.argv[0])
    return path.name == "luigi" or path.parts[-2:] == ("luigi", "__main__.py")


def _end_with_parent(alive: int, signals: socket.socket, _written: socket.socket) -> None:
    while True:
        ready = wait([alive, signals])
        if alive in ready:
            _exit_task_process(0)
        number = signals.recv(1)[0]
        if number in _SIGNALS:
            _exit_task_process(number)


def _exit_task_process(number: int) -> None:
    """Ends a task's process by a signal, or for 0 since its parent is gone."""
    # The handler and the waiting thread both come here. The first does the work; the second ends the process all the
    # same if the first does not, as when the signal came while the code it interrupted held a lock that it needs.
    if _vanishing.acquire(timeout=_VANISH):
        atomic_files.remove_being_written()
        # Without a parent it ends at once, lest it publish what the next run is about to make: luigid finds out itself
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
        if _is_tasks:
            _task_process = self._task_process

    def __exit__(self, *_: object) -> None:
        """The process is about to report and to end."""
