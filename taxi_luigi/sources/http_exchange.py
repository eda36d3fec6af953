"""One request to a web server and its response.

Errors are raised as TransientError, where another attempt may succeed, or as SourceError. `Client._failures` converts
all exceptions of requests, urllib3, http.client, ssl and their helpers.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from os import strerror
from typing import NamedTuple, Self

import requests
import urllib3.exceptions

from taxi_luigi.core.errors import SourceError, TaxiError
from taxi_luigi.core.receipts import SourceFingerprint, digest
from taxi_luigi.core.redaction import public_url, redact
from taxi_luigi.core.text import unwrapped
from taxi_luigi.sources.environment import bundle_fault, proxy_fault, proxy_of, trust
from taxi_luigi.sources.http_session import Clock, InvalidRedirect, Session, TooSlow
from taxi_luigi.sources.transport import CHUNK, HttpSettings

_OPENING = 4096
"""bytes to read of an error's body: S3's AccessDenied document has about 250"""
_LONGEST_VALIDATOR = 256
"""characters; a longer ETag is replaced by a digest; S3's have 40"""
_NUMBER = re.compile("[0-9]{1,15}")
"""of bytes: below 1,000 TB. str.isdigit() takes `²` for a digit, and int() a Bengali one."""
_SPAN = re.compile(r"bytes (?:([0-9]{1,15})-[0-9]{1,15}|\*)/([0-9]{1,15}|\*)")
_FOR_EVER = 1e9
"""seconds; replaces a Retry-After of more digits"""


class TransientError(Exception):
    """A request failed, and another attempt may succeed; `pause` is the server's Retry-After in seconds."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Span(NamedTuple):
    """A parsed Content-Range."""

    start: int | None
    """None: the server has no such part"""
    total: int | None
    """bytes of the whole file; None: unknown"""


class Client:
    """A client for one request at a time. Each thread and each process needs its own, because a shared connection mixes
    up responses.

    Args:
        net: time limits
        setting: the setting to correct, for messages
    """

    def __init__(self, net: HttpSettings, setting: str) -> None:
        self._net, self._setting = net, setting
        self._clock = Clock(net.lowest_speed)
        self._session = Session(self._clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @contextmanager
    def request(
        self, method: str, address: str, headers: Mapping[str, str] | None = None, read_timeout: float | None = None
    ) -> Iterator[Answer]:
        """Send one request, follow redirects and yield the response. The connection is closed unless it was read fully.

        Args:
            method: GET or HEAD
            address: with credentials
            headers: in addition to the default ones
            read_timeout: seconds without a byte, `HttpSettings.read_timeout` unless given. The headers, and an
                error's body, may take twice as long in all.
        Raises:
            TransientError, SourceError
        """
        read_timeout = min(self._net.read_timeout, read_timeout or self._net.read_timeout)
        self._clock.answer_within(self._net.connect_timeout + 2 * read_timeout)
        self._session.current_url, self._session.redirected = address, False
        with self._failures(address, read_timeout):
            # A HEAD has no body, and its connection is used again
            response = self._session.request(
                method,
                address,
                headers=headers,
                stream=method != "HEAD",
                timeout=(self._net.connect_timeout, read_timeout),
            )
        with response:
            yield Answer(self, response, address, read_timeout)

    def begin_body(self) -> None:
        """Limit the speed from here on, and no longer the total time."""
        self._clock.body_begins()

    def paused(self, seconds: float) -> None:
        """Exclude these seconds, in which nothing was read, from the measured speed."""
        self._clock.stopped(seconds)

    def read(self, answer: Answer, size: int, *, whole: bool, decode: bool = False) -> bytes:
        """Read from a body.

        Args:
            answer: the response
            size: the largest number of bytes
            whole: wait for all of `size`, unless the body ends
            decode: undo the Content-Encoding
        Returns:
            the bytes; none at the end
        """
        with self._failures(answer.address, answer.read_timeout):
            raw = answer.response.raw
            data = raw.read(size, decode_content=decode) if whole else raw.read1(size, decode_content=False)
        self._clock.arrived(len(data or b""))
        return bytes(data or b"")

    @property
    def via(self) -> str:
        """`, through http_proxy = http://proxy:3128` where the last response may be a proxy's, for messages."""
        url = self._session.current_url
        proxy = proxy_of(url) if url.lower().startswith("http:") else ""
        return f", through {proxy}" if proxy else ""

    @contextmanager
    def _failures(self, address: str, read_timeout: float) -> Iterator[None]:
        """Convert the exceptions of libraries.

        Its block contains only their calls, so the cause is the server's data or the environment. `from None`: a
        traceback would print their texts, which contain the URL with its secrets.
        """
        try:
            yield
        except (MemoryError, TaxiError, TransientError):
            raise
        except Exception as error:  # noqa: BLE001 the exceptions of these libraries have no common base
            raise self._failure(error, public_url(address), read_timeout) from None

    def _failure(self, error: Exception, url: str, read_timeout: float) -> TransientError | SourceError:
        causes = list(_causes(error))
        encrypted = self._session.current_url.lower().startswith("https:") or any(map(_of_certificates, causes))
        fault = proxy_fault(self._session.current_url) or (bundle_fault() if encrypted else "")
        if fault:
            return SourceError(f"{url}: {fault}")
        proxy = proxy_of(self._session.current_url)
        through = f", through {proxy}" if proxy else ""
        if isinstance(error, requests.exceptions.TooManyRedirects):
            return SourceError(f"{url}: the server redirects without end{self.via}; check {self._setting}")
        if isinstance(error, (InvalidRedirect, *(_GAVE_UP_AT_ONCE if self._session.redirected else ()))):
            what = "the server redirects to an address that is not of http:// or https://"
            return SourceError(f"{url}: {what}{self.via}; check {self._setting}")
        if any("407 " in str(cause) for cause in causes if type(cause) is OSError):
            return SourceError(f"{url}: {password_required(proxy)}")
        if isinstance(error, _GAVE_UP_AT_ONCE):
            return SourceError(f"{url}: {type(error).__name__}{through}; check {self._setting}")
        return TransientError(_reason(causes, self._net.connect_timeout, read_timeout) + through)


class Answer:
    """The response of a server. Each header is validated when it is read; an invalid one that matters raises
    TransientError.
    """

    def __init__(self, client: Client, response: requests.Response, address: str, read_timeout: float) -> None:
        self._client = client
        self.response, self.address, self.read_timeout = response, address, read_timeout
        self.status = response.status_code

    @property
    def via(self) -> str:
        """The proxy that may have sent it, for messages."""
        return self._client.via

    @property
    def etag(self) -> str | None:
        return self._validator("ETag")

    @property
    def last_modified(self) -> str | None:
        return self._validator("Last-Modified")

    @property
    def length(self) -> int | None:
        """Bytes of the body as sent; None: unknown."""
        text = self._header("Content-Length")
        if text is None or "chunked" in (self._header("Transfer-Encoding") or "").lower():
            return None
        lengths = {each.strip() for each in text.split(",")}
        if len(lengths) != 1 or not _NUMBER.fullmatch(length := lengths.pop()):
            raise TransientError(f"its Content-Length is not a number of bytes: {_quoted(text)}")
        return int(length)

    @property
    def span(self) -> Span:
        """The part of the file in a 206."""
        text = (self._header("Content-Range") or "").strip()
        found = _SPAN.fullmatch(text)
        if found is None:
            raise TransientError(f"its Content-Range names no part of a file: {_quoted(text)}")
        start, total = found.groups()
        return Span(int(start) if start else None, None if total == "*" else int(total))

    @property
    def seen(self) -> SourceFingerprint:
        """The fingerprint of the whole file, from the headers."""
        return SourceFingerprint(self.etag, self.last_modified, self.span.total if self.status == 206 else self.length)

    @property
    def content_type(self) -> str:
        """The media type, as `text/html`, without parameters and in lower case."""
        return (self._header("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def codings(self) -> tuple[str, ...]:
        """The Content-Encoding, in the order in which it was applied."""
        return tuple(
            each.strip().lower() for each in (self._header("Content-Encoding") or "").split(",") if each.strip()
        )

    @property
    def pause(self) -> float:
        """The Retry-After in seconds; 0 without a valid one."""
        text = (self._header("Retry-After") or "").strip()
        if re.fullmatch("[0-9]+", text):
            return float(text) if len(text) < 10 else _FOR_EVER
        try:
            return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, OverflowError, IndexError):  # TypeError: a date without a zone
            return 0.0

    def opening(self) -> bytes:
        """Read the beginning of an error's body."""
        return self._client.read(self, _OPENING, whole=True, decode=True)

    def chunks(self, first: int, most: int = CHUNK) -> Iterator[bytes]:
        """Yield the body as sent.

        Args:
            first: bytes of the first chunk; 0: no such chunk
            most: the largest number of bytes of the others, which have what has arrived, so that a break loses nothing
        """
        self._client.begin_body()
        if first:
            yield self._client.read(self, first, whole=True)
        while chunk := self._client.read(self, most, whole=False):
            yield chunk

    @property
    def addresses(self) -> list[str]:
        """The requested address and those it redirected to, whose secrets a page may repeat."""
        return [self.address, self.response.url, *(past.url for past in self.response.history)]

    def _header(self, name: str) -> str | None:
        value = self.response.headers.get(name)
        return None if value is None else str(value)

    def _validator(self, name: str) -> str | None:
        """Return a header that identifies the version of a file.

        It is sent back, logged and stored, so a long one, or one that is not ASCII, is replaced by a digest, which
        matches no ETag of a server.
        """
        text = self._header(name)
        if text is None or (len(text) <= _LONGEST_VALIDATOR and re.fullmatch("[ -~]*", text)):
            return text
        return f"digest-{digest(text)}"


def first_words(body: bytes, *addresses: str) -> str:
    """Return the beginning of a web page in one quoted line, without the secrets of the addresses."""
    # Masked before it is shortened: half a secret would not be recognized
    text = redact(unwrapped(body.decode("utf-8", "replace")), *addresses)
    return _quoted(text) if text else "an empty page"


def password_required(proxy: str) -> str:
    """Return the message for a proxy's status 407."""
    return f"{proxy or 'a proxy'}: requires a user and a password; write it as http://USER:PASSWORD@HOST:PORT"


_GAVE_UP_AT_ONCE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)
"""exceptions of requests for an unusable address"""


_REASONS: dict[tuple[type[BaseException], ...], str] = {
    (socket.gaierror,): "the host's name does not resolve",
    (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead): "the connection ended in mid-file",
    (http.client.RemoteDisconnected,): "the server closed the connection without an answer",
    (http.client.BadStatusLine,): "the server answers with something else than HTTP",
    (
        requests.exceptions.InvalidHeader,
        urllib3.exceptions.HeaderParsingError,
        http.client.HTTPException,
        ValueError,
    ): "its headers cannot be read",
}
"""messages by the causes of an error; the first match applies"""


def _quoted(text: str) -> str:
    return repr(text[:100] + "…" * (len(text) > 100))


def _of_certificates(cause: BaseException) -> bool:
    """Return whether TLS failed; requests raises a bare OSError for a missing file of certificates (2.34)."""
    tls = (ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError)
    return isinstance(cause, tls) or (type(cause) is OSError and cause.errno is None)


def _reason(causes: list[BaseException], connect_timeout: float, read_timeout: float) -> str:
    """Return a short reason, never the error's own text, which contains the URL with all its secrets."""

    def found(*kinds: type[BaseException]) -> BaseException | None:
        return next((cause for cause in causes if isinstance(cause, kinds)), None)

    if slow := found(TooSlow):
        return str(slow)
    if isinstance(untrusted := found(ssl.SSLCertVerificationError), ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {untrusted.verify_message} ({trust()})"
    if found(requests.exceptions.ConnectTimeout):
        return f"no connection within {connect_timeout:g} s"
    if found(urllib3.exceptions.ReadTimeoutError, TimeoutError):
        return f"not a byte for {read_timeout:g} s"
    for kinds, words in _REASONS.items():
        if found(*kinds):
            return words
    for cause in causes:
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return strerror(cause.errno).lower()
    return f"the connection failed ({type(causes[-1]).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all its causes; requests and urllib3 put the cause into args, `reason` or `__context__`."""
    waiting: list[object] = [error]
    known: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in known:
            continue
        known.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
