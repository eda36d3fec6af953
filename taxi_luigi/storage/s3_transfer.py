"""The bytes of one object of S3: whether they are those of a file."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

from botocore.parsers import ResponseParserError

from taxi_luigi.storage import Entry, Progress
from taxi_luigi.storage.bucket import Head

_PIECE = 1 << 20


def head(answer: dict[str, Any]) -> Head:
    """Parse the response to HeadObject. Raises ResponseParserError when it is not S3's.

    The checksum is the CRC-32; '' where S3 has none, or only one of parts.
    """
    if "ETag" not in answer:
        raise ResponseParserError("HeadObject without an ETag")
    labels = {key.lower(): value for key, value in answer["Metadata"].items()}
    version = answer["ETag"].strip('"')
    entry = Entry(answer["ContentLength"], version, labels, _whole(answer.get("ChecksumCRC32C", "")))
    return Head(entry, _whole(answer.get("ChecksumCRC32", "")))


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
