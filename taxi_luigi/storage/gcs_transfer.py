"""The bytes of one object of Google Cloud Storage: sent in resumable chunks, copied within it, or downloaded.

Which objects there are is not known here; `gcs.py` looks before and afterwards.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import google_crc32c
import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Blob
from google.cloud.storage.retry import DEFAULT_RETRY

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError, replaced_meanwhile
from taxi_luigi.storage import Progress

_PIECE = 1 << 20

_DOWNLOADS = 50
"""times that a download begins, as the object was replaced since: more than it is ever replaced in that time"""

Errors = Callable[[], AbstractContextManager[None]]
"""Makes the block in which the client's errors are translated."""


class Pinned(Blob):
    """An object whose bytes are requested by generation and from our endpoint.

    The address that Google gives with an object would be used otherwise, which names Google's host, not ours.
    """

    media_link = None


class Refused(Exception):
    """The server refused the object, perhaps because it has it already: gcs.py looks. Its text goes on after a URL."""


class Taken(Refused):
    """Another generation is there than the one to be replaced."""


def crc32c_of(local: Path) -> str:
    """Return the checksum of a file as Google writes it: base64 of the big-endian bytes. OSError is of the file."""
    checksum = google_crc32c.Checksum()
    with local.open("rb") as file:
        while piece := file.read(_PIECE):
            checksum.update(piece)
    return base64.b64encode(checksum.digest()).decode()


def upload(target: Any, local: Path, seen: int, timeout: float, progress: Progress) -> None:
    """Send a file as an object, in chunks above 8 MiB.

    Each request is retried for as long as two of them may take: the client's own two minutes end before a slow chunk
    gets its second try.

    Args:
        target: the object, with crc32c, type, labels and chunk size
        local: the file
        seen: the generation to be replaced; 0 where there is no object
        timeout: seconds for one request
        progress: called with the bytes that have arrived

    Raises:
        Taken: another generation is there
        Refused: the upload broke off, or the server dropped it
        StorageError: the link is too slow for the chunk size
    """
    retry = DEFAULT_RETRY.with_timeout(2 * timeout)
    try:
        with _Watched(local, progress) as file:
            # No checksum by the client: on a mismatch it would remove even another run's object of that name
            target.upload_from_file(
                file, size=file.size, if_generation_match=seen, checksum=None, timeout=timeout, retry=retry
            )
    except PreconditionFailed as error:
        raise Taken from error
    except GoogleAPICallError as error:
        # For a chunk, which is a PUT, it means that the session is over; for requests before, that there is no bucket
        if error.code not in (404, 410) or error.response is None or error.response.request.method != "PUT":
            raise
        raise Refused("was not uploaded, as the server dropped the upload half way") from error
    except RetryError as error:
        if "timed out" not in str(error.cause):
            raise
        cure = "set a smaller chunk_size, in MiB, or a larger timeout, in seconds, for a slow link"
        size = min(file.size, target.chunk_size) / _PIECE
        line = f"gs://{target.bucket.name}/{target.name}: {size:.0f} MiB were not sent and answered in {timeout:g} s"
        raise StorageError(f"{line}: {cure}, and run the same command again") from error
    except ValueError as error:
        if isinstance(error, GoogleAuthError | requests.RequestException):
            raise
        # The file became shorter, or the server kept a part of a chunk only, after which the client is lost
        raise Refused(f"was not uploaded, as it broke off half way ({error})") from error


def rewrite(target: Any, origin: Any, seen: int, retry: Mapping[str, Any]) -> None:
    """Copy one object to another on the server, in as many requests as it needs. Raises as `upload`."""
    token = None
    try:
        while True:
            token, _, _ = target.rewrite(origin, token=token, if_generation_match=seen, **retry)
            if token is None:
                return
    except PreconditionFailed as error:
        raise Taken from error
    except NotFound as error:
        raise Refused(f"was not copied, as gs://{origin.bucket.name}/{origin.name} is gone or was replaced") from error


def take_back(target: Any, retry: Mapping[str, Any]) -> None:
    """Remove an object as it was just uploaded; one that was replaced meanwhile stays."""
    try:
        target.delete(if_generation_match=target.generation, **retry)
    except (NotFound, PreconditionFailed):
        return


def download(find: Callable[[], Any], path: Path, errors: Errors, retry: Mapping[str, Any]) -> None:
    """Download an object to a file, again from the start when it is replaced meanwhile.

    Args:
        find: returns the object as it is now
        path: the file
        errors: as `Errors`
        retry: options of each request: `timeout` and `retry`

    Raises:
        Replaced: it was replaced too often
        StorageError: the bytes arrived damaged, or there is no room for them
    """
    for _ in range(_DOWNLOADS):
        blob = find()
        with errors():
            try:
                return _fetch(blob, path, retry)
            except NotFound:
                continue
    raise replaced_meanwhile(_url(blob))


def _fetch(blob: Any, path: Path, retry: Mapping[str, Any]) -> None:
    """Write the bytes of one generation, streaming."""
    url = _url(blob)
    try:
        with path.open("wb") as file:
            blob.download_to_file(file, checksum="crc32c", **retry)
        arrived = crc32c_of(path)
    except OSError as error:
        if isinstance(error, (requests.RequestException, ConnectionError)):
            raise
        cure = f"free space, or set TMPDIR to another folder than {atomic_files.SCRATCH.parent}"
        raise StorageError(f"{url}: no temporary copy: {error.strerror}: {cure}") from error
    # The client compares nothing once it had to continue a download that broke off
    if arrived != blob.crc32c:
        raise StorageError(f"{url} arrived damaged (crc32c {arrived}, not {blob.crc32c}): run the same command again")


class _Watched(io.BufferedReader):
    """A file that reports how far it was read: a chunk is read when the one before it has arrived."""

    def __init__(self, local: Path, progress: Progress) -> None:
        super().__init__(io.FileIO(local))
        self.size = local.stat().st_size
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        self._progress(self.tell(), self.size)
        return super().read(size)


def _url(blob: Any) -> str:
    return f"gs://{blob.bucket.name}/{blob.name}"
