"""A web server that behaves like TLC's CDN, and misbehaves when told to: ETag, Range, S3's 403 for what is missing.

    with Cdn(folder) as cdn:
        cdn.template                                    # {url}/trip-data/{color}_tripdata_{year}-{month:02}.parquet
        cdn.fault("green_tripdata_2024-01.parquet", Break(1000), Status(503, retry_after=1))
        cdn.fault("green_tripdata_2024-01.parquet", WAF, method="HEAD")
        cdn.log                                         # every request: method, name, headers, status, bytes sent
        cdn.wait(lambda: cdn.sent(name) > 10_000)       # until something has happened, with a time limit

A file is found by the last part of the path, in any of the folders; what comes before does not matter, except that
`/moved/NAME` redirects to `/trip-data/NAME`. Faults of a name and method are used up one by one, in order.
By hand: `python -m tests.support.cdn FOLDER --port 8000 [--any-ending] [--slow BYTES_PER_S]`.
"""

from __future__ import annotations

import argparse
import contextlib
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Self

from tests.support.cdn_handler import Handler, Request, Server
from tests.support.faults import HTML, PAGE, WAF, Break, Chunked, Drip, Fault, Headers, Packed, Short, Stall, Status

__all__ = [
    "HTML",
    "PAGE",
    "WAF",
    "Break",
    "Cdn",
    "Chunked",
    "Drip",
    "Fault",
    "Headers",
    "Packed",
    "Request",
    "Short",
    "Stall",
    "Status",
]


class Cdn:
    """The server, from `with` to the end of its block, on a free port of 127.0.0.1 unless told another.

    `any_ending`: a request for X.parquet is answered with the file of that stem, be it X.csv.gz or X.csv.
    `slow`: bytes per second of every body.
    """

    def __init__(self, *folders: Path, any_ending: bool = False, slow: int | None = None, port: int = 0) -> None:
        self.folders, self.any_ending, self.slow = folders, any_ending, slow
        self.ranges = True
        """set to False: Range is not known"""
        self.knows_if_range = True
        """set to False: Range is obeyed whatever the file has become"""
        self.weak = False
        """set to True: ETags are weak"""
        self.pause = 0.0
        """seconds before each answer, so that requests overlap"""
        self.most_at_once = 0
        self.log: list[Request] = []
        self.closing = threading.Event()
        self.changed = threading.Condition()
        self._faults: dict[tuple[str, str], deque[Fault]] = defaultdict(deque)
        self._running = 0
        self._server = Server(("127.0.0.1", port), Handler)
        self._server.cdn = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def template(self) -> str:
        return self.url + "/trip-data/{color}_tripdata_{year}-{month:02}.parquet"

    def fault(self, name: str, *faults: Fault, method: str = "GET") -> None:
        """The next requests for a file are answered so; then it is served as it is."""
        self._faults[method, name].extend(faults)

    def reset_failure(self) -> None:
        """Forgets the faults that were not used."""
        self._faults.clear()

    def count(self, method: str, name: str = "") -> int:
        """Requests so far, for one file or all."""
        return sum(request.method == method and name in ("", request.name) for request in list(self.log))

    def asked(self, header: str) -> list[str | None]:
        """One header of every GET so far, its name in lower case; None where it was not sent."""
        return [request.headers.get(header) for request in list(self.log) if request.method == "GET"]

    def sent(self, name: str) -> int:
        """Bytes of a file sent so far, in all its answers."""
        return sum(request.sent for request in list(self.log) if request.name == name)

    def wait(self, happened: Callable[[], bool], timeout: float = 30) -> None:
        """Returns as soon as it has happened; fails after the timeout (seconds)."""
        with self.changed:
            assert self.changed.wait_for(happened, timeout), f"did not happen within {timeout} s"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def note(self, running: int = 0) -> None:
        with self.changed:
            self._running += running
            self.most_at_once = max(self.most_at_once, self._running)
            self.changed.notify_all()

    def next_fault(self, method: str, name: str) -> Fault | None:
        faults = self._faults[method, name]
        return faults.popleft() if faults else None

    def find(self, name: str) -> Path | None:
        for folder in self.folders:
            if (folder / name).is_file():
                return folder / name
            if self.any_ending:
                same_stem = [path for path in folder.iterdir() if path.name.split(".")[0] == name.split(".")[0]]
                if same_stem:
                    return min(same_stem)
        return None

    def headers(self, path: Path) -> dict[str, str | None]:
        found = path.stat()
        return {
            "ETag": ("W/" if self.weak else "") + f'"{found.st_mtime_ns:x}-{found.st_size:x}"',
            "Last-Modified": formatdate(found.st_mtime, usegmt=True),
            "Accept-Ranges": "bytes" if self.ranges else None,
            "Content-Type": "binary/octet-stream",
            "Content-Length": str(found.st_size),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="A web server that behaves like TLC's CDN.")
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--any-ending", action="store_true")
    parser.add_argument("--slow", type=int, metavar="BYTES_PER_S")
    options = parser.parse_args()
    Handler.verbose = True
    with Cdn(*options.folder, any_ending=options.any_ending, slow=options.slow, port=options.port) as cdn:
        print(cdn.template, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
