"""What the store on Google Cloud Storage says of wrong buckets, permissions and credentials, before a run and in it.

No emulator knows permissions or credentials: a proxy gives Google's answers, and a server of ours refuses the tokens.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import _cloud_sdk
from google.auth.compute_engine import _metadata
from google.auth.exceptions import RefreshError, TransportError

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.errors import ConfigError, StorageError, WarehouseError
from taxi_luigi.core.health import Status
from taxi_luigi.storage import gcs
from taxi_luigi.storage.gcs import GcsStore
from tests.support.between import Answered, Between, Once, between, strict
from tests.support.gcs import GcsServer, fake_gcs, fresh_gcs_store, gcp_emulator

__all__ = ["between", "fake_gcs", "gcp_emulator", "strict"]

NAME = "yellow/yellow_tripdata_2021-01.parquet"


@pytest.fixture
def store(fake_gcs: GcsServer, between: Between) -> GcsStore:
    return _behind(between, fake_gcs)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.parquet"
    path.write_bytes(os.urandom(1000))
    return path


def _behind(proxy: Between, server: GcsServer) -> GcsStore:
    return GcsStore("lake gcs", GcsStore.Settings(server.fresh_bucket(), endpoint=proxy.endpoint, chunk_size=1))


def _read(store: GcsStore) -> None:
    with store.reading(NAME):
        pass


# ---- buckets and permissions -----------------------------------------------------------------------------------------

_CALLS: dict[str, Any] = {
    "list": lambda store, _: store.list("yellow"),
    "put": lambda store, small: store.put(small, NAME, {}),
    "location": lambda store, _: store.location(),
}


@pytest.mark.parametrize("call", _CALLS)
def test_a_bucket_that_does_not_exist_is_named(fake_gcs: GcsServer, small: Path, call: str) -> None:
    store = GcsStore("lake gcs", GcsStore.Settings("no-such-bucket", endpoint=fake_gcs.endpoint))
    with pytest.raises(
        ConfigError, match=r"^lake gcs \(gs://no-such-bucket.* does not exist .*: create it, or correct"
    ):
        _CALLS[call](store, small)


@pytest.mark.parametrize("call", ["stat", "remove", "reading"])
def test_a_missing_bucket_is_not_taken_for_a_missing_object(store: GcsStore, between: Between, call: str) -> None:
    """In Google's own words, which the proxy gives: fake-gcs-server has the same for both."""
    between.rule = lambda _: Answered(404, {"error": {"code": 404, "message": "The specified bucket does not exist."}})
    with pytest.raises(ConfigError, match=r"does not exist \(The specified bucket does not exist.\): create it"):
        getattr(store, call)(NAME) if call != "reading" else _read(store)


_DENIED = {
    "error": {
        "code": 403,
        "message": "me@x.iam.gserviceaccount.com does not have storage.objects.list access to the bucket.",
        "errors": [{"reason": "forbidden", "domain": "global"}],
    }
}


@pytest.mark.parametrize("call", ["list", "put"])
def test_a_refused_request_is_an_error_that_names_the_role_to_grant(
    store: GcsStore, between: Between, small: Path, call: str
) -> None:
    """The proxy gives Google's answer: no emulator knows permissions."""
    between.rule = lambda _: Answered(403, _DENIED)
    with pytest.raises(ConfigError) as raised:
        _CALLS[call](store, small)
    assert str(raised.value).endswith(
        "permission denied (me@x.iam.gserviceaccount.com does not have storage.objects.list access to the bucket.): "
        f"grant the account roles/storage.objectUser on gs://{store.bucket}"
    )


def test_a_refusal_because_of_too_many_requests_is_no_question_of_roles(store: GcsStore, between: Between) -> None:
    """The proxy gives Google's answer."""
    busy = {"error": {"code": 403, "message": "Slow down.", "errors": [{"reason": "rateLimitExceeded"}]}}
    between.rule = lambda _: Answered(403, busy)
    with pytest.raises(StorageError, match=r"answered 403 \(Slow down.\); run the same command again$"):
        store.list("yellow")


# ---- what is seen beforehand -----------------------------------------------------------------------------------------


def test_the_look_beforehand_names_credentials_location_and_permissions(gcp_emulator: GcsServer) -> None:
    store = fresh_gcs_store(gcp_emulator)
    assert [(each.place, each.what, each.status, each.message) for each in store.checks()] == [
        ("lake gcs", "credentials", Status.OK, f"none needed: {gcp_emulator.endpoint} is an emulator"),
        ("lake gcs", "bucket", Status.OK, f"gs://{store.bucket} in US"),
        ("lake gcs", "permissions", Status.OK, f"gs://{store.bucket}: may create, delete, get and list objects"),
    ]
    assert store.location() == "US"


def test_permissions_that_are_lacking_are_named_with_the_role(gcp_emulator: GcsServer, strict: Between) -> None:
    """The proxy gives Google's answer for an account that may only read."""
    store = _behind(strict, gcp_emulator)
    may = {"permissions": ["storage.objects.get", "storage.objects.list"]}
    strict.rule = Once("GET", "/iam/testPermissions", Answered(200, may))
    last = store.checks()[-1]
    assert (last.what, last.status) == ("permissions", Status.ERROR)
    assert (
        "lacking storage.objects.create, storage.objects.delete: grant the account roles/storage.objectUser"
        in last.message
    )


def test_permissions_that_cannot_be_listed_are_unknown(store: GcsStore) -> None:
    """fake-gcs-server does not answer such a question."""
    found = store.checks()
    assert [each.status for each in found] == [Status.OK, Status.OK, Status.UNKNOWN]
    assert found[-1].message == f"gs://{store.bucket}: cannot be checked (answered 404)"


def test_a_location_that_may_not_be_read_is_no_reason_to_stop(gcp_emulator: GcsServer, strict: Between) -> None:
    """roles/storage.objectUser is without storage.buckets.get. The proxy gives Google's answer."""
    store = _behind(strict, gcp_emulator)
    strict.rule = lambda asked: Answered(403, _DENIED) if f"/b/{store.bucket}?" in asked.path else None
    found = store.checks()
    assert [each.status for each in found] == [Status.OK, Status.UNKNOWN, Status.OK]
    assert "its location cannot be read" in found[1].message


def test_a_missing_bucket_ends_the_look(fake_gcs: GcsServer) -> None:
    found = GcsStore("lake gcs", GcsStore.Settings("no-such-bucket", endpoint=fake_gcs.endpoint)).checks()
    assert [(each.what, each.status) for each in found] == [
        ("credentials", Status.OK),
        ("bucket", Status.ERROR),
    ]


def test_a_store_that_does_not_answer_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gcs._LOOK, "retry", gcs._LOOK["retry"].with_timeout(0.5))
    found = GcsStore("lake gcs", GcsStore.Settings("x", endpoint="http://127.0.0.1:9")).checks()
    assert [each.status for each in found] == [Status.OK, Status.UNREACHABLE]
    assert "Connection refused" in found[1].message


# ---- credentials -----------------------------------------------------------------------------------------------------


def test_the_variable_of_emulators_counts_as_endpoint(fake_gcs: GcsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake_gcs.endpoint)
    store = GcsStore("lake gcs", GcsStore.Settings(fake_gcs.fresh_bucket()))
    assert store.list("yellow") == {}


def test_an_address_without_a_scheme_is_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "localhost:9050")
    assert gcp.endpoint_of(None, "BIGQUERY_EMULATOR_HOST") == "http://localhost:9050"
    assert gcp.endpoint_of("https://example.org/", "BIGQUERY_EMULATOR_HOST") == "https://example.org"
    assert gcp.endpoint_of("", "NO_SUCH_VARIABLE") is None


@pytest.fixture(scope="session")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *form).decode()


@pytest.fixture
def key(private_key: str) -> dict[str, Any]:
    """A service account's key as Google hands it out; its tokens come from where `token_uri` says."""
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "1",
        "private_key": private_key,
        "client_email": "me@p.iam.gserviceaccount.com",
        "token_uri": "http://127.0.0.1:9/token",
    }


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without credentials that is none of Google's."""
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setattr(_metadata, "_NO_GCE_CHECK", True)
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)


def _written(path: Path, content: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_no_credentials_at_all_are_answered_with_the_command_to_log_in() -> None:
    store = GcsStore("lake gcs", GcsStore.Settings("x"))
    with pytest.raises(ConfigError) as raised:
        store.list("yellow")
    assert str(raised.value) == (
        "lake gcs: no Google credentials were found: run gcloud auth application-default login, "
        "or set credentials_file to the key file of a service account"
    )
    assert [(each.what, each.status, each.message) for each in store.checks()] == [
        ("credentials", Status.ERROR, str(raised.value))
    ]


_WRONG_FILES = {
    "not JSON": ("{oops", "is not a Google key file (it is not JSON)"),
    "a list": ([1], 'is not a Google key file (it has no "type")'),
    "no type": ({"a": 1}, 'is not a Google key file (it has no "type")'),
    "an OAuth client": ({"installed": {}}, "is not a Google key file (it is the secret of an OAuth client)"),
    "a type of its own": ({"type": "nonsense"}, "is damaged or of a type that cannot be used"),
    "half a key": ({"type": "service_account"}, "is damaged or of a type that cannot be used (Service account info"),
    "a null for a key": ({"private_key": None}, "is damaged or of a type that cannot be used"),
    "a spoilt key": ({"private_key": "-----BEGIN PRIVATE KEY-----\nS3CRET\n"}, "is damaged or of a type that cannot"),
}


@pytest.mark.parametrize("named", ["credentials_file", "GOOGLE_APPLICATION_CREDENTIALS"])
@pytest.mark.parametrize("wrong", _WRONG_FILES)
def test_a_wrong_key_file_is_named_with_what_is_wrong(
    tmp_path: Path, key: dict[str, Any], monkeypatch: pytest.MonkeyPatch, named: str, wrong: str
) -> None:
    content, why = _WRONG_FILES[wrong]
    if isinstance(content, dict) and "private_key" in content:
        content = key | content
    path = _written(tmp_path / "key.json", content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(ConfigError) as raised:
        gcp.credentials(path if named == "credentials_file" else None, None, "lake gcs")
    said = str(raised.value)
    assert said.startswith(f"lake gcs: {named} = {path} {why}")
    assert said.endswith("make a JSON key: gcloud iam service-accounts keys create KEY.json --iam-account ACCOUNT")
    assert "\n" not in said
    assert "S3CRET" not in said


@pytest.mark.parametrize(("name", "why"), [("missing.json", "does not exist"), ("", "cannot be read (Is a directory)")])
def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ConfigError, match="correct the path or the permissions") as raised:
        gcp.credentials(tmp_path / name, None, "lake gcs")
    assert f"credentials_file = {tmp_path / name} {why}: " in str(raised.value)


def test_a_damaged_file_of_gcloud_is_answered_with_the_command_to_log_in(tmp_path: Path) -> None:
    path = _written(tmp_path / "gcloud" / "application_default_credentials.json", "{oops")
    with pytest.raises(
        ConfigError, match=f"{path} is not a valid json file.; run gcloud auth application-default login"
    ):
        gcp.credentials(None, None, "lake gcs")


def test_the_account_of_the_credentials_found_is_named(tmp_path: Path, key: dict[str, Any]) -> None:
    path = _written(tmp_path / "key.json", key)
    expected = f"service account me@p.iam.gserviceaccount.com, from credentials_file = {path}"
    assert gcp.found(path, None, "lake gcs").line == expected
    # The identifier of gcloud itself, of which the library warns in five lines
    user = {"type": "authorized_user", "client_id": _cloud_sdk.CLOUD_SDK_CLIENT_ID, "client_secret": "s"}
    _written(tmp_path / "gcloud" / "application_default_credentials.json", user | {"refresh_token": "r"})
    assert gcp.found(None, None, "lake gcs").line == "user credentials of gcloud"


def test_a_deleted_key_is_named_as_wrong(fake_gcs: GcsServer, tmp_path: Path, key: dict[str, Any]) -> None:
    """The proxy gives the answer of Google's token server to a key that is expired, disabled or deleted."""
    with Between(fake_gcs) as tokens:
        tokens.rule = lambda _: Answered(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        path = _written(tmp_path / "key.json", key | {"token_uri": f"{tokens.endpoint}/token"})
        store = GcsStore("lake gcs", GcsStore.Settings("x", credentials_file=path))
        with pytest.raises(ConfigError) as raised:
            store.list("yellow")
        (check,) = store.checks()
    refused = (
        "Google refused the credentials (invalid_grant: Invalid JWT Signature.): run gcloud auth application-default"
    )
    assert str(raised.value).startswith(f"lake gcs (gs://x/data/yellow): {refused}")
    assert (check.what, check.status) == ("credentials", Status.ERROR)
    assert check.message.startswith(f"lake gcs: {refused}")


def test_a_token_server_that_does_not_answer_is_no_question_of_configuration(
    tmp_path: Path, key: dict[str, Any]
) -> None:
    (check,) = GcsStore(
        "lake gcs", GcsStore.Settings("x", credentials_file=_written(tmp_path / "key.json", key))
    ).checks()
    assert (check.what, check.status) == ("credentials", Status.UNREACHABLE)
    assert "Google did not answer" in check.message
    assert "Connection refused" in check.message


def test_a_metadata_server_that_does_not_answer_is_no_question_of_configuration() -> None:
    """As google.auth.compute_engine raises it; no test runs on one of Google's machines."""
    unavailable = TransportError("Compute Engine Metadata server unavailable")
    said = "Google did not answer: Compute Engine Metadata server unavailable"
    with pytest.raises(WarehouseError, match=said), gcp.translating_errors("warehouse bigquery", WarehouseError):
        raise RefreshError(unavailable) from unavailable


def test_an_os_error_of_a_local_file_passes(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), gcp.translating_errors("lake gcs", StorageError):
        (tmp_path / "missing").read_bytes()
