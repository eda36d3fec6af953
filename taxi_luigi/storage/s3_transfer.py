"""The bytes of one object of S3: whether they are those of a file."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.parsers import ResponseParserError

from taxi_luigi.storage import Entry, Progress

_PIECE = 1 << 20


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
