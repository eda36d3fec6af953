"""Load jobs that are begun once, however often and from wherever they are asked for.

A job's id says what it does, so that whoever wants the same done attaches to it: a retry, a second worker, the run
after a kill. Ids are used up for good, so one ends in a number, which rises when its job failed or was undone since.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from taxi_luigi.core.cloud import console_links
from taxi_luigi.core.errors import ConfigError, TaxiError, WarehouseError
from taxi_luigi.core.receipts import digest
from taxi_luigi.core.text import unwrapped
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses.bigquery.connection import REQUEST, ROLES, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import LoadJob

_TRANSIENT = {
    *("backendError", "internalError", "rateLimitExceeded"),
    *("jobBackendError", "jobInternalError", "jobRateLimitExceeded"),
}
"""reasons of failed jobs that Google says to repeat"""

_TRIES = 5
"""how many jobs of one call may fail for such a reason"""

_LOST = 60.0
"""seconds for which a job that was said to exist may not be found yet (python-bigquery's issue 2134)"""

_SHOWN = 3
"""how many of a job's errors are told; a damaged file can have one for each page"""


@dataclass(frozen=True)
class Wanted:
    """A job to be done once."""

    prefix: str
    """how its id begins, for people: `taxi_luigi_yellow_2024-01`"""
    key: tuple[object, ...]
    """all that makes it another job when it differs"""
    what: str
    """what it does, for errors: `loading gs://…`"""
    start: Callable[[str], LoadJob]
    """begins it under an id"""
    undone: Callable[[LoadJob], bool]
    """whether what a job of an earlier call did is there no more"""
    shown: bool = False
    """whether its page is the one to see of what a task does"""
    look_first: bool = False
    """whether to look for the job before it is begun, as beginning it takes long: an upload"""

    def job_id(self, attempt: int) -> str:
        """Letters, digits, `_` and `-` only, as Google wants it."""
        return f"{self._stem}{attempt}"

    def is_its(self, job_id: str) -> bool:
        """Whether a job was begun to do this."""
        return job_id.startswith(self._stem)

    @property
    def _stem(self) -> str:
        return f"{re.sub(r'[^A-Za-z0-9_-]', '-', self.prefix)}_{digest(*self.key)}_"


@dataclass(frozen=True)
class Done:
    """A job that succeeded."""

    job: LoadJob
    ours: bool
    """this call began it"""


def run(connection: Connection, wanted: Wanted, wait: float) -> Done:
    """Has the job done, and waits for it: at most `wait` seconds each time.

    Raises WarehouseError when it failed, or still runs; ConfigError when a permission is missing.
    """
    failed = 0
    for attempt in itertools.count():
        job, ours = _begin_or_attach(connection, wanted, wanted.job_id(attempt))
        over = job.state == "DONE" and not ours
        if wanted.shown and connection.server is None:
            console_links.report_tracking_url(console_links.bigquery_job(job.project, job.location, job.job_id))
        wait_for(connection, job, wanted.what, wait)
        if not job.error_result:
            if over and wanted.undone(job):
                continue
            return Done(job, ours)
        if over:
            continue  # it failed in an earlier call, which has told so
        failed += 1
        if job.error_result.get("reason") not in _TRANSIENT or failed == _TRIES:
            raise _failure(connection, job, wanted)
        time.sleep(min(2.0 ** (failed - 1), connection.patience))
    raise AssertionError("attempts never end")


def _begin_or_attach(connection: Connection, wanted: Wanted, job_id: str) -> tuple[LoadJob, bool]:
    from google.api_core.exceptions import Conflict, NotFound
    from google.api_core.retry import Retry, if_exception_type

    def find() -> LoadJob:
        found = connection.client().get_job(
            job_id, location=connection.place(), retry=connection.retry, timeout=REQUEST
        )
        return cast("LoadJob", found)  # its id is one of ours

    if wanted.look_first:
        try:
            return find(), False
        except NotFound:
            pass
    try:
        return wanted.start(job_id), True
    except Conflict:
        patient = Retry(if_exception_type(NotFound), timeout=min(_LOST, connection.patience))
        return patient(find)(), False


def wait_for(connection: Connection, job: LoadJob, what: str, wait: float) -> None:
    """Returns when the job is over, however it ended. Raises WarehouseError when it is not after `wait` seconds."""
    # The job's own result() passes no timeout to its requests: one that stalls would hold us for ever
    deadline, pause = time.monotonic() + wait, 0.2
    while job.state != "DONE":
        left = deadline - time.monotonic()
        if left <= 0:
            raise WarehouseError(
                f"{connection.where}: the job {job.job_id} in {job.location}, {what}, is still {job.state} "
                f"after {wait:g} s; run the same command again to wait on for it, or raise "
                f"[warehouse.{connection.name}] wait"
            )
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 10.0)
        job.reload(retry=connection.retry, timeout=REQUEST)


def _failure(connection: Connection, job: LoadJob, wanted: Wanted) -> TaxiError:
    says = f"{connection.where}: the job {job.job_id} in {job.location}, {wanted.what}, failed: {errors(job)}"
    if job.error_result["reason"] == "accessDenied":
        return ConfigError(f"{says}; grant the account {ROLES}")
    return WarehouseError(f"{says}; run the same command again, with --force if the clean file is to blame")


def rows(job: LoadJob) -> int:
    """How many rows a job brought; Google leaves a zero out of its answers."""
    return int(job.output_rows or 0)


def labels(color: str, month: Month, edition: str) -> dict[str, str]:
    """What a person finds the job by, in the few letters that Google allows."""
    given = {"tool": "taxi_luigi", "color": color, "month": str(month), "edition": edition}
    return {key: re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63] for key, value in given.items()}


def errors(job: LoadJob) -> str:
    """What went wrong in a failed job, in one line of at most 600 characters; its first errors, each once."""
    given = [job.error_result, *(job.errors or [])]
    texts = dict.fromkeys(unwrapped(each.get("message") or each.get("reason")) for each in given)
    more = f" | and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    line = " | ".join(list(texts)[:_SHOWN])
    return (line if len(line) <= 570 else f"{line[:569]}…") + more
