"""A server that sends bytes and no HTTP of its own: what stands between a status line and a body is the test's."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

Reply = Callable[[bytes], Iterable[bytes]]
"""A request's bytes, up to its blank line → what is sent, piece by piece; then the connection is closed."""


class RawServer:
    """`url` is where it listens. Each connection gets one reply, in a thread of its own."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.requests: list[bytes] = []
        self.closing = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    @property
    def template(self) -> str:
        return f"http://{self.address}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"

    def drip(self, data: bytes, seconds: float) -> Iterator[bytes]:
        """One byte at a time, for ever when `data` is empty."""
        while not self.closing.is_set():
            for byte in data or b"x":
                yield bytes([byte])
                self.closing.wait(seconds)
            if data:
                return

    def serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # a client that leaves is what many tests want
            request = b""
            while b"\r\n\r\n" not in request:
                received = connection.recv(65536)
                if not received:
                    return
                request += received
            self.requests.append(request)
            for piece in self.reply(request):
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)


@contextmanager
def raw_server(reply: Reply) -> Iterator[RawServer]:
    """The server, for the block."""
    server = RawServer(reply)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
