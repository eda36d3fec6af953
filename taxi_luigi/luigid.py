"""What we tell luigid beside what Luigi's worker does: who is gone, so that the same command can be run again at once.

luigid takes a task for running until its worker has been silent for `[scheduler] worker_disconnect_delay`, and looks
only once a minute (3.8.1); a run that comes sooner is refused its tasks. Nothing here matters to a run: a luigid that
does not answer is the worker's own first request to say.
"""

from __future__ import annotations

import json
from typing import Any

import requests
from luigi.interface import core

from taxi_luigi.logs import log

_TIMEOUT = 3.0
"""seconds: a process that was told to stop does not wait longer for a scheduler"""


def forget_the_dead() -> None:
    """Makes luigid look now for workers that are silent; at the start of a run."""
    _call("prune")


def give_back(task_id: str, worker_id: str, why: str) -> None:
    """Says that a running task has ended without success, so that another run may have it."""
    _call("add_task", task_id=task_id, worker=worker_id, status="FAILED", expl=json.dumps(why))


def _call(method: str, **arguments: Any) -> None:
    settings = core()
    if settings.local_scheduler:
        return
    url = settings.scheduler_url or f"http://{settings.scheduler_host}:{settings.scheduler_port}"
    try:
        requests.post(f"{url.rstrip('/')}/api/{method}", data={"data": json.dumps(arguments)}, timeout=_TIMEOUT)
    except requests.RequestException as error:
        log.debug("luigid was not told to %s: %s", method, error)
