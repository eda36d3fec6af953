"""The protocol of transports, the values that they return, their settings, and the check of free space.

Nothing here opens a connection or a file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from taxi_luigi.core import units
from taxi_luigi.core.errors import SourceError, StorageError
from taxi_luigi.core.receipts import SourceFingerprint
from taxi_luigi.core.settings import number, setting, whole

SOURCE = "[taxi] source"
"""the setting that has the template, for messages"""

CHUNK = 1 << 20
"""the largest number of bytes to read at a time"""

SPACE_STEP = 16 << 20
"""bytes after which the free space is checked again: several files grow at a time, and 64 MiB must stay free"""

_SPARE = 64 << 20
"""bytes that must stay free beside the raw and the clean file, for rejects, logs and luigid's state"""

Progress = Callable[[int, int], None]
"""called with (bytes so far, bytes in all) after every chunk; a total of 0 is unknown; it throttles itself"""


class NotPublished(SourceError):
    """The publisher has no such file."""


class Published(Enum):
    """Whether a month is at the source. UNKNOWN is handled as published, so that the download reports the error."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def _bandwidth(text: str) -> float:
    return number(text) if text.strip() else 0.0


@dataclass(frozen=True)
class HttpSettings:
    """`[download]`: retries, time limits and bandwidth of a download."""

    attempts: int = setting("5", "Tries without a byte of progress before a download fails.", whole)
    backoff: float = setting("1", "Seconds before the second try; doubled for each one after, up to 60.", number)
    connect_timeout: float = setting("10", "Seconds until a server must have accepted a connection.", number)
    read_timeout: float = setting(
        "60", "Seconds without a byte until a download counts as broken off; it is resumed from there.", number
    )
    lowest_speed: float = setting(
        "1000",
        "Bytes a second. A download that gets fewer over a minute counts as broken off; it is resumed from there. On a "
        "very slow line: less.",
        number,
    )
    parallel: int = setting("6", "HEAD requests at a time.", whole)
    """TLC's CDN served six streams well"""
    at_once: int = setting(
        "6",
        "Downloads at a time, of all runs of this user on this machine with the same `TMPDIR`, whatever their "
        "scheduler; one more waits for its turn. More than 6 need a larger `[resources] download` too.",
        whole,
    )
    bandwidth: float = setting(
        "", "Bytes a second that all of them may take together, 1000 or more; empty: no limit.", _bandwidth
    )
    """0: no limit"""

    @property
    def piece(self) -> int:
        """The largest number of bytes to read at a time: with a bandwidth, those of one second, for an even rate."""
        return CHUNK if not self.bandwidth else max(1, min(CHUNK, int(self.bandwidth / self.at_once)))


@dataclass(frozen=True)
class Look:
    """The result of checking one month at the source."""

    published: Published
    seen: SourceFingerprint | None
    """None unless published is YES"""
    why: str = ""
    """one line for messages, unless published is YES"""


@dataclass(frozen=True)
class Fetched:
    """A completely downloaded file: `bytes` and `sha256` are those of the file on disk."""

    url: str
    """public: without user, password and query"""
    seen: SourceFingerprint
    """of the downloaded file, which differs from that of `Look` when the file was rewritten in between"""
    bytes: int
    sha256: str


class Transport(Protocol):
    """Access to the files of one kind of address. Addresses may contain credentials; results never do."""

    def look(self, address: str) -> Look:
        """Check whether the file exists, and return its fingerprint."""

    def look_all(self, addresses: Iterable[str]) -> dict[str, Look]:
        """Check many files; return the results by address."""

    def fetch(self, address: str, into: Path, progress: Progress) -> Fetched:
        """Write the whole file to `into`. Raise SourceError or StorageError."""


def check_space(path: Path, size: int, there: int = 0) -> None:
    """Check that a download fits beside `path` twice: the clean file is about as large as the raw one.

    Args:
        path: of the download
        size: of the whole file, in bytes
        there: bytes of it that are on disk already
    Raises:
        StorageError: less than that, or than 64 MiB in addition, is free
    """
    free = shutil.disk_usage(path.parent).free
    needed = 2 * size - there + _SPARE
    if free < needed:
        raise StorageError(
            f"{path.parent}: {units.size(free)} free, {units.size(needed)} needed to download and clean "
            f"{units.size(size)}; free some space, or set [taxi] workspace to a larger disk"
        )
