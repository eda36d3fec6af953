"""The web page that shows what a run does in a cloud: a job of BigQuery. The page of an object is the store's.

The code that starts a job reports its page; the task for which it was started gets it by a callback, and shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import urlencode

_callback: ContextVar[Callable[[str], None] | None] = ContextVar("tracking_url_callback", default=None)


def bigquery_job(project: str, location: str, job_id: str) -> str:
    """Return the job's page in Google's console, with its state, its errors and what it loaded."""
    job = urlencode({"project": project, "j": f"bq:{location}:{job_id}", "page": "queryresults"}, safe=":")
    return f"https://console.cloud.google.com/bigquery?{job}"


@contextmanager
def tracking_url_callback(callback: Callable[[str], None]) -> Iterator[None]:
    """Have the callback called with the page of each job that is started in the block."""
    token = _callback.set(callback)
    try:
        yield
    finally:
        _callback.reset(token)


def report_tracking_url(url: str) -> None:
    """Pass the page of a job that was just started to the callback, if there is one."""
    callback = _callback.get()
    if callback is not None:
        callback(url)
