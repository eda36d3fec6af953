"""The HTTP of `Cdn`: conditions, ranges, and the faults in mid-body. What is asked of it is in cdn.py."""

from __future__ import annotations

import http.client
import io
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from tests.support.faults import ACCESS_DENIED, Break, Chunked, Drip, Fault, Headers, Packed, Short, Stall, Status

if TYPE_CHECKING:
    from tests.support.cdn import Cdn


@dataclass
class Request:
    """One line of the log."""

    method: str
    path: str
    name: str
    headers: dict[str, str]
    """names in lower case"""
    at: float
    """seconds of the monotonic clock"""
    status: int = 0
    sent: int = 0
    """bytes of the body"""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    cdn: Cdn

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that left is part of the tests
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """else a body of one packet waits 40 ms for the client to acknowledge the header, as no publisher's does"""
    verbose: ClassVar[bool] = False
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        if self.verbose:
            super().log_message(format, *args)

    def _answer(self) -> None:
        cdn = self.server.cdn
        path = unquote(urlsplit(self.path).path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.entry = Request(self.command, self.path, path.rpartition("/")[2], headers, time.monotonic())
        cdn.log.append(self.entry)
        cdn.note(running=1)
        try:
            cdn.closing.wait(cdn.pause)
            if path.startswith("/moved/"):
                self._head(302, {"Location": f"/trip-data/{self.entry.name}?signature=secret", "Content-Length": "0"})
            else:
                self._send(cdn, cdn.next_fault(self.command, self.entry.name))
        finally:
            cdn.note(running=-1)

    def _send(self, cdn: Cdn, fault: Fault | None) -> None:
        file = cdn.find(self.entry.name)
        if isinstance(fault, Status):
            self._status(fault)
        elif file is None:
            self._status(Status(403, ACCESS_DENIED, "application/xml"))
        else:
            self._file(cdn, file, fault)

    def _status(self, status: Status) -> None:
        wish = None if status.retry_after is None else str(status.retry_after)
        self._head(
            status.code, {"Content-Type": status.type, "Content-Length": str(len(status.body)), "Retry-After": wish}
        )
        if self.command == "GET":
            self._write(status.body)

    def _file(self, cdn: Cdn, file: Path, fault: Fault | None) -> None:
        headers = cdn.headers(file)
        size = file.stat().st_size
        code, start, end = self._condition(headers, size, cdn.ranges)
        headers["Content-Length"] = str(end - start)
        if code == 206:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        elif code != 200:
            self._status(Status(code))
            return
        match fault:
            case Short(bytes=length):
                end = start + length
                headers["Content-Length"] = str(length)
            case Chunked():
                headers |= {"Content-Length": None, "Transfer-Encoding": "chunked"}
            case Headers(replaced=replaced):
                headers |= replaced
            case Packed(coding=coding, packed=packed):
                headers |= {"Content-Encoding": coding, "Content-Length": str(len(packed) - start)}
                end = len(packed)
                if code == 206:
                    headers["Content-Range"] = f"bytes {start}-{end - 1}/{end}"
            case _:
                pass
        self._head(code, headers)
        if self.command == "GET":
            self._body(cdn, file, start, end, fault)

    def _condition(self, headers: dict[str, str | None], size: int, ranges: bool) -> tuple[int, int, int]:
        """The status, the byte that the answer begins with, and the one that it ends before."""
        asked, etag = self.entry.headers, headers["ETag"]
        if "if-match" in asked and (asked["if-match"] != etag or self.server.cdn.weak):
            return 412, 0, 0
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("range", ""))
        rewritten = self.server.cdn.knows_if_range and asked.get("if-range", etag) != etag
        if span is None or not ranges or rewritten:
            return 200, 0, size
        end = min(size, int(span[2]) + 1) if span[2] else size
        return (206, int(span[1]), end) if int(span[1]) < size else (416, 0, 0)

    def _head(self, code: int, headers: dict[str, str | None]) -> None:
        self.entry.status = code
        self.send_response(code, http.client.responses.get(code, "Odd"))
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()

    def _body(self, cdn: Cdn, file: Path, start: int, end: int, fault: Fault | None) -> None:
        rate = fault.rate if isinstance(fault, Drip) else cdn.slow
        chunked = isinstance(fault, Chunked)
        stop = getattr(fault, "after", None)
        with io.BytesIO(fault.packed) if isinstance(fault, Packed) else file.open("rb") as opened:
            opened.seek(start)
            for chunk in _pieces(opened.read, end - start, stop, rate):
                if chunk is None:
                    if self._interrupt(cdn, fault):
                        return
                    continue
                self._write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk, len(chunk))
                if rate:
                    cdn.closing.wait(len(chunk) / rate)
        if chunked:
            self._write(b"0\r\n\r\n", 0)

    def _interrupt(self, cdn: Cdn, fault: Fault | None) -> bool:
        """Does what the fault wants in mid-body; whether that was the end of the answer."""
        if isinstance(fault, Stall):
            while not (cdn.closing.is_set() or (fault.until is not None and fault.until.is_set())):
                if self._client_left():
                    self.close_connection = True
                    return True
            self.close_connection = over = cdn.closing.is_set()
            return over
        self.wfile.flush()
        if isinstance(fault, Break) and fault.then is not None:
            fault.then()
        if isinstance(fault, Break) and fault.reset:
            # Closed at once and by hand, as http.server would end the connection in order first: RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
        self.close_connection = True
        return True

    def _client_left(self) -> bool:
        """Waits a moment for that."""
        self.connection.settimeout(0.02)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        finally:
            self.connection.settimeout(None)

    def _write(self, data: bytes, counted: int | None = None) -> None:
        self.wfile.write(data)
        self.entry.sent += len(data) if counted is None else counted
        self.server.cdn.note()


def _pieces(read: Callable[[int], bytes], length: int, stop: int | None, rate: int | None) -> Iterator[bytes | None]:
    """The bytes of a body in pieces that suit the rate, with None where a fault is to stop them."""
    largest = max(1, min(1 << 16, rate // 20)) if rate else 1 << 16
    done = 0
    while True:
        if done == stop:
            yield None
            stop = None
        until = length if stop is None else min(stop, length)
        chunk = read(min(largest, until - done))
        if not chunk:
            return
        done += len(chunk)
        yield chunk
