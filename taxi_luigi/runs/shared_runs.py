"""Runs shared by several machines: take over the tasks of a lost machine, and see what the others do.

Luigi treats a task whose worker is gone as failed, and retries it after `[scheduler] retry_delay`, which is a day in
the packaged settings (3.8.1).
"""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Container, Mapping
from dataclasses import replace

from luigi.worker import Worker
from luigi.worker import worker as worker_settings

from taxi_luigi.core.logs import log
from taxi_luigi.history import TaskResult
from taxi_luigi.runs import scheduler_client
from taxi_luigi.runs.progress import Step

_LOOK = 5.0
"""seconds between two checks for lost machines"""


def take_over(families: Container[str], worker: Worker, helps: bool, idle: Callable[[], bool]) -> None:
    """Start a thread that frees the unfinished tasks of lost workers, if this worker waits for others (`keep_alive`).

    Call it when everything is scheduled. It needs a thread, because a waiting worker calls no hook.

    Args:
        families: names of the task classes of taxi_luigi
        worker: the worker of this process
        helps: whether it runs with `--assistant`
        idle: returns whether the worker got no task last and runs none; with a scheduler of its own, nothing will come
    """
    if worker_settings().keep_alive:
        threading.Thread(target=_monitor, args=(families, worker, helps, idle), daemon=True).start()


def _monitor(families: Container[str], worker: Worker, helps: bool, idle: Callable[[], bool]) -> None:
    """Free tasks until no worker can run any; this is checked twice, as it may seem so for a moment between two tasks.

    Luigi's worker keeps waiting for failed and unpublished tasks, for `[scheduler] retry_delay` (3.8.1), so it is ended
    here. An `--assistant` keeps waiting for later runs.
    """
    pause, seen_before = threading.Event(), False
    while not pause.wait(_LOOK):
        scheduler_client.prune_workers()
        for task_id, why in scheduler_client.failed(families).items():
            if why == "" or why.strip('"').startswith(scheduler_client.STOPPED):
                log.info("%s is free again: its worker %s", task_id, why.strip('"') or "is gone")
                scheduler_client.reset_failure(task_id)
        stuck = not helps and (idle() if scheduler_client.is_local() else scheduler_client.stuck(families))
        if stuck and seen_before:
            worker.handle_interrupt(signal.SIGUSR1, None)  # Luigi's own way to end when nothing of this worker runs
            return
        seen_before = stuck


def steps_elsewhere(ids: Mapping[str, Mapping[str, str]]) -> dict[str, Step]:
    """Return what other workers are doing of the tasks that this run scheduled, by task id.

    Args:
        ids: the id of each scheduled task → its `log_fields`
    """
    found = {}
    for task_id, task in scheduler_client.tasks("RUNNING").items():
        host = _host(str(task["worker_running"])) if task_id in ids else ""
        if host:
            doing = str(task["status_message"] or "").partition(":")[0]
            step = Step(**ids[task_id], doing=doing, host=host)  # type: ignore[arg-type]  # texts, as the fields are
            found[task_id] = replace(step, percent=task["progress_percentage"])
    return found


def done_elsewhere(ids: Mapping[str, Mapping[str, str]]) -> list[TaskResult]:
    """Return the results of those of these tasks that are done, as if other workers had done all of them."""
    done = [ids[task_id] for task_id in scheduler_client.tasks("DONE") if task_id in ids]
    return [TaskResult(**fields, elsewhere=True) for fields in done]  # type: ignore[arg-type]  # texts


def _host(worker: str) -> str:
    """Return the machine of a worker, `Worker(salt=…, host=…, pid=…)` in Luigi 3.8.1; '' of this process."""
    named = dict(re.findall(r"(\w+)=([^,)]*)", worker))
    mine = named.get("host") == socket.gethostname() and named.get("pid") == str(os.getpid())
    return "" if mine else named.get("host", worker)
