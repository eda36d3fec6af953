"""Nobody is talked to whose certificate is not trusted: the source, the clouds, PostgreSQL, luigid."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import luigi.rpc
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.exceptions import SSLError

from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.settings import read
from taxi_luigi.sources import HttpSettings, open_source
from taxi_luigi.storage import Store
from taxi_luigi.storage.azure import AzureStore, Credential
from taxi_luigi.storage.gcs import GcsStore
from taxi_luigi.storage.s3 import S3Store
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses.bigquery import BigQuery
from taxi_luigi.warehouses.postgres import Postgres
from tests.support.https import HERE, Server, self_signed, self_signed_postgres

ROOT = Path(__file__).resolve().parents[2]
MONTH = Month(2021, 1)
UNTRUSTED = re.compile("certificate is not trusted|CERTIFICATE_VERIFY_FAILED|certificate verify failed", re.IGNORECASE)


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    """The address of a server that nobody asked anything by the end of the test."""
    server: Server
    with self_signed(tmp_path) as (address, server):
        yield address
        assert server.asked == 0


def key_of(account_server: str, path: Path) -> Path:
    """The key file of a service account, whose tokens come from that server."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "project_id": "taxi", "client_email": "robot@taxi.example"}
    path.write_text(json.dumps({**account, "private_key": key.decode(), "token_uri": f"{account_server}/token"}))
    return path


@pytest.fixture
def key_file(tmp_path: Path, untrusted: str) -> Path:
    """With tokens from the server that is not trusted."""
    return key_of(untrusted, tmp_path / "key.json")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """For Google's clients, which try a connection again for fifteen seconds, time passes as they sleep."""
    passed = [0.0]
    clock = SimpleNamespace(
        monotonic=lambda: time.monotonic() + passed[0],
        sleep=lambda seconds: passed.__setitem__(0, passed[0] + seconds),
    )
    monkeypatch.setattr("google.api_core.retry.retry_base.time", clock)
    monkeypatch.setattr("google.api_core.retry.retry_unary.time", clock)
    monkeypatch.setattr("azure.storage.blob.LinearRetry.get_backoff_time", lambda *_: 0)


class Tokens(BaseHTTPRequestHandler):
    """Gives a token to everybody."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        token = json.dumps({"access_token": "token", "token_type": "Bearer", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(token)))
        self.end_headers()
        self.wfile.write(token)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def token_file(tmp_path: Path) -> Iterator[Path]:
    """With tokens that are given."""
    with ThreadingHTTPServer((HERE, 0), Tokens) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield key_of(f"http://{HERE}:{server.server_address[1]}", tmp_path / "key.json")
        server.shutdown()


def refused(error: pytest.ExceptionInfo[TaxiError]) -> None:
    assert UNTRUSTED.search(str(error.value)), error.value
    assert "\n" not in str(error.value)
    assert "run the same command again" not in str(error.value)


@pytest.mark.parametrize("cloud", ["s3", "azure", "gcs"])
def test_https_to_a_server_of_http_is_no_passing_failure(cloud: str, aws_variables: None, token_file: Path) -> None:
    port = urlsplit(json.loads(token_file.read_text())["token_uri"]).port
    server, key = f"https://{HERE}:{port}", "a2V5" * 22
    stores: dict[str, Callable[[], Store]] = {
        "s3": lambda: S3Store("lake s3", S3Store.Settings("taxi", endpoint_url=server, region="us-east-1", timeout=2)),
        "azure": lambda: AzureStore(
            "lake azure", AzureStore.Settings("taxi", "trips", endpoint=server, credential=Credential(key), timeout=2)
        ),
        "gcs": lambda: GcsStore(
            "lake gcs", GcsStore.Settings("taxi", credentials_file=token_file, endpoint=server, timeout=0.3)
        ),
    }
    with pytest.raises(TaxiError, match=r"the server does not speak https:.*: correct the endpoint"):
        stores[cloud]().list("green")


def test_the_source_gets_no_request(untrusted: str, tmp_path: Path) -> None:
    source = open_source(f"{untrusted}/{{color}}_{{year}}-{{month:02}}.parquet", HttpSettings(attempts=2, backoff=0.01))
    assert UNTRUSTED.search(source.look("green", MONTH).why)
    with pytest.raises(TaxiError) as error:
        source.fetch("green", MONTH, tmp_path / "arriving", lambda _done, _all: None)
    refused(error)


def test_a_bucket_in_s3_gets_no_request(untrusted: str, aws_variables: None) -> None:
    with pytest.raises(TaxiError) as error:
        S3Store("lake s3", S3Store.Settings("bucket", endpoint_url=untrusted, region="us-east-1", timeout=2)).list(
            "green"
        )
    refused(error)


def test_a_container_of_azure_gets_no_request(untrusted: str) -> None:
    given = {"account": "taxi", "container": "trips", "endpoint": untrusted, "credential": "a2V5" * 22}
    with pytest.raises(TaxiError) as error:
        AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given)).list("green")
    refused(error)


def test_google_is_not_given_a_token(untrusted: str, key_file: Path) -> None:
    """The server that hands out tokens is known by its certificate, too."""
    with pytest.raises(TaxiError) as error:
        GcsStore(
            "lake gcs",
            GcsStore.Settings("taxi", credentials_file=key_file, endpoint="https://127.0.0.1:1", timeout=0.1),
        ).list("x")
    refused(error)


def test_a_bucket_of_googles_gets_no_request(untrusted: str, token_file: Path) -> None:
    with pytest.raises(TaxiError) as error:
        GcsStore(
            "lake gcs", GcsStore.Settings("taxi", credentials_file=token_file, endpoint=untrusted, timeout=0.3)
        ).list("green")
    refused(error)


def test_bigquery_gets_no_request(untrusted: str, token_file: Path) -> None:
    warehouse = BigQuery("bigquery", BigQuery.Settings("taxi", "trips", None, token_file, untrusted, patience=0.5))
    with pytest.raises(TaxiError) as error:
        warehouse.loaded_months(DATASETS["green"])
    refused(error)


def test_postgresql_is_not_given_the_password(tmp_path: Path) -> None:
    """With the URL of config/postgres.cfg; without its sslmode, libpq looks at no certificate."""
    with self_signed_postgres(tmp_path) as (address, told):
        warehouse = Postgres(
            "postgres",
            Postgres.Settings(f"postgresql://taxi:hush@{address}/taxi?sslmode=verify-full&sslrootcert=system"),
        )
        with pytest.raises(TaxiError) as error:
            warehouse.loaded_months(DATASETS["green"])
    refused(error)
    assert told == []


def test_luigid_gets_no_request(untrusted: str) -> None:
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        luigi.rpc.RequestsFetcher().fetch(f"{untrusted}/api/add_task", {}, 5)


def test_no_line_of_ours_switches_certificates_off() -> None:
    off = re.compile(r"verify\s*=\s*False|CERT_NONE|check_hostname\s*=\s*False|_create_unverified|use_ssl|curl.* -k\b")
    files = [path for folder in ("taxi_luigi", "scripts", "deploy", "config") for path in (ROOT / folder).rglob("*")]
    texts = {path: path.read_text(errors="replace") for path in files if path.is_file() and path.suffix != ".pyc"}
    assert len(texts) > 100
    assert [str(path) for path, text in texts.items() if off.search(text)] == []
