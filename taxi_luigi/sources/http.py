"""Files on web servers: check whether they are published, once each and several at a time.

Downloads are in http_download.py.
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
from taxi_luigi.sources.http_retry import RetryPolicy, check_status
from taxi_luigi.sources.transport import SOURCE, Fetched, HttpSettings, Look, NotPublished, Progress, Published

_HEAD_ATTEMPTS = 2
_HEAD_TIMEOUT = 15.0
"""seconds without a byte of the response to a HEAD, and half of its total time; shorter than for a download, because
all scheduling waits for the HEADs"""
_HEAD_MAX_RETRY_AFTER = 10.0
"""seconds; the longest Retry-After before the second HEAD"""
_PAGES = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")
_NO_HEAD = (404, 405, 501)
"""statuses of a HEAD by servers that do not support HEAD but may have the file"""
_ONE_BYTE = {"Range": "bytes=0-0"}

_looks: dict[str, Look] = {}
"""by address, for the life of the process; forked children inherit it, so they have the ETags without a request"""


class Web:
    """Files on web servers."""

    def __init__(self, net: HttpSettings, setting: str = SOURCE) -> None:
        self._net = net
        self._setting = setting

    def look(self, address: str) -> Look:
        return _looks.get(address) or self.look_all([address])[address]

    def look_all(self, addresses: Iterable[str]) -> dict[str, Look]:
        unique = list(dict.fromkeys(addresses))
        round_ = _Round(self._net, self._setting, [address for address in unique if address not in _looks])
        _looks.update(round_.run())
        return {address: _looks[address] for address in unique}

    def fetch(self, address: str, into: Path, progress: Progress) -> Fetched:
        # Removed until the download succeeds: after a failure, the cached result may be outdated.
        look = _looks.pop(address, None)
        etag = look.seen.etag if look and look.seen else None
        slots = Slots(atomic_files.private("downloads"))
        pace = Pace(self._net.bandwidth, slots.held)
        with slots.one(self._net.at_once), Client(self._net, self._setting) as client:
            fetched = Download(address, self._net, into, etag, progress, self._setting, pace).run(client)
        _looks[address] = Look(Published.YES, fetched.seen)
        return fetched


class _Round:
    """Concurrent checks of many files, ended early for a server that only fails: it is down, or blocks us."""

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
            return Look(Published.UNKNOWN, None, f"{url}: not checked, after {self._unanswered} others had no answer")
        policy = RetryPolicy(_HEAD_ATTEMPTS, self._net.backoff, _HEAD_MAX_RETRY_AFTER)
        try:
            return policy.call(url, lambda: self._request(client, address, url))
        except NotPublished as error:
            return Look(Published.NO, None, str(error))
        except SourceError as error:
            return Look(Published.UNKNOWN, None, str(error))

    def _request(self, client: Client, address: str, url: str) -> Look:
        with client.request("HEAD", address, read_timeout=_HEAD_TIMEOUT) as answer:
            status = answer.status
            if status not in (403, *_NO_HEAD):
                return self._look_of(answer, url)
        # Of a body, only the beginning of an error is read: leaving the block closes the connection.
        if status == 403:
            # The reason is in the body, which only a GET has. TLC answers 403 for a missing file, so another status of
            # the GET does not prove that the file exists.
            with client.request("GET", address, read_timeout=_HEAD_TIMEOUT) as answer:
                check_status(answer, url, self._setting)
                raise TransientError(f"HTTP 403 Forbidden to HEAD, but HTTP {answer.status} to GET{answer.via}")
        with client.request("GET", address, _ONE_BYTE, _HEAD_TIMEOUT) as answer:
            return self._look_of(answer, url)

    def _look_of(self, answer: Answer, url: str) -> Look:
        check_status(answer, url, self._setting)
        kind = answer.content_type
        if kind in _PAGES:
            page = f"{url}: the server answers with a page ({kind}) instead of the file{answer.via}"
            return Look(Published.UNKNOWN, None, page)
        return Look(Published.YES, answer.seen)


def _in_threads(work: Callable[[], None], number: int) -> None:
    """Run `work` in that many threads, wait for all, and raise the first exception.

    They are daemon threads, so that Ctrl-C does not wait for a server that does not answer.
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
