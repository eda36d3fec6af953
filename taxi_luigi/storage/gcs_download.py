"""How the bytes of an object come here: a temporary copy of all, or a file that fetches what is read of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, cast

import requests
from google.api_core.exceptions import NotFound
from google.cloud.storage import Blob
from google.cloud.storage.fileio import BlobReader

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError, replaced_meanwhile
from taxi_luigi.storage.gcs_transfer import crc32c_of

_DOWNLOADS = 50
"""times that a download begins, as the object was replaced since: more than anybody replaces it in that time"""

_AHEAD = 64 << 10
"""bytes that a read fetches at least: a parquet footer of ours has fewer"""

Errors = Callable[[], AbstractContextManager[None]]


class Pinned(Blob):
    """An object whose bytes are requested by generation and from our endpoint.

    The address that Google gives with an object would be used otherwise, which names Google's host, not ours.
    """

    media_link = None


def whole(find: Callable[[], Any], path: Path, errors: Errors, retry: Mapping[str, Any]) -> None:
    """Download an object to a file, again from the start when it is replaced meanwhile.

    Args:
        find: returns the object as it is now
        path: the file
        errors: a context manager that translates the client's errors
        retry: options of each request: `timeout` and `retry`
    Raises: Replaced, after several replacements; StorageError
    """
    for _ in range(_DOWNLOADS):
        blob = find()
        with errors():
            try:
                return _download(blob, path, retry)
            except NotFound:
                continue
    raise replaced_meanwhile(_url(blob))


def _download(blob: Any, path: Path, retry: Mapping[str, Any]) -> None:
    """Writes the bytes of one generation, streaming. StorageError when they arrive otherwise."""
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


def reader(blob: Any, fetching: Errors, retry: Mapping[str, Any]) -> BinaryIO:
    """A file to read from anywhere in an object; each request of it is made inside `fetching`."""
    return cast(BinaryIO, _Reader(blob, fetching, retry))


class _Reader(BlobReader):
    """Google's reader of parts, whose failures come when it is read rather than when it is opened."""

    def __init__(self, blob: Any, fetching: Errors, retry: Mapping[str, Any]) -> None:
        super().__init__(blob, _AHEAD, **retry)
        self._fetching = fetching

    def read(self, size: int = -1) -> bytes:
        with self._fetching():
            return cast(bytes, super().read(size))


def _url(blob: Any) -> str:
    return f"gs://{blob.bucket.name}/{blob.name}"
