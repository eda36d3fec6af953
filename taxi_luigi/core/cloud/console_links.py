"""Web pages that show what a run does in a cloud: a job of BigQuery, an object. Only of Google's and Amazon's.

Who begins a job announces its page; the task that had it begun hears of it, and has it shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import quote, urlencode

_callback: ContextVar[Callable[[str], None] | None] = ContextVar("hears", default=None)


def bigquery_job(project: str, location: str, job_id: str) -> str:
    """The job's page in Google's console, with its state, its errors and what it loaded."""
    job = urlencode({"project": project, "j": f"bq:{location}:{job_id}", "page": "queryresults"}, safe=":")
    return f"https://console.cloud.google.com/bigquery?{job}"


def gcs_object(bucket: str, key: str) -> str:
    """The object's page in Google's console."""
    return f"https://console.cloud.google.com/storage/browser/_details/{bucket}/{quote(key)}"


def s3_object(bucket: str, key: str) -> str:
    """The object's page in Amazon's console."""
    return f"https://s3.console.aws.amazon.com/s3/object/{bucket}?{urlencode({'prefix': key}, safe='/')}"


@contextmanager
def tracking_url_callback(hears: Callable[[str], None]) -> Iterator[None]:
    """Has it called with the page of whatever is begun in the block."""
    token = _callback.set(hears)
    try:
        yield
    finally:
        _callback.reset(token)


def report_tracking_url(url: str) -> None:
    """Pass the page of a job that was just started to the callback, if there is one."""
    callback = _callback.get()
    if callback is not None:
        callback(url)
