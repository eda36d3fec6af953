"""Files in a folder on disk, identified by modification time and size.

Results are not cached, because a stat is cheap.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO

from taxi_luigi.core.errors import SourceError
from taxi_luigi.core.receipts import SourceFingerprint
from taxi_luigi.sources.transport import CHUNK, SOURCE, Fetched, Look, NotPublished, Progress, Published, check_space


class Folder:
    """Files below `root`, a folder that must exist: without it, no file can be reported as not published."""

    def __init__(self, root: Path, setting: str = SOURCE) -> None:
        self._root = root
        self._setting = setting

    def look(self, address: str) -> Look:
        try:
            return Look(Published.YES, _fingerprint(self._stat(address)))
        except NotPublished as error:
            return Look(Published.NO, None, str(error))
        except SourceError as error:
            return Look(Published.UNKNOWN, None, str(error))

    def look_all(self, addresses: Iterable[str]) -> dict[str, Look]:
        return {address: self.look(address) for address in addresses}

    def fetch(self, address: str, into: Path, progress: Progress) -> Fetched:
        self._stat(address)
        with _readable(address):
            original = open(address, "rb")  # noqa: SIM115 closed below; only an error of opening is a SourceError
        with original, into.open("wb") as out:
            before = os.fstat(original.fileno())
            check_space(into, before.st_size)
            copied, sha256 = _copy(original, out, address, before.st_size, progress)
            if _fingerprint(os.fstat(original.fileno())) != _fingerprint(before) or copied != before.st_size:
                raise SourceError(f"{address}: was written to while it was copied; run the same again")
        return Fetched(address, _fingerprint(before), copied, sha256)

    def _stat(self, address: str) -> os.stat_result:
        with _readable(address):
            try:
                found = os.stat(address)
            except (FileNotFoundError, NotADirectoryError):
                if not self._root.is_dir():
                    raise SourceError(f"{self._root}: there is no such folder; check {self._setting}") from None
                raise NotPublished(f"{address}: not published (no such file)") from None
        if not stat.S_ISREG(found.st_mode):
            kind = "a folder" if stat.S_ISDIR(found.st_mode) else "not a regular file"
            raise SourceError(f"{address}: is {kind}, where a file should be")
        return found


def _copy(original: BinaryIO, out: BinaryIO, address: str, size: int, progress: Progress) -> tuple[int, str]:
    sha256 = hashlib.sha256()
    copied = 0
    while True:
        with _readable(address):
            chunk = original.read(CHUNK)
        if not chunk:
            return copied, sha256.hexdigest()
        out.write(chunk)
        sha256.update(chunk)
        copied += len(chunk)
        progress(copied, size)


def _fingerprint(found: os.stat_result) -> SourceFingerprint:
    return SourceFingerprint(
        etag=f'"{found.st_mtime_ns:x}-{found.st_size:x}"',
        last_modified=formatdate(found.st_mtime, usegmt=True),
        bytes=found.st_size,
    )


@contextmanager
def _readable(address: str) -> Iterator[None]:
    """Raise SourceError for an OSError of the disk that is read, unlike one of the disk that is written to."""
    try:
        yield
    except OSError as error:
        raise SourceError(f"{address}: cannot be read: {(error.strerror or str(error)).lower()}") from error
