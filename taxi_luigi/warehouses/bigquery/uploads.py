"""Sending a local file with a load job, in small chunks.

The client's own load_table_from_file holds two chunks of 100 MB: 336 MB of memory, where these take 189; and one such
chunk has to pass before one timeout (google-cloud-bigquery 3.47, November 2026). Its parts are used as it does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxi_luigi.core.cloud import gcp, per_process
from taxi_luigi.warehouses.bigquery.connection import Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import LoadJob

_CHUNK = 16 << 20
"""bytes"""

_TIMEOUT = (300.0, 120.0)
"""seconds for sending a chunk, and for the answer to it. A socket's timeout bounds all that is sent at once, and while
it sends, urllib3 has it as it was for connecting: 0.45 Mbit/s is the slowest line that serves (urllib3 2.6)."""

_GOOGLE = "https://bigquery.googleapis.com"


def begin(connection: Connection, job: LoadJob, place: str, path: Path) -> LoadJob:
    """Sends the file; the job begins when its last chunk has arrived. Raises Conflict when its id is used up."""
    from google.api_core.exceptions import from_http_response
    from google.cloud.bigquery import LoadJob
    from google.resumable_media import InvalidResponse
    from google.resumable_media.common import RetryStrategy
    from google.resumable_media.requests import ResumableUpload

    resource: dict[str, Any] = job.to_api_repr()
    resource["jobReference"]["location"] = place
    address = f"{connection.server or _GOOGLE}/upload/bigquery/v2/projects/{connection.project}/jobs"
    upload = ResumableUpload(f"{address}?uploadType=resumable", _CHUNK)
    # As the client does; a constructor's argument for it there is not
    upload._retry_strategy = RetryStrategy(max_cumulative_retry=connection.patience)
    session = _session(connection)
    try:
        with path.open("rb") as file:
            upload.initiate(session, file, resource, "application/octet-stream", timeout=_TIMEOUT)
            while not upload.finished:
                answer = upload.transmit_next_chunk(session, timeout=_TIMEOUT)
    except InvalidResponse as error:
        raise from_http_response(error.response) from error
    return LoadJob.from_api_repr(answer.json(), connection.client())


def _session(connection: Connection) -> Any:
    """The client's own session is not public."""
    from google.auth.transport.requests import AuthorizedSession

    def make() -> Any:
        return AuthorizedSession(gcp.credentials(connection.credentials_file, connection.server, connection.where))

    return per_process(("bigquery upload", connection.credentials_file, connection.server), make)
