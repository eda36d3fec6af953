"""How a file becomes an object of Google Cloud Storage: resumable chunks, or a copy within it.

Nothing here knows which objects there are; `gcs.py` looks before and afterwards.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import google_crc32c
import requests
from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage.retry import DEFAULT_RETRY

from taxi_luigi.core.errors import StorageError
from taxi_luigi.storage import Progress

_PIECE = 1 << 20


class Refused(Exception):
    """The server would not have the object, perhaps because it has it already: gcs.py looks. Continues a URL's line."""


class Taken(Refused):
    """Another generation is there than the one to be replaced."""


def crc32c_of(local: Path) -> str:
    """The checksum of a file as Google writes it: base64 of the big-endian bytes. OSError is of the file."""
    checksum = google_crc32c.Checksum()
    with local.open("rb") as file:
        while piece := file.read(_PIECE):
            checksum.update(piece)
    return base64.b64encode(checksum.digest()).decode()


def upload(target: Any, local: Path, seen: int, timeout: float, progress: Progress) -> None:
    """Sends a file as the object `target`, in chunks above 8 MiB; Refused unless the generation there is `seen`.

    `target` brings the crc32c, type, labels and chunk size. Each request is tried again for as long as two of them may
    take (`timeout`, seconds, is of one): the client's own two minutes end before a slow chunk gets its second try.
    """
    retry = DEFAULT_RETRY.with_timeout(2 * timeout)
    try:
        with _Watched(local, progress) as file:
            # No checksum by the client: on a mismatch it removes whatever has the name by then, without asking whose
            target.upload_from_file(
                file, size=file.size, if_generation_match=seen, checksum=None, timeout=timeout, retry=retry
            )
    except PreconditionFailed as error:
        raise Taken from error
    except GoogleAPICallError as error:
        # To a chunk, which is a PUT, this says that the session is over; to what comes before, that a bucket is missing
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
    """Copies one object to another on the server, in as many requests as it wants; Refused as for `upload`."""
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
    """Removes an object as it was just uploaded; one that was replaced meanwhile stays."""
    try:
        target.delete(if_generation_match=target.generation, **retry)
    except (NotFound, PreconditionFailed):
        return


class _Watched(io.BufferedReader):
    """A file that reports how far it was read: a chunk is read when the one before it has arrived."""

    def __init__(self, local: Path, progress: Progress) -> None:
        super().__init__(io.FileIO(local))
        self.size = local.stat().st_size
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        self._progress(self.tell(), self.size)
        return super().read(size)
