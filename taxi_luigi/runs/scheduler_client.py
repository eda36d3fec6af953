"""The requests to luigid that Luigi's worker does not make: about lost workers, failures, progress and settings.

luigid treats a task as running until its worker has sent nothing for `[scheduler] worker_disconnect_delay`, and checks
only once a minute (3.8.1); a run that starts sooner is refused its tasks. No run depends on these requests: without
luigid, the worker's own first request fails, so each of ours is made once, with a short time limit.
"""

from __future__ import annotations

import argparse
import configparser
import json
import time
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import luigi.scheduler
import requests
from luigi.configuration import get_config
from luigi.interface import core
from luigi.parameter import ParameterException
from luigi.rpc import RPCError

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs import failure_line, log
from taxi_luigi.core.logs.failures import why_not_interpolated
from taxi_luigi.core.redaction import public_url, redact

STOPPED = "stopped by "
"""the beginning of the error of a task whose worker was stopped"""

PORT = 8082
"""the default of luigid"""

SETTINGS = "taxi_luigi_settings"
"""the request that returns the settings of a luigid started by luigid_server.py"""

_COUNTS = "[scheduler] metrics_collector"

_TIMEOUT = 3.0
"""seconds: a process that is being stopped, or that has a month to load, does not wait longer for a scheduler"""

_ATTEMPTS, _PAUSE = 3, 0.3

_PLAIN = str.maketrans("<>&", "‹›+")
"""Luigi's page shows a message as text at first and as HTML when it shows it again (3.8.1)."""


_of_run: tuple[str | None] | None = None
"""the address of the run's luigid, or None where its scheduler is in this process; outside a run, [core] decides"""


@contextmanager
def of_run(url: str | None) -> Iterator[None]:
    """Send the requests of the block to this luigid, or none: `luigi.build` has its own arguments for the scheduler."""
    global _of_run
    before, _of_run = _of_run, (url,)
    try:
        yield
    finally:
        _of_run = before


def is_local() -> bool:
    """Return whether the scheduler is in the process of the run, so that there is no luigid."""
    return bool(core().local_scheduler) if _of_run is None else _of_run[0] is None


def prune_workers() -> None:
    """Make luigid check for lost workers now."""
    _request("prune")


def check() -> None:
    """Check at the start of a run that luigid answers, before any work; raise ConfigError otherwise.

    There are three attempts, within the second before the thread of Luigi's worker sends its first request.
    """
    if is_local():
        return
    for attempt in range(_ATTEMPTS):
        try:
            _post("prune")
        except requests.RequestException as error:
            if attempt == _ATTEMPTS - 1 or not isinstance(error, requests.ConnectionError):
                raise ConfigError(failure_line(RPCError("", error))) from None
            time.sleep(_PAUSE)
        else:
            return


def mark_failed(task_id: str, worker_id: str, why: str) -> None:
    """Report that a running task has ended without success, so that another run may have it.

    Args:
        task_id: of the task
        worker_id: of the worker that ran it
        why: the reason, which luigid keeps behind STOPPED
    """
    _request("add_task", task_id=task_id, worker=worker_id, status="FAILED", expl=json.dumps(f"{STOPPED}{why}"))


def set_status(task_id: str, message: str, percent: int | None) -> bool:
    """Show a message for a running task on luigid's page, with a bar unless `percent` is None.

    Args:
        task_id: of the task
        message: secrets and markup in it are masked
        percent: from 0 to 100
    Returns:
        whether luigid received it

    Luigi's own set_status_message tries three times with pauses, writes a warning each time, and then fails the task.
    """
    if is_local():
        return False
    try:
        _post("set_task_status_message", task_id=task_id, status_message=redact(message).translate(_PLAIN))
        _post("set_task_progress_percentage", task_id=task_id, progress_percentage=percent)
    except requests.RequestException as error:
        log.debug("luigid did not receive the status of %s: %s", task_id, error)
        return False
    return True


def failed(families: Container[str]) -> dict[str, str]:
    """Return the failed tasks of these families → the error from their worker; '' of one whose worker is gone."""
    ours = [task_id for task_id, task in tasks("FAILED").items() if task["name"] in families]
    errors = {task_id: _request("fetch_error", task_id=task_id) for task_id in ours}
    return {task_id: str(error["error"] or "") for task_id, error in errors.items() if error}


def stuck(families: Container[str]) -> bool:
    """Return whether no task of these families runs, and all pending ones wait for a failed or missing task."""

    def ids(status: str, upstream: str = "") -> set[str] | None:
        found = _request("task_list", status=status, upstream_status=upstream, limit=False)
        return None if found is None else {task_id for task_id, task in found.items() if task["name"] in families}

    # In this order: a task that starts in between is then running, or no longer pending.
    waiting, running = ids("PENDING"), ids("RUNNING")
    if waiting is None or running != set():
        return False
    hopeless = [ids("PENDING", f"UPSTREAM_{why}") or set() for why in ("FAILED", "MISSING_INPUT")]
    return waiting <= set().union(*hopeless)


def tasks(status: str) -> dict[str, dict[str, Any]]:
    """Return the tasks with this status by id; none without an answer."""
    return _request("task_list", status=status, upstream_status="", limit=False) or {}


def knows(task_id: str) -> bool:
    """Return whether luigid has the task; also True without an answer."""
    found = _request("task_search", task_str=task_id)
    return found is None or any(task_id in tasks for tasks in found.values())


def reset_failure(task_id: str) -> None:
    """Let a failed task be run again by any free worker, before `[scheduler] retry_delay` is over."""
    _request("forgive_failures", task_id=task_id)


def address() -> str:
    """Return the URL of the run's luigid; outside a run, of the one in `[core]`."""
    settings = core()
    there = settings.scheduler_url or f"http://{settings.scheduler_host}:{settings.scheduler_port}"
    return str((_of_run and _of_run[0]) or there).rstrip("/")


def local_port(arguments: Sequence[str]) -> int | None:
    """Return the port of 127.0.0.1 where `luigi` with these arguments expects luigid; None: elsewhere, or local.

    Raise ValueError or configparser.Error for a luigi.cfg that cannot be read.
    """
    settings = core()
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--local-scheduler", action="store_true", default=settings.local_scheduler)
    for name in ("host", "port", "url"):
        parser.add_argument(f"--scheduler-{name}", default=getattr(settings, f"scheduler_{name}"))
    given = parser.parse_known_args(arguments)[0]
    if given.local_scheduler:
        return None
    url = urlsplit(given.scheduler_url or f"http://{given.scheduler_host}:{given.scheduler_port}")
    # With a user, it is a proxy that requires a password, and not a luigid started here.
    bare = url.scheme == "http" and url.username is None and url.path in ("", "/")
    here = bare and url.hostname in ("localhost", "127.0.0.1")
    return (url.port or 80) if here else None


@dataclass(frozen=True)
class Compared:
    """A comparison of luigid's settings with those in the files here."""

    others: tuple[str, ...]
    """keys that differ, each with both values"""
    seen: bool
    """whether all were compared; a plain luigid shows only [resources] and whether it counts for Prometheus"""

    def __str__(self) -> str:
        return (
            f"luigid at {public_url(address())} has other settings: {', '.join(self.others)}; "
            "start it anew with those of here: taxi-luigi luigid stop, then taxi-luigi luigid start"
        )


def compared() -> Compared | None:
    """Compare luigid's settings; None without an answer. Raise ConfigError when those here cannot be read."""
    resources = _request("resource_list")
    if resources is None:
        return None
    there = {f"[resources] {each['name']}": str(each["num_total"]) for each in resources}
    here, settings = _settings_here(), _request(SETTINGS)
    if settings is not None:
        there |= {f"[scheduler] {key}": value for key, value in settings.items()}
    else:
        there |= {key: value for key, value in here.items() if key.startswith("[scheduler]")}
        if here.get(_COUNTS) == "prometheus" and not _counts():
            there[_COUNTS] = "none"
    others = tuple(
        f"{key} is {_plain(there.get(key, 'not set'))} there and {_plain(value)} here"
        for key, value in here.items()
        if there.get(key) != value
    )
    return Compared(others, settings is not None)


def _plain(value: str) -> str:
    """Return 86400 for 86400.0."""
    return value.removesuffix(".0")


def warn_of_other_settings() -> None:
    """Warn at the start of a run, which relies on luigid's resources and on its delay for lost workers."""
    found = compared()
    if found is not None and found.others:
        log.warning("%s", found)


def _settings_here() -> dict[str, str]:
    """Return `[section] key` → value for the keys in files, of the two sections that luigid reads at its start."""
    parser = get_config()
    try:
        settings = texts(luigi.scheduler.scheduler())
        resources = parser.getintdict("resources")
    except (ValueError, ParameterException, configparser.Error) as error:
        raise unreadable(error) from error
    files = parser.options("scheduler") if parser.has_section("scheduler") else []
    found = {f"[scheduler] {key}": settings[key] for key in files if key in settings}
    return found | {f"[resources] {key}": str(value) for key, value in resources.items()}


def unreadable(error: Exception) -> ConfigError:
    """Return an error for invalid settings of luigid; Luigi's message is spread over two exceptions."""
    for each in (error, error.__cause__):
        if isinstance(each, configparser.InterpolationError):
            return ConfigError(why_not_interpolated(each))
    texts_ = [str(each).rpartition("kwargs={}]: ")[2] for each in (error, error.__cause__) if each is not None]
    return ConfigError(f"[scheduler] or [resources] in luigi.cfg cannot be read: {' '.join(': '.join(texts_).split())}")


def _counts() -> bool:
    """Return whether luigid counts for Prometheus; also True without an answer."""
    try:
        answer = requests.get(f"{address()}/metrics", timeout=_TIMEOUT)
    except requests.RequestException as error:
        log.debug("luigid's counts were not read: %s", error)
        return True
    return bool(answer.text) or not answer.ok


def texts(settings: luigi.scheduler.scheduler) -> dict[str, str]:
    """Return the keys of `[scheduler]` and their values as text, without the path of its state."""
    return {key: value for key, value in settings.to_str_params().items() if key != "state_path"}


def answers() -> bool:
    """Return whether a server answers at that address without 401 or 403."""
    try:
        answer = requests.get(address(), timeout=_TIMEOUT)
    except requests.RequestException as error:
        log.debug("%s does not answer: %s", address(), error)
        return False
    return answer.status_code not in (401, 403)


def _request(method: str, **arguments: Any) -> Any:
    """Send a request to luigid and return its response; None without one."""
    if is_local():
        return None
    try:
        return _post(method, **arguments)
    except requests.RequestException as error:
        log.debug("the request %s to luigid failed: %s", method, error)
        return None


def _post(method: str, **arguments: Any) -> Any:
    """Send a request. Raise RequestException without a response of luigid, as when a proxy answers."""
    answer = requests.post(f"{address()}/api/{method}", data={"data": json.dumps(arguments)}, timeout=_TIMEOUT)
    answer.raise_for_status()
    content = answer.json()
    if not isinstance(content, dict) or "response" not in content:
        raise requests.RequestException(f"{method} was not answered by luigid")
    return content["response"]
