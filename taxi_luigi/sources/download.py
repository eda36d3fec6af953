"""One file over HTTP, whole: resumed after a break, begun anew when it was rewritten, refused when it is a web page.

Every attempt asks for what is missing. What the failures are called and how often they are borne is in patience.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import requests

from taxi_luigi.errors import SourceError
from taxi_luigi.receipt import Seen
from taxi_luigi.sources.answers import CHUNK, Fetched, Net, Progress, check_space
from taxi_luigi.sources.patience import Patience, Transient, first_words, judge, network
from taxi_luigi.sources.template import public_url

_LONGEST_WISH = 300.0
"""seconds that a server may ask us to wait between two attempts; when it wants more we leave, and say so"""
_OPENING = 512
"""bytes in which a web page shows itself"""
_BOM = b"\xef\xbb\xbf"


class Download:
    """A file on its way: `_arrived` bytes of what `_seen` describes are on disk and in `_sha256`."""

    def __init__(self, address: str, net: Net, into: Path, etag: str | None, progress: Progress, setting: str) -> None:
        self._address, self._url, self._setting = address, public_url(address), setting
        self._net, self._into, self._progress = net, into, progress
        self._if_match = etag if _strong(etag) else None
        self._patience = Patience(net.attempts, net.backoff, _LONGEST_WISH)
        self._seen: Seen | None = None
        self._arrived = 0
        self._furthest = 0
        self._sha256 = hashlib.sha256()

    def run(self, session: requests.Session) -> Fetched:
        """The file is in `into` when this returns; raises SourceError, StorageError, or OSError of the disk."""
        with self._into.open("wb") as out:
            seen = self._patience.persist(self._url, lambda: self._attempt(session, out))
        return Fetched(self._url, seen, self._arrived, self._sha256.hexdigest())

    def _attempt(self, session: requests.Session, out: BinaryIO) -> Seen:
        timeout = (self._net.connect_timeout, self._net.read_timeout)
        with (
            network(self._url, self._net, self._setting),
            session.get(self._address, headers=self._conditions(), stream=True, timeout=timeout) as response,
        ):
            seen = self._begin(response, out)
            for chunk in self._chunks(response):
                self._keep(chunk, out, seen.bytes or 0)
        if seen.bytes not in (None, self._arrived):
            raise self._restart(out, f"{self._arrived:,} bytes came where {seen.bytes:,} were announced")
        return seen

    def _conditions(self) -> dict[str, str]:
        """Headers that ask for the rest of the file that we have a part of, or for the whole of the one looked at."""
        if self._arrived and self._seen and self._seen.etag and _strong(self._seen.etag):
            return {"Range": f"bytes={self._arrived}-", "If-Range": self._seen.etag}
        return {"If-Match": self._if_match} if self._if_match else {}

    def _begin(self, response: requests.Response, out: BinaryIO) -> Seen:
        """Judges the answer and sees to it that its body continues what is on disk."""
        if response.status_code == 412:
            self._if_match = None
            raise self._restart(out, "the file was rewritten after it was looked at")
        if response.status_code == 416:
            raise self._restart(out, "the file became shorter while it was fetched")
        judge(response, self._url, self._setting)
        if response.status_code == 206:
            if self._seen is None or not _continues(response, self._seen, self._arrived):
                raise self._restart(out, "the server went on with another part than was asked for")
            return self._seen
        self._forget_what_arrived(out)
        self._seen = seen_of(response)
        check_space(self._into, self._seen.bytes or 0)
        return self._seen

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        # Read below requests: the bytes as sent, so that a csv.gz served with Content-Encoding: gzip stays one.
        if not self._arrived:
            opening = bytes(response.raw.read(_OPENING, decode_content=False))
            if opening.removeprefix(_BOM).lstrip().startswith(b"<"):
                words = first_words(opening, self._address)
                raise SourceError(
                    f"{self._url}: the server sent a web page instead of the file: {words}; "
                    f"try again later, or check {self._setting}"
                )
            yield opening
        # read1 hands over what is there, so that a break loses nothing that had arrived.
        while chunk := response.raw.read1(CHUNK, decode_content=False):
            yield chunk

    def _keep(self, chunk: bytes, out: BinaryIO, total: int) -> None:
        out.write(chunk)
        self._sha256.update(chunk)
        self._arrived += len(chunk)
        if self._arrived > self._furthest:
            # Only what was never reached before is a gain: a file that can't be resumed and always breaks must fail.
            self._furthest = self._arrived
            self._patience.start_anew()
        self._progress(self._arrived, total)

    def _restart(self, out: BinaryIO, reason: str) -> Transient:
        self._forget_what_arrived(out)
        return Transient(reason)

    def _forget_what_arrived(self, out: BinaryIO) -> None:
        out.seek(0)
        out.truncate()
        self._sha256 = hashlib.sha256()
        self._arrived = 0
        self._seen = None


def seen_of(response: requests.Response) -> Seen:
    """What the headers of a whole answer say of the file."""
    length = response.headers.get("Content-Length", "")
    return Seen(
        etag=response.headers.get("ETag"),
        last_modified=response.headers.get("Last-Modified"),
        bytes=int(length) if length.isdigit() else None,
    )


def _strong(etag: str | None) -> bool:
    """Only a strong ETag vouches for every byte; a weak one never matches in If-Match and If-Range."""
    return etag is not None and etag.startswith('"')


def _continues(response: requests.Response, seen: Seen, arrived: int) -> bool:
    """Whether a 206 is the rest of the very file; a server that does not know If-Range is caught by its ETag."""
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if span is None or int(span[1]) != arrived or response.headers.get("ETag", seen.etag) != seen.etag:
        return False
    return span[2] == "*" or seen.bytes is None or int(span[2]) == seen.bytes
