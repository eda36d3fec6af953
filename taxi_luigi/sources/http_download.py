"""One file over HTTP, whole: resumed after a break, begun anew when it was rewritten, refused when it is a web page.

Every attempt asks for what is missing. What the failures are called is in http_exchange.py and http_retry.py.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from taxi_luigi.core.errors import SourceError
from taxi_luigi.core.receipts import SourceFingerprint
from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources.base import SPACE_STEP, Fetched, HttpSettings, Progress, check_space
from taxi_luigi.sources.http_exchange import Answer, Client, TransientError, first_words
from taxi_luigi.sources.http_retry import RetryPolicy, judge
from taxi_luigi.sources.packing import unpack
from taxi_luigi.sources.slots import Pace

_LONGEST_WISH = 300.0
"""seconds that a server may ask us to wait between two attempts; when it wants more we leave, and say so"""
_OPENING = 512
"""bytes in which a web page shows itself"""
_BOM = b"\xef\xbb\xbf"
_STRONG = re.compile(r'"[!#-~]*"')


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
