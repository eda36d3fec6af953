"""Servers, proxies and certificates that are not as they should be, under the real commands: one month, one line."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import Cdn, Chunked, Headers, Packed
from tests.support.project import Project
from tests.support.raw_server import raw_server

MONTHS = ("--colors", "green", "--months", "2021-01..2021-03")
FEBRUARY = "green_tripdata_2021-02.parquet"


@pytest.fixture(params=["content-length", "location", "bytes", "etag", "drip"])
def bad_february(request: pytest.FixtureRequest, samples: Path) -> Iterator[str]:
    """The template of a publisher whose February is served as no server should."""

    def reply(asked: bytes) -> Iterable[bytes]:
        name = asked.split(b" ")[1].decode().rpartition("/")[2]
        content = (samples / name).read_bytes() if (samples / name).is_file() else b""
        status, length, more = b"200 OK", str(len(content)).encode(), b""
        if name == FEBRUARY:
            match request.param:
                case "content-length":
                    length = b"\xb2"
                case "location":
                    status, more = b"302 Found", b"Location: http://[::1\r\n"
                case "bytes":
                    status = b"2\xff0 OK"
                case "etag":
                    more = b'ETag: "a\r\n b\xff"\r\n'
                case "drip":
                    yield b"HTTP/1.1 200 OK\r\nX: "
                    yield from server.drip(b"", 0.05)
                    return
        yield b"HTTP/1.1 %b\r\nContent-Length: %b\r\n%bConnection: close\r\n\r\n" % (status, length, more)
        if asked.startswith(b"GET"):
            yield content

    with raw_server(reply) as server:
        yield f"http://{server.address}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"


def test_only_the_month_with_the_bad_answer_fails(
    loading: Project, bad_february: str, request: pytest.FixtureRequest
) -> None:
    loading.configure(
        {"taxi": {"source": bad_february}, "download": {"connect_timeout": 0.5, "read_timeout": 1, "attempts": 2}}
    )
    planned = loading.command("taxi-luigi", "plan", *MONTHS)
    assert planned.rc == 0
    done = loading.run("LoadAllMonths", *MONTHS)
    assert "Traceback" not in planned.out + done.out
    good = {"2021-01": ROWS, "2021-03": ROWS}
    if "etag" in request.node.name:  # it is no reason to fail
        assert (done.rc, duckdb_counts(loading, "green_tripdata")) == (0, good | {"2021-02": ROWS})
        return
    assert (done.rc, duckdb_counts(loading, "green_tripdata")) == (30, good)
    [line] = [line for line in done.out.splitlines() if line.startswith("ERROR")]
    assert line.startswith("ERROR: DownloadMonth green 2021-02: http://127.0.0.1:")
    assert FEBRUARY in line


@pytest.mark.parametrize(
    "fault", [Chunked(), "gzip", Headers({"ETag": '"\x7fé"'}), Headers({"ETag": None, "Last-Modified": None})]
)
def test_a_month_that_was_sent_otherwise_than_as_a_plain_file_is_right_the_next_night(
    loading: Project, cdn: Cdn, samples: Path, fault: Chunked | Headers | str
) -> None:
    """Its raw file may be longer or shorter than what the server announces: that makes no month stale."""
    content = (samples / FEBRUARY).read_bytes()
    same = Packed("gzip", gzip.compress(content)) if isinstance(fault, str) else fault
    months = ("--colors", "green", "--months", "2021-02")
    cdn.fault(FEBRUARY, same)
    cdn.fault(FEBRUARY, *[same] * 9, method="HEAD")
    assert loading.run("DownloadMonth", "--color", "green", "--month", "2021-02").rc == 0
    assert (loading.workspace / "raw/green" / FEBRUARY).read_bytes() == content
    assert loading.run("LoadAllMonths", *months).rc == 0
    assert duckdb_counts(loading, "green_tripdata") == {"2021-02": ROWS}
    planned = loading.command("taxi-luigi", "plan", *months, "--refresh", "all")
    assert planned.out.splitlines()[-1].startswith("1 up to date"), planned.out
    assert cdn.count("GET") == 1


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"REQUESTS_CA_BUNDLE": "/nonexistent/ca.pem"}, "REQUESTS_CA_BUNDLE = /nonexistent/ca.pem: there is no such"),
        ({"https_proxy": "socks5://me:hush@127.0.0.1:9"}, "https_proxy = socks5://***@127.0.0.1:9: SOCKS needs the"),
        ({"https_proxy": "htp:/x"}, "https_proxy = htp:/x: is not the address of a proxy"),
    ],
)
def test_an_environment_that_is_wrong_is_named(loading: Project, variables: dict[str, str], says: str) -> None:
    loading.configure({"taxi": {"source": "https://127.0.0.1:1/{color}_{year}-{month:02}.parquet"}})
    variables = {"no_proxy": "", "NO_PROXY": ""} | variables
    done = loading.run("DownloadMonth", "--color", "green", "--month", "2021-02", env=variables)
    assert done.rc == 30
    error, failed = done.out.splitlines()
    asked = "https://127.0.0.1:1/green_2021-02.parquet"
    assert error.startswith(f"ERROR: DownloadMonth green 2021-02: {asked}: {says}")
    assert failed.startswith(f"green 2021-02 failed: DownloadMonth: {asked}: {says}")
    planned = loading.command("taxi-luigi", "plan", "--colors", "green", "--months", "2021-02", env=variables)
    assert planned.rc == 0
    assert "Traceback" not in planned.out
