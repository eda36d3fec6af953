"""Which failures of a web server are tried again, how long we wait, and what they are called in one line.

404, 410, 403 with S3's AccessDenied       there is no such file: NotPublished
other 403 (the firewall before TLC's CDN),
408, 425, 429, 5xx, reset, stall, …        Transient: again, with backoff
anything else                              SourceError at once
"""

from __future__ import annotations

import http.client
import logging
import random
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from os import strerror
from typing import TypeVar

import requests
import tenacity
import urllib3.exceptions

from taxi_luigi.errors import SourceError
from taxi_luigi.sources.answers import Net, NotPublished
from taxi_luigi.sources.template import without_secrets

log = logging.getLogger(__name__)
T = TypeVar("T")

_LONGEST_PAUSE = 60.0
"""seconds; what our own backoff grows to"""
_OPENING = 4096
"""bytes of an error's body that are read: S3's AccessDenied document has about 250"""
_GAVE_UP_AT_ONCE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidHeader,
    requests.exceptions.TooManyRedirects,
)


class Transient(Exception):
    """One request failed in a way that the next may not; `pause` is what the server asked us to wait, in seconds."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass
class Patience:
    """How many failures in a row are borne, and for how long a server may ask us to wait (seconds)."""

    attempts: int
    backoff: float
    longest_wish: float
    failed: int = 0

    def start_anew(self) -> None:
        """Something was gained: failures are counted from here."""
        self.failed = 0

    def persist(self, url: str, attempt: Callable[[], T]) -> T:
        """Calls `attempt` until it does not raise Transient; SourceError, naming the public url, when patience ends."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Transient),
            after=self._count,
            wait=self._pause,
            stop=self._ends,
            before_sleep=lambda state: log.warning(
                "%s: %s; again in %.1f s", url, _failure(state), state.upcoming_sleep
            ),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except Transient as last:
            wish = f", which asks to wait {last.pause:.0f} s" if last.pause > self.longest_wish else ""
            times = f"{self.failed} attempt{'s' * (self.failed > 1)}"
            raise SourceError(
                f"{url}: gave up after {times}, the last: {last}{wish}; run the same again later"
            ) from last

    def _count(self, _: tenacity.RetryCallState) -> None:
        self.failed += 1

    def _pause(self, state: tenacity.RetryCallState) -> float:
        longest: float = min(self.backoff * 2 ** min(self.failed - 1, 20), _LONGEST_PAUSE)
        # Half of it is left to chance, so that many clients do not come back at the same moment.
        return max(longest * random.uniform(0.5, 1), _failure(state).pause)

    def _ends(self, state: tenacity.RetryCallState) -> bool:
        return self.failed >= self.attempts or _failure(state).pause > self.longest_wish


def _failure(state: tenacity.RetryCallState) -> Transient:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, Transient), "tenacity calls these only after a Transient"
    return failure


def judge(response: requests.Response, url: str, setting: str) -> None:
    """Returns when the answer is the file or a part of it; raises NotPublished, Transient or SourceError when not.

    `setting` is what a person may have written wrong.
    """
    status = response.status_code
    if status in (200, 206):
        return
    if status in (404, 410):
        raise NotPublished(f"{url}: not published (HTTP {status})")
    said = f"HTTP {status} {http.client.responses.get(status, '')}".strip()
    if status == 403:
        opening = _body(response)
        # S3 hides which names it has: a missing file is 403, and so is being shut out, but only the first says this.
        if opening.lstrip().startswith(b"<") and b"<Code>AccessDenied</Code>" in opening:
            raise NotPublished(f"{url}: not published (HTTP 403, AccessDenied)")
        words = first_words(opening, response.url)
        raise Transient(f"{said}, but not S3's AccessDenied: {words}", _wish(response))
    if status in (408, 425, 429) or status >= 500:
        raise Transient(said, _wish(response))
    raise SourceError(f"{url}: the server answers {said}; check {setting}")


def first_words(body: bytes, address: str) -> str:
    """The beginning of a web page in one quoted line, without what it repeats of the address's secrets."""
    text = without_secrets(" ".join(body[:400].decode("utf-8", "replace").split()), address)
    return repr(text[:100] + "…" * (len(text) > 100)) if text else "an empty page"


@contextmanager
def network(url: str, net: Net, setting: str) -> Iterator[None]:
    """Turns what requests and urllib3 raise into Transient, or SourceError where another attempt can't help.

    `from None`, as their own texts, which a traceback would print, hold the URL with user, password and query.
    """
    try:
        yield
    except _GAVE_UP_AT_ONCE as error:
        raise SourceError(f"{url}: {type(error).__name__}; check {setting}") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise Transient(_reason(error, net)) from None


def _body(response: requests.Response) -> bytes:
    return bytes(response.raw.read(_OPENING, decode_content=True) or b"")


def _wish(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # TypeError: a date without a zone
        return 0.0


def _reason(error: BaseException, net: Net) -> str:
    """A few words, never the error's own text: that holds the URL with all its secrets."""
    causes = list(_causes(error))
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return "the host's name does not resolve"
    if any(isinstance(cause, requests.exceptions.ConnectTimeout) for cause in causes):
        return f"no connection within {net.connect_timeout:g} s"
    if any(isinstance(cause, urllib3.exceptions.ReadTimeoutError | TimeoutError) for cause in causes):
        return f"not a byte for {net.read_timeout:g} s"
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, urllib3.exceptions.IncompleteRead | http.client.IncompleteRead):
            return "the connection ended in mid-file"
        if isinstance(cause, http.client.RemoteDisconnected):
            return "the server closed the connection without an answer"
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return strerror(cause.errno).lower()
    return f"the connection failed ({type(causes[-1]).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that it was made of; requests and urllib3 put the cause into args, `reason` or `__context__`."""
    waiting: list[object] = [error]
    known: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in known:
            continue
        known.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
