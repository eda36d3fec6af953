"""BigQuery for the tests: local-bigquery in an environment of its own, behind the shim that knows partitions.

local-bigquery needs Python 3.13, and an environment of its own (0.7 GB), which is made once.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.bigquery import Client, QueryJobConfig

from taxi_luigi.warehouses.bigquery import BigQuery
from tests.support import environments, google
from tests.support.bigquery_shim import API, Answer, Emulator, Shim
from tests.support.gcs import GcsServer

PROJECT = "taxi-tests"
LOCATION = "EU"
"""not the emulator's own, so that a request without the dataset's location finds nothing"""

_HERE = Path(__file__).parent / "local_bigquery"
_REQUIREMENTS = _HERE / "requirements.txt"
_MISSING = (
    "local-bigquery, the stand-in for BigQuery, needs Python 3.13, and there is none on the PATH or under pyenv: "
    "install it (pyenv install 3.13, apt install python3.13-venv) to run this"
)
_COPY_EXTENSIONS = """
import duckdb, pathlib, shutil, sys
platform = duckdb.sql("PRAGMA platform").fetchone()[0]
folder = pathlib.Path(sys.argv[1], ".duckdb", "extensions", f"v{duckdb.__version__}", platform)
folder.mkdir(parents=True)
for path in pathlib.Path(duckdb.__file__).parents[1].glob("duckdb_extension_*/extensions/*/*.duckdb_extension"):
    shutil.copy(path, folder)
"""


class BigQueryServer:
    """The emulator and, before it, the shim that clients talk to."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.shim = Shim(emulator)
        self._made: list[str] = []

    @property
    def endpoint(self) -> str:
        """What the warehouse is told to ask instead of Google."""
        return self.shim.endpoint

    def fresh_dataset(self, **settings: Any) -> str:
        """The name of a new, empty dataset; `settings` as REST names them."""
        name = f"trips_{uuid4().hex[:12]}"
        reference = {"projectId": PROJECT, "datasetId": name}
        self.put("datasets", {"datasetReference": reference, "location": LOCATION, **settings})
        self._made.append(name)
        return name

    def drop(self) -> None:
        """Takes all datasets out again: 14 of them make a load in the emulator take 1.4 times as long."""
        self.shim.wait_for_jobs()
        while self._made:
            address = f"{API}/projects/{PROJECT}/datasets/{self._made.pop()}?deleteContents=true"
            answer = self.emulator.ask("DELETE", address)
            assert answer.status == 204, answer.body

    def put(self, what: str, body: dict[str, Any]) -> None:
        """Makes a dataset or a table behind the warehouse's back."""
        answer = self.emulator.ask("POST", f"{API}/projects/{PROJECT}/{what}", body)
        assert answer.status == 200, answer.body

    def make_table(self, dataset: str, table: str, columns: dict[str, str], **settings: Any) -> None:
        """Makes a table behind the warehouse's back, columns name → type; `settings` as REST names them."""
        reference = {"projectId": PROJECT, "datasetId": dataset, "tableId": table}
        fields = [{"name": name, "type": kind} for name, kind in columns.items()]
        self.put(f"datasets/{dataset}/tables", {"tableReference": reference, "schema": {"fields": fields}, **settings})

    def table(self, dataset: str, table: str) -> Answer:
        """A table as the emulator describes it."""
        return self.emulator.ask("GET", f"{API}/projects/{PROJECT}/datasets/{dataset}/tables/{table}")

    def query(self, dataset: str, statement: str) -> list[tuple[Any, ...]]:
        """What the emulator answers to a query, past the shim, so that it is not among the recorded requests."""
        return query(self.emulator, dataset, statement)


def query(emulator: Emulator, dataset: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a query or the last statement of a script, as the client's own types."""
    options = {"api_endpoint": emulator.address}
    with Client(PROJECT, AnonymousCredentials(), client_options=options) as client:
        config = QueryJobConfig(default_dataset=f"{PROJECT}.{dataset}")
        return [tuple(row.values()) for row in client.query(statement, job_config=config).result()]


def fresh_bigquery(server: BigQueryServer, **settings: Any) -> BigQuery:
    """A warehouse in a new dataset."""
    dataset = settings.pop("dataset", None) or server.fresh_dataset()
    return BigQuery(
        "bigquery", BigQuery.Settings(PROJECT, dataset, endpoint=server.endpoint, **{"patience": 20.0} | settings)
    )


@pytest.fixture(scope="session")
def bigquery_server(fake_gcs: GcsServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryServer]:
    """One emulator for the whole run; it loads `gs://` from fake-gcs-server."""
    python, home = _environment()
    port, folder = _free_port(), tmp_path_factory.mktemp("local-bigquery")
    command = [str(python), str(_HERE / "serve.py")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--grpc-port", str(_free_port())]
    command += ["--project", PROJECT, "--data-dir", str(folder / "data")]
    given = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "BIGQUERY", "VIRTUAL"))
    }
    given |= {"HOME": str(home), "STORAGE_EMULATOR_HOST": fake_gcs.endpoint}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=given)
        try:
            emulator = Emulator(f"http://127.0.0.1:{port}")
            _wait(process, emulator, folder / "log")
            server = BigQueryServer(emulator)
            yield server
            server.shim.close()
        finally:
            process.kill()
            process.wait()
            shutil.rmtree(folder / "data", ignore_errors=True)


@pytest.fixture
def bigquery(bigquery_server: BigQueryServer) -> Iterator[BigQueryServer]:
    """The same, with a shim that has recorded nothing and has nothing go wrong."""
    bigquery_server.shim.reset()
    yield bigquery_server
    bigquery_server.shim.reset()
    bigquery_server.drop()


def _environment() -> tuple[Path, Path]:
    """The interpreter that has local-bigquery, and the home folder with DuckDB's extensions for it."""
    folder = environments.kept("local-bigquery", _REQUIREMENTS, _python, _copy_extensions)
    return folder / "bin" / "python", folder / "home"


def _copy_extensions(folder: Path) -> None:
    environments.run(folder / "bin" / "python", "-c", _COPY_EXTENSIONS, folder / "home")


def _python() -> Path:
    """A Python 3.13. pyenv's own `python3.13` on the PATH runs only where a project has chosen that version."""
    found = [shutil.which("python3.13"), *sorted(Path.home().glob(".pyenv/versions/3.13*/bin/python3.13"))]
    for each in filter(None, found):
        tried = subprocess.run([each, "-c", "import venv, ensurepip"], capture_output=True, timeout=60)
        if tried.returncode == 0:
            return Path(each)
    pytest.skip(_MISSING)


def _wait(process: subprocess.Popen[bytes], emulator: Emulator, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            how = signal.Signals(-process.returncode).name if process.returncode < 0 else process.returncode
            raise AssertionError(f"local-bigquery ended ({how}): {log.read_text()}")
        try:
            emulator.query(PROJECT, "SELECT 1")
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"local-bigquery does not answer: {log.read_text()}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


# A warehouse as one text, so that other processes can open it as well


def described(server: BigQueryServer) -> str:
    """Where a new, empty warehouse is: the shim, the emulator and the dataset."""
    return f"{server.endpoint} {server.emulator.address} {server.fresh_dataset()}"


def opened(where: str, wait: float = 60.0) -> BigQuery:
    """The warehouse that `described` says."""
    if google.is_described(where):
        return google.opened(where)
    endpoint, _, dataset = where.split()
    return BigQuery("bigquery", BigQuery.Settings(PROJECT, dataset, endpoint=endpoint, wait=wait, patience=20.0))


def asked(where: str, statement: str) -> list[tuple[Any, ...]]:
    """What its database answers, past the shim; statements are as the other warehouses take them."""
    spelled = statement.replace("information_schema.columns", "INFORMATION_SCHEMA.COLUMNS")
    if google.is_described(where):
        return google.asked(where, spelled)
    _, emulator, dataset = where.split()
    return query(Emulator(emulator), dataset, spelled)
