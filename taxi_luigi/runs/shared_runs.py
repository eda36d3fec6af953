"""Runs shared by several machines: take over the tasks of a lost machine.

Luigi treats a task whose worker is gone as failed, and retries it after `[scheduler] retry_delay`, which is a day in
the packaged settings (3.8.1).
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Container

from luigi.worker import Worker
from luigi.worker import worker as worker_settings

from taxi_luigi.core.logs import log
from taxi_luigi.runs import scheduler_client

_LOOK = 5.0
"""seconds between two checks for lost machines"""


def take_over(families: Container[str], worker: Worker, helps: bool) -> None:
    """Start a thread that frees the unfinished tasks of lost workers, if this worker waits for others (`keep_alive`).

    Call it when everything is scheduled. It needs a thread, because a waiting worker calls no hook.

    Args:
        families: names of the task classes of taxi_luigi
        worker: the worker of this process
        helps: whether it runs with `--assistant`
    """
    if worker_settings().keep_alive:
        threading.Thread(target=_monitor, args=(families, worker, helps), daemon=True).start()


def _monitor(families: Container[str], worker: Worker, helps: bool) -> None:
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
        stuck = not helps and scheduler_client.stuck(families)
        if stuck and seen_before:
            worker.handle_interrupt(signal.SIGUSR1, None)  # Luigi's own way to end when nothing of this worker runs
            return
        seen_before = stuck
