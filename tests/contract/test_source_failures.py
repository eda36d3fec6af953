"""Downloads that can't be: one line that says which, why and what now, and shows no secret."""

from __future__ import annotations

import errno
import resource
import shutil
import traceback
from dataclasses import astuple
from pathlib import Path

import pytest

from taxi_luigi.core.errors import SourceError, StorageError
from taxi_luigi.sources import NotPublished
from tests.support.cdn import HTML, WAF, Break, Cdn, Fault, Headers, Stall, Status
from tests.support.publisher import NAME, Client


@pytest.mark.parametrize("fault", [Status(503), Status(429), WAF, Break(0, reset=False), Break(0), Stall(0)])
def test_the_last_attempt_ends_in_one_line(cdn: Cdn, content: bytes, tmp_path: Path, fault: Fault) -> None:
    client = Client(cdn.template, tmp_path / "arriving", read_timeout=0.3)
    cdn.fault(NAME, *[fault] * 10)
    text = client.failure()
    assert text.startswith(f"{cdn.url}/trip-data/{NAME}: gave up after 3 attempts, the last: ")
    assert cdn.count("GET") == 3


def test_a_short_retry_after_is_obeyed(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Status(429, retry_after=1))
    client.assert_holds(content, client.fetch())
    first, second = (request.at for request in cdn.log)
    assert second - first >= 1


@pytest.mark.parametrize("wish", [3600, "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_long_retry_after_ends_the_download(cdn: Cdn, content: bytes, client: Client, wish: int | str) -> None:
    cdn.fault(NAME, Status(503, retry_after=wish))
    assert "which asks to wait" in client.failure()
    assert cdn.count("GET") == 1


@pytest.mark.parametrize("body", [HTML, b"\xef\xbb\xbf \n<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>"])
def test_a_web_page_fails_at_once_and_is_quoted(cdn: Cdn, content: bytes, client: Client, body: bytes) -> None:
    cdn.fault(NAME, Status(200, body, type="binary/octet-stream"))
    text = client.failure()
    assert "sent a web page instead of the file" in text
    assert ("Request blocked" in text) or ("SlowDown" in text)
    assert cdn.count("GET") == 1


@pytest.mark.parametrize("answer", [None, Status(404), Status(410)])
def test_not_published_is_said_at_once(cdn: Cdn, client: Client, answer: Status | None) -> None:
    if answer:
        cdn.fault(NAME, answer)
    with pytest.raises(NotPublished, match=rf"{NAME}: not published"):
        client.fetch()
    assert cdn.count("GET") == 1


@pytest.mark.parametrize("code", [400, 401, 451])
def test_refusals_fail_at_once(cdn: Cdn, content: bytes, client: Client, code: int) -> None:
    cdn.fault(NAME, Status(code))
    assert f"the server answers HTTP {code}" in client.failure()
    assert cdn.count("GET") == 1


def test_a_full_disk_is_noticed_before_the_first_byte(cdn: Cdn, content: bytes, client: Client) -> None:
    too_much = shutil.disk_usage(client.into.parent).free // 2 + 1
    cdn.fault(NAME, Headers({"Content-Length": str(too_much)}))
    with pytest.raises(StorageError, match=r"GB free, .* needed to download and clean .* free some space") as failed:
        client.fetch()
    assert str(client.into.parent) in str(failed.value)
    assert client.progress == []


def test_an_error_of_our_own_disk_is_not_blamed_on_the_server(cdn: Cdn, content: bytes, client: Client) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as failed:
            client.fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert failed.value.errno == errno.EFBIG
    assert cdn.count("GET") == 1


def test_no_secret_in_message_traceback_or_receipt(cdn: Cdn, content: bytes, tmp_path: Path) -> None:
    client = Client(cdn.template.replace("://", "://me:hush@") + "?sig=hush", tmp_path / "arriving")
    fetched = client.fetch()
    assert "hush" not in str(astuple(fetched))
    for fault in (Break(0), Status(401), Status(503)):
        cdn.fault(NAME, *[fault] * 3)
        with pytest.raises(SourceError) as failed:
            client.fetch()
        assert "hush" not in "".join(traceback.format_exception(failed.value))
        cdn.reset_failure()


def test_no_secret_when_there_is_no_server(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for host in ("127.0.0.1:1", "nowhere.invalid", "a..b"):
        client = Client(f"http://me:hush@{host}/{{year}}-{{month}}.csv?sig=hush", tmp_path / "arriving")
        with pytest.raises(SourceError) as failed:
            client.fetch()
        assert "hush" not in "".join(traceback.format_exception(failed.value))
        assert "\n" not in str(failed.value)
    assert not any("hush" in record.getMessage() for record in caplog.records if record.name.startswith("taxi_luigi"))
