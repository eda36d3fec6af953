"""A real HTTP server that gets messages and heartbeats. It can refuse them, or take for ever over its answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Webhook:
    """Keeps what is posted to it on 127.0.0.1 while it is open.

    `status` is its answer; `dripping` sends a letter of it ten times a second, which meets no time limit of a socket.
    """

    def __init__(self, status: int = 200, dripping: bool = False) -> None:
        self.posts: list[dict[str, Any]] = []
        self.gets: list[str] = []
        """paths"""
        self._closing = threading.Event()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.posts.append(json.loads(body))
                self._answer()

            def do_GET(self) -> None:
                webhook.gets.append(self.path)
                self._answer()

            def _answer(self) -> None:
                if dripping:
                    self._drip()
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _drip(self) -> None:
                try:
                    self.wfile.write(b"HTTP/1.1 200 ")
                    while not webhook._closing.wait(0.1):
                        self.wfile.write(b"O")
                except OSError:
                    pass  # who posted has gone

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
