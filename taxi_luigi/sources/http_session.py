"""A session of requests whose responses are read within time limits.

The limits are checked where bytes are read from the socket: a timeout of requests applies to each recv, so a server
that sends one byte a second never exceeds it.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections import deque
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util.response import assert_header_parsing

WINDOW = 60.0
"""seconds over which the lowest speed is measured, so that a slow start and a short stall do not fail"""


class InvalidRedirect(Exception):
    """The server redirects to an invalid address."""


class TooSlow(TimeoutError):
    """The server sends too slowly."""


class Clock:
    """The time that the current request may still take, checked before every recv."""

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
        """Count bytes of the body, without those of its framing."""
        self._total += size

    def stopped(self, seconds: float) -> None:
        """Exclude a pause of these seconds from the measured speed."""
        if self._marks is not None:
            self._marks = deque((at + seconds, total) for at, total in self._marks)

    def left(self) -> float | None:
        """Return the seconds that the next recv may take; None: the socket's own timeout. Raise TooSlow."""
        now = time.monotonic()
        if self._marks is None:
            if now >= self._until:
                raise TooSlow(f"its answer took longer than {self._within:g} s")
            return self._until - now
        while len(self._marks) > 1 and self._marks[1][0] <= now - WINDOW:
            self._marks.popleft()
        since, total = self._marks[0]
        if now - since >= WINDOW and self._total - total < self._lowest_speed * WINDOW:
            slow = f"fewer than {self._lowest_speed:g} bytes a second came for {WINDOW:g} s"
            raise TooSlow(f"{slow} ([download] lowest_speed)")
        if now - self._marks[-1][0] >= WINDOW / 60:
            self._marks.append((now, self._total))
        return None


class _Clocked(io.RawIOBase):
    """The bytes that a socket receives, within the limits of the clock."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, clock: Clock) -> None:
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
    """A response that is read within the limits of the clock: a server's, and a proxy's to CONNECT."""

    clock: Clock

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Clocked(self.fp.detach(), sock, self.clock))

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]  # http.client's own
            # 102, 103 and those of later standards announce the answer; http.client skips 100 alone (Python 3.13)
            if not 101 < status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)

    def begin(self) -> None:
        super().begin()
        # urllib3 only logs unreadable headers, with a traceback and the URL, and ignores the rest (2.8)
        assert_header_parsing(self.msg)
        # urllib3 refuses them too, but after http.client has dropped the response, whose socket stays open (2.8)
        lengths = ",".join(self.msg.get_all("Content-Length", []))
        if len({each.strip() for each in lengths.split(",")}) > 1:
            raise http.client.HTTPException("lengths that differ")


class _Adapter(HTTPAdapter):
    """Connections whose responses are read within the limits of the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._response_class = type("_ClockedResponse", (_Response,), {"clock": clock})

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> HTTPConnectionPool:
        pool = cast(HTTPConnectionPool, super().get_connection_with_tls_context(*args, **options))
        if getattr(pool.ConnectionCls, "response_class", None) is not self._response_class:
            changed = {"response_class": self._response_class}
            pool.ConnectionCls = type("_ClockedConnection", (pool.ConnectionCls,), changed)
        return pool


class Session(requests.Session):
    """A session that records `current_url`, the address of the current request, which a redirect changes."""

    current_url = ""
    redirected = False

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        # identity: the bytes as published, so that Content-Length counts them.
        self.headers.update({"Accept-Encoding": "identity", "User-Agent": "taxi_luigi"})
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(clock))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.current_url = request.url or ""
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
            raise InvalidRedirect
        self.redirected = True
        return target
