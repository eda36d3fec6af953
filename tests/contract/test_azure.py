"""What is particular to the store in a container of Azure; what every store promises is in test_stores.py.

Refusals that Azurite does not give are answers of the proxy before it, with the codes and texts of Azure's reference.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob import BlobClient, ContentSettings, LinearRetry, generate_account_sas

from taxi_luigi.config import effective
from taxi_luigi.core import redaction
from taxi_luigi.core.errors import ConfigError, Replaced, StorageError
from taxi_luigi.core.health import Status
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.settings import read
from taxi_luigi.storage import azure
from taxi_luigi.storage.azure import AzureStore, Credential
from tests.support.azure import (
    ACCOUNT,
    KEYS,
    OTHER_ACCOUNT,
    AzureServer,
    azurite_server,
    connection_string,
    fresh_azure_store,
    refusal,
    sas_of,
    url_of,
)
from tests.support.between import Answered, Asked, Between, Fault, Once
from tests.support.buckets import LABELS, NAME, content, everything, failures
from tests.support.https import certificate
from tests.support.memory import at_most

SECRETS = (KEYS[ACCOUNT], "sig=")
BLOB = f"data/{NAME}"
MIB = 1 << 20
"""bytes of a block, where the tests' stores have `chunk_size = 1`"""

pytestmark = pytest.mark.usefixtures("no_pauses")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are tried again at once, and so is a response that breaks off."""
    monkeypatch.setattr(LinearRetry, "get_backoff_time", lambda *_: 0)
    monkeypatch.setattr("azure.storage.blob._download.time", SimpleNamespace(sleep=lambda _: None))


@pytest.fixture
def store(azurite: AzureServer, azure_between: Between) -> AzureStore:
    """An empty store, with a proxy before its server."""
    return fresh_azure_store(azure_between, azurite.fresh_container(), chunk_size="1")


@pytest.fixture(params=[1000, 3 * MIB + 5], ids=["small", "in_blocks"])
def local(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that goes up at once, and one that goes up in four blocks."""
    return written(tmp_path / "local.parquet", os.urandom(request.param))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file that goes up at once."""
    return written(tmp_path / "small.parquet", b"PAR1 small PAR1")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def others(azurite: AzureServer, store: AzureStore, name: str = NAME) -> BlobClient:
    """Another program's client of a blob."""
    return azurite.container(store.bucket).get_blob_client(f"data/{name}")


def is_commit(asked: Asked) -> bool:
    """Whether it is the request that makes the blob appear."""
    return asked.method == "PUT" and "comp=block&" not in f"{asked.path}&"


def headers(asked: Asked) -> dict[str, str]:
    return {key.lower(): value for key, value in asked.headers.items()}


class AtCommit:
    """A rule: calls `then` before the first request that makes a blob appear, or lets that happen to it."""

    def __init__(self, then: Fault | Callable[[], object]) -> None:
        self.then: Fault | Callable[[], object] | None = then

    def __call__(self, asked: Asked) -> Fault | None:
        if self.then is None or not is_commit(asked):
            return None
        then, self.then = self.then, None
        if isinstance(then, Fault):
            return then
        then()
        return None


# ---- listings


def test_a_listing_is_one_request_with_the_labels_of_all_files(
    store: AzureStore, azurite: AzureServer, azure_between: Between, small: Path
) -> None:
    for month in range(1, 4):
        store.put(small, f"green/{month}", {**LABELS, "rows": str(month)})
    azure_between.asked.clear()
    found = store.list("green")
    assert [entry.labels["rows"] for _, entry in sorted(found.items())] == ["1", "2", "3"]
    assert [store.stat(name) for name in sorted(found)] == [found[name] for name in sorted(found)]
    assert len(azure_between.paths("GET", "comp=list")) == 1


def test_a_blob_that_stands_for_a_folder_is_no_file(store: AzureStore, azurite: AzureServer, small: Path) -> None:
    """As accounts with a hierarchical namespace show folders, and as azcopy and Hadoop's programs write them."""
    store.put(small, NAME, LABELS)
    for name in ("green", "green/deeper"):
        others(azurite, store, name).upload_blob(b"", metadata={"hdi_isfolder": "true"})
    assert set(store.list("green")) == set(store.list("", deep=True)) == {NAME}
    assert store.stat("green") is None
    with pytest.raises(FileNotFoundError):
        store.open("green")


# ---- uploads


def test_a_file_goes_up_with_type_labels_and_checksums_and_one_request_has_the_condition(
    store: AzureStore, azurite: AzureServer, azure_between: Between, local: Path
) -> None:
    store.put(local, NAME, LABELS)
    puts = [headers(asked) for asked in azure_between.asked if asked.method == "PUT"]
    blocks = [asked for asked in azure_between.asked if asked.method == "PUT" and not is_commit(asked)]
    assert len(blocks) == (1 if local.stat().st_size == 1000 else 4)
    assert all("content-md5" in headers(block) for block in blocks), "the server checks what arrives of each"
    assert [each.get("if-none-match") for each in puts] == [None] * len(blocks) + ["*"]
    found = others(azurite, store).get_blob_properties()
    assert found.metadata == LABELS
    assert found.content_settings.content_type == "application/vnd.apache.parquet"
    assert bytes(found.content_settings.content_md5 or b"") == hashlib.md5(local.read_bytes()).digest()
    store.put(local, NAME, LABELS)
    commits = [headers(asked).get("if-match") for asked in azure_between.asked if is_commit(asked)]
    assert commits == [None, found.etag]


@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
def test_what_another_program_wrote_meanwhile_stays(
    store: AzureStore, azurite: AzureServer, azure_between: Between, local: Path, there: bool
) -> None:
    if there:
        store.put(local, NAME, {**LABELS, "edition": "old"})
    theirs = others(azurite, store)
    azure_between.rule = AtCommit(lambda: theirs.upload_blob(b"theirs", metadata=LABELS, overwrite=True))
    with pytest.raises(Replaced, match=f"{BLOB}: another run replaced it meanwhile; run the same"):
        store.put(local, NAME, LABELS)
    assert content(store) == b"theirs"


def test_what_another_program_removed_meanwhile_is_not_put_back(
    store: AzureStore, azurite: AzureServer, azure_between: Between, small: Path
) -> None:
    store.put(small, NAME, LABELS)
    azure_between.rule = AtCommit(lambda: others(azurite, store).delete_blob())
    with pytest.raises(Replaced):
        store.put(small, NAME, LABELS)
    assert store.stat(NAME) is None


@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
def test_an_upload_whose_answer_is_lost_has_succeeded(
    store: AzureStore, azure_between: Between, local: Path, there: bool
) -> None:
    if there:
        store.put(local, NAME, {**LABELS, "edition": "old"})
        local.write_bytes(os.urandom(local.stat().st_size))
        azure_between.asked.clear()
    azure_between.rule = AtCommit(Fault.LOST)
    store.put(local, NAME, LABELS)
    assert len([asked for asked in azure_between.asked if is_commit(asked)]) == 2
    assert content(store) == local.read_bytes()


def test_the_same_bytes_with_other_labels_of_another_run_are_not_ours(
    store: AzureStore, azure_between: Between, small: Path, azurite: AzureServer
) -> None:
    elsewhere = fresh_azure_store(azurite, store.bucket)
    azure_between.rule = AtCommit(lambda: elsewhere.put(small, NAME, {**LABELS, "edition": "other"}))
    with pytest.raises(Replaced):
        store.put(small, NAME, LABELS)


def test_bytes_that_are_damaged_on_their_way_up_are_refused_by_the_server(
    store: AzureStore, azure_between: Between, local: Path
) -> None:
    def damage(asked: Asked) -> None:
        if asked.method == "PUT" and asked.body and "comp=blocklist" not in asked.path:
            asked.body = bytes([asked.body[0] ^ 1]) + asked.body[1:]

    azure_between.rule = damage
    with pytest.raises(StorageError, match=r"MD5|Md5"):
        store.put(local, NAME, LABELS)
    assert store.stat(NAME) is None


def test_other_bytes_than_those_that_were_sent_are_no_success(
    store: AzureStore, azurite: AzureServer, azure_between: Between, small: Path
) -> None:
    """A server that took other bytes and answered with success: the MD5 that it keeps is another."""
    other = ContentSettings(content_md5=bytearray(16))
    theirs = others(azurite, store)

    def rule(asked: Asked) -> Answered | None:
        if not is_commit(asked):
            return None
        theirs.upload_blob(small.read_bytes(), metadata=LABELS, overwrite=True)
        theirs.set_http_headers(other)
        return Answered(201, b"", {"ETag": '"0x1"', "Last-Modified": "Sun, 29 Nov 2026 12:00:00 GMT"})

    azure_between.rule = rule
    with pytest.raises(StorageError, match="other bytes are kept there: az storage blob delete --account-n"):
        store.put(small, NAME, LABELS)


def test_progress_counts_up_to_all_bytes(store: AzureStore, local: Path) -> None:
    seen: list[tuple[int, int]] = []
    store.put(local, NAME, LABELS, lambda done, total: seen.append((done, total)))
    size = local.stat().st_size
    assert seen == sorted(seen)
    assert seen[-1] == (size, size)


def test_a_slow_block_does_not_hold_up_the_others(store: AzureStore, azure_between: Between, tmp_path: Path) -> None:
    path = written(tmp_path / "local.parquet", os.urandom(MIB) * 8)
    others_were_sent, held, count = Event(), [], []

    def rule(asked: Asked) -> None:
        if asked.method == "PUT" and not is_commit(asked):
            count.append(asked)
            if len(count) == 7:
                others_were_sent.set()
            elif asked is count[0]:
                held.append(others_were_sent.wait(20))

    azure_between.rule = rule
    store.put(path, NAME, LABELS)
    assert held == [True]
    assert content(store) == path.read_bytes()


def test_an_empty_file_is_a_file(store: AzureStore, tmp_path: Path) -> None:
    store.put(written(tmp_path / "empty", b""), NAME, LABELS)
    assert content(store) == b""
    with store.open(NAME) as file:
        assert file.read() == b""


def test_each_request_may_fail_once(store: AzureStore, azure_between: Between, local: Path) -> None:
    """By a 503, a 500, or an answer that does not come."""
    faults = (refusal(503, "ServerBusy"), refusal(500, "InternalError"), Fault.RESET)
    seen: set[tuple[str, str]] = set()

    def rule(asked: Asked) -> Answered | Fault | None:
        each = (asked.method, asked.path)
        if each in seen:
            return None
        seen.add(each)
        return faults[len(seen) % 3]

    azure_between.rule = rule
    store.put(local, NAME, LABELS)
    assert content(store) == local.read_bytes()
    assert set(store.list("green")) == {NAME}
    assert store.copy(store, NAME, "to", LABELS)
    store.remove(NAME)
    assert store.stat(NAME) is None


def test_a_file_of_64_mb_goes_both_ways_in_little_memory(azurite: AzureServer, tmp_path: Path) -> None:
    path = written(tmp_path / "large.parquet", os.urandom(MIB) * 64)
    store = fresh_azure_store(azurite, azurite.fresh_container(), chunk_size="2")
    store.list("green")
    with at_most(40_000_000, "an upload of 64 MB"):
        store.put(path, NAME, LABELS)
    with at_most(60_000_000, "a download of 64 MB"), store.reading(NAME) as copy:
        assert copy.stat().st_size == 64 * MIB


# ---- reading


def test_bytes_that_arrive_damaged_are_no_file(store: AzureStore, azure_between: Between, local: Path) -> None:
    store.put(local, NAME, LABELS)
    azure_between.rule = Once("GET", NAME, Fault.SPOILT)
    with pytest.raises(StorageError, match=f"{BLOB} arrived damaged: run the same command again"):
        content(store)


def test_a_download_that_breaks_off_is_continued(store: AzureStore, azure_between: Between, local: Path) -> None:
    store.put(local, NAME, LABELS)
    azure_between.rule = Once("GET", NAME, Fault.CUT)
    assert content(store) == local.read_bytes()


def test_other_bytes_than_those_of_the_stored_checksum_are_named(store: AzureStore, azurite: AzureServer) -> None:
    wrong = ContentSettings(content_md5=bytearray(16))
    others(azurite, store).upload_blob(b"bytes", metadata=LABELS)
    others(azurite, store).set_http_headers(wrong)
    with pytest.raises(StorageError, match=f"{BLOB} arrived damaged: run the same command again"):
        content(store)


def test_a_blob_that_is_replaced_while_it_is_fetched_is_fetched_again(
    store: AzureStore, azurite: AzureServer, azure_between: Between, local: Path
) -> None:
    store.put(local, NAME, LABELS)
    theirs = others(azurite, store)
    azure_between.rule = Once("GET", NAME, lambda: theirs.upload_blob(b"theirs", overwrite=True))
    assert content(store) == b"theirs"


def test_an_open_file_that_is_replaced_or_removed_fails_in_one_line(
    store: AzureStore, azurite: AzureServer, small: Path
) -> None:
    for change in (lambda theirs: theirs.upload_blob(b"theirs", overwrite=True), lambda theirs: theirs.delete_blob()):
        store.put(small, NAME, LABELS)
        with store.open(NAME) as file:
            change(others(azurite, store))
            with pytest.raises(Replaced):
                file.read()


def test_a_footer_is_read_by_few_small_requests(store: AzureStore, azure_between: Between, tmp_path: Path) -> None:
    path = written(tmp_path / "large", os.urandom(3 * MIB))
    store.put(path, NAME, LABELS)
    azure_between.asked.clear()
    with store.open(NAME) as file:
        file.seek(-8, 2)
        assert file.read(8) == path.read_bytes()[-8:]
    assert [asked.method for asked in azure_between.asked] == ["HEAD", "GET"]
    assert headers(azure_between.asked[1])["x-ms-range"] == f"bytes={3 * MIB - 8}-{3 * MIB - 1}"


# ---- copies


def in_workspace(store: AzureStore, between: Between, **settings: str) -> AzureStore:
    return fresh_azure_store(between, store.bucket, prefix="/", **settings)


@pytest.mark.parametrize("kind", ["key", "sas"])
def test_a_file_is_copied_by_the_server(
    store: AzureStore, azurite: AzureServer, azure_between: Between, local: Path, kind: str
) -> None:
    credential = {} if kind == "key" else {"credential": sas_of(store.bucket)}
    workspace = in_workspace(store, azure_between, **credential)
    lake = fresh_azure_store(azure_between, store.bucket, **credential)
    workspace.put(local, "work/clean", {"edition": "old"})
    azure_between.asked.clear()
    assert lake.copy(workspace, "work/clean", NAME, LABELS)
    assert sum(len(asked.body) for asked in azure_between.asked) == 0
    assert not azure_between.paths("GET")
    entry = lake.stat(NAME)
    assert entry is not None
    assert entry.labels == LABELS
    assert content(lake) == local.read_bytes()


def test_a_copy_over_what_another_program_wrote_meanwhile_is_refused(
    store: AzureStore, azurite: AzureServer, azure_between: Between, small: Path
) -> None:
    store.put(small, NAME, LABELS)
    azure_between.rule = AtCommit(lambda: others(azurite, store, "to").upload_blob(b"theirs"))
    with pytest.raises(Replaced, match="data/to: another run replaced it meanwhile"):
        store.copy(store, NAME, "to", LABELS)
    assert content(store, "to") == b"theirs"


def test_a_copy_is_of_the_bytes_that_were_seen(
    store: AzureStore, azurite: AzureServer, azure_between: Between, small: Path
) -> None:
    store.put(small, NAME, LABELS)
    azure_between.rule = AtCommit(lambda: others(azurite, store).upload_blob(b"theirs", overwrite=True))
    with pytest.raises(Replaced):
        store.copy(store, NAME, "to", LABELS)
    assert store.stat("to") is None


def test_the_lost_answer_of_a_copy_is_success(store: AzureStore, azure_between: Between, small: Path) -> None:
    store.put(small, NAME, LABELS)
    azure_between.rule = AtCommit(Fault.LOST)
    assert store.copy(store, NAME, "to", LABELS)
    assert content(store, "to") == small.read_bytes()


def test_a_long_file_is_copied_in_blocks(
    store: AzureStore, azurite: AzureServer, azure_between: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azurite has no Put Block From URL, so the proxy does what Azure documents of it: a range becomes a block."""
    monkeypatch.setattr(azure, "_COPIED_AT_ONCE", 1000)
    monkeypatch.setattr(azure, "_COPIED", 1000)
    path = written(tmp_path / "long", os.urandom(2500))
    store.put(path, NAME, LABELS)
    etag = others(azurite, store).get_blob_properties().etag
    ranges = []

    def rule(asked: Asked) -> Answered | None:
        given = headers(asked)
        if "x-ms-copy-source" not in given:
            return None
        assert given["x-ms-source-if-match"] == etag
        first, last = map(int, re.findall(r"\d+", given["x-ms-source-range"]))
        ranges.append((first, last))
        block = re.search(r"blockid=([^&]+)", asked.path)
        assert block is not None
        raw = base64.b64decode(block[1].replace("%3D", "=")).decode()
        others(azurite, store, "to").stage_block(raw, path.read_bytes()[first : last + 1])
        return Answered(201, b"", {})

    azure_between.rule = rule
    assert store.copy(store, NAME, "to", LABELS)
    assert ranges == [(0, 999), (1000, 1999), (2000, 2499)]
    assert content(store, "to") == path.read_bytes()
    entry = store.stat("to")
    assert entry is not None
    assert entry.labels == LABELS


@pytest.mark.parametrize("answer", [refusal(403, "CannotVerifyCopySource"), refusal(501, "APINotImplemented")])
def test_a_server_that_cannot_copy_copies_nothing(
    store: AzureStore, azure_between: Between, small: Path, answer: Answered
) -> None:
    """The first is Azure's where the account's firewall keeps Azure itself from the source."""
    store.put(small, NAME, LABELS)
    azure_between.rule = lambda asked: answer if "x-ms-copy-source" in headers(asked) else None
    assert not store.copy(store, NAME, "to", LABELS)
    assert store.stat("to") is None
    store.move(NAME, "to")
    assert content(store, "to") == small.read_bytes(), "it goes through this machine instead"
    moved = store.stat("to")
    assert moved is not None
    assert moved.labels == LABELS
    assert store.stat(NAME) is None


def test_another_account_copies_nothing(store: AzureStore, azurite: AzureServer, small: Path) -> None:
    store.put(small, NAME, LABELS)
    elsewhere = fresh_azure_store(
        azurite, azurite.fresh_container(OTHER_ACCOUNT),
        account=OTHER_ACCOUNT, endpoint=url_of(azurite, OTHER_ACCOUNT), credential=KEYS[OTHER_ACCOUNT],
    )  # fmt: skip
    assert not elsewhere.copy(store, NAME, NAME, LABELS)
    assert elsewhere.stat(NAME) is None
    with pytest.raises(FileNotFoundError) as missing:
        store.copy(store, "green/nothing", NAME, LABELS)
    assert missing.value.filename == store.url("green/nothing")


# ---- failures


def test_a_server_that_stays_away_is_no_wrong_setting(store: AzureStore, azure_between: Between, small: Path) -> None:
    azure_between.rule = lambda _: refusal(503, "ServerBusy", "The server is busy.")
    found = failures(store, small, *SECRETS)
    assert {type(error) for error in found.values()} == {StorageError}
    assert all(", ServerBusy; run the same command again" in str(error) for error in found.values())
    assert [check.status for check in store.checks()] == [Status.OK, Status.UNREACHABLE]


def test_a_name_that_no_server_has_is_named() -> None:
    given = {"account": "taxi", "container": "lake", "endpoint": "https://nowhere.invalid", "credential": KEYS[ACCOUNT]}
    store = AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given))
    with pytest.raises(StorageError, match=r"no server has the name nowhere.invalid: check \[lake.azure\] account"):
        store.list("green")


def test_a_server_without_an_answer_is_given_up(azurite: AzureServer, azure_between: Between) -> None:
    store = fresh_azure_store(azure_between, azurite.fresh_container(), timeout="0.1")
    azure_between.rule = lambda asked: Fault.STALL if asked.method == "HEAD" else None
    with pytest.raises(StorageError, match="run the same command again"):
        store.stat(NAME)


def test_a_web_page_in_the_place_of_azure_is_named(store: AzureStore, azure_between: Between, small: Path) -> None:
    azure_between.rule = lambda _: Answered(200, b"<html><body>Sign in<br></body>", {"Content-Type": "text/html"})
    for error in failures(store, small, *SECRETS).values():
        assert "the response is not Azure's: check [lake.azure] endpoint" in str(error)


OLD = "Thu, 26 Nov 2026 08:00:00 GMT"
MAC = "The MAC signature found in the HTTP request 'aGFzaA==' is not the same as any computed signature. Server used"
REFUSALS: dict[str, tuple[int, str, str, str]] = {
    "role": (
        403, "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
        r"permission denied \(.*grant the role Storage Blob Data Contributor on the container",
    ),
    "firewall": (
        403, "AuthorizationFailure", "This request is not authorized to perform this operation.",
        r"refused by the account's firewall \(.*az storage account network-rule add --account-name taxitests",
    ),
    "container": (
        404, "ContainerNotFound", "The specified container does not exist.",
        r"no such container \(.*az storage container-rm create --storage-account taxitests --name ",
    ),
    "keys": (
        403, "KeyBasedAuthenticationNotPermitted", "Key based authentication is not permitted on this storage account.",
        r"the account takes no keys \(.*leave \[lake.azure\] credential empty, run az login",
    ),
    "disabled": (403, "AccountIsDisabled", "The specified account is disabled.", "account taxitests is disabled"),
    "public": (409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.", "set "),
    "address": (
        403, "AuthorizationSourceIPMismatch",
        "This request is not authorized to perform this operation using this source IP 192.0.2.1.",
        "the SAS is for other machines .*make a SAS",
    ),
    "protocol": (
        403, "AuthorizationProtocolMismatch",
        "This request is not authorized to perform this operation using this protocol.", "the SAS is for https://",
    ),
    "token": (
        401, "InvalidAuthenticationInfo", "Lifetime validation failed. The token is expired.",
        r"the SAS or login has expired, or is not valid yet \(Lifetime validation failed. The token is expired, Inv",
    ),
    "tenant": (401, "InvalidAuthenticationInfo", "Issuer validation failed.", "run az login --tenant"),
    "expired": (
        403, "AuthenticationFailed",
        f"Signature not valid in the specified time frame: Start [{OLD}] - Expiry [{OLD}] - Current [{OLD}]",
        r"the SAS or login has expired, or is not valid yet \(Signature not valid in .*make a new one",
    ),
    "clock": (
        403, "AuthenticationFailed", f"Request date header too old: '{OLD}'",
        r"this machine's clock is wrong \(Request date header too old.*: set it",
    ),
    "key": (403, "AuthenticationFailed", f"{MAC} following string to sign: 'GET\n\n\n'", "the account has another key"),
    "signature": (
        403, "AuthenticationFailed", "Signature did not match. String to sign used was rl\n2026\n/blob/taxitests",
        "the SAS is signed with another .*copy it again, whole",
    ),
    "http": (
        400, "AccountRequiresHttps", "The account being accessed does not support http.",
        r"the account takes https:// alone \(.*set \[lake.azure\] endpoint to it",
    ),
    "other": (403, "SomethingNew", "Azure refuses this.", r"the request was refused \(Azure refuses this, Some"),
}  # fmt: skip
"""Azure's status and code, and its message or AuthenticationErrorDetail; and what is shown"""


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_one_line_with_the_cure(store: AzureStore, azure_between: Between, small: Path, kind: str) -> None:
    status, code, text, shown = REFUSALS[kind]
    azure_between.rule = lambda _: refused(status, code, text)
    for error in failures(store, small, *SECRETS).values():
        assert isinstance(error, ConfigError)
        with pytest.raises(ConfigError, match=shown):
            raise error
        assert "o sign" not in str(error), "what the server signed itself is of no use"
    assert store.checks()[-1].status is Status.ERROR


def refused(status: int, code: str, text: str) -> Answered:
    """As Azure refuses: the reason of a failed authentication is an element of its own."""
    if code not in ("AuthenticationFailed", "InvalidAuthenticationInfo"):
        return refusal(status, code, text)
    general = (
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly"
    )
    answer = refusal(status, code, f"{general}.\nRequestId:1\nTime:2026-11-29T12:00:00Z")
    assert isinstance(answer.body, bytes)
    detail = f"<AuthenticationErrorDetail>{text}</AuthenticationErrorDetail></Error>".encode()
    return replace(answer, body=answer.body.replace(b"</Error>", detail))


HELD_BACK = {
    "BlobArchived": (409, "GET", "the blob is archived .*az storage blob set-tier --account-name taxitests"),
    "BlobBeingRehydrated": (409, "GET", "being brought back from the archive .*wait some hours"),
    "LeaseIdMissing": (412, "PUT", "another program holds a lease on the blob .*az storage blob lease break"),
    "BlobImmutableDueToPolicy": (409, "PUT", r"a policy of the container .*set another container"),
    "BlobImmutableDueToLegalHold": (409, "PUT", r"a legal hold .*set another container"),
    "BlobOperationNotSupported": (409, "PUT", "another program made the blob by .*Data Lake Storage .*remove it"),
    "InvalidBlobOrBlock": (400, "PUT", "another program left blocks of an upload there"),
    "SnapshotsPresent": (409, "DELETE", "the blob has snapshots.*--delete-snapshots include"),
    "ContainerBeingDeleted": (409, "PUT", "the container is being deleted .*wait a minute"),
}


@pytest.mark.parametrize("code", HELD_BACK)
def test_what_holds_a_blob_back_is_one_line_with_the_cure(
    store: AzureStore, azure_between: Between, small: Path, code: str
) -> None:
    status, method, shown = HELD_BACK[code]
    store.put(small, NAME, LABELS)
    azure_between.rule = lambda asked: refusal(status, code) if asked.method == method else None
    with pytest.raises(StorageError, match=shown) as error:
        everything(store, small)[{"GET": "reading", "PUT": "put", "DELETE": "remove"}[method]]()
    assert not isinstance(error.value, Replaced)


def test_a_lease_and_a_blob_of_another_type_are_named(store: AzureStore, azurite: AzureServer, small: Path) -> None:
    store.put(small, NAME, LABELS)
    lease = others(azurite, store).acquire_lease(15)
    for what in ("put", "remove"):
        with pytest.raises(StorageError, match="another program holds a lease on the blob"):
            everything(store, small)[what]()
    lease.release()


def test_a_container_that_is_not_there_is_a_wrong_setting(azurite: AzureServer, small: Path) -> None:
    store = fresh_azure_store(azurite, "not-there")
    for error in failures(store, small, *SECRETS).values():
        assert isinstance(error, ConfigError)
        assert "no such container" in str(error)
    check = store.checks()[-1]
    assert (check.place, check.what, check.status) == ("lake azure", "container", Status.ERROR)


def test_a_key_or_a_sas_that_is_not_valid_is_a_wrong_setting(azurite: AzureServer, small: Path) -> None:
    container = azurite.fresh_container()
    for credential, shown in {
        KEYS[OTHER_ACCOUNT]: r"the credential was refused .*: copy the key of the account taxitests again, whole, to",
        sas_of(container, hours=-1): r"refused .*: make a SAS .* is valid from 20\S+ until 20\d\d-",
        sas_of(container, hours=25): r"refused .*: make a SAS .* is valid from 20\S+ until 20\d\d-",
    }.items():
        for error in failures(fresh_azure_store(azurite, container, credential=credential), small, *SECRETS).values():
            assert isinstance(error, ConfigError)
            assert re.search(shown, str(error)), error
            assert "az login" not in str(error), "a login is of no use where a credential is set"


def test_a_sas_that_only_reads_is_an_error_before_the_run(azurite: AzureServer, small: Path) -> None:
    container = azurite.fresh_container()
    fresh_azure_store(azurite, container).put(small, NAME, LABELS)
    store = fresh_azure_store(azurite, container, credential=sas_of(container, "rl"))
    assert content(store) == small.read_bytes()
    with pytest.raises(ConfigError, match=r"permission denied .*with the permissions rwdl"):
        store.put(small, NAME, LABELS)
    of_containers = generate_account_sas(ACCOUNT, KEYS[ACCOUNT], "c", "rwdl", datetime.now(UTC) + timedelta(hours=1))
    for each, shown in {
        store: "write, delete",
        fresh_azure_store(azurite, container, credential=of_containers): "objects",
    }.items():
        last = each.checks()[-1]
        assert (last.what, last.status) == ("permissions", Status.ERROR)
        assert f"lacks {shown}: make a SAS" in last.message


# ---- credentials


def test_the_checks_name_the_kind_of_credential_and_not_the_secret(azurite: AzureServer) -> None:
    container = azurite.fresh_container()
    for credential, shown in {
        KEYS[ACCOUNT]: "the key of the account taxitests",
        connection_string(azurite): "the key of the account taxitests",
        sas_of(container): "a SAS, valid from 20",
        f"?{sas_of(container)}": "a SAS, valid from 20",
        f"{sas_of(container)}&later=field": "a SAS, valid from 20",
        f"{KEYS[ACCOUNT]}\n": "the key of the account taxitests",
    }.items():
        found = fresh_azure_store(azurite, container, credential=credential).checks()
        assert [check.status for check in found] == [Status.OK, Status.OK, Status.UNKNOWN]
        assert found[0].message.startswith(shown)
        assert found[1].message == f"az://{container}/data can be listed; account taxitests"
        assert not [check for check in found if KEYS[ACCOUNT] in check.message or "sig=" in check.message]


def test_a_connection_string_has_account_and_server_too(azurite: AzureServer, small: Path) -> None:
    given = {"container": azurite.fresh_container(), "credential": connection_string(azurite)}
    store = AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given))
    assert store.server == url_of(azurite)
    store.put(small, NAME, LABELS)
    assert content(store) == small.read_bytes()
    with pytest.raises(
        ConfigError, match=r"\[lake.azure\] account is another, and the connection string in .*taxitests"
    ):
        AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", {"account": "another", **given}))


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("AccountName=taxi;AccountKey=a2V5a2V5a2V5a2V5", "https://taxi.blob.core.windows.net"),
        (
            "DefaultEndpointsProtocol=https;AccountName=taxi;AccountKey=a2V5a2V5a2V5a2V5;EndpointSuffix=core.chinacloudapi.cn",
            "https://taxi.blob.core.chinacloudapi.cn",
        ),
        (
            "BlobEndpoint=https://taxi.blob.core.windows.net/;SharedAccessSignature=sv=2026&sp=rwdl&sig=a%2Bb%3D",
            "https://taxi.blob.core.windows.net",
        ),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1"),
    ],
)  # fmt: skip
def test_every_form_of_a_connection_string_is_taken(text: str, server: str) -> None:
    found = AzureStore("x", read(AzureStore.Settings, "lake.azure", {"container": "lake", "credential": text}))
    assert found.server == server


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ({}, "account is missing"),
        ({"account": "Taxi"}, "account must be the name of a storage account alone"),
        ({"account": "taxi", "container": "No_Such"}, "container must be the name of a container alone"),
        ({"account": "taxi", "container": "a--b"}, "container must be the name of a container alone"),
        ({"account": "taxi", "container": ""}, "container is missing"),
        ({"account": "taxi", "endpoint": "taxi.blob.core.windows.net"}, "endpoint must look like https://"),
        ({"account": "taxi", "endpoint": "https://taxi.example/?sig=s3cret"}, "endpoint must look like https://"),
        (
            {"account": "taxi", "endpoint": "https://taxi.dfs.core.windows.net"},
            "endpoint must be the account's address",
        ),
        ({"account": "taxi", "endpoint": "https://taxi.blob.core.windows.net/tlc"}, "endpoint must be the account's"),
        (
            {"account": "taxi", "endpoint": "http://taxi.example"},
            "credential is empty, and a login is sent to https://",
        ),
        ({"account": "taxi", "credential": "s3cret s3cret"}, "credential has a blank or a quotation mark"),
        ({"account": "taxi", "credential": "sp=rwdl&sig=s3c\nret"}, "credential has a blank or a quotation mark"),
        ({"account": "taxi", "credential": '"sp=rwdl&sig=s3cret"'}, "credential has a blank or a quotation mark"),
        ({"credential": "'AccountName=taxi;AccountKey=s3cret'"}, "credential has a blank or a quotation mark"),
        ({"account": "taxi", "credential": "sp=rwdl&sig="}, "credential is neither a connection string"),
        ({"account": "taxi", "credential": "s3cret"}, "credential is neither a connection string nor an account's key"),
        ({"account": "taxi", "credential": "https://taxi.example/?sig=s3cret"}, "credential is an address"),
        ({"credential": "AccountName=taxi;s3cret"}, "credential is a connection string with a part missing"),
        ({"credential": "AccountName=taxi;AccountKey=s3cret"}, "credential is a connection string whose AccountKey"),
        ({"credential": "AccountName=taxi;EndpointSuffix=s3cret"}, "credential is a connection string with neither"),
        (
            {"account": "taxi", "endpoint": "https://other.blob.core.windows.net"},
            "endpoint is of the account other, and the account is taxi",
        ),
        (
            {
                "account": "taxi",
                "endpoint": "https://other.privatelink.blob.core.windows.net",
                "credential": "sig=s3cret",
            },
            "endpoint is of the account other, and the account is taxi",
        ),
        (
            {"account": "taxi", "endpoint": "http://127.0.0.1:10000/other", "credential": "a2V5a2V5a2V5a2V5a2V5a2V5"},
            "endpoint is of the account other, and the account is taxi",
        ),
        ({"account": "taxi", "chunk_size": "4001"}, "chunk_size must be 1 to 4000"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_line_without_its_secret(keys: dict[str, str], shown: str) -> None:
    with pytest.raises(ConfigError, match=rf"^\[lake\.azure\] {shown}") as error:
        AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", {"container": "lake", **keys}))
    line = str(error.value)
    assert "s3cret" not in line
    assert redact(line) == line, "no word of it is taken for a secret"


def test_a_secret_with_fields_is_masked_in_part_and_in_another_order(azurite: AzureServer) -> None:
    redaction.forget()
    sas = sas_of("lake")
    signature = sas.partition("sig=")[2]
    redaction.remember(effective._of_value(sas, named=True))
    redaction.remember(effective._of_value(connection_string(azurite), named=True))
    decoded = signature.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/")
    for text in (signature, decoded, KEYS[ACCOUNT]):
        assert redact(f"GET /lake?comp=list: {text} refused").count(text) == 0
    redaction.forget()


LOGINS = {
    "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
    "\tEnvironmentCredential: EnvironmentCredential authentication unavailable. Not configured.\n"
    "\tVisualStudioCodeCredential: VisualStudioCodeCredential requires the 'azure-identity-broker' package to be "
    "installed. You must also ensure that you have signed in.\n"
    "\tAzureCliCredential: Azure CLI not found on path": "no Azure login was found: run az login, or set AZURE_",
    "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
    "\tAzureCliCredential: Please run 'az login' to set up an account\nTo mitigate": r"no Azure login can be used "
    r"\(AzureCliCredential: Please run 'az login' to set up an account\): run az login",
    "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
    "\tEnvironmentCredential: Authentication failed: AADSTS700016: Application 'x' was not found in the "
    "directory 'y'.\nTo mitigate": r"no Azure login can be used \(.*AADSTS700016: Application 'x' was not found",
    "DefaultAzureCredential failed to retrieve a token from the included credentials.\nAttempted credentials:\n"
    "\tManagedIdentityCredential: ManagedIdentityCredential authentication unavailable, no response from the IMDS "
    "endpoint. Token request error: (invalid_request) Identity not found\nTo mitigate": r"no Azure login can be used "
    r"\(.*Identity not found\)",
    "Authentication failed: AADSTS7000215: Invalid client secret provided.": r"no Azure login can be used "
    r"\(Authentication failed: AADSTS7000215: Invalid client",
}  # fmt: skip
"""azure-identity's messages (1.27), and what is shown"""


@pytest.mark.parametrize("message", LOGINS)
def test_a_login_that_fails_is_one_line_with_the_cure(
    message: str, monkeypatch: pytest.MonkeyPatch, small: Path
) -> None:
    class Login:
        def get_token(self, *_: object, **__: object) -> Any:
            raise ClientAuthenticationError(message)

    monkeypatch.setattr(AzureStore, "_login", lambda _: Login())
    given = {"account": "taxi", "container": f"login-{len(message)}"}
    store = AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given))
    for error in failures(store, small, *SECRETS).values():
        assert isinstance(error, ConfigError)
        with pytest.raises(ConfigError, match=LOGINS[message]):
            raise error
    assert [check.status for check in store.checks()] == [Status.ERROR]


def test_that_this_machine_has_no_login_is_said_of_no_kind_in_particular(monkeypatch: pytest.MonkeyPatch) -> None:
    """By azure-identity itself, where nothing of it is set up, so that another version's words are noticed."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", "/nowhere")
    given = {"account": "taxi", "container": "no-login"}
    [check] = AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given)).checks()
    assert "no Azure login was found: run az login" in check.message


def test_a_login_whose_server_does_not_answer_is_no_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("AZURE_TENANT_ID", "11111111-1111-1111-1111-111111111111")
    monkeypatch.setenv("AZURE_CLIENT_ID", "11111111-1111-1111-1111-111111111112")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s3cret-of-a-login")
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *_, **__: None)
    given = {"account": "taxi", "container": "login-away"}
    store = AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given))
    with pytest.raises(StorageError, match=r"Azure's login does not answer .*run the same command again") as error:
        store.stat(NAME)
    assert "s3cret" not in str(error.value)
    assert [check.status for check in store.checks()] == [Status.UNREACHABLE]


def test_certificates_that_are_not_there_are_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    given = {"account": "taxi", "container": "no-certificates", "credential": KEYS[ACCOUNT]}
    store = AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", given))
    for error in failures(store, small, *SECRETS).values():
        assert isinstance(error, ConfigError)
        assert "none.pem: correct REQUESTS_CA_BUNDLE" in str(error)
    assert store.checks()[-1].status is Status.ERROR


def test_a_command_for_az_uses_the_login_where_the_store_does() -> None:
    given = {"account": "taxi", "container": "lake"}
    for credential, shown in {
        "": "--container-name lake --auth-mode login --name",
        KEYS[ACCOUNT]: "lake --name",
    }.items():
        store = AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", {**given, "credential": credential}))
        assert shown in store._removal(NAME)


def test_a_login_reads_writes_and_copies(tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a token of Entra's, which Azurite takes by TLS alone, and whose signature it does not check.

    It does not look at the token for the source of a copy: that there is one is all that this shows.
    """
    claims: dict[str, Any] = {"aud": "https://storage.azure.com", "iss": "https://sts.windows.net/x/", "exp": 1 << 33}
    claims |= {"nbf": 0, "iat": 0}
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in ({"alg": "none"}, claims))
    token = ".".join(part.rstrip("=") for part in parts)
    asked: list[tuple[str, ...]] = []

    class Login:
        def get_token(self, *scopes: str, **_: object) -> AccessToken:
            asked.append(scopes)
            return AccessToken(f"{token}.x", 1 << 34)

    monkeypatch.setattr("azure.identity.DefaultAzureCredential", Login)
    trusted = certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    with azurite_server(tmp_path, "--oauth", "basic", "--cert", trusted, "--key", trusted) as server:
        store = fresh_azure_store(server, server.fresh_container(), credential="")
        assert [check.status for check in store.checks()] == [Status.OK, Status.OK, Status.UNKNOWN]
        assert store.checks()[0].message == "a login that DefaultAzureCredential found"
        store.put(small, NAME, LABELS)
        url, access = store._readable(NAME)
        assert access == {"source_authorization": f"Bearer {token}.x"}
        assert "?" not in url
        assert store.copy(store, NAME, "to", LABELS)
        assert content(store, "to") == small.read_bytes()
    assert set(asked) == {("https://storage.azure.com/.default",)}


def test_a_credential_shows_nothing_of_itself() -> None:
    assert KEYS[ACCOUNT] not in repr(Credential.parse(KEYS[ACCOUNT]))
    assert "sig" not in repr(Credential.parse(sas_of("lake")))


def test_a_child_has_a_client_of_its_own(store: AzureStore, small: Path) -> None:
    store.put(small, NAME, LABELS)
    parents = store._client()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"own" if store._client() is not parents else b"the parent's")
        os.write(writing, b" works" if content(store) == small.read_bytes() else b" fails")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100) == b"own works"
    os.close(reading)
    os.close(writing)
    assert store._client() is parents
