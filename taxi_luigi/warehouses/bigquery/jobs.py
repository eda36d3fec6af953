"""Load jobs that run once, however often and from wherever they are requested.

A job's id identifies its work, so a request for the same work attaches to it: a retry, a second worker, the run after a
kill. Ids cannot be reused, so each ends in a number, which increases when the job failed or its result was undone.
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
"""reasons of failed jobs for which Google recommends a retry"""

_TRIES = 5
"""how many jobs of one call may fail for such a reason"""

_LOST = 60.0
"""seconds for which a job that exists, by an earlier answer, may not be found yet (python-bigquery's issue 2134)"""

_SHOWN = 3
"""how many of a job's errors a message shows; a damaged file can have one for each page"""


@dataclass(frozen=True)
class Wanted:
    """A job to be done once."""

    prefix: str
    """the readable beginning of its id: `taxi_luigi_yellow_2024-01`"""
    key: tuple[object, ...]
    """the values that identify its work"""
    what: str
    """what it does, for errors: `loading gs://…`"""
    start: Callable[[str], LoadJob]
    """starts it under an id"""
    undone: Callable[[LoadJob], bool]
    """returns whether the result of an earlier job no longer exists"""
    shown: bool = False
    """whether its page is the tracking URL of the task"""
    look_first: bool = False
    """whether to search for the job before starting it, as the start takes long: an upload"""

    def job_id(self, attempt: int) -> str:
        """Return the id of an attempt: letters, digits, `_` and `-`, as Google requires."""
        return f"{self._stem}{attempt}"

    def is_its(self, job_id: str) -> bool:
        """Return whether a job was started for this work."""
        return job_id.startswith(self._stem)

    @property
    def _stem(self) -> str:
        return f"{re.sub(r'[^A-Za-z0-9_-]', '-', self.prefix)}_{digest(*self.key)}_"


@dataclass(frozen=True)
class Done:
    """A job that succeeded."""

    job: LoadJob
    ours: bool
    """whether this call started it"""


def run(connection: Connection, wanted: Wanted, wait: float) -> Done:
    """Start the job or attach to it, and wait until it succeeds.

    Args:
        connection: the dataset.
        wanted: the job.
        wait: seconds to wait for each attempt.

    Raises:
        WarehouseError: the job failed, or still runs.
        ConfigError: a permission is missing.
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
            continue  # it failed in an earlier call, which reported it
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
        retry = Retry(if_exception_type(NotFound), timeout=min(_LOST, connection.patience))
        return retry(find)(), False


def wait_for(connection: Connection, job: LoadJob, what: str, wait: float) -> None:
    """Wait until the job ends, with success or failure.

    Raises:
        WarehouseError: it still runs after `wait` seconds.
    """
    # The job's own result() passes no timeout to its requests: one that stalls would block forever
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
    line = f"{connection.where}: the job {job.job_id} in {job.location}, {wanted.what}, failed: {errors(job)}"
    if job.error_result["reason"] == "accessDenied":
        return ConfigError(f"{line}; grant the account {ROLES}")
    return WarehouseError(f"{line}; run the same command again, with --force if the clean file is to blame")


def rows(job: LoadJob) -> int:
    """Return the number of rows that a job loaded; Google omits a zero from its answers."""
    return int(job.output_rows or 0)


def labels(color: str, month: Month, edition: str) -> dict[str, str]:
    """Return the labels by which a user finds the job, in the characters that Google allows."""
    given = {"tool": "taxi_luigi", "color": color, "month": str(month), "edition": edition}
    return {key: re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63] for key, value in given.items()}


def errors(job: LoadJob) -> str:
    """Return the first errors of a failed job, each once, in one line of at most 600 characters."""
    given = [job.error_result, *(job.errors or [])]
    texts = dict.fromkeys(unwrapped(each.get("message") or each.get("reason")) for each in given)
    more = f" | and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    line = " | ".join(list(texts)[:_SHOWN])
    return (line if len(line) <= 570 else f"{line[:569]}…") + more
