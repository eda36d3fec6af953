"""Azurite, Microsoft's own emulator of Azure Blob Storage, for the tests.

Azurite 3.35 holds to If-Match and If-None-Match on every kind of write, on reads, deletes and both sides of a copy; it
checks keys, signatures and ends of SAS, and Content-MD5 of blobs and blocks. It refuses a wrong MD5 and a wrong key by
other codes than Azure, ignores the time of a request and the limit of metadata, and has neither CRC64 nor Put Blob From
URL; tests/azure shows it.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, generate_container_sas

from taxi_luigi.core.settings import read
from taxi_luigi.storage.azure import AzureStore
from tests.support import environments, secrets
from tests.support.between import Answered, Between, Server

ACCOUNT, OTHER_ACCOUNT = "taxitests", "othertests"
KEYS: Mapping[str, str] = {
    name: base64.b64encode(f"{name}{secrets.AZURE_KEY}".encode().ljust(64, b"!")).decode()
    for name in (ACCOUNT, OTHER_ACCOUNT)
}
"""account → its key"""

_PINS = Path(__file__).parent / "azurite"
_MISSING = (
    "Azurite, the stand-in for Azure Blob Storage, needs Node.js 18 or newer and npm, and {0} is not on the PATH: "
    "install them (apt install nodejs npm) to run this"
)


class AzureServer:
    """A server at `endpoint`, and a plain client of it, which tries once, for what tests do behind a store's back."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    @cached_property
    def client(self) -> BlobServiceClient:
        """Somebody else's client of the account."""
        return self.client_of(ACCOUNT)

    def client_of(self, account: str, credential: Any = None) -> BlobServiceClient:
        """A client of an account, by its key or by what is given."""
        return BlobServiceClient(url_of(self, account), credential=credential or KEYS[account], retry_total=0)

    def fresh_container(self, account: str = ACCOUNT) -> str:
        """The name of a new, empty container."""
        name = f"test-{uuid4().hex[:12]}"
        (self.client if account == ACCOUNT else self.client_of(account)).create_container(name)
        return name

    def container(self, name: str) -> ContainerClient:
        """Azure's own object for a container."""
        return self.client.get_container_client(name)


def url_of(server: Server, account: str = ACCOUNT) -> str:
    """The address of an account: it is in the path, where Azure has it in the name of the host."""
    return f"{server.endpoint}/{account}"


def connection_string(server: Server, account: str = ACCOUNT) -> str:
    """What Azure's portal shows of an account's key."""
    protocol = server.endpoint.partition(":")[0]
    return (
        f"DefaultEndpointsProtocol={protocol};AccountName={account};AccountKey={KEYS[account]};"
        f"BlobEndpoint={url_of(server, account)};"
    )


def sas_of(container: str, permissions: str = "racwdl", hours: float = 1) -> str:
    """A shared access signature of a container; fewer hours than 0: it has ended."""
    end = datetime.now(UTC) + timedelta(hours=hours)
    return generate_container_sas(
        ACCOUNT, container, KEYS[ACCOUNT], permission=permissions, start=end - timedelta(days=1), expiry=end
    )


def lake_section(server: Server, container: str) -> dict[str, str]:
    """`[lake.azure]` for a container, by the account's key."""
    return {"account": ACCOUNT, "container": container, "endpoint": url_of(server), "credential": KEYS[ACCOUNT]}


def fresh_azure_store(server: Server, container: str = "", **settings: str) -> AzureStore:
    """A store in a new, empty container, by the account's key."""
    given = lake_section(server, container) | settings
    return AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given))


def refusal(status: int, code: str, message: str = "as Azure documents it", **headers: str) -> Answered:
    """An error as Azure writes it; `_` of a header's name is `-`."""
    body = f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status, body.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code, **named})


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureServer]:
    """One Azurite for the whole run; it is up after some 2 s."""
    with azurite_server(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture
def azure_between(azurite: AzureServer) -> Iterator[Between]:
    """A proxy before it."""
    with Between(azurite) as proxy:
        yield proxy


@contextmanager
def azurite_server(folder: Path, *more: str | Path) -> Iterator[AzureServer]:
    """The same for what is no test, and with more options; its log is in the folder."""
    node = _program("node")
    installed = environments.kept_by_npm("azurite", _PINS, lambda: _program("npm"))
    command = [node, installed / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"]
    # Azure takes each version of the protocol that it has documented; Azurite has the newest of its own year only
    options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    accounts = {"AZURITE_ACCOUNTS": ";".join(f"{name}:{key}" for name, key in KEYS.items())}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *options, *more, "--blobHost", "127.0.0.1", "--blobPort", "0"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=os.environ | accounts,
        )  # fmt: skip
        try:
            server = AzureServer(_address(process, folder / "log"))
            yield server
            server.client.close()
        finally:
            process.kill()
            process.wait()


def _program(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        pytest.skip(_MISSING.format(name))
    return Path(found)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, at a port of its own choice."""
    for _ in range(600):
        if said := re.search(r"successfully listens on (https?://\S+)", log.read_text()):
            return said[1]
        assert process.poll() is None, f"Azurite ended: {log.read_text()}"
        time.sleep(0.05)
    raise AssertionError(f"Azurite does not listen: {log.read_text()}")
