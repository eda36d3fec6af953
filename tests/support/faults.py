"""How a publisher's web server answers other than with the file: plain values that `Cdn.fault` takes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

ACCESS_DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>0</RequestId></Error>"
)
HTML = b"<!DOCTYPE html>\n<html><head><title>Request blocked</title></head><body>Too many requests</body></html>"


@dataclass(frozen=True)
class Status:
    """Another answer than the file."""

    code: int
    body: bytes = b""
    type: str = "text/html"
    retry_after: int | str | None = None


WAF = Status(403, HTML)
PAGE = Status(200, HTML)


@dataclass(frozen=True)
class Break:
    """The whole length is announced; after some bytes of this answer the connection is reset, or closed in order."""

    after: int
    reset: bool = True
    then: Callable[[], object] | None = None
    """called after the break, before the next request is answered: to rewrite the file, say"""


@dataclass(frozen=True)
class Stall:
    """After some bytes nothing comes, until the event is set, the client leaves, or the server closes."""

    after: int
    until: threading.Event | None = None


@dataclass(frozen=True)
class Short:
    """A whole answer that is only the first bytes of the file."""

    bytes: int


@dataclass(frozen=True)
class Drip:
    """So many bytes a second."""

    rate: int


@dataclass(frozen=True)
class Chunked:
    """No Content-Length; when `after` is given, the connection ends there."""

    after: int | None = None


@dataclass(frozen=True)
class Headers:
    """The file, with some headers replaced; None takes one away."""

    replaced: dict[str, str | None]


@dataclass(frozen=True)
class Packed:
    """The file, packed by the server as its header says, broken off after some bytes of this answer when given."""

    coding: str | None
    packed: bytes
    after: int | None = None


Fault = Packed | Status | Break | Stall | Short | Drip | Chunked | Headers
