"""What a source hands out: whether a month is published, and what was fetched. Plain values and the space check.

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
"""The setting that the address of a month comes from, as errors name it."""

CHUNK = 1 << 20
"""bytes read at a time at most"""

SPACE_STEP = 16 << 20
"""bytes after which a growing file's space is asked again; several grow at a time, and 64 MiB are to stay free"""

_SPARE = 64 << 20
"""bytes that are to stay free beside the raw and the clean file: rejects, logs, luigid's state"""

Progress = Callable[[int, int], None]
"""Called with (bytes so far, bytes in all) after every chunk; a total of 0 is unknown. It throttles itself."""


class NotPublished(SourceError):
    """The publisher says that there is no such file."""


class Published(Enum):
    """Whether a month is at the source. UNKNOWN counts as published, so that its download fails in its own name."""

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
    """six streams are what TLC's CDN was seen to serve well"""
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
        """Bytes to read at a time at most; of a limited download what may come in a second, so that it comes evenly."""
        return CHUNK if not self.bandwidth else max(1, min(CHUNK, int(self.bandwidth / self.at_once)))


@dataclass(frozen=True)
class Look:
    """What a source says of one month before it is fetched."""

    published: Published
    seen: SourceFingerprint | None
    """None unless published is YES"""
    why: str = ""
    """one line for a person, unless published is YES"""


@dataclass(frozen=True)
class Fetched:
    """A file that arrived whole: `bytes` and `sha256` are of what is on disk."""

    url: str
    """public: without user, password and query"""
    seen: SourceFingerprint
    """of the file that was fetched, which is not the one looked at when it was rewritten in between"""
    bytes: int
    sha256: str


class Transport(Protocol):
    """How the files of one kind of address are reached. Addresses may hold credentials; what comes back never does."""

    def look(self, address: str) -> Look:
        """Whether the file is there, and which."""

    def look_all(self, addresses: Iterable[str]) -> dict[str, Look]:
        """The same for many, by address."""

    def fetch(self, address: str, into: Path, progress: Progress) -> Fetched:
        """Writes the whole file to `into`, or raises SourceError or StorageError."""


def check_space(path: Path, size: int, there: int = 0) -> None:
    """Raises StorageError unless a download of `size` bytes, of which some are `there`, fits beside `path` twice.

    Twice, because the clean file that is made of a raw one is about as large, and 64 MiB more are to stay free.
    """
    free = shutil.disk_usage(path.parent).free
    needed = 2 * size - there + _SPARE
    if free < needed:
        raise StorageError(
            f"{path.parent}: {units.size(free)} free, {units.size(needed)} needed to download and clean "
            f"{units.size(size)}; free some space, or set [taxi] workspace to a larger disk"
        )
