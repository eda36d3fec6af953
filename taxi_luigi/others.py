"""Runs that several machines share: going on with what a lost machine had begun, and judging the end of such a run.

Luigi takes a task whose worker fell silent for failed, and tries it again after `[scheduler] retry_delay`, with us a
day. And a worker takes what others did for not run, in its summary and its exit code (25, "not granted run
permission"), although all is done. Both of Luigi 3.8.1, November 2026.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Container
from typing import Any

from luigi import execution_summary
from luigi.worker import Worker
from luigi.worker import worker as worker_settings

from taxi_luigi import luigid
from taxi_luigi.logs import log

_LOOK = 5.0
"""seconds between two looks for machines that are gone"""

_UNDONE = ("still_pending_not_ext", "run_by_other_worker", "upstream_run_by_other_worker", "not_run")

_finished = _forgotten = False


def finished() -> bool:
    """Whether other workers did what this one did not, so that the run as a whole is done."""
    return _finished


def forgotten() -> bool:
    """Whether luigid ended during the run, and did not know of its tasks when it was there again."""
    return _forgotten


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
        luigid.forget_the_dead()
        for task_id, why in luigid.failed(families).items():
            if why == "" or why.strip('"').startswith(luigid.STOPPED):
                log.info("%s is free again: its worker %s", task_id, why.strip('"') or "fell silent")
                luigid.forgive(task_id)
        stuck = not helps and luigid.stuck(families)
        if stuck and seen_before:
            worker.handle_interrupt(signal.SIGUSR1, None)  # Luigi's own way to end when nothing of this worker runs
            return
        seen_before = stuck


def count_their_work() -> None:
    """Where others did what this worker did not, asks the root task once more; if complete, that counts as done.

    Called once, in the main process of the `luigi` command. There is no other place for it: the exit code is made from
    this private function's answer, after the last task and the last event.
    """
    judge = execution_summary._summary_dict

    def judged(worker: Any) -> dict[str, Any]:
        global _finished, _forgotten
        sets: dict[str, Any] = judge(worker)
        if any(sets[name] for name in _UNDONE) and not sets["failed"]:
            root = execution_summary._root_task(worker)
            _finished = _finished or root.complete()
            _forgotten = not _finished and not luigid.knows(root.task_id)
            if _finished:
                sets["already_done"] = sets["already_done"].union(*(sets[name] for name in _UNDONE))
                sets.update({name: set() for name in _UNDONE})
        return sets

    execution_summary._summary_dict = judged
