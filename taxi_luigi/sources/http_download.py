"""Download one file over HTTP: resume after a break, restart when it was rewritten, refuse a web page.

Every attempt requests the missing bytes only. Errors are classified in http_exchange.py and http_retry.py.

The number of concurrent downloads is limited for all runs of a user on a machine, whatever their settings and
scheduler, because a publisher counts them together. Each download holds a file lock while it lasts, which the system
releases when the process dies. The lock files are therefore in a folder of the user, not in a project's state folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from taxi_luigi.core.errors import SourceError
from taxi_luigi.core.receipts import SourceFingerprint
from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources.http_exchange import Answer, Client, TransientError, first_words
from taxi_luigi.sources.http_retry import RetryPolicy, check_status
from taxi_luigi.sources.packing import unpack
from taxi_luigi.sources.transport import SPACE_STEP, Fetched, HttpSettings, Progress, check_space

log = logging.getLogger(__name__)

_MAX_RETRY_AFTER = 300.0
"""seconds; a longer Retry-After ends the download with an error"""
_OPENING = 512
"""bytes that are enough to recognize a web page"""
_BOM = b"\xef\xbb\xbf"
_STRONG = re.compile(r'"[!#-~]*"')
_PAUSE = 0.5
"""seconds between two checks for a free slot; one takes 0.2 ms"""
_RECOUNT = 1.0
"""seconds after which the downloads that share the bandwidth are counted again"""


class Download:
    """A download in progress: `_arrived` bytes of the file that `_seen` identifies are on disk and in `_sha256`.

    Args:
        address: with credentials
        net: retries and time limits
        into: the file to write
        etag: of the file that was looked at; None: unknown
        progress: called with the bytes so far and in all after every chunk
        setting: the setting to correct, for messages
        pace: the limit of bandwidth
    """

    def __init__(
        self,
        address: str,
        net: HttpSettings,
        into: Path,
        etag: str | None,
        progress: Progress,
        setting: str,
        pace: Pace,
    ) -> None:
        self._address, self._url, self._setting = address, public_url(address), setting
        self._net, self._into, self._progress, self._pace = net, into, progress, pace
        self._if_match = etag if _strong(etag) else None
        self._retries = RetryPolicy(net.attempts, net.backoff, _MAX_RETRY_AFTER)
        self._furthest = self._before = 0
        self._seen: SourceFingerprint | None = None
        self._total: int | None = None
        self._codings: tuple[str, ...] = ()
        self._sha256 = hashlib.sha256()
        self._arrived = self._space_checked = 0

    def run(self, client: Client) -> Fetched:
        """Download the file completely. Raise SourceError, StorageError, or OSError of the disk."""
        with self._into.open("wb") as out:
            seen = self._retries.call(self._url, lambda: self._attempt(client, out))
        name = unquote(urlsplit(self._address).path.rpartition("/")[2])
        unpacked = unpack(self._into, self._codings, name, self._url, self._progress)
        if unpacked is not None:
            with self._into.open("rb") as there:
                self._refuse_page(there.read(_OPENING))
        size, sha256 = unpacked or (self._arrived, self._sha256.hexdigest())
        return Fetched(self._url, seen, size, sha256)

    def _attempt(self, client: Client, out: BinaryIO) -> SourceFingerprint:
        self._before = self._furthest
        with client.request("GET", self._address, self._conditions()) as answer:
            seen = self._begin(answer, out)
            for chunk in self._chunks(answer):
                self._keep(chunk, out)
                paused = self._pace.arrived(len(chunk))
                client.paused(paused)
                self._retries.since += paused
        if self._total is not None and self._arrived < self._total:
            raise TransientError(f"the server sent {self._arrived:,} of {self._total:,} bytes")
        if self._total is not None and self._arrived > self._total:
            raise self._restart(out, f"{self._arrived:,} bytes came where {self._total:,} were announced")
        return seen

    def _conditions(self) -> dict[str, str]:
        """Return headers that request the rest of a partial file, or the whole file if it has not changed."""
        if self._arrived and self._seen and self._seen.etag and _strong(self._seen.etag):
            return {"Range": f"bytes={self._arrived}-", "If-Range": self._seen.etag}
        return {"If-Match": self._if_match} if self._if_match else {}

    def _begin(self, answer: Answer, out: BinaryIO) -> SourceFingerprint:
        """Check the response, and truncate the file on disk unless the body continues it."""
        if answer.status == 412:
            self._if_match = None
            raise self._restart(out, "the file was rewritten after it was looked at")
        if answer.status == 416:
            raise self._restart(out, "the file became shorter while it was fetched")
        check_status(answer, self._url, self._setting)
        if answer.status == 206:
            if self._seen is None:
                raise self._restart(out, "the server sent a part of the file, where the whole was requested")
            if not self._continues(answer, self._seen):
                raise self._restart(out, "the server went on with another part than was requested")
            self._total = answer.span.total
            return self._seen
        self._truncate(out)
        self._seen, self._codings = answer.seen, answer.codings
        self._total = self._seen.bytes
        check_space(self._into, self._total or 0)
        return self._seen

    def _continues(self, answer: Answer, seen: SourceFingerprint) -> bool:
        """Return whether a 206 is the rest of the same file.

        A server may not support If-Range, so the headers that identify the file are compared. Without such headers the
        file may be another one, and the download restarts.
        """
        if answer.span.start != self._arrived or answer.span.total is None or answer.codings != self._codings:
            return False
        if seen.bytes not in (None, answer.span.total):
            return False
        if answer.etag is not None:
            return answer.etag == seen.etag
        return answer.last_modified is not None and answer.last_modified == seen.last_modified

    def _chunks(self, answer: Answer) -> Iterator[bytes]:
        chunks = answer.chunks(0 if self._arrived else _OPENING, self._net.piece)
        if not self._arrived:
            opening = next(chunks, b"")
            self._refuse_page(opening, answer.via, *answer.addresses)
            yield opening
        yield from chunks

    def _refuse_page(self, opening: bytes, via: str = "", *addresses: str) -> None:
        if opening.removeprefix(_BOM).lstrip().startswith(b"<"):
            words = first_words(opening, self._address, *addresses)
            raise SourceError(
                f"{self._url}: the server sent a web page instead of the file: {words}{via}; "
                f"try again later, or check {self._setting}"
            )

    def _keep(self, chunk: bytes, out: BinaryIO) -> None:
        out.write(chunk)
        self._sha256.update(chunk)
        self._arrived += len(chunk)
        if self._arrived > self._furthest:
            self._furthest = self._arrived
            self._reset_retries_on_progress()
        if self._arrived >= self._space_checked + SPACE_STEP:
            self._space_checked = self._arrived
            check_space(self._into, max(self._arrived, self._total or 0), self._arrived)
        self._progress(self._arrived, self._total or 0)

    def _reset_retries_on_progress(self) -> None:
        """Reset the retries after bytes beyond the furthest position so far, at `lowest_speed` or faster.

        A file that cannot be resumed and always breaks must fail, and so must one of a byte per attempt.
        """
        seconds = max(1.0, time.monotonic() - self._retries.since)
        if self._furthest - self._before >= self._net.lowest_speed * seconds:
            self._retries.reset()

    def _restart(self, out: BinaryIO, reason: str) -> TransientError:
        self._truncate(out)
        return TransientError(reason)

    def _truncate(self, out: BinaryIO) -> None:
        out.seek(0)
        out.truncate()
        self._seen, self._total, self._codings = None, None, ()
        self._sha256 = hashlib.sha256()
        self._arrived = self._space_checked = 0


def _strong(etag: str | None) -> bool:
    """Return whether an ETag identifies every byte; a weak one never matches in If-Match and If-Range."""
    return etag is not None and _STRONG.fullmatch(etag) is not None


class Slots:
    """The current downloads of this user on this machine, as locked files in a private folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def one(self, at_once: int, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
        """Hold a slot for the block; wait for one while `at_once` or more are held."""
        slot = self._take(at_once)
        if slot is None:
            log.info("Waiting for another download of this machine to end: [download] at_once = %d", at_once)
        while slot is None:
            sleep(_PAUSE)
            slot = self._take(at_once)
        try:
            yield
        finally:
            os.close(slot)

    def held(self) -> int:
        """Return the number of current downloads."""
        with self._counting() as (held, _):
            return held

    def _take(self, at_once: int) -> int | None:
        with self._counting() as (held, free):
            if held >= at_once:
                return None
            new = (self._folder / f"slot-{number}" for number in itertools.count())
            path = free[0] if free else next(path for path in new if not path.exists())
            return _locked(path, fcntl.LOCK_EX)

    @contextmanager
    def _counting(self) -> Iterator[tuple[int, list[Path]]]:
        """Yield the number of held slots and the free ones; no other process counts or takes one in the block."""
        alone = _locked(self._folder / "counting", fcntl.LOCK_EX)
        try:
            slots = sorted(self._folder.glob("slot-*"))
            free = [path for path in slots if _is_free(path)]
            yield len(slots) - len(free), free
        finally:
            os.close(alone)


def _is_free(path: Path) -> bool:
    try:
        os.close(_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _locked(path: Path, how: int) -> int:
    """Return the descriptor of the file, locked until it is closed; a symbolic link is refused."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, how)
    except OSError:
        os.close(file)
        raise
    return file


class Pace:
    """The rate of a download: its share of a bandwidth.

    Args:
        bandwidth: bytes a second; 0: no limit
        sharing: returns how many downloads share it
        clock: seconds
        sleep: takes seconds
    """

    def __init__(
        self,
        bandwidth: float,
        sharing: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bandwidth, self._sharing, self._clock, self._sleep = bandwidth, sharing, clock, sleep
        self._share, self._counted, self._next = bandwidth, -_RECOUNT, 0.0

    def arrived(self, size: int) -> float:
        """Wait as long as `size` bytes take at this rate; return the seconds. Unused bandwidth is not saved up."""
        if not self._bandwidth:
            return 0.0
        now = self._clock()
        if now - self._counted >= _RECOUNT:
            self._share, self._counted = self._bandwidth / max(1, self._sharing()), now
        self._next = max(self._next, now) + size / self._share
        self._sleep(self._next - now)
        return self._next - now
