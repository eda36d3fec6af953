"""What is particular to the store in a bucket of S3; what every store promises is in test_stores.py."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi.core.cloud import aws
from taxi_luigi.core.errors import ConfigError, StorageError
from taxi_luigi.core.health import Status
from taxi_luigi.core.settings import read
from taxi_luigi.storage.s3 import S3Store
from tests.support.buckets import LABELS, NAME, content, failures
from tests.support.memory import at_most
from tests.support.s3 import KEY, READER, SECRET, Answer, Between, Request, S3Server, fresh_s3_store

OBJECT = f"data/{NAME}"
PARTS = 5 << 20
"""bytes of a part, where the tests' stores have `chunk_size=5`"""

pytestmark = pytest.mark.usefixtures("aws_variables", "no_pauses")


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore tries again at once."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)


@pytest.fixture
def store(between: Between) -> S3Store:
    """An empty store in a strict server, with `between` before it."""
    store = fresh_s3_store(between.server, chunk_size=5)
    between.requests.clear()
    return store


@pytest.fixture(params=[1000, 12_000_000], ids=["small", "in_parts"])
def local(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that goes up at once, and one that goes up in three parts."""
    path = tmp_path / "local.parquet"
    path.write_bytes(os.urandom(request.param))
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file that goes up at once."""
    path = tmp_path / "small.parquet"
    path.write_bytes(b"PAR1 small PAR1")
    return path


def is_write(request: Request) -> bool:
    """Whether it is the request that makes the object appear."""
    return request.kind in ("PUT", "POST uploadId")


def once(meddle: Callable[[Request], Any]) -> Callable[[Request], None]:
    """Calls `meddle` before the first write only."""
    done: list[bool] = []

    def before(request: Request) -> None:
        if is_write(request) and not done:
            done.append(True)
            meddle(request)

    return before


def lines(error: BaseException) -> int:
    return len(str(error).splitlines())


def test_a_listing_is_one_request_for_a_thousand_files(
    store: S3Store, seaweed_server: S3Server, between: Between
) -> None:
    client = seaweed_server.client()

    def put(number: int) -> None:
        client.put_object(Bucket=store.bucket, Key=f"data/green/{number:04}", Body=b"x" * number)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, range(1, 1001)))
    client.put_object(Bucket=store.bucket, Key="data/green/", Body=b"")  # as a console makes a folder
    client.delete_object(Bucket=store.bucket, Key="data/green/")
    assert {name: entry.bytes for name, entry in store.list("green").items()} == {
        f"green/{number:04}": number for number in range(1, 1001)
    }
    assert between.kinds() == ["GET list-type"]
    put(1001)
    between.requests.clear()
    assert len(store.list("green")) == 1001
    assert between.kinds() == ["GET list-type"] * 2


def test_a_file_goes_up_with_its_type_labels_and_checksum(store: S3Store, between: Between, local: Path) -> None:
    store.put(local, NAME, LABELS)
    head = S3Server(between.server.url).client().head_object(Bucket=store.bucket, Key=OBJECT, ChecksumMode="ENABLED")
    assert head["ContentType"] == "application/vnd.apache.parquet"
    assert head["Metadata"] == LABELS
    assert "-" not in head["ChecksumCRC32"], "of the whole file"
    entry = store.stat(NAME)
    assert entry is not None
    assert (entry.bytes, entry.labels) == (local.stat().st_size, LABELS)
    assert content(store) == local.read_bytes()


@pytest.mark.parametrize(
    ("name", "type_"), [("a/b.json", "application/json"), ("a/b.csv.gz", "application/octet-stream")]
)
def test_other_files_are_sent_with_their_types(
    store: S3Store, between: Between, small: Path, name: str, type_: str
) -> None:
    """What is sent, since SeaweedFS guesses another type from the name where it is told application/octet-stream."""
    store.put(small, name, {})
    assert [request.headers["Content-Type"] for request in between.requests if is_write(request)] == [type_]


def test_a_large_file_goes_up_in_parts_and_only_the_last_request_has_the_condition(
    store: S3Store, between: Between, tmp_path: Path
) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(2 * PARTS + 1))
    store.put(path, NAME, LABELS)
    sent = between.kinds()
    assert sent[:2] == ["HEAD", "POST uploads"]
    assert sent[2:-2] == ["PUT partNumber"] * 3
    assert sent[-2:] == ["POST uploadId", "HEAD"]
    assert [request.kind for request in between.requests if "If-None-Match" in request.headers] == ["POST uploadId"]
    etag = between.server.client().head_object(Bucket=store.bucket, Key=OBJECT)["ETag"]
    between.requests.clear()
    store.put(path, NAME, LABELS)
    assert [request.headers.get("If-Match") for request in between.requests if is_write(request)] == [etag]


@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
def test_what_somebody_else_wrote_meanwhile_stays(store: S3Store, between: Between, local: Path, there: bool) -> None:
    if there:
        store.put(local, NAME, {**LABELS, "edition": "old"})
    other = between.server.client()
    between.before = once(lambda _: other.put_object(Bucket=store.bucket, Key=OBJECT, Body=b"theirs", Metadata=LABELS))
    with pytest.raises(StorageError, match=f"{OBJECT}: another run replaced it meanwhile; run the same") as error:
        store.put(local, NAME, LABELS)
    assert lines(error.value) == 1
    assert content(store) == b"theirs"
    assert not other.list_multipart_uploads(Bucket=store.bucket).get("Uploads"), "no part is left"


def test_what_somebody_else_removed_meanwhile_is_not_put_back_unseen(
    store: S3Store, between: Between, small: Path
) -> None:
    store.put(small, NAME, LABELS)
    other = between.server.client()
    between.before = once(lambda _: other.delete_object(Bucket=store.bucket, Key=OBJECT))
    with pytest.raises(StorageError, match="another run replaced it meanwhile"):
        store.put(small, NAME, LABELS)


@pytest.mark.parametrize("there", [False, True], ids=["new", "replaced"])
def test_an_upload_whose_answer_is_lost_has_succeeded(
    store: S3Store, between: Between, local: Path, there: bool
) -> None:
    if there:
        store.put(local, NAME, {**LABELS, "edition": "old"})
        local.write_bytes(os.urandom(local.stat().st_size))
        between.requests.clear()
    lost: list[Request] = []

    def after(request: Request, answer: Answer) -> Answer | None:
        if is_write(request) and not lost:
            assert answer.status == 200
            lost.append(request)
            return None
        return answer

    between.after = after
    store.put(local, NAME, LABELS)
    assert len([request for request in between.requests if is_write(request)]) == 2
    assert content(store) == local.read_bytes()


def test_a_lost_answer_is_known_by_the_etag_where_no_checksum_is_shown(moto_server: S3Server, local: Path) -> None:
    """moto shows no checksum of a simple upload, and for one in parts it is taken away here."""
    between = Between(moto_server)
    try:
        store = fresh_s3_store(between.server, chunk_size=5)
        lost: list[Request] = []

        def after(request: Request, answer: Answer) -> Answer | None:
            if is_write(request) and not lost:
                lost.append(request)
                return None
            kept = {name: text for name, text in answer.headers.items() if "checksum" not in name.lower()}
            return Answer(answer.status, kept, answer.body)

        def refuse(request: Request) -> Answer | None:  # moto takes the second request for the first's repetition
            return Answer.error(412, "PreconditionFailed") if is_write(request) and lost else None

        between.after, between.before = after, refuse
        store.put(local, NAME, LABELS)
        assert lost
        between.after = lambda _, answer: answer
        assert content(store) == local.read_bytes()
    finally:
        between.close()


def test_a_server_without_conditions_is_written_to_without(
    store: S3Store, between: Between, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server of ours lacks them; the answer is the one that S3 documents for headers that it does not implement."""
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", local.name + str(local.stat().st_size))  # a client of its own

    def before(request: Request) -> Answer | None:
        if {"If-None-Match", "If-Match"} & set(request.headers) and is_write(request):
            return Answer.error(501, "NotImplemented", "A header you provided implies functionality")
        return None

    between.before = before
    store.put(local, NAME, LABELS)
    assert content(store) == local.read_bytes()
    tries = len([request for request in between.requests if is_write(request)])
    store.put(local, NAME, LABELS)
    again = len([request for request in between.requests if is_write(request)]) - tries
    assert again == 1, "it is asked no more"


def test_other_bytes_than_were_sent_are_an_error(store: S3Store, between: Between, small: Path) -> None:
    def after(request: Request, answer: Answer) -> Answer:
        changed = {name: "AAAAAA==" for name in answer.headers if name.lower() == "x-amz-checksum-crc32"}
        return Answer(answer.status, {**answer.headers, **changed}, answer.body)

    between.after = after
    with pytest.raises(StorageError, match="other bytes are kept there: aws s3 rm s3://") as error:
        store.put(small, NAME, LABELS)
    assert lines(error.value) == 1


def test_bytes_that_change_on_the_way_are_not_read(store: S3Store, between: Between, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"\0" * (PARTS + 1))
    store.put(path, NAME, LABELS)

    def after(request: Request, answer: Answer) -> Answer:
        return Answer(answer.status, answer.headers, answer.body[:-1] + b"\1") if request.method == "GET" else answer

    between.after = after
    with pytest.raises(StorageError, match="arrived damaged: run the same command again"):
        content(store)


def test_a_file_that_is_replaced_while_it_is_read_is_read_whole(
    store: S3Store, between: Between, tmp_path: Path
) -> None:
    old, new = b"o" * (2 * PARTS + 1), b"n" * (PARTS + 1)
    path = tmp_path / "large"
    path.write_bytes(old)
    store.put(path, NAME, LABELS)
    other = between.server.client()
    replaced: list[Request] = []

    def before(request: Request) -> None:
        if request.headers.get("Range", "").startswith("bytes=0-") and not replaced:
            replaced.append(request)
            other.put_object(Bucket=store.bucket, Key=OBJECT, Body=new)

    between.before = before
    assert content(store) == new
    assert replaced
    with store.open(NAME) as file:
        file.read(1)
        other.put_object(Bucket=store.bucket, Key=OBJECT, Body=old)
        file.seek(-1, os.SEEK_END)
        with pytest.raises(StorageError, match="PreconditionFailed"):
            file.read()


def test_a_file_that_is_replaced_again_and_again_is_given_up(store: S3Store, between: Between, small: Path) -> None:
    store.put(small, NAME, LABELS)
    other = between.server.client()

    def before(request: Request) -> None:
        if request.method == "GET":
            other.put_object(Bucket=store.bucket, Key=OBJECT, Body=os.urandom(8))

    between.before = before
    with pytest.raises(StorageError, match="another run replaced it meanwhile"):
        content(store)


def test_an_open_file_fetches_little_more_than_is_read(store: S3Store, between: Between, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(3 << 20))
    store.put(path, NAME, LABELS)
    between.requests.clear()
    fetched: list[int] = []

    def after(_: Request, answer: Answer) -> Answer:
        fetched.append(len(answer.body))
        return answer

    between.after = after
    with store.open(NAME) as file:
        file.seek(-8, os.SEEK_END)
        assert file.read(8) == path.read_bytes()[-8:]
        assert between.kinds() == ["HEAD", "GET"]
        file.seek(0)
        assert file.read(1_000_000) == path.read_bytes()[:1_000_000]
        assert sum(fetched) < 1_200_000
        assert file.seek(0) == 0
        assert file.read() == path.read_bytes()
    assert len(between.requests) < 8


def test_an_empty_file_is_a_file(store: S3Store, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    store.put(tmp_path / "empty", NAME, LABELS)
    assert content(store) == b""
    with store.open(NAME) as file:
        assert file.read() == b""


def test_progress_counts_the_bytes_of_all_parts_once(store: S3Store, local: Path) -> None:
    told: list[tuple[int, int]] = []
    store.put(local, NAME, LABELS, lambda done, total: told.append((done, total)))
    size = local.stat().st_size
    assert told == sorted(told)
    assert told[-1] == (size, size)


def test_a_file_is_copied_by_the_server(store: S3Store, between: Between, local: Path) -> None:
    workspace = S3Store("workspace", S3Store.Settings(store.bucket, "", between.server.url, "us-east-1", 5))
    workspace.put(local, "work/clean", {"edition": "old"})
    between.requests.clear()
    assert store.copy(workspace, "work/clean", NAME, LABELS)
    assert sum(len(request.body) for request in between.requests) == 0
    assert "GET" not in between.kinds()
    entry = store.stat(NAME)
    assert entry is not None
    assert entry.labels == LABELS
    assert content(store) == local.read_bytes()
    assert between.server.client().head_object(Bucket=store.bucket, Key=OBJECT)["ContentType"].endswith("parquet")


def test_a_copy_over_what_somebody_else_wrote_meanwhile_is_refused(
    store: S3Store, between: Between, small: Path
) -> None:
    store.put(small, NAME, LABELS)
    other = between.server.client()
    between.before = once(lambda _: other.put_object(Bucket=store.bucket, Key="data/to", Body=b"theirs"))
    with pytest.raises(StorageError, match="data/to: another run replaced it meanwhile"):
        store.copy(store, NAME, "to", LABELS)
    assert content(store, "to") == b"theirs"


def test_another_server_copies_nothing(store: S3Store, moto_server: S3Server, small: Path) -> None:
    store.put(small, NAME, LABELS)
    elsewhere = fresh_s3_store(moto_server)
    assert not elsewhere.copy(store, NAME, NAME, LABELS)
    assert elsewhere.stat(NAME) is None
    with pytest.raises(FileNotFoundError) as missing:
        store.copy(store, "green/nothing", NAME, LABELS)
    assert missing.value.filename == store.url("green/nothing")


def test_what_fails_now_and_then_is_tried_again(store: S3Store, between: Between, local: Path) -> None:
    """Every request fails once: by a 503, a 500, or an answer that does not come."""
    failures = (Answer.error(503, "SlowDown"), Answer.error(500, "InternalError"), None)
    seen: set[tuple[str, str]] = set()

    def after(request: Request, answer: Answer) -> Answer | None:
        each = (request.kind, request.path)
        if each in seen:
            return answer
        seen.add(each)
        return failures[len(seen) % 3]

    between.after = after
    store.put(local, NAME, LABELS)
    assert content(store) == local.read_bytes()
    assert set(store.list("green")) == {NAME}
    store.remove(NAME)
    assert store.stat(NAME) is None


def test_a_server_that_stays_away_is_no_wrong_setting(store: S3Store, between: Between, small: Path) -> None:
    between.before = lambda _: Answer.error(503, "SlowDown")
    said = failures(store, small, SECRET)
    assert {type(error) for error in said.values()} == {StorageError}
    assert all("run the same command again" in str(error) for error in said.values())
    assert [check.status for check in store.checks()] == [Status.OK, Status.UNREACHABLE]


def test_a_server_that_does_not_listen_is_no_wrong_setting(small: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    store = S3Store("lake s3", S3Store.Settings("bucket", endpoint_url=f"http://127.0.0.1:{port}", region="us-east-1"))
    assert {type(error) for error in failures(store, small, SECRET).values()} == {StorageError}
    assert store.checks()[-1].status is Status.UNREACHABLE


def test_a_server_without_an_answer_is_given_up(small: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = S3Store("lake s3", S3Store.Settings("bucket", endpoint_url=url, region="us-east-1", timeout=0.2))
        with pytest.raises(StorageError, match="Read timeout on endpoint URL"):
            store.list("green")


def test_a_web_page_in_the_place_of_s3_is_named(store: S3Store, between: Between) -> None:
    between.before = lambda _: Answer(200, {"Content-Type": "text/html"}, b"<html><body>Sign in<br></body>")
    with pytest.raises(StorageError, match=r"the response is not S3's: check \[lake\.s3\] endpoint_url"):
        store.stat(NAME)
    with pytest.raises(StorageError, match="run the same command again"):  # botocore takes it for a 500
        store.list("green")


def test_a_server_that_sends_its_clients_elsewhere_is_a_wrong_setting(store: S3Store, between: Between) -> None:
    between.before = lambda _: Answer(301, {"Location": "https://s3.example/"})
    with pytest.raises(ConfigError, match=r"redirects elsewhere: set \[lake\.s3\] endpoint_url"):
        store.list("green")
    assert store.checks()[-1].status is Status.ERROR


def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


WRONG_ACCOUNTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "none": (unset, "no AWS credentials were found: run aws configure"),
    "half": (lambda m: m.delenv("AWS_SECRET_ACCESS_KEY"), "Partial credentials found in env.*: run aws configure"),
    "key": (lambda m: m.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODY"), "refused .*InvalidAccessKeyId.*: run aws configure"),
    "secret": (lambda m: m.setenv("AWS_SECRET_ACCESS_KEY", "wrong"), "refused .*SignatureDoesNotMatch.*: run aws con"),
    "profile": (
        lambda m: m.setenv("AWS_PROFILE", "nobody"),
        r"profile \(nobody\) could not be found: correct AWS_PROF",
    ),
    "checksum": (lambda m: m.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "often"), "often.*: correct AWS_PROFILE, ~/"),
}


@pytest.mark.parametrize("wrong", WRONG_ACCOUNTS)
def test_a_wrong_account_is_one_line_with_the_cure(
    seaweed_server: S3Server, small: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    store = fresh_s3_store(seaweed_server)
    make_wrong, said = WRONG_ACCOUNTS[wrong]
    make_wrong(monkeypatch)
    for error in failures(store, small, SECRET).values():
        assert isinstance(error, ConfigError)
        with pytest.raises(ConfigError, match=said):
            raise error
    assert store.checks()[-1].status is Status.ERROR


def test_a_malformed_configuration_file_is_one_line_with_the_cure(
    seaweed_server: S3Server, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fresh_s3_store(seaweed_server)
    (tmp_path / "config").write_text("region = eu-west-1 without a section\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for error in failures(store, small, SECRET).values():
        assert "Unable to parse config file" in str(error)
        assert isinstance(error, ConfigError)


def test_a_bucket_that_is_not_there_is_a_wrong_setting(seaweed_server: S3Server, small: Path) -> None:
    """But for questions after one object, where S3 answers as if only that were missing."""
    store = S3Store("lake s3", S3Store.Settings("no-such-bucket", endpoint_url=seaweed_server.url, region="us-east-1"))
    assert store.stat(NAME) is None
    said = r"no such bucket \(.*NoSuchBucket.*: make it, or correct the setting that names it"
    with pytest.raises(ConfigError, match=said):
        store.list("green")
    with pytest.raises(ConfigError, match=said):
        store.put(small, NAME, LABELS)
    check = store.checks()[-1]
    assert (check.place, check.what, check.status) == ("lake s3", "bucket", Status.ERROR)


def test_a_name_that_no_bucket_can_have_is_a_wrong_setting(seaweed_server: S3Server, small: Path) -> None:
    store = S3Store("lake s3", S3Store.Settings("no/bucket", endpoint_url=seaweed_server.url, region="us-east-1"))
    assert {type(error) for error in failures(store, small, SECRET).values()} == {ConfigError}
    assert "correct [lake.s3] bucket" in store.checks()[-1].message


def test_read_only_access_is_an_error_that_names_what_writing_needs(
    seaweed_server: S3Server, local: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fresh_s3_store(seaweed_server, chunk_size=5)
    store.put(local, NAME, LABELS)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER)
    assert content(store) == local.read_bytes()
    with pytest.raises(ConfigError, match=r"permission denied \(.*the account needs s3:PutObject"):
        store.put(local, NAME, LABELS)
    with pytest.raises(ConfigError, match=r"permission denied \(.*the account needs s3:DeleteObject"):
        store.remove(NAME)


REFUSALS = {
    "ExpiredToken": (400, {}, "have expired .*: run aws sso login"),
    "RequestTimeTooSkewed": (403, {}, "this machine's clock is wrong .*: set it"),
    "AllAccessDisabled": (403, {}, "permission denied .*: the account needs s3:ListBucket"),
    "PermanentRedirect": (301, {}, r"in the region eu-west-1, not in us-east-1 .*: set \[lake\.s3\] region"),
    "AuthorizationHeaderMalformed": (
        400,
        {"Region": "eu-west-1"},
        r"in the region eu-west-1, not in us-east-1 .*region",
    ),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_that_no_emulator_gives_is_one_line_with_the_cure(
    store: S3Store, between: Between, small: Path, code: str
) -> None:
    """The answers are those that Amazon's reference of error responses lists."""
    status, more, said = REFUSALS[code]
    headers = {"x-amz-bucket-region": "eu-west-1"}
    answer = Answer.error(status, code, **more)
    between.before = lambda _: Answer(status, {**answer.headers, **headers}, answer.body)
    with pytest.raises(ConfigError, match=said) as error:
        store.list("green")
    assert lines(error.value) == 1
    with pytest.raises(ConfigError, match=said.replace("ListBucket", ".*")):
        store.put(small, NAME, LABELS)  # which begins with a HEAD, whose answer has no body
    assert store.checks()[-1].status is Status.ERROR


@pytest.mark.parametrize("region", ["eu west", "-"])
def test_a_malformed_region_is_one_line_with_the_cure(seaweed_server: S3Server, region: str) -> None:
    with pytest.raises(ConfigError, match=r"set \[lake\.s3\] region, as in eu-west-1") as error:
        fresh_s3_store(seaweed_server, region=region).list("green")
    assert lines(error.value) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:9000", "s3://bucket", "https://", "https://me:s3cret@host"])
def test_an_endpoint_that_is_no_address_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match=r"\[lake\.s3\] endpoint_url must look like https://HOST:PORT") as error:
        read(S3Store.Settings, "lake.s3", {"bucket": "bucket", "endpoint_url": url})
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("size", ["4", "5121"])
def test_a_size_of_parts_that_s3_does_not_take_is_refused(size: str) -> None:
    with pytest.raises(ConfigError, match=r"\[lake\.s3\] chunk_size must be 5 to 5120 \(MiB\)"):
        read(S3Store.Settings, "lake.s3", {"bucket": "bucket", "chunk_size": size})


def test_the_findings_name_whose_key_it_is_and_not_the_key(moto_server: S3Server) -> None:
    store = fresh_s3_store(moto_server)
    credentials, bucket, permissions = store.checks()
    assert (credentials.status, credentials.message) == (Status.OK, f"env, key …{KEY[-4:]}")
    assert (bucket.status, bucket.message) == (Status.OK, f"{store.address} can be listed; region us-east-1")
    assert permissions.status is Status.UNKNOWN
    assert not [check for check in store.checks() if KEY in check.message or SECRET in check.message]


def test_credentials_are_found_in_a_profile(
    moto_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fresh_s3_store(moto_server)
    unset(monkeypatch)
    monkeypatch.setenv("AWS_PROFILE", "taxi")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text(f"[taxi]\naws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n")
    assert store.checks()[0].message == f"shared-credentials-file, key …{KEY[-4:]}"
    assert store.list("green") == {}


def test_a_child_has_a_client_of_its_own(store: S3Store, small: Path) -> None:
    store.put(small, NAME, LABELS)
    parents = store._aws.connection()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        own = store._aws.connection()
        os.write(writing, b"own" if own is not parents and own.client is not parents.client else b"the parent's")
        os.write(writing, b" works" if content(store) == small.read_bytes() else b" fails")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100) == b"own works"
    os.close(reading)
    os.close(writing)
    assert store._aws.connection() is parents
    assert content(store) == small.read_bytes()


def test_a_file_of_200_mb_goes_both_ways_in_little_memory(seaweed_server: S3Server, tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    with path.open("wb") as file:
        for _ in range(200):
            file.write(os.urandom(1_000_000))
    store = fresh_s3_store(seaweed_server)
    store.list("green")
    with at_most(60_000_000, "an upload of 200 MB"):
        store.put(path, NAME, LABELS)
    with at_most(100_000_000, "a download of 200 MB"), store.reading(NAME) as copy:
        assert copy.stat().st_size == 200_000_000


def test_conditions_are_gone_when_the_transfer_is_over(store: S3Store, small: Path) -> None:
    store.put(small, NAME, LABELS)
    content(store)
    connection: aws.Connection = store._aws.connection()
    assert connection._conditions == {}
