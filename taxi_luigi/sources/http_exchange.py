"""One request to a web server, and its answer: all that a server sends is read here, within limits of time.

Whatever goes wrong in it is raised as Transient, where another attempt may go better, or as SourceError: what requests,
urllib3, http.client, ssl and their helpers raise is turned into one of the two in one place, `Client._failures`. The
times are kept where bytes are taken from the socket: a timeout of requests is for each recv, and a server that sends a
byte a second never meets it.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from os import strerror
from typing import Any, NamedTuple, Self, cast
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util.response import assert_header_parsing

from taxi_luigi.core.errors import SourceError, TaxiError
from taxi_luigi.core.receipts import SourceFingerprint, digest
from taxi_luigi.core.redaction import public_url, redact
from taxi_luigi.core.text import unwrapped
from taxi_luigi.sources.base import CHUNK, HttpSettings
from taxi_luigi.sources.environment import bundle_fault, proxy_fault, proxy_of, trust

WINDOW = 60.0
"""seconds over which the lowest speed is measured, so that a slow start and a short stall are no failure"""
_OPENING = 4096
"""bytes of an error's body that are read: S3's AccessDenied document has about 250"""
_LONGEST_VALIDATOR = 256
"""characters of an ETag that is kept as it is; S3's have 40"""
_NUMBER = re.compile("[0-9]{1,15}")
"""of bytes: below 1,000 TB. str.isdigit() takes `²` for a digit, and int() a Bengali one."""
_SPAN = re.compile(r"bytes (?:([0-9]{1,15})-[0-9]{1,15}|\*)/([0-9]{1,15}|\*)")
_LONGEST_PAUSE = 1e9
"""seconds; what a Retry-After of more digits is taken for"""


class TransientError(Exception):
    """One request failed in a way that the next may not; `pause` is what the server asked us to wait, in seconds."""

    def __init__(self, reason: str, pause: float = 0.0) -> None:
        super().__init__(reason)
        self.pause = pause


class Span(NamedTuple):
    """What a Content-Range says."""

    start: int | None
    """None where the server has no such part"""
    total: int | None
    """bytes of the whole file; None where the server does not know"""


class Client:
    """Asks web servers, one request at a time. Each thread and each process has its own: a shared connection mixes up
    answers. `setting` is what a person may have written wrong.
    """

    def __init__(self, net: HttpSettings, setting: str) -> None:
        self._net, self._setting = net, setting
        self._clock = _Clock(net.lowest_speed)
        self._session = _Session(self._clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    @contextmanager
    def ask(
        self, method: str, address: str, headers: Mapping[str, str] | None = None, longest_silence: float | None = None
    ) -> Iterator[Answer]:
        """The answer to one request, redirects followed. Its connection is closed unless it was read to its end.

        Args:
            longest_silence: seconds without a byte, `HttpSettings.read_timeout` unless given. The headers, and
                an error's body, may take twice as long in all.
        Raises:
            TransientError, SourceError
        """
        silence = min(self._net.read_timeout, longest_silence or self._net.read_timeout)
        self._clock.answer_within(self._net.connect_timeout + 2 * silence)
        self._session.asked, self._session.redirected = address, False
        with self._failures(address, silence):
            # A HEAD has no body, and its connection is used again
            response = self._session.request(
                method, address, headers=headers, stream=method != "HEAD", timeout=(self._net.connect_timeout, silence)
            )
        with response:
            yield Answer(self, response, address, silence)

    def begin_body(self) -> None:
        """From here on the server's speed counts, and no longer its total time."""
        self._clock.body_begins()

    def paused(self, seconds: float) -> None:
        """Of these seconds the server's speed is not measured: we did not read."""
        self._clock.stopped(seconds)

    def read(self, answer: Answer, size: int, *, whole: bool, decode: bool = False) -> bytes:
        """Up to `size` bytes of a body; fewer before its end only unless `whole`, and none at its end."""
        with self._failures(answer.address, answer.silence):
            raw = answer.response.raw
            data = raw.read(size, decode_content=decode) if whole else raw.read1(size, decode_content=False)
        self._clock.arrived(len(data or b""))
        return bytes(data or b"")

    @property
    def via(self) -> str:
        """`, asked through http_proxy = http://proxy:3128` where the answer to the last request may be a proxy's."""
        url = self._session.asked
        proxy = proxy_of(url) if url.lower().startswith("http:") else ""
        return f", asked through {proxy}" if proxy else ""

    @contextmanager
    def _failures(self, address: str, silence: float) -> Iterator[None]:
        """Only calls of libraries stand in its block, so whatever is raised there came of what a server sent, or of
        the environment. `from None`, as their own texts, which a traceback would print, hold the URL with its secrets.
        """
        try:
            yield
        except (MemoryError, TaxiError, TransientError):
            raise
        except Exception as error:  # noqa: BLE001 what these libraries raise has no common base, see above
            raise self._failure(error, public_url(address), silence) from None

    def _failure(self, error: Exception, url: str, silence: float) -> TransientError | SourceError:
        causes = list(_causes(error))
        encrypted = self._session.asked.lower().startswith("https:") or any(map(_of_certificates, causes))
        fault = proxy_fault(self._session.asked) or (bundle_fault() if encrypted else "")
        if fault:
            return SourceError(f"{url}: {fault}")
        proxy = proxy_of(self._session.asked)
        through = f", asked through {proxy}" if proxy else ""
        if isinstance(error, requests.exceptions.TooManyRedirects):
            return SourceError(f"{url}: the server redirects without end{self.via}; check {self._setting}")
        if isinstance(error, (_InvalidRedirect, *(_GAVE_UP_AT_ONCE if self._session.redirected else ()))):
            what = "the server redirects to what is no address of http:// or https://"
            return SourceError(f"{url}: {what}{self.via}; check {self._setting}")
        if any("407 " in str(cause) for cause in causes if type(cause) is OSError):
            return SourceError(f"{url}: {wants_password(proxy)}")
        if isinstance(error, _GAVE_UP_AT_ONCE):
            return SourceError(f"{url}: {type(error).__name__}{through}; check {self._setting}")
        return TransientError(_reason(causes, self._net.connect_timeout, silence) + through)


class Answer:
    """What a server answered. No header is trusted to be what it should be; one that matters and is not raises
    TransientError when it is looked at.
    """

    def __init__(self, client: Client, response: requests.Response, address: str, silence: float) -> None:
        self._client = client
        self.response, self.address, self.silence = response, address, silence
        self.status = response.status_code

    @property
    def via(self) -> str:
        """The proxy that may have given it, for a line."""
        return self._client.via

    @property
    def etag(self) -> str | None:
        return self._validator("ETag")

    @property
    def last_modified(self) -> str | None:
        return self._validator("Last-Modified")

    @property
    def length(self) -> int | None:
        """Bytes of the body as sent; None where it is not announced."""
        text = self._header("Content-Length")
        if text is None or "chunked" in (self._header("Transfer-Encoding") or "").lower():
            return None
        lengths = {each.strip() for each in text.split(",")}
        if len(lengths) != 1 or not _NUMBER.fullmatch(length := lengths.pop()):
            raise TransientError(f"its Content-Length is no number of bytes: {_quoted(text)}")
        return int(length)

    @property
    def span(self) -> Span:
        """Which part of the file it is, of a 206."""
        text = (self._header("Content-Range") or "").strip()
        found = _SPAN.fullmatch(text)
        if found is None:
            raise TransientError(f"its Content-Range names no part of a file: {_quoted(text)}")
        start, total = found.groups()
        return Span(int(start) if start else None, None if total == "*" else int(total))

    @property
    def seen(self) -> SourceFingerprint:
        """What its headers say of the whole file."""
        return SourceFingerprint(self.etag, self.last_modified, self.span.total if self.status == 206 else self.length)

    @property
    def content_type(self) -> str:
        """`text/html`, say, without its parameters and in lower case."""
        return (self._header("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def codings(self) -> tuple[str, ...]:
        """The Content-Encoding, in the order in which it was applied."""
        return tuple(
            each.strip().lower() for each in (self._header("Content-Encoding") or "").split(",") if each.strip()
        )

    @property
    def pause(self) -> float:
        """Seconds that the server asks us to wait; 0 where it does not, or not in a way that can be read."""
        text = (self._header("Retry-After") or "").strip()
        if re.fullmatch("[0-9]+", text):
            return float(text) if len(text) < 10 else _LONGEST_PAUSE
        try:
            return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError, OverflowError, IndexError):  # TypeError: a date without a zone
            return 0.0

    def opening(self) -> bytes:
        """The beginning of an error's body."""
        return self._client.read(self, _OPENING, whole=True, decode=True)

    def chunks(self, first: int, most: int = CHUNK) -> Iterator[bytes]:
        """The body as sent: its first so many bytes, then whatever is there, so that a break loses nothing of it.

        Each of them has `most` bytes at most.
        """
        self._client.begin_body()
        if first:
            yield self._client.read(self, first, whole=True)
        while chunk := self._client.read(self, most, whole=False):
            yield chunk

    @property
    def addresses(self) -> list[str]:
        """The one that was asked and those that it led to, whose secrets a page may repeat."""
        return [self.address, self.response.url, *(past.url for past in self.response.history)]

    def _header(self, name: str) -> str | None:
        value = self.response.headers.get(name)
        return None if value is None else str(value)

    def _validator(self, name: str) -> str | None:
        """A header that tells versions of a file apart. It is sent back, logged and stored, so that one that is long or
        not plain ASCII stands for itself by a digest, which no server takes for its own.
        """
        text = self._header(name)
        if text is None or (len(text) <= _LONGEST_VALIDATOR and re.fullmatch("[ -~]*", text)):
            return text
        return f"digest-{digest(text)}"


def first_words(body: bytes, *addresses: str) -> str:
    """The beginning of a web page in one quoted line, without what it repeats of the addresses' secrets."""
    # Masked before it is cut: half a secret would not be known for one
    text = redact(unwrapped(body.decode("utf-8", "replace")), *addresses)
    return _quoted(text) if text else "an empty page"


def wants_password(proxy: str) -> str:
    """For a proxy's answer 407."""
    return f"{proxy or 'a proxy'}: wants a user and a password; write it as http://USER:PASSWORD@HOST:PORT"


class _InvalidRedirect(Exception):
    """The server sends us to what is no address."""


class _TooSlow(TimeoutError):
    """The server sends, but takes too long for it."""


_GAVE_UP_AT_ONCE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationValueError,
)
"""what requests raises where the address itself cannot be used"""


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
"""what an error is called that has one of these causes; the first that fits"""


class _Clock:
    """How long the server of the request under way may still take. It is asked before every recv."""

    def __init__(self, lowest_speed: float) -> None:
        self._lowest_speed = lowest_speed
        self._total = 0
        self.answer_within(0)

    def answer_within(self, seconds: float) -> None:
        self._within, self._until = seconds, time.monotonic() + seconds
        self._marks: deque[tuple[float, int]] | None = None

    def body_begins(self) -> None:
        self._marks = deque([(time.monotonic(), self._total)])

    def arrived(self, size: int) -> None:
        """Counts bytes of the body, and nothing that only surrounds them."""
        self._total += size

    def stopped(self, seconds: float) -> None:
        """Nothing was to come for so long."""
        if self._marks is not None:
            self._marks = deque((at + seconds, total) for at, total in self._marks)

    def left(self) -> float | None:
        """Seconds that the next recv may take, None for as long as the socket's own timeout. Raises _TooSlow."""
        now = time.monotonic()
        if self._marks is None:
            if now >= self._until:
                raise _TooSlow(f"its answer took longer than {self._within:g} s")
            return self._until - now
        while len(self._marks) > 1 and self._marks[1][0] <= now - WINDOW:
            self._marks.popleft()
        since, total = self._marks[0]
        if now - since >= WINDOW and self._total - total < self._lowest_speed * WINDOW:
            slow = f"fewer than {self._lowest_speed:g} bytes a second came for {WINDOW:g} s"
            raise _TooSlow(f"{slow} ([download] lowest_speed)")
        if now - self._marks[-1][0] >= WINDOW / 60:
            self._marks.append((now, self._total))
        return None


class _Clocked(io.RawIOBase):
    """The bytes that a socket receives, as long as the clock lets them come."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, clock: _Clock) -> None:
        self._raw, self._sock, self._clock = raw, sock, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left, timeout = self._clock.left(), self._sock.gettimeout()
        if left is None or (timeout is not None and timeout <= left):
            return self._raw.readinto(buffer)
        self._sock.settimeout(left)
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            self._clock.left()
            raise
        finally:
            self._sock.settimeout(timeout)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read by the clock: a server's, and a proxy's to CONNECT."""

    clock: _Clock

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Clocked(self.fp.detach(), sock, self.clock))

    def begin(self) -> None:
        super().begin()
        # urllib3 only logs what it could not read, with a traceback and the URL, and goes on without the rest (2.8)
        assert_header_parsing(self.msg)
        # urllib3 refuses them too, but after http.client has let go of the answer, whose socket stays open (2.8)
        lengths = ",".join(self.msg.get_all("Content-Length", []))
        if len({each.strip() for each in lengths.split(",")}) > 1:
            raise http.client.HTTPException("lengths that differ")


class _Adapter(HTTPAdapter):
    """Connections whose answers are read by the clock."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        self._response_class = type("_ClockedResponse", (_Response,), {"clock": clock})

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> HTTPConnectionPool:
        pool = cast(HTTPConnectionPool, super().get_connection_with_tls_context(*args, **options))
        if getattr(pool.ConnectionCls, "response_class", None) is not self._response_class:
            changed = {"response_class": self._response_class}
            pool.ConnectionCls = type("_ClockedConnection", (pool.ConnectionCls,), changed)
        return pool


class _Session(requests.Session):
    """`asked` is the address of the request under way, which a redirect changes."""

    asked = ""
    redirected = False

    def __init__(self, clock: _Clock) -> None:
        super().__init__()
        # identity: the bytes as published, so that Content-Length counts them.
        self.headers.update({"Accept-Encoding": "identity", "User-Agent": "taxi_luigi"})
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(clock))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.asked = request.url or ""
        return super().send(request, **options)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        try:
            target = super().get_redirect_target(resp)
            if not target:
                return None
            parts = urlsplit(urljoin(resp.url, target))
            usable = parts.scheme.lower() in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or resp.request.method != "HEAD":
            resp.close()  # requests reads the body of a redirect, however large, into memory (2.34)
        if not usable:
            raise _InvalidRedirect
        self.redirected = True
        return target


def _quoted(text: str) -> str:
    return repr(text[:100] + "…" * (len(text) > 100))


def _of_certificates(cause: BaseException) -> bool:
    """Whether TLS failed; requests raises a bare OSError for a file of certificates that is not there (2.34)."""
    tls = (ssl.SSLError, requests.exceptions.SSLError, urllib3.exceptions.SSLError)
    return isinstance(cause, tls) or (type(cause) is OSError and cause.errno is None)


def _reason(causes: list[BaseException], connect_timeout: float, silence: float) -> str:
    """A few words, never the error's own text: that holds the URL with all its secrets."""

    def found(*kinds: type[BaseException]) -> BaseException | None:
        return next((cause for cause in causes if isinstance(cause, kinds)), None)

    if slow := found(_TooSlow):
        return str(slow)
    if isinstance(untrusted := found(ssl.SSLCertVerificationError), ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {untrusted.verify_message} ({trust()})"
    if found(requests.exceptions.ConnectTimeout):
        return f"no connection within {connect_timeout:g} s"
    if found(urllib3.exceptions.ReadTimeoutError, TimeoutError):
        return f"not a byte for {silence:g} s"
    for kinds, words in _REASONS.items():
        if found(*kinds):
            return words
    for cause in causes:
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
