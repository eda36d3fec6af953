"""The seam into Luigi: its worker, as `luigi`, `luigi.run` and `luigi.build` make it while this package is imported.

All that a run of ours does at its start and its end is here. Luigi has no public place for it (3.8.1): the private
names that we need are used in this file alone, and tests/unit/runs/test_worker.py fails where a Luigi lacks one:
`luigi.interface._WorkerSchedulerFactory`, `luigi.execution_summary._summary_dict`, and of the worker its own records
`_add_task_history` and `_get_work_response_history` and its `_task_completion_cache`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal

import luigi.interface
import luigi.scheduler
import psutil
from luigi import execution_summary
from luigi.cmdline_parser import CmdlineParser
from luigi.metrics import MetricsCollectors
from luigi.retcodes import retcode
from luigi.scheduler import DONE, PENDING
from luigi.worker import worker as worker_settings

from taxi_luigi import config, history
from taxi_luigi.config import locks
from taxi_luigi.core import atomic_files, console
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import failure_line, log
from taxi_luigi.core.text import several
from taxi_luigi.runs import current_run, preflight, scheduler_client, shared_runs, signals
from taxi_luigi.runs.task import (
    AwaitedTask,
    PipelineTask,
    PlainTask,
    check_settings,
    families,
    imports_of_all,
)

_UNDONE = ("still_pending_not_ext", "run_by_other_worker", "upstream_run_by_other_worker", "not_run")
"""the sets of Luigi's summary that have what other workers have done, or none"""

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""numpy and pyarrow begin a thread each while they are imported, which a fork would leave behind: neither is used here
(we multiply no matrices, and pyarrow 26 takes its memory from mimalloc)."""


class _CompletionCache(dict[str, bool]):
    """Luigi's cache of complete tasks by id, in memory; Luigi's own is in a separate process.

    That process outlives a kill of the main one and keeps inherited files open (3.8.1). A task's process has the state
    at its fork: all tasks that were scheduled as complete, or done since.
    """

    def __init__(self, history: list[tuple[luigi.Task, str, bool]]) -> None:
        super().__init__()
        self._history, self._seen = history, 0

    def get(self, task_id: str, default: Any = None) -> Any:
        new = self._history[self._seen :]
        self._seen += len(new)
        self.update((task.task_id, True) for task, status, _ in new if status == DONE)
        return super().get(task_id, default)

    def __reduce__(self) -> tuple[type[dict[str, bool]], tuple[()]]:
        """Start empty in another process: while everything is scheduled, no task is checked twice."""
        return dict, ()


class Worker(luigi.worker.Worker):
    """Luigi's worker, which manages a run from the first task of taxi_luigi that it gets or schedules."""

    def __init__(self, assistant: bool, luigid: str | None, **kwargs: Any) -> None:
        self._run = current_run.new_id()
        # luigid's page shows this name above the tasks of a run, and history and logs have the same one.
        name = f"Worker(run={self._run}, host={socket.gethostname()}, pid={os.getpid()})"
        super().__init__(
            assistant=assistant, worker_id=worker_settings().id or name, **kwargs, cache_task_completion=False
        )
        self._completion_cache = _CompletionCache(self._add_task_history)
        if worker_settings().cache_task_completion:
            self._task_completion_cache = self._completion_cache
        self._helps, self._luigid = assistant, luigid
        self._held = contextlib.ExitStack()
        self._supervision: signals.Supervision | None = None
        self._roots: list[luigi.Task] = []
        """the tasks that it was given: one by the command, several by `luigi.build`"""
        self._runs = self._begun = False
        """whether Luigi runs tasks, and whether a task of ours has made it a run of ours"""
        self._phases_out = False
        """whether SIGUSR1 came, after which Luigi's worker begins no task"""

    def add(self, task: luigi.Task, multiprocess: bool = False, processes: int = 0) -> bool:
        if not self._runs:
            self._roots.append(task)
        if isinstance(task, PlainTask):
            begins = not self._begun
            if begins:
                self._attempt(self._begin)
            if begins or task.plans:
                self._attempt(task.prepare)
            multiprocess = False  # the plan has looked already; Luigi would begin a manager beside its pool
        if multiprocess and self._supervision is None:
            self._supervision = signals.Supervision()  # one of ours may be below it
        added = bool(super().add(task, multiprocess, processes))
        if self._ours and not self._begun:
            self._attempt(self._begin)
            self._attempt(self._prepare_required)
        return added

    def run(self) -> bool:
        """Run the tasks; everything is scheduled, and no task has been forked yet."""
        self._runs = True
        if self._begun:
            pending = [task for task, status, runnable in self._add_task_history if status == PENDING and runnable]
            ours = [task for task in pending if isinstance(task, PlainTask)]
            helping = self._helps and any(task.helps for task in self._ours)
            if helping:
                import_once(_imports_of_any())
            elif ours:
                import_once({name for task in ours if isinstance(task, PipelineTask) for name in task.imports})
            for task in self._ours:
                task.scheduled()
            for awaited in self._awaited:
                scheduler_client.set_status(awaited.task_id, awaited.waits_for, None)
            if ours or helping:
                tasks = {task.task_id: task.log_fields for task in ours if isinstance(task, PipelineTask)}
                current_run.follow(tasks, self._unpublished)
                shared_runs.take_over(families().keys(), self, self._helps, self._is_idle)
        return bool(super().run())

    def handle_interrupt(self, signum: int, frame: FrameType | None) -> None:
        self._phases_out = self._phases_out or frame is not None  # without one, we call it when others have all tasks
        super().handle_interrupt(signum, frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        supervision, found, given = self._supervision, (False, False), error
        if self._begun and error is None:
            try:
                found = self._settle()
            except BaseException as failure:  # noqa: BLE001 it ends the run as one in `run` does: raised below
                error = failure
        if self._begun and CmdlineParser.get_instance() is not None:
            error = _log_line(error)
        if supervision is not None:
            supervision.ending()
        try:
            super().__exit__(kind, error, trace)
        except BaseException as failure:
            error = failure
            raise
        finally:
            if supervision is not None and supervision.stopped:
                error = SystemExit(supervision.stopped)
            if self._begun:
                config.release()
                self._end(error, *found)
            if supervision is not None:
                supervision.over()
            self._held.close()
        if error is not given and error is not None:
            raise error from None
        return False

    def _is_idle(self) -> bool:
        """Return whether the scheduler had no task to run at the last request, and no task's process is alive."""
        responses = self._get_work_response_history
        if not responses or responses[-1]["task_id"] is not None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):  # one has just ended
            return all(child.status() == psutil.STATUS_ZOMBIE for child in psutil.Process().children())
        return False

    @property
    def _ours(self) -> list[PlainTask]:
        """The scheduled tasks of taxi_luigi."""
        return [task for task, *_ in self._add_task_history if isinstance(task, PlainTask)]

    @property
    def _unpublished(self) -> set[tuple[str, str]]:
        """(color, month) of the scheduled months that are not published: Luigi runs nothing that waits for them."""
        return {(task.log_fields["color"], task.log_fields["month"]) for task in self._awaited}

    @property
    def _awaited(self) -> list[AwaitedTask]:
        """The scheduled tasks whose file is not there."""
        pending = (task for task, status, _ in self._add_task_history if status == PENDING)
        return [task for task in pending if isinstance(task, AwaitedTask)]

    def _begin(self) -> None:
        if not _turn().acquire(blocking=False):
            log.info("Waiting for the end of a run in another thread of this process")
            _turn().acquire()
        self._held.callback(_turn().release)
        self._held.enter_context(scheduler_client.of_run(self._luigid))
        check_settings()  # the root may be of an earlier run of this process, with other settings
        self._begun = True
        console.repair_streams()
        config.remember_secrets()
        config.hold()
        self._task_completion_cache = self._completion_cache
        self._supervision = self._supervision or signals.Supervision()
        self._supervision.take_signals(current_run.stopped)
        with self._supervision.holding():  # else the history would not have the run that was stopped
            current_run.start(self._roots[0], self._run)
        scheduler_client.check()
        scheduler_client.warn_of_other_settings()
        for path in atomic_files.sweep(
            atomic_files.SCRATCH, *config.written_folders(), now=history.steady_now(config.settings().state)
        ):
            log.info("Removed %s, left by a run that was killed", path)
        atomic_files.sweep_pid_files(Path(luigi.interface.core().lock_pid_dir))

    def _prepare_required(self) -> None:
        """Prepare the tasks of taxi_luigi that a task of another package requires, which are scheduled."""
        wrappers = [task for task in self._ours if task.plans]
        for wrapper in wrappers:
            wrapper.prepare()
        pending = {task for task, status, _ in self._add_task_history if status == PENDING}
        if not wrappers and any(isinstance(task, PipelineTask) for task in pending):
            preflight.check({})

    def _attempt(self, work: Callable[[], None]) -> None:
        """Call `work`; a TaxiError ends the `luigi` command with one line, and is raised by `luigi.build`.

        An exception that passes through the worker makes `luigi` print a traceback; a SystemExit does not.
        """
        try:
            with signals.stoppable():
                work()
        except TaxiError as error:
            if CmdlineParser.get_instance() is None:
                raise
            log.error("%s", error)
            sys.exit(retcode().unhandled_exception)

    def _end(self, error: BaseException | None, finished: bool, forgotten: bool) -> None:
        assert self._supervision is not None
        code, line = (self._exit_code(), self._foreign_failures()) if error is None else (0, "")
        if not line and self._phases_out:
            line = current_run.PHASED_OUT
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            line = self._supervision.why
        elif isinstance(error, KeyboardInterrupt):
            code, line = 128 + signal.SIGINT, "stopped by SIGINT"
        elif error is not None:
            code, line = retcode().unhandled_exception, failure_line(error) or f"{type(error).__name__}: {error}"
        self._supervision.decided(code)
        current_run.end(code, line, finished, forgotten, self._unpublished)
        for task in (*self._roots, *self._ours):
            if isinstance(task, PlainTask):
                task.ended()
        console.flush_streams()

    def _settle(self) -> tuple[bool, bool]:
        """Count all tasks as done if other workers ran the rest and the root tasks are now complete.

        Luigi would report tasks that others ran as not run, in its summary and its exit code (25).

        Returns:
            whether others ran them, and whether luigid has forgotten the tasks
        """
        sets = execution_summary._summary_dict(self)
        undone = set().union(*(sets[name] for name in _UNDONE))
        if not undone or sets["failed"] or sets["scheduling_error"]:
            return False, False
        left = [root for root in self._roots if not root.complete()]
        if left:
            return False, not scheduler_client.knows(left[0].task_id)
        self._add_task_history[:] = [
            (task, DONE, False) if task in undone else (task, status, runnable)
            for task, status, runnable in self._add_task_history
        ]
        self._get_work_response_history.clear()
        return True, False

    def _exit_code(self) -> int:
        """Return the exit code that `luigi` will have, by the rule of luigi.retcodes.run_with_retcodes."""
        sets, codes = execution_summary._summary_dict(self), retcode()
        happened = (
            (codes.missing_data, sets["still_pending_ext"]),
            (codes.task_failed, sets["failed"]),
            (codes.already_running, sets["run_by_other_worker"]),
            (codes.scheduling_error, sets["scheduling_error"]),
            (codes.not_run, sets["not_run"]),
        )
        highest = max(code if tasks else 0 for code, tasks in happened)
        done = self._add_task_history[0][0] in sets["completed"] | sets["already_done"]
        return int(highest if highest or done else codes.not_run)

    def _foreign_failures(self) -> str:
        """Return which tasks of other packages failed, for the history, which has results of ours alone."""
        sets = execution_summary._summary_dict(self)
        failed = {
            task.task_family
            for task in sets["failed"] | sets["scheduling_error"]
            if not isinstance(task, PlainTask | AwaitedTask)
        }
        return f"failed: {several(sorted(failed))}" if failed else ""


_turns: dict[int, threading.RLock] = {}
"""process → the lock of the thread whose run is under way; a fork inherits its parent's"""


def _turn() -> threading.RLock:
    """Return the lock of this process: a run is the process's own, with one log and one history."""
    return _turns.setdefault(os.getpid(), threading.RLock())


def _log_line(error: BaseException | None) -> BaseException | None:
    """Log the error that ends the run in one line before the summary; Luigi would log it after (3.8.1)."""
    line = failure_line(error) if isinstance(error, Exception) else None
    if line is None:
        return error
    log.error("%s", line)
    return SystemExit(retcode().unhandled_exception)


def import_once(modules: set[str]) -> None:
    """Import the modules of tasks before the forks, which would each import them again: 0.4 s of CPU a month."""
    for name, value in _ONE_THREAD.items():
        os.environ.setdefault(name, value)
    for module in sorted(modules):
        import_module(module)


def _imports_of_any() -> set[str]:
    """Return the modules that tasks of other runs may need, which an `--assistant` gets one by one."""
    loads = (config.warehouse(name).imports for name in config.settings().warehouses)
    return imports_of_all().union(*loads)


class Factory(luigi.interface._WorkerSchedulerFactory):
    """Makes `Worker` in place of Luigi's. Luigi makes one factory for each run, before it takes its lock."""

    def __init__(self) -> None:
        super().__init__()
        self._luigid: str | None = None
        """the address; None of a local scheduler"""
        if CmdlineParser.get_instance() is None:  # luigi.build takes no lock
            return
        settings = luigi.interface.core()
        if settings.no_lock:
            return
        folder = Path(settings.lock_pid_dir)
        locks.make(folder)
        holders = locks.holders(folder)
        if len(holders) >= settings.lock_size and not settings.take_lock:
            locks.report_holder(holders[0])
            raise luigi.interface.PidLockAlreadyTakenExit

    def create_local_scheduler(self) -> Any:
        # Counts for Prometheus are read from a luigid: the import of its client took 3 % of a run with nothing to do
        chosen = luigi.scheduler.scheduler().metrics_collector
        collector = MetricsCollectors.none if chosen is MetricsCollectors.prometheus else chosen
        return luigi.scheduler.Scheduler(prune_on_get_work=True, record_task_history=False, metrics_collector=collector)

    def create_remote_scheduler(self, url: str) -> Any:
        self._luigid = url
        return super().create_remote_scheduler(url)

    def create_worker(self, scheduler: Any, worker_processes: int, assistant: bool = False) -> Worker:
        # Luigi's worker sets a signal handler, which Python allows in the main thread only
        elsewhere = threading.current_thread() is not threading.main_thread()
        more = {"no_install_shutdown_handler": True} if elsewhere else {}
        return Worker(assistant, self._luigid, scheduler=scheduler, worker_processes=worker_processes, **more)


def install() -> None:
    """Install the factory; called once, when the package is imported."""
    luigi.interface._WorkerSchedulerFactory = Factory
