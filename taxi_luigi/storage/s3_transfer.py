"""The bytes of one object of S3: comparing them with a file's, and reading any part of them."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, cast

from botocore.parsers import ResponseParserError

from taxi_luigi.storage import Entry, Progress

_PIECE = 1 << 20
_AHEAD = 64 << 10
"""bytes fetched at least by a read of `seekable`: a parquet footer of ours has fewer"""


@dataclass(frozen=True)
class Head:
    """An object as S3 describes it. `crc32` is of all bytes, in base64; '' where S3 has none, or only one of parts."""

    entry: Entry
    crc32: str

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Head:
        """Parse the response to HeadObject. Raises ResponseParserError when it is not S3's."""
        if "ETag" not in answer:
            raise ResponseParserError("HeadObject without an ETag")
        labels = {key.lower(): value for key, value in answer["Metadata"].items()}
        version = answer["ETag"].strip('"')
        entry = Entry(answer["ContentLength"], version, labels, _whole(answer.get("ChecksumCRC32C", "")))
        return cls(entry, _whole(answer.get("ChecksumCRC32", "")))

    def differs(self, size: int, crc32: str) -> bool:
        """Whether its bytes are certainly others than those with this size and checksum ('': unknown)."""
        return self.entry.bytes != size or bool(self.crc32 and crc32 and self.crc32 != crc32)

    def equals(self, size: int, crc32: str, etag: Callable[[], str]) -> bool:
        """Whether its bytes are certainly those with this size, checksum and ETag, which is computed last."""
        if self.differs(size, crc32):
            return False
        return bool(self.crc32 and crc32) or self.entry.version == etag()


def _whole(checksum: str) -> str:
    return "" if "-" in checksum else checksum


def crc32(path: Path) -> str:
    """Return the CRC-32 of a file as S3 writes it: big-endian, in base64.

    CRC-32C would be Google's too, but botocore computes it only with awscrt (November 2026).
    """
    value = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            value = zlib.crc32(piece, value)
    return base64.b64encode(value.to_bytes(4, "big")).decode()


def etag(path: Path, part: int) -> str:
    """Return the ETag that S3 gives a file sent in parts of `part` bytes, or at once if it has fewer.

    It is another one where the file is encrypted by a key of KMS, or the server is not Amazon's.
    """
    whole, digests = hashlib.md5(usedforsecurity=False), []
    with path.open("rb") as file:
        while piece := file.read(part):
            digests.append(hashlib.md5(piece, usedforsecurity=False).digest())
            whole.update(piece)
    if path.stat().st_size < part:
        return whole.hexdigest()
    return f"{hashlib.md5(b''.join(digests), usedforsecurity=False).hexdigest()}-{len(digests)}"


def cumulative(progress: Progress, total: int) -> Callable[[int], None]:
    """Return a callback for boto3, whose threads report the bytes that each has sent, or sends again (negative)."""
    lock = Lock()
    done = 0

    def more(count: int) -> None:
        nonlocal done
        with lock:
            done += count
            progress(done, total)

    return more


def seekable(fetch: Callable[[int, int], bytes], size: int) -> BinaryIO:
    """Return a file over `fetch(first, last)`, which returns these bytes, the last included."""
    return cast(BinaryIO, io.BufferedReader(_Parts(fetch, size), _AHEAD))


class _Parts(io.RawIOBase):
    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def readall(self) -> bytes:
        return self._next(self._size)  # not in pieces of 8 KB, a request each, as the base class has it

    def _next(self, count: int) -> bytes:
        last = min(self._at + count, self._size) - 1
        piece = self._fetch(self._at, last) if last >= self._at else b""
        self._at += len(piece)
        return piece
