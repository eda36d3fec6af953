"""Files behind http and https: whether they are there, each asked once, several at a time.

How one is downloaded is in download.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Thread

import requests

from taxi_luigi.errors import SourceError
from taxi_luigi.sources.answers import SOURCE, Fetched, Look, Net, NotPublished, Progress, Published
from taxi_luigi.sources.download import Download, seen_of
from taxi_luigi.sources.patience import Patience, judge, network
from taxi_luigi.sources.template import public_url

_HEAD_ATTEMPTS = 2
_HEAD_SILENCE = 15.0
"""seconds without an answer to a HEAD; a download may be borne with longer, but all scheduling waits for the HEADs"""
_HEAD_WISH = 10.0
"""seconds that a server may ask us to wait before the second HEAD"""
_PAGES = ("text/html", "application/xhtml+xml", "text/xml", "application/xml")
_NO_HEAD = (403, 405, 501)
"""answers to a HEAD after which a GET tells more: 403 has its reason in the body, the others don't know HEAD"""

_looks: dict[str, Look] = {}
"""By address, for the life of the process. Forked children inherit it, so they know the ETags without asking."""


def forget_looks() -> None:
    """Lets the next look ask the server again."""
    _looks.clear()


class Web:
    """Files on web servers."""

    def __init__(self, net: Net, setting: str = SOURCE) -> None:
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
        with _session() as session:
            fetched = Download(address, self._net, into, etag, progress, self._setting).run(session)
        _looks[address] = Look(Published.YES, fetched.seen)
        return fetched


class _Round:
    """Asking for many files at once. One that only fails is asked no more: it is down, or shuts us out."""

    def __init__(self, net: Net, setting: str, addresses: list[str]) -> None:
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
        with _session() as session:
            while self._queue:
                try:
                    address = self._queue.popleft()
                except IndexError:  # another thread was faster
                    return
                look = self._look(session, address)
                self._looks[address] = look
                self._unanswered = self._unanswered + 1 if look.published is Published.UNKNOWN else 0

    def _look(self, session: requests.Session, address: str) -> Look:
        url = public_url(address)
        if self._unanswered >= self._net.parallel:
            return Look(Published.UNKNOWN, None, f"{url}: not asked for, after {self._unanswered} others had no answer")
        patience = Patience(_HEAD_ATTEMPTS, self._net.backoff, _HEAD_WISH)
        try:
            return patience.persist(url, lambda: self._ask(session, address, url))
        except NotPublished as error:
            return Look(Published.NO, None, str(error))
        except SourceError as error:
            return Look(Published.UNKNOWN, None, str(error))

    def _ask(self, session: requests.Session, address: str, url: str) -> Look:
        timeout = (self._net.connect_timeout, min(self._net.read_timeout, _HEAD_SILENCE))
        with network(url, self._net, self._setting):
            with session.head(address, timeout=timeout, allow_redirects=True) as response:
                if response.status_code not in _NO_HEAD:
                    return self._look_of(response, url)
            # No more than an error's first words is read of the body: leaving the block closes the connection.
            with session.get(address, timeout=timeout, stream=True) as response:
                return self._look_of(response, url)

    def _look_of(self, response: requests.Response, url: str) -> Look:
        judge(response, url, self._setting)
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind in _PAGES:
            return Look(Published.UNKNOWN, None, f"{url}: the server answers with a page ({kind}) instead of the file")
        return Look(Published.YES, seen_of(response))


def _session() -> requests.Session:
    """A session of its own for each use: a connection that two processes share mixes up their answers."""
    session = requests.Session()
    # identity: the bytes as published, so that Content-Length counts them.
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "taxi_luigi"})
    return session


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
