"""What is particular to the store on Google Cloud Storage; what every store promises is in test_stores.py.

Which stand-in shows what is in `tests/support/gcs.py`. What none shows, a proxy answers as Google is documented to, and
the test says so; scripts/check-gcp tries on the real service what can be tried there.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError
from taxi_luigi.storage.gcs import GcsStore
from tests.support.between import Answered, Asked, Between, Fault, Once, between, strict
from tests.support.gcs import GcsServer, fake_gcs, fresh_gcs_store, gcp_emulator

__all__ = ["between", "fake_gcs", "gcp_emulator", "strict"]

LABELS = {"edition": "a-b", "sha256": "0" * 64, "rows": "7", "source": "https://example.org/x.parquet"}
NAME = "yellow/yellow_tripdata_2021-01.parquet"
MIB = 1 << 20


@pytest.fixture
def store(fake_gcs: GcsServer, between: Between) -> GcsStore:
    """A store that is asked for through `between`, with chunks of 1 MiB."""
    return _behind(between, fake_gcs)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return _file(tmp_path / "small.parquet", 1000)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More than the 8 MiB that the client sends in one request."""
    return _file(tmp_path / "large.parquet", 9 * MIB + 5)


def _file(path: Path, size: int) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def _behind(proxy: Between, server: GcsServer, **settings: Any) -> GcsStore:
    return GcsStore(
        "lake gcs", GcsStore.Settings(server.fresh_bucket(), endpoint=proxy.endpoint, chunk_size=1, **settings)
    )


def _on(server: GcsServer, store: GcsStore, name: str = NAME) -> Any:
    """The object as the server has it, seen by a plain client."""
    return server.bucket(store.bucket).get_blob(f"data/{name}")


def _bytes(store: GcsStore, name: str = NAME) -> bytes:
    with store.reading(name) as path:
        return path.read_bytes()


# ---- listing ---------------------------------------------------------------------------------------------------------


def test_a_folder_is_listed_by_one_request_that_asks_for_no_more_than_it_uses(
    store: GcsStore, between: Between, small: Path
) -> None:
    for number in range(5):
        store.put(small, f"yellow/{number}.parquet", LABELS | {"rows": str(number)})
    store.put(small, "yellow/deeper/x.parquet", LABELS)
    between.asked.clear()
    listed = store.list("yellow")
    assert [entry.labels["rows"] for entry in listed.values()] == ["0", "1", "2", "3", "4"]
    assert list(listed) == [f"yellow/{number}.parquet" for number in range(5)]
    assert {entry.bytes for entry in listed.values()} == {1000}
    assert listed["yellow/3.parquet"] == store.stat("yellow/3.parquet")
    (path,) = between.paths("GET", "/o?")
    assert "prefix=data%2Fyellow%2F&delimiter=%2F" in path
    assert "fields=items%28name%2Csize%2Cgeneration%2Ccrc32c%2Cmetadata%29%2CnextPageToken" in path


def test_the_object_with_which_a_console_shows_an_empty_folder_is_not_listed(
    store: GcsStore, fake_gcs: GcsServer
) -> None:
    fake_gcs.bucket(store.bucket).blob("data/yellow/").upload_from_string(b"")
    assert store.list("yellow") == {}


@pytest.mark.parametrize(("prefix", "key"), [("data", "data/"), ("", ""), ("/", ""), ("/a/b/", "a/b/")])
def test_the_prefix_may_be_empty_and_slashes_at_its_ends_count_for_nothing(
    fake_gcs: GcsServer, small: Path, prefix: str, key: str
) -> None:
    store = fresh_gcs_store(fake_gcs, prefix=prefix)
    store.put(small, NAME, LABELS)
    assert [blob.name for blob in fake_gcs.client.list_blobs(store.bucket)] == [f"{key}{NAME}"]
    assert store.url(NAME) == f"gs://{store.bucket}/{key}{NAME}"
    assert list(store.list("yellow")) == [NAME]


# ---- uploading -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        (NAME, "application/vnd.apache.parquet"),
        ("raw/x.receipt.json", "application/json"),
        ("raw/x.csv.gz", "application/octet-stream"),
    ],
)
def test_an_object_has_its_content_type(
    store: GcsStore, fake_gcs: GcsServer, small: Path, name: str, content_type: str
) -> None:
    store.put(small, name, LABELS)
    assert _on(fake_gcs, store, name).content_type == content_type
    assert _on(fake_gcs, store, name).content_encoding is None


def test_a_large_file_goes_up_in_chunks_with_labels_checksum_and_precondition_from_the_start(
    store: GcsStore, fake_gcs: GcsServer, between: Between, large: Path
) -> None:
    """fake-gcs-server ignores the precondition of a resumable upload, so only what is sent is seen here."""
    told: list[tuple[int, int]] = []
    store.put(large, NAME, LABELS, lambda done, total: told.append((done, total)))
    (start,) = [asked for asked in between.asked if asked.method == "POST"]
    assert "uploadType=resumable" in start.path
    assert "ifGenerationMatch=0" in start.path
    resource = json.loads(start.body)
    assert resource["metadata"] == LABELS
    assert resource["crc32c"] == _on(fake_gcs, store).crc32c
    assert [len(asked.body) for asked in between.asked if asked.method == "PUT"] == [MIB] * 9 + [5]
    assert not between.paths("PATCH")
    size = large.stat().st_size
    assert told == [(number * MIB, size) for number in range(10)] + [(size, size)]
    assert _bytes(store) == large.read_bytes()


def test_a_second_put_replaces_the_generation_that_it_saw(store: GcsStore, between: Between, large: Path) -> None:
    store.put(large, NAME, LABELS)
    first = store.stat(NAME)
    assert first is not None
    store.put(large, NAME, LABELS | {"rows": "8"})
    assert f"ifGenerationMatch={first.version}" in between.paths("POST")[-1]
    second = store.stat(NAME)
    assert second is not None
    assert second.version != first.version
    assert second.labels["rows"] == "8"


def test_what_somebody_else_writes_during_an_upload_is_kept(
    store: GcsStore, fake_gcs: GcsServer, between: Between, small: Path
) -> None:
    """On a small file: fake-gcs-server holds to the precondition there. On large ones it is only seen to be sent."""
    theirs = fake_gcs.bucket(store.bucket).blob(f"data/{NAME}")
    between.rule = Once("POST", "uploadType", lambda: theirs.upload_from_string(b"theirs"))
    with pytest.raises(StorageError, match=r"/yellow_tripdata_2021-01.parquet: another run replaced it meanwhile"):
        store.put(small, NAME, LABELS)
    assert _bytes(store) == b"theirs"


def test_the_same_file_written_by_somebody_else_during_an_upload_is_success(
    store: GcsStore, fake_gcs: GcsServer, between: Between, small: Path
) -> None:
    other = GcsStore("lake gcs", GcsStore.Settings(store.bucket, endpoint=fake_gcs.endpoint))
    between.rule = Once("POST", "uploadType", lambda: other.put(small, NAME, LABELS))
    store.put(small, NAME, LABELS)
    assert len(between.paths("POST")) == 1


def test_the_same_bytes_with_other_labels_written_by_somebody_else_are_not_success(
    store: GcsStore, fake_gcs: GcsServer, between: Between, small: Path
) -> None:
    other = GcsStore("lake gcs", GcsStore.Settings(store.bucket, endpoint=fake_gcs.endpoint))
    between.rule = Once("POST", "uploadType", lambda: other.put(small, NAME, LABELS | {"edition": "other"}))
    with pytest.raises(StorageError, match="another run replaced it meanwhile"):
        store.put(small, NAME, LABELS)


def test_the_lost_answer_of_a_small_upload_is_success(store: GcsStore, between: Between, small: Path) -> None:
    between.rule = Once("POST", "uploadType", Fault.LOST)
    store.put(small, NAME, LABELS)
    assert len(between.paths("POST")) == 2
    assert _bytes(store) == small.read_bytes()


@pytest.mark.parametrize("chunk", [1, 5, 10])
def test_the_lost_answer_of_a_chunk_is_success(store: GcsStore, between: Between, large: Path, chunk: int) -> None:
    """The proxy answers the chunk that is sent again as Google is documented to."""
    between.rule = _nth_chunk(chunk, Fault.LOST)
    store.put(large, NAME, LABELS)
    assert len(between.paths("PUT")) == 11
    assert _bytes(store) == large.read_bytes()


@pytest.mark.parametrize("status", [404, 410])
def test_an_upload_whose_session_is_over_succeeded_if_the_object_is_there(
    store: GcsStore, between: Between, large: Path, status: int
) -> None:
    """The last chunk arrives, its answer is lost, and when it is sent again the session is forgotten."""
    sent: list[str] = []

    def rule(asked: Asked) -> Answered | Fault | None:
        if asked.method != "PUT" or len(asked.body) != 5:
            return None
        sent.append(asked.path)
        return Fault.LOST if len(sent) == 1 else Answered(status)

    between.rule = rule
    store.put(large, NAME, LABELS)
    assert len(sent) == 2
    assert _bytes(store) == large.read_bytes()


def test_an_upload_whose_session_is_dropped_half_way_fails_in_one_line(
    store: GcsStore, between: Between, large: Path
) -> None:
    between.rule = _nth_chunk(4, Answered(410))
    with pytest.raises(StorageError, match=r"the server dropped the upload half way: run the same command again$"):
        store.put(large, NAME, LABELS)
    assert store.stat(NAME) is None


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_is_busy_for_a_moment_fails_nothing(
    store: GcsStore, between: Between, small: Path, status: int
) -> None:
    for method, containing in (("GET", "/o/"), ("POST", "uploadType")):
        between.rule = Once(method, containing, Answered(status))
        store.put(small, f"{method}/x", LABELS)
        assert between.rule.done


def test_a_link_too_slow_for_the_chunk_is_an_error_that_names_the_setting(
    fake_gcs: GcsServer, between: Between, large: Path
) -> None:
    """A server that takes its time stands for the link: the time-out is of both together."""
    store = _behind(between, fake_gcs, timeout=0.5)
    between.rule = lambda asked: time.sleep(0.8) if asked.method == "PUT" else None
    with pytest.raises(StorageError, match=r": 1 MiB were not sent and answered in 0.5 s: set a smaller chunk_size"):
        store.put(large, NAME, LABELS)


def test_a_chunk_of_which_the_server_keeps_a_part_fails_in_one_line(
    store: GcsStore, between: Between, large: Path
) -> None:
    """Google may do so; the client cannot find its place again then. The proxy gives the answer."""
    between.rule = _nth_chunk(2, Answered(308, headers={"Range": f"bytes=0-{MIB + MIB // 2 - 1}"}))
    with pytest.raises(StorageError, match=r"broke off half way .*: run the same command again$"):
        store.put(large, NAME, LABELS)
    assert store.stat(NAME) is None


def _nth_chunk(number: int, then: Any) -> Any:
    """A rule for the n-th chunk that is sent."""
    seen: list[str] = []

    def rule(asked: Asked) -> Any:
        if asked.method == "PUT":
            seen.append(asked.path)
        return then if asked.method == "PUT" and len(seen) == number else None

    return rule


@pytest.mark.parametrize("status", [308, 400])
def test_no_failure_tells_the_address_of_an_upload_session(
    store: GcsStore, between: Between, large: Path, status: int
) -> None:
    """Whoever has it may write to it for a week. Of a 308 without a Range the client tells the whole address."""
    between.rule = _nth_chunk(2, Answered(status))
    with pytest.raises(StorageError) as raised:
        store.put(large, NAME, LABELS)
    assert "upload_id" in between.paths("PUT")[0]
    assert "upload_id" not in str(raised.value)
    assert "\n" not in str(raised.value)


# ---- checksums -------------------------------------------------------------------------------------------------------


def _damage(asked: Asked) -> None:
    """Changes a byte of what is uploaded, on its way."""
    if "upload" in asked.path and len(asked.body) > 900 and b'"crc32c"' not in asked.body[:300]:
        asked.body = asked.body[:600] + bytes([asked.body[600] ^ 1]) + asked.body[601:]
    elif asked.method == "POST" and len(asked.body) > 900:
        asked.body = asked.body[:-200] + bytes([asked.body[-200] ^ 1]) + asked.body[-199:]


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_bytes_that_are_damaged_on_their_way_up_are_refused_by_the_server(
    gcp_emulator: GcsServer, strict: Between, tmp_path: Path, size: int
) -> None:
    store = _behind(strict, gcp_emulator)
    strict.rule = _damage
    with pytest.raises(StorageError, match="Google answered 400"):
        store.put(_file(tmp_path / "x", size), NAME, LABELS)
    assert store.list("yellow") == {}


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_bytes_that_a_server_took_although_damaged_are_taken_out_again(
    store: GcsStore, between: Between, tmp_path: Path, size: int
) -> None:
    """fake-gcs-server looks at no checksum, and ignores the generation that the removal is bound to."""
    between.rule = _damage
    with pytest.raises(StorageError, match="arrived damaged and was taken out: run the same command again"):
        store.put(_file(tmp_path / "x", size), NAME, LABELS)
    assert store.list("yellow") == {}
    (removal,) = between.paths("DELETE")
    assert re.search(r"[?&]ifGenerationMatch=\d{10}", removal)


@pytest.mark.parametrize("size", [1000, 9 * MIB])
def test_bytes_that_a_server_took_although_damaged_stay_when_they_were_replaced_since(
    store: GcsStore, fake_gcs: GcsServer, between: Between, tmp_path: Path, size: int
) -> None:
    """The proxy gives Google's answer to a removal that is bound to a generation which is no longer there."""
    between.rule = lambda asked: Answered(412) if asked.method == "DELETE" else _damage(asked)
    with pytest.raises(StorageError, match="arrived damaged"):
        store.put(_file(tmp_path / "x", size), NAME, LABELS)
    assert _on(fake_gcs, store) is not None


# ---- the local file --------------------------------------------------------------------------------------------------


def test_a_local_file_that_is_missing_is_an_os_error(store: GcsStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.put(tmp_path / "missing", NAME, LABELS)


def test_a_local_file_that_grows_shorter_during_its_upload_fails_in_one_line(
    store: GcsStore, between: Between, large: Path
) -> None:
    between.rule = Once("POST", "uploadType", lambda: os.truncate(large, 5 * MIB))
    with pytest.raises(StorageError, match="broke off half way"):
        store.put(large, NAME, LABELS)
    assert store.stat(NAME) is None


# ---- downloading -----------------------------------------------------------------------------------------------------


def test_a_temporary_copy_is_of_the_generation_that_was_seen_and_gone_afterwards(
    store: GcsStore, between: Between, large: Path
) -> None:
    """fake-gcs-server ignores the generation, so only what is sent is seen here."""
    store.put(large, NAME, LABELS)
    seen = store.stat(NAME)
    assert seen is not None
    with store.reading(NAME) as path:
        assert path.read_bytes() == large.read_bytes()
        assert path.parent == atomic_files.SCRATCH
        with store.reading(NAME) as second:
            assert second != path
    assert not path.exists()
    assert f"generation={seen.version}" in between.paths("GET", "/download/")[0]


def test_a_download_that_breaks_off_is_continued(store: GcsStore, between: Between, large: Path) -> None:
    store.put(large, NAME, LABELS)
    between.rule = Once("GET", "/download/", Fault.CUT)
    assert _bytes(store) == large.read_bytes()
    ranges = [asked.headers.get("range") for asked in between.asked if "/download/" in asked.path]
    assert len(ranges) == 2
    assert ranges[1] != "bytes=0-"


def test_a_download_that_was_continued_with_damaged_bytes_fails_in_one_line(
    store: GcsStore, between: Between, large: Path
) -> None:
    """The client compares no checksum then."""
    store.put(large, NAME, LABELS)
    answers = [Fault.CUT, Fault.SPOILT]
    between.rule = lambda asked: answers.pop(0) if "/download/" in asked.path else None
    with pytest.raises(StorageError, match=r"arrived damaged .*: run the same command again$"):
        _bytes(store)
    assert answers == []


def test_an_object_that_is_replaced_while_it_is_fetched_is_fetched_anew(
    store: GcsStore, between: Between, small: Path
) -> None:
    """The proxy gives Google's answer to a request for a generation that is gone."""
    store.put(small, NAME, LABELS)
    between.rule = Once("GET", "/download/", Answered(404))
    assert _bytes(store) == small.read_bytes()
    between.rule = lambda asked: Answered(404) if "/download/" in asked.path else None
    with pytest.raises(StorageError, match="another run replaced it meanwhile; run the same command again"):
        _bytes(store)


def test_an_open_file_that_is_replaced_fails_in_one_line(store: GcsStore, between: Between, small: Path) -> None:
    """A part of the old one may have been read already."""
    store.put(small, NAME, LABELS)
    between.rule = Once("GET", "/download/", Answered(404))
    with pytest.raises(StorageError, match="another run replaced it meanwhile; run the same command again"):
        store.open(NAME).read()


def test_a_file_that_is_opened_fetches_what_is_read_of_it_and_little_more(
    store: GcsStore, between: Between, large: Path
) -> None:
    store.put(large, NAME, LABELS)
    between.asked.clear()
    size = large.stat().st_size
    with store.open(NAME) as file:
        file.seek(-100, os.SEEK_END)
        assert file.read(100) == large.read_bytes()[-100:]
        file.seek(5)
        assert file.read(10) == large.read_bytes()[5:15]
    ranges = [asked.headers["range"] for asked in between.asked if "/download/" in asked.path]
    assert ranges == [f"bytes={size - 100}-{size - 1}", f"bytes=5-{4 + (64 << 10)}"]


def test_a_full_disk_is_named_with_the_folder_that_would_have_to_be_another(
    store: GcsStore, small: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An `open` that fails as on a full disk stands for one: no test fills a disk that others use."""
    store.put(small, NAME, LABELS)
    monkeypatch.setattr(atomic_files, "SCRATCH", tmp_path / "scratch")
    monkeypatch.setattr(Path, "open", _no_space)
    with pytest.raises(StorageError, match=f"no temporary copy: No space left on device: .* than {tmp_path}$"):
        _bytes(store)


def _no_space(path: Path, *_: object) -> None:
    raise OSError(28, "No space left on device", str(path))


# ---- copying ---------------------------------------------------------------------------------------------------------


def test_a_copy_within_google_moves_no_bytes_and_has_labels_of_its_own(
    store: GcsStore, fake_gcs: GcsServer, between: Between, large: Path
) -> None:
    """fake-gcs-server ignores the preconditions of a copy, so only what is sent is seen here."""
    source = _behind(between, fake_gcs)
    source.put(large, "clean/x.parquet", {"rows": "1"})
    seen = source.stat("clean/x.parquet")
    assert seen is not None
    between.asked.clear()
    assert store.copy(source, "clean/x.parquet", NAME, LABELS)
    assert sum(len(asked.body) for asked in between.asked) < 2000
    assert not between.paths("GET", "/download/")
    (path,) = between.paths("POST", "/rewriteTo/")
    assert f"sourceGeneration={seen.version}" in path
    assert "ifGenerationMatch=0" in path
    copied = store.stat(NAME)
    assert copied is not None
    assert (copied.labels, copied.crc32c, copied.bytes) == (LABELS, seen.crc32c, seen.bytes)
    assert _on(fake_gcs, store).content_type == "application/vnd.apache.parquet"


def test_a_copy_that_takes_the_server_several_requests_is_carried_to_its_end(
    store: GcsStore, between: Between, small: Path
) -> None:
    """Google asks for it above some size, and between locations. The proxy gives the first answer."""
    store.put(small, "yellow/a.parquet", {})
    unfinished = {"totalBytesRewritten": "10", "objectSize": "1000", "done": False, "rewriteToken": "so-far"}
    between.rule = Once("POST", "/rewriteTo/", Answered(200, unfinished))
    assert store.copy(store, "yellow/a.parquet", NAME, LABELS)
    assert ["rewriteToken=so-far" in path for path in between.paths("POST", "/rewriteTo/")] == [False, True]
    assert _bytes(store) == small.read_bytes()


def test_the_lost_answer_of_a_copy_is_success(store: GcsStore, between: Between, small: Path) -> None:
    """The proxy gives Google's answer to the second request, which finds the first one's object."""
    store.put(small, "yellow/a.parquet", {})
    answers: list[Any] = [Fault.LOST, Answered(412)]
    between.rule = lambda asked: answers.pop(0) if "/rewriteTo/" in asked.path else None
    assert store.copy(store, "yellow/a.parquet", NAME, LABELS)
    assert answers == []


def test_somebody_elses_object_is_not_replaced_by_a_copy(
    store: GcsStore, fake_gcs: GcsServer, between: Between, small: Path
) -> None:
    """The proxy gives Google's answer to a precondition that fails."""
    store.put(small, "yellow/a.parquet", {})
    fake_gcs.bucket(store.bucket).blob(f"data/{NAME}").upload_from_string(b"theirs")
    between.rule = Once("POST", "/rewriteTo/", Answered(412))
    with pytest.raises(StorageError, match="another run replaced it meanwhile; run the same command again"):
        store.copy(store, "yellow/a.parquet", NAME, LABELS)


def test_an_object_on_another_server_or_of_another_account_is_not_copied(
    store: GcsStore, gcp_emulator: GcsServer, fake_gcs: GcsServer, small: Path
) -> None:
    elsewhere = fresh_gcs_store(gcp_emulator)
    elsewhere.put(small, NAME, LABELS)
    other = GcsStore("lake other", GcsStore.Settings(store.bucket, endpoint=store.endpoint, credentials_file=small))
    assert not store.copy(elsewhere, NAME, NAME, LABELS)
    assert not store.copy(other, NAME, NAME, LABELS)
    assert store.stat(NAME) is None


def test_a_copy_of_nothing_is_a_missing_file(store: GcsStore) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        store.copy(store, "yellow/missing.parquet", NAME, LABELS)
    assert raised.value.filename == store.url("yellow/missing.parquet")


# ---- processes -------------------------------------------------------------------------------------------------------


def test_a_child_has_a_client_of_its_own(store: GcsStore, between: Between, small: Path) -> None:
    """One connection answered the parent before the fork and after it, and the child had another."""
    store.put(small, NAME, LABELS)
    before = {asked.connection for asked in between.asked}
    between.asked.clear()
    child = multiprocessing.get_context("fork").Process(target=store.put, args=(small, "green/child.parquet", LABELS))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert before.isdisjoint({asked.connection for asked in between.asked})
    between.asked.clear()
    assert store.stat("green/child.parquet") is not None
    assert {asked.connection for asked in between.asked} <= before
