"""The seam into Luigi: that this Luigi makes our worker, and keeps the private records that it reads."""

from __future__ import annotations

import importlib
import multiprocessing
import subprocess
import sys
import threading

import luigi
import luigi.interface
import luigi.scheduler
import luigi.worker
import pytest
from luigi import execution_summary
from luigi.configuration import LuigiConfigParser, get_config

import taxi_luigi
from taxi_luigi.runs import luigid_server, signals
from taxi_luigi.runs.worker import _UNDONE, Factory, Worker


class Strange(luigi.Task):
    """Somebody else's task, which only remembers that it ran."""

    name = luigi.Parameter()
    ran = False

    def complete(self) -> bool:
        return self.ran

    def run(self) -> None:
        self.ran = True


@pytest.fixture(autouse=True)
def _luigis_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Luigi without our luigi.cfg, so that a task runs in this process."""
    monkeypatch.setattr(LuigiConfigParser, "_instance", LuigiConfigParser())


def build(task: luigi.Task) -> luigi.execution_summary.LuigiRunResult:
    return luigi.build([task], local_scheduler=True, detailed_summary=True, log_level="WARNING")


def test_luigi_makes_our_worker() -> None:
    assert taxi_luigi
    assert luigi.interface._WorkerSchedulerFactory is Factory
    assert isinstance(build(Strange(name="worker")).worker, Worker)


def test_luigi_keeps_what_was_scheduled_and_how_it_ended() -> None:
    task = Strange(name="history")
    history = [(each, status) for each, status, _ in build(task).worker._add_task_history]
    assert history == [(task, "PENDING"), (task, "DONE")]


def test_luigi_makes_its_summary_of_these_records() -> None:
    task = Strange(name="summary")
    worker = build(task).worker
    sets = execution_summary._summary_dict(worker)
    assert sets["completed"] == {task}
    assert {*_UNDONE, "failed", "already_done", "still_pending_ext", "scheduling_error"} <= sets.keys()
    last = worker._get_work_response_history[-1]
    assert last["task_id"] is None

    last["running_tasks"] = [{"worker": "another", "task_id": task.task_id}]
    assert execution_summary._summary_dict(worker)["run_by_other_worker"] == {task}
    worker._get_work_response_history.clear()
    assert execution_summary._summary_dict(worker)["run_by_other_worker"] == set()


def descendants(kind: type) -> set[type]:
    return {kind}.union(*map(descendants, kind.__subclasses__()))


def test_no_class_of_ours_overrides_a_private_name_of_luigis() -> None:
    assert luigid_server
    roots = [
        luigi.Task,
        luigi.Parameter,
        luigi.Target,
        luigi.worker.Worker,
        luigi.scheduler.Scheduler,
        *Factory.__bases__,
    ]
    ours = {kind for root in roots for kind in descendants(root) if kind.__module__.startswith("taxi_luigi.")}
    assert {Worker, Factory, taxi_luigi.LoadAllMonths} < ours
    by_luigi = {*vars(Strange)}  # what it puts into each class itself
    found = {
        (kind.__qualname__, name)
        for kind in ours
        for name in vars(kind).keys() - by_luigi
        if name.startswith("_") and not name.startswith("__")
        if any(name in vars(each) for each in kind.__mro__ if each.__module__.startswith("luigi."))
    }
    assert found == set()


def test_somebody_elses_run_in_a_thread_sets_no_signal_handlers() -> None:
    """Python lets only the main thread do so: Luigi's own worker would raise ValueError."""
    results: list[luigi.execution_summary.LuigiRunResult] = []
    thread = threading.Thread(target=lambda: results.append(build(Strange(name="thread"))))
    thread.start()
    thread.join()
    assert [result.scheduling_succeeded for result in results] == [True]


class Once(Strange):
    """Remembers how often it was asked whether it is complete."""

    asked = 0

    def complete(self) -> bool:
        self.asked += 1
        return self.ran


class Above(luigi.WrapperTask):
    """Requires two that are asked about before each of them runs."""

    def requires(self) -> list[luigi.Task]:
        return [Once(name="below")]


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_complete_is_cached_without_a_process_beside_the_run_where_the_setting_is_on(wanted: bool) -> None:
    """By Luigi's private `_task_completion_cache`, which takes any mapping."""
    get_config().set("worker", "cache_task_completion", str(wanted).lower())
    worker = build(Above()).worker
    assert multiprocessing.active_children() == []
    assert (worker._task_completion_cache is not None) == wanted
    below = Once(name="below")
    assert below.ran
    assert below.asked == (2 if wanted else 3), (
        "scheduling and the wrapper itself ask, and Luigi before the wrapper runs"
    )


def test_an_import_changes_no_more_than_the_worker_that_luigi_makes() -> None:
    """And Luigi's settings; a warning of Luigi's own is ignored, and a filter is there that awaits a run of ours."""
    script = """
import logging, os, signal, sys, threading, warnings
import luigi, luigi.interface
import multiprocessing.util

log = logging.getLogger("luigi-interface")
signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1]
def state():
    return [
        sys.excepthook, sys.unraisablehook, threading.excepthook, sys.argv[:], threading.active_count(),
        [signal.getsignal(number) for number in signals], signal.set_wakeup_fd(-1), dict(os.environ),
        multiprocessing.active_children(),
        log.level, log.handlers[:], logging.getLogger().handlers[:],
    ]
before, filters = state(), warnings.filters[:]
import taxi_luigi
assert state() == before
added = [each for each in warnings.filters if each not in filters]
assert [(each[0], each[1].pattern) for each in added if each[1]] == [("ignore", ".*parameter 'rpc_.*")], added
assert len(log.filters) == 1
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_settings_of_before_find_the_context_of_a_tasks_process() -> None:
    """`[worker] task_process_context` of people's own files has the name of 0.1.0, as Luigi looks it up."""
    module, _, name = ".".join(("taxi_luigi", "process", "TaskProcess")).rpartition(".")
    assert getattr(importlib.import_module(module), name) is signals.TaskProcess
