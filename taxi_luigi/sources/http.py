"""Files behind http and https: whether they are there, each asked once, several at a time.

How one is downloaded is in http_download.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import SourceError
from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources.http_download import Download, Pace, Slots
from taxi_luigi.sources.http_exchange import Answer, Client, TransientError
from taxi_luigi.sources.http_retry import RetryPolicy, judge
from taxi_luigi.sources.transport import SOURCE, Fetched, HttpSettings, Look, NotPublished, Progress, Published

_HEAD_ATTEMPTS = 2
_HEAD_SILENCE = 15.0
"""seconds without a byte of an answer to a HEAD, and half of what it may take in all; a download may be slower, but all
scheduling waits for the HEADs"""
_HEAD_WISH = 10.0
"""seconds that a server may ask us to wait before the second HEAD"""
_PAGES = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")
_NO_HEAD = (404, 405, 501)
"""answers to a HEAD of servers that serve the file all the same: they do not know HEAD"""
_ONE_BYTE = {"Range": "bytes=0-0"}

_looks: dict[str, Look] = {}
"""By address, for the life of the process. Forked children inherit it, so they know the ETags without asking."""


def forget_looks() -> None:
    """Lets the next look ask the server again."""
    _looks.clear()


class Web:
    """Files on web servers."""

    def __init__(self, net: HttpSettings, setting: str = SOURCE) -> None:
        self._net = net
        self._setting = setting

    def look(self, address: str) -> Look:
        return self.look_all([address])[address]

    def look_all(self, addresses: Iterable[str]) -> dict[str, Look]:
        wanted = list(dict.fromkeys(addresses))
        round_ = _Round(self._net, self._setting, [address for address in wanted if address not in _looks])
        _looks.update(round_.run())
        return {address: _looks[address] for address in wanted}

    def fetch(self, address: str, into: Path, progress: Progress) -> Fetched:
        # Forgotten until it arrived: after a failure, what was seen of it says nothing any more.
        look = _looks.pop(address, None)
        etag = look.seen.etag if look and look.seen else None
        slots = Slots(atomic_files.private("downloads"))
        pace = Pace(self._net.bandwidth, slots.held)
        with slots.one(self._net.at_once), Client(self._net, self._setting) as client:
            fetched = Download(address, self._net, into, etag, progress, self._setting, pace).run(client)
        _looks[address] = Look(Published.YES, fetched.seen)
        return fetched


class _Round:
    """Asking for many files at once. One that only fails is asked no more: it is down, or shuts us out."""

    def __init__(self, net: HttpSettings, setting: str, addresses: list[str]) -> None:
        self._net = net
        self._setting = setting
        self._queue = deque(addresses)
        self._looks: dict[str, Look] = {}
        self._unanswered = 0

    def run(self) -> dict[str, Look]:
        if len(self._queue) == 1:
            self._drain()
        else:
            _in_threads(self._drain, min(self._net.parallel, len(self._queue)))
        return self._looks

    def _drain(self) -> None:
        with Client(self._net, self._setting) as client:
            while self._queue:
                try:
                    address = self._queue.popleft()
                except IndexError:  # another thread was faster
                    return
                look = self._look(client, address)
                self._looks[address] = look
                self._unanswered = self._unanswered + 1 if look.published is Published.UNKNOWN else 0

    def _look(self, client: Client, address: str) -> Look:
        url = public_url(address)
        if self._unanswered >= self._net.parallel:
            return Look(Published.UNKNOWN, None, f"{url}: not asked for, after {self._unanswered} others had no answer")
        patience = RetryPolicy(_HEAD_ATTEMPTS, self._net.backoff, _HEAD_WISH)
        try:
            return patience.call(url, lambda: self._ask(client, address, url))
        except NotPublished as error:
            return Look(Published.NO, None, str(error))
        except SourceError as error:
            return Look(Published.UNKNOWN, None, str(error))

    def _ask(self, client: Client, address: str, url: str) -> Look:
        with client.ask("HEAD", address, longest_silence=_HEAD_SILENCE) as answer:
            status = answer.status
            if status not in (403, *_NO_HEAD):
                return self._look_of(answer, url)
        # No more than an error's first words is read of a body: leaving the block closes the connection.
        if status == 403:
            # Its reason is in the body, which only a GET has. 403 is how TLC says "not there", so that a GET that is
            # answered otherwise does not make it a file that is.
            with client.ask("GET", address, longest_silence=_HEAD_SILENCE) as answer:
                judge(answer, url, self._setting)
                raise TransientError(f"HTTP 403 Forbidden to HEAD, but HTTP {answer.status} to GET{answer.via}")
        with client.ask("GET", address, _ONE_BYTE, _HEAD_SILENCE) as answer:
            return self._look_of(answer, url)

    def _look_of(self, answer: Answer, url: str) -> Look:
        judge(answer, url, self._setting)
        kind = answer.content_type
        if kind in _PAGES:
            page = f"{url}: the server answers with a page ({kind}) instead of the file{answer.via}"
            return Look(Published.UNKNOWN, None, page)
        return Look(Published.YES, answer.seen)


def _in_threads(work: Callable[[], None], number: int) -> None:
    """Runs `work` in that many threads and waits for all; the first exception of any is raised here.

    Daemon threads rather than a pool: after Ctrl-C nothing waits for a server that does not answer.
    """
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 it is raised below, in the caller's thread
            failures.append(error)

    threads = [Thread(target=guarded, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
