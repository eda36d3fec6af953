"""A proxy before the stand-in for a cloud: it keeps what was asked, and lets things go wrong."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import struct
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, Protocol

import pytest
import requests


class Server(Protocol):
    """Whatever answers HTTP."""

    @property
    def endpoint(self) -> str:
        """`http://ADDRESS:PORT`"""


@dataclass
class Asked:
    """A request on its way; what `Between.rule` changes in it is what the server gets."""

    method: str
    path: str
    """with the query"""
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]
    """the asking side's address and port"""


@dataclass(frozen=True)
class Answered:
    """An answer in the server's place."""

    status: int
    body: dict[str, Any] | bytes | None = None
    """a dict is JSON, as Google answers"""
    headers: dict[str, str] = field(default_factory=dict)


class Fault(Enum):
    """What may happen to a request or to the server's answer."""

    RESET = "the connection breaks before the server heard anything"
    STALL = "the server hears nothing, and the client no answer until it hangs up"
    LOST = "the server did its work, the connection breaks without an answer"
    CUT = "the connection breaks after half of the body"
    SPOILT = "one byte of the body is another"


Rule = Callable[[Asked], "Answered | Fault | None"]


class Between:
    """A proxy before a server, at `endpoint`: it keeps what was asked, and does to each request what `rule` says.

    What it answers by itself stands for what the cloud's server is documented to answer and no emulator does. The
    server gets another Host: Google and Azure do not sign it, Amazon does (tests/support/s3.py).
    """

    def __init__(self, server: Server) -> None:
        self.asked: list[Asked] = []
        self.rule: Rule = lambda _asked: None
        self._upstream = server.endpoint
        self._kept: dict[str, int] = {}
        self._passing = 0
        self._passed = Condition()
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"outer": self}))
        self._listener.daemon_threads = True
        self._listener.handle_error = _ignore_who_left  # type: ignore[method-assign]
        self.endpoint = f"http://127.0.0.1:{self._listener.server_port}"

    def __enter__(self) -> Between:
        Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def paths(self, method: str, containing: str = "") -> list[str]:
        """What was asked with this method."""
        return [asked.path for asked in self.asked if asked.method == method and containing in asked.path]

    def settle(self) -> None:
        """Returns when the server has answered all that it was asked: who asked may be gone long since."""
        with self._passed:
            assert self._passed.wait_for(lambda: not self._passing, timeout=60)

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        with self._passed:
            self._passing += 1
        try:
            yield
        finally:
            with self._passed:
                self._passing -= 1
                self._passed.notify_all()

    def _known(self, asked: Asked) -> Answered | None:
        """The answer to a chunk that is sent again: Google is documented to ignore bytes that it has.

        fake-gcs-server appends them once more, and gcp-storage-emulator answers 400.
        """
        sent = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", asked.headers.get("content-range", ""))
        if sent is None or asked.method != "PUT":
            return None
        end, total = int(sent[2]), int(sent[3])
        if end <= self._kept.get(asked.path, -1) and end < total - 1:
            return Answered(308, headers={"Range": f"bytes=0-{end}"})
        self._kept[asked.path] = end
        return None

    def _forward(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        left_out = {"host", "content-length", "connection", "accept-encoding"}
        headers = {key: value for key, value in asked.headers.items() if key.lower() not in left_out}
        headers["Accept-Encoding"] = "identity"
        url = self._upstream + asked.path
        answer = requests.request(
            asked.method, url, headers=headers, data=asked.body, allow_redirects=False, timeout=60
        )
        left_out = {"connection", "transfer-encoding", "date", "server"}
        if asked.method != "HEAD":  # of which it says how long the body would be
            left_out.add("content-length")
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in left_out}
        # The server names itself where the chunks of an upload are to go, and where an object's bytes are
        kept = {key: value.replace(self._upstream, self.endpoint) for key, value in kept.items()}
        if kept.get("Content-Type", "").startswith("application/json"):
            return answer.status_code, kept, answer.content.replace(self._upstream.encode(), self.endpoint.encode())
        return answer.status_code, kept, answer.content


class _Handler(BaseHTTPRequestHandler):
    outer: Between
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: in two, each answer waits 40 ms for the client's delayed ACK

    def _serve(self) -> None:
        with self.outer._counted():
            self._pass_on()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(self.command, self.path, dict(self.headers), body, self.client_address)
        self.outer.asked.append(asked)
        said = self.outer.rule(asked)
        if said in (Fault.RESET, Fault.STALL):
            self._hang_up(after_client=said is Fault.STALL)
            return
        if not isinstance(said, Answered):
            said = self.outer._known(asked) or said
        if isinstance(said, Answered):
            headers = {"Content-Type": "application/json"} | said.headers
            self._answer(
                said.status,
                headers,
                said.body if isinstance(said.body, bytes) else json.dumps(said.body or {}).encode(),
            )
            return
        status, headers, answer = self.outer._forward(asked)
        if said is Fault.SPOILT:
            answer = bytes([answer[0] ^ 1]) + answer[1:]
        if said is Fault.LOST:
            self.close_connection = True
        else:
            self._answer(status, headers, answer, cut=said is Fault.CUT)

    def _hang_up(self, after_client: bool) -> None:
        if after_client:
            with contextlib.suppress(ConnectionError):
                self.connection.recv(1)
        self.close_connection = True
        # Closed by hand, as http.server would end the connection in order first: RST instead of FIN
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def _answer(self, status: int, headers: dict[str, str], body: bytes, cut: bool = False) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if self.command == "HEAD":
            body = b""
        elif status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = cut

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815 the names are http.server's

    def log_message(self, *_: object) -> None:
        """Nothing to stderr."""


def _ignore_who_left(request: object, client_address: object) -> None:
    """Clients that are killed do not wait for their answers."""
    if not isinstance(sys.exception(), ConnectionError):
        traceback.print_exc()


class Once:
    """A rule for the first request of a kind, to which `then` happens or before which it is called; all others pass."""

    def __init__(self, method: str, containing: str, then: Answered | Fault | Callable[[], object]) -> None:
        self.method, self.containing, self.then = method, containing, then
        self.done = False

    def __call__(self, asked: Asked) -> Answered | Fault | None:
        if self.done or asked.method != self.method or self.containing not in asked.path:
            return None
        self.done = True
        if isinstance(self.then, Answered | Fault):
            return self.then
        self.then()
        return None


@pytest.fixture
def between(fake_gcs: Server) -> Iterator[Between]:
    """A proxy before the server that most tests of Google's store use."""
    with Between(fake_gcs) as proxy:
        yield proxy


@pytest.fixture
def strict(gcp_emulator: Server) -> Iterator[Between]:
    """A proxy before the server that looks at checksums and answers about permissions."""
    with Between(gcp_emulator) as proxy:
        yield proxy
