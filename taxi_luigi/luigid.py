"""What we tell luigid beside what Luigi's worker does: who is gone, and how far a task is.

luigid takes a task for running until its worker has been silent for `[scheduler] worker_disconnect_delay`, and looks
only once a minute (3.8.1); a run that comes sooner is refused its tasks. Nothing here matters to a run: a luigid that
does not answer is the worker's own first request to say, so each of ours is made once, and nobody waits for it long.
"""

from __future__ import annotations

import json
import time
from collections.abc import Container
from typing import Any

import requests
from luigi.cmdline_parser import CmdlineParser
from luigi.interface import core
from luigi.rpc import RPCError

from taxi_luigi.errors import ConfigError
from taxi_luigi.logs import log, one_line
from taxi_luigi.redaction import redact

STOPPED = "stopped by "
"""How the reason of a task begins whose worker was told to stop"""

_TIMEOUT = 3.0
"""seconds: a process that was told to stop, or that has a month to load, does not wait longer for a scheduler"""

_ATTEMPTS, _PAUSE = 3, 0.3

_PLAIN = str.maketrans("<>&", "‹›+")
"""Luigi's page shows a message as text at first and as HTML when it shows it again (3.8.1)."""


def forget_the_dead() -> None:
    """Makes luigid look now for workers that are silent; at the start of a run."""
    _ask("prune")


def check() -> None:
    """Raises ConfigError at the start of a run where no luigid answers: before its work, and in one line.

    It is tried three times, for as long as Luigi's worker sends nothing itself, whose thread begins after a second.
    """
    if core().local_scheduler or CmdlineParser.get_instance() is None:  # `luigi.build` has its own arguments for it
        return
    for attempt in range(_ATTEMPTS):
        try:
            _post("prune")
        except requests.RequestException as error:
            if attempt == _ATTEMPTS - 1 or not isinstance(error, requests.ConnectionError):
                raise ConfigError(one_line(RPCError("", error))) from None
            time.sleep(_PAUSE)
        else:
            return


def give_back(task_id: str, worker_id: str, why: str) -> None:
    """Says that a running task has ended without success, so that another run may have it."""
    _ask("add_task", task_id=task_id, worker=worker_id, status="FAILED", expl=json.dumps(f"{STOPPED}{why}"))


def tell(task_id: str, message: str, percent: int | None) -> bool:
    """Has the page say this of a running task, with a bar unless `percent` is None. False where luigid did not hear it.

    Luigi's own set_status_message tries three times with pauses, writes a warning each time, and then fails the task.
    """
    if core().local_scheduler:
        return False
    try:
        _post("set_task_status_message", task_id=task_id, status_message=redact(message).translate(_PLAIN))
        _post("set_task_progress_percentage", task_id=task_id, progress_percentage=percent)
    except requests.RequestException as error:
        log.debug("luigid was not told of %s: %s", task_id, error)
        return False
    return True


def failed(families: Container[str]) -> dict[str, str]:
    """Failed tasks of these families → why, as their worker told; '' of one whose worker fell silent."""
    tasks = _ask("task_list", status="FAILED", upstream_status="", limit=False) or {}
    ours = [task_id for task_id, task in tasks.items() if task["name"] in families]
    errors = {task_id: _ask("fetch_error", task_id=task_id) for task_id in ours}
    return {task_id: str(error["error"] or "") for task_id, error in errors.items() if error}


def stuck(families: Container[str]) -> bool:
    """Whether no task of these families is at work, and all that wait do so for one that failed or has no input."""

    def tasks(status: str, upstream: str = "") -> set[str] | None:
        found = _ask("task_list", status=status, upstream_status=upstream, limit=False)
        return None if found is None else {task_id for task_id, task in found.items() if task["name"] in families}

    # In this order: what begins in between is at work then, or no longer waits.
    waiting, running = tasks("PENDING"), tasks("RUNNING")
    if waiting is None or running != set():
        return False
    hopeless = [tasks("PENDING", f"UPSTREAM_{why}") or set() for why in ("FAILED", "MISSING_INPUT")]
    return waiting <= set().union(*hopeless)


def knows(task_id: str) -> bool:
    """Whether it has the task in its memory; also True where it gives no answer."""
    found = _ask("task_search", task_str=task_id)
    return found is None or any(task_id in tasks for tasks in found.values())


def forgive(task_id: str) -> None:
    """Lets a failed task be run again by whoever is free, before `[scheduler] retry_delay` is over."""
    _ask("forgive_failures", task_id=task_id)


def address() -> str:
    """The URL of the luigid that `[core]` names."""
    settings = core()
    return str(settings.scheduler_url or f"http://{settings.scheduler_host}:{settings.scheduler_port}").rstrip("/")


def answers() -> bool:
    """Whether anybody answers at that address, and does not refuse us."""
    try:
        answer = requests.get(address(), timeout=_TIMEOUT)
    except requests.RequestException as error:
        log.debug("%s does not answer: %s", address(), error)
        return False
    return answer.status_code not in (401, 403)


def _ask(method: str, **arguments: Any) -> Any:
    """luigid's answer; None where it gave none."""
    if core().local_scheduler:
        return None
    try:
        return _post(method, **arguments)
    except requests.RequestException as error:
        log.debug("luigid was not asked to %s: %s", method, error)
        return None


def _post(method: str, **arguments: Any) -> Any:
    """Raises RequestException where there is no answer, or none of luigid's: a proxy has words of its own."""
    answer = requests.post(f"{address()}/api/{method}", data={"data": json.dumps(arguments)}, timeout=_TIMEOUT)
    answer.raise_for_status()
    said = answer.json()
    if not isinstance(said, dict) or "response" not in said:
        raise requests.RequestException(f"{method} was not answered by luigid")
    return said["response"]
