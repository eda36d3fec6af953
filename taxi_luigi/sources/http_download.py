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
from taxi_luigi.sources.http_retry import RetryPolicy, judge
from taxi_luigi.sources.packing import unpack
from taxi_luigi.sources.transport import SPACE_STEP, Fetched, HttpSettings, Progress, check_space

log = logging.getLogger(__name__)

_LONGEST_WISH = 300.0
"""seconds that a server may ask us to wait between two attempts; when it wants more we leave, and say so"""
_OPENING = 512
"""bytes in which a web page shows itself"""
_BOM = b"\xef\xbb\xbf"
_STRONG = re.compile(r'"[!#-~]*"')
_PAUSE = 0.5
"""seconds between two looks whether a slot is free; a look takes 0.2 ms"""
_COUNTED_AGAIN = 1.0
"""seconds after which it is counted anew how many downloads share the bandwidth"""


class Download:
    """A file on its way: `_arrived` bytes of what `_seen` describes are on disk and in `_sha256`."""

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
        self._patience = RetryPolicy(net.attempts, net.backoff, _LONGEST_WISH)
        self._furthest = self._before = 0
        self._seen: SourceFingerprint | None = None
        self._total: int | None = None
        self._codings: tuple[str, ...] = ()
        self._sha256 = hashlib.sha256()
        self._arrived = self._space_asked = 0

    def run(self, client: Client) -> Fetched:
        """The file is in `into` when this returns; raises SourceError, StorageError, or OSError of the disk."""
        with self._into.open("wb") as out:
            seen = self._patience.call(self._url, lambda: self._attempt(client, out))
        name = unquote(urlsplit(self._address).path.rpartition("/")[2])
        unpacked = unpack(self._into, self._codings, name, self._url, self._progress)
        if unpacked is not None:
            with self._into.open("rb") as there:
                self._refuse_page(there.read(_OPENING))
        size, sha256 = unpacked or (self._arrived, self._sha256.hexdigest())
        return Fetched(self._url, seen, size, sha256)

    def _attempt(self, client: Client, out: BinaryIO) -> SourceFingerprint:
        self._before = self._furthest
        with client.ask("GET", self._address, self._conditions()) as answer:
            seen = self._begin(answer, out)
            for chunk in self._chunks(answer):
                self._keep(chunk, out)
                paused = self._pace.arrived(len(chunk))
                client.paused(paused)
                self._patience.since += paused
        if self._total is not None and self._arrived < self._total:
            raise TransientError(f"the server sent {self._arrived:,} of {self._total:,} bytes")
        if self._total is not None and self._arrived > self._total:
            raise self._restart(out, f"{self._arrived:,} bytes came where {self._total:,} were announced")
        return seen

    def _conditions(self) -> dict[str, str]:
        """Headers that ask for the rest of the file that we have a part of, or for the whole of the one looked at."""
        if self._arrived and self._seen and self._seen.etag and _strong(self._seen.etag):
            return {"Range": f"bytes={self._arrived}-", "If-Range": self._seen.etag}
        return {"If-Match": self._if_match} if self._if_match else {}

    def _begin(self, answer: Answer, out: BinaryIO) -> SourceFingerprint:
        """Judges the answer and sees to it that its body continues what is on disk."""
        if answer.status == 412:
            self._if_match = None
            raise self._restart(out, "the file was rewritten after it was looked at")
        if answer.status == 416:
            raise self._restart(out, "the file became shorter while it was fetched")
        judge(answer, self._url, self._setting)
        if answer.status == 206:
            if self._seen is None or not self._continues(answer, self._seen):
                raise self._restart(out, "the server went on with another part than was asked for")
            self._total = answer.span.total
            return self._seen
        self._forget_what_arrived(out)
        self._seen, self._codings = answer.seen, answer.codings
        self._total = self._seen.bytes
        check_space(self._into, self._total or 0)
        return self._seen

    def _continues(self, answer: Answer, seen: SourceFingerprint) -> bool:
        """Whether a 206 is the rest of the very file. A server that does not know If-Range is caught by what it says of
        the file; one that says nothing of it may have another, so that nothing is joined to what is here.
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
            self._count_anew_if_gained()
        if self._arrived >= self._space_asked + SPACE_STEP:
            self._space_asked = self._arrived
            check_space(self._into, max(self._arrived, self._total or 0), self._arrived)
        self._progress(self._arrived, self._total or 0)

    def _count_anew_if_gained(self) -> None:
        """Only what was never reached before is a gain: a file that can't be resumed and always breaks must fail. And
        it must come at the lowest speed at least, pauses included, else a byte an attempt would go on for ever.
        """
        seconds = max(1.0, time.monotonic() - self._patience.since)
        if self._furthest - self._before >= self._net.lowest_speed * seconds:
            self._patience.start_anew()

    def _restart(self, out: BinaryIO, reason: str) -> TransientError:
        self._forget_what_arrived(out)
        return TransientError(reason)

    def _forget_what_arrived(self, out: BinaryIO) -> None:
        out.seek(0)
        out.truncate()
        self._seen, self._total, self._codings = None, None, ()
        self._sha256 = hashlib.sha256()
        self._arrived = self._space_asked = 0


def _strong(etag: str | None) -> bool:
    """Only a strong ETag vouches for every byte; a weak one never matches in If-Match and If-Range."""
    return etag is not None and _STRONG.fullmatch(etag) is not None


class Slots:
    """The downloads under way, as locked files in a folder that is ours alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def one(self, at_once: int, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
        """Holds a slot for the block; waits for one while `at_once` or more are held."""
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
        """Downloads under way."""
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
        """How many slots are held, and those that are free; no other process counts or takes one in the block."""
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
    """The file, open and locked until it is closed; a link in its place is not followed."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, how)
    except OSError:
        os.close(file)
        raise
    return file


class Pace:
    """Keeps a download to its share of a bandwidth, in bytes a second; 0 is no limit."""

    def __init__(
        self,
        bandwidth: float,
        sharing: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bandwidth, self._sharing, self._clock, self._sleep = bandwidth, sharing, clock, sleep
        self._share, self._counted, self._next = bandwidth, -_COUNTED_AGAIN, 0.0

    def arrived(self, size: int) -> float:
        """Waits until so many bytes may have come; returns for how long. What was not used before is lost."""
        if not self._bandwidth:
            return 0.0
        now = self._clock()
        if now - self._counted >= _COUNTED_AGAIN:
            self._share, self._counted = self._bandwidth / max(1, self._sharing()), now
        self._next = max(self._next, now) + size / self._share
        self._sleep(self._next - now)
        return self._next - now
