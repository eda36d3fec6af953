"""Runs that several machines share: going on with what a lost machine had begun.

Luigi takes a task whose worker fell silent for failed, and tries it again after `[scheduler] retry_delay`, with us a
day (3.8.1).
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
"""seconds between two looks for machines that are gone"""


def take_over(families: Container[str], worker: Worker, helps: bool) -> None:
    """Has a worker, if it waits for others at all, look after what they leave unfinished; `helps` as `--assistant`.

    In a thread, from when everything is scheduled: a worker that waits does nothing that we could hang on to.
    """
    if worker_settings().keep_alive:
        threading.Thread(target=_look_after, args=(families, worker, helps), daemon=True).start()


def _look_after(families: Container[str], worker: Worker, helps: bool) -> None:
    """Until nothing is left that anybody could do. Seen twice, for between two tasks it can look so for a moment.

    Luigi's worker waits on for what has failed or is not published: a day, as `[scheduler] retry_delay` is (3.8.1). One
    that only helps (`--assistant`) is there for whoever comes next.
    """
    pause, seen_before = threading.Event(), False
    while not pause.wait(_LOOK):
        scheduler_client.prune_workers()
        for task_id, why in scheduler_client.failed(families).items():
            if why == "" or why.strip('"').startswith(scheduler_client.STOPPED):
                log.info("%s is free again: its worker %s", task_id, why.strip('"') or "fell silent")
                scheduler_client.reset_failure(task_id)
        stuck = not helps and scheduler_client.stuck(families)
        if stuck and seen_before:
            worker.handle_interrupt(signal.SIGUSR1, None)  # Luigi's own way to end when nothing of this worker runs
            return
        seen_before = stuck
