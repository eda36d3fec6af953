"""Downloads over a network that breaks, stalls and lies: the whole file, whatever happens on its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taxi_luigi.core import atomic_files
from taxi_luigi.core.receipts import SourceFingerprint
from taxi_luigi.sources import Published
from taxi_luigi.sources.http_download import Pace
from tests.support.cdn import Break, Cdn, Chunked, Drip, Headers, Short, Stall, Status
from tests.support.publisher import COLOR, MONTH, NAME, Client, write


def test_the_whole_file_arrives_and_is_accounted_for(cdn: Cdn, content: bytes, client: Client) -> None:
    found = cdn.headers(cdn.folders[0] / NAME)
    seen = client.source.look(COLOR, MONTH).seen
    fetched = client.fetch()
    client.assert_holds(content, fetched)
    assert fetched.seen == seen == SourceFingerprint(found["ETag"], found["Last-Modified"], len(content))
    assert fetched.url == client.source.url(COLOR, MONTH)
    assert client.progress[-1] == (len(content), len(content))
    assert client.progress == sorted(client.progress)
    assert cdn.asked("if-match") == [found["ETag"]]
    assert cdn.asked("accept-encoding") == ["identity"]


def test_no_request_is_sent_twice_when_the_month_was_not_looked_at(cdn: Cdn, content: bytes, client: Client) -> None:
    client.assert_holds(content, client.fetch())
    assert [request.method for request in cdn.log] == ["GET"]
    assert cdn.asked("if-match") == [None]


@pytest.mark.parametrize("reset", [True, False])
def test_a_broken_download_is_resumed(cdn: Cdn, content: bytes, client: Client, reset: bool) -> None:
    cdn.fault(NAME, Break(100_000, reset), Break(100_000, reset))
    client.assert_holds(content, client.fetch())
    first, *rest = cdn.asked("range")
    assert first is None
    assert len(rest) == 2
    etag = cdn.headers(cdn.folders[0] / NAME)["ETag"]
    assert cdn.asked("if-range") == [None, etag, etag]
    assert [request.status for request in cdn.log] == [200, 206, 206]
    if not reset:  # a reset takes with it what had not been read yet
        assert rest == ["bytes=100000-", "bytes=200000-"]


def test_a_stalled_download_is_resumed(cdn: Cdn, content: bytes, tmp_path: Path) -> None:
    client = Client(cdn.template, tmp_path / "arriving", read_timeout=1)
    cdn.fault(NAME, Stall(150_000))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == [None, "bytes=150000-"]


def test_attempts_are_counted_anew_whenever_something_arrived(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, *[fault for _ in range(5) for fault in (Break(10_000, reset=False), Status(503))])
    client.assert_holds(content, client.fetch())
    assert cdn.count("GET") == 11


def test_without_ranges_a_break_begins_anew(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.ranges = False
    cdn.fault(NAME, Break(200_000, reset=False))
    client.assert_holds(content, client.fetch())
    assert [request.status for request in cdn.log] == [200, 200]


def test_a_weak_etag_is_not_resumed_on(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.weak = True
    client.source.look(COLOR, MONTH)
    cdn.fault(NAME, Break(200_000, reset=False))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == cdn.asked("if-match") == [None, None]


def test_a_file_that_can_not_be_resumed_and_always_breaks_fails(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.ranges = False
    cdn.fault(NAME, *[Break(200_000, reset=False)] * 20)
    assert "the connection ended in mid-file" in client.failure()
    assert cdn.count("GET") == 3


def test_rewritten_since_it_was_looked_at(cdn: Cdn, content: bytes, client: Client) -> None:
    client.source.look(COLOR, MONTH)
    newer = write(cdn.folders[0], size=200_000, seed=2)
    fetched = client.fetch()
    client.assert_holds(newer, fetched)
    assert [request.status for request in cdn.log] == [200, 412, 200]
    assert fetched.seen.bytes == 200_000
    assert client.source.look(COLOR, MONTH).seen == fetched.seen
    assert cdn.count("HEAD") == 1


def test_after_a_failure_the_month_is_looked_at_anew(cdn: Cdn, content: bytes, client: Client) -> None:
    client.source.look(COLOR, MONTH)
    (cdn.folders[0] / NAME).unlink()
    client.failure()
    assert client.source.look(COLOR, MONTH).published is Published.NO


@pytest.mark.parametrize("size", [400_000, 50_000])
def test_rewritten_in_mid_download(cdn: Cdn, content: bytes, client: Client, size: int) -> None:
    cdn.fault(NAME, Break(100_000, reset=False, then=lambda: write(cdn.folders[0], size=size, seed=2)))
    fetched = client.fetch()
    client.assert_holds((cdn.folders[0] / NAME).read_bytes(), fetched)
    assert fetched.bytes == fetched.seen.bytes == size


def test_shorter_than_what_has_arrived(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Break(100_000, reset=False), Status(416))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == [None, "bytes=100000-", None]


def test_rewritten_at_a_server_that_does_not_know_if_range(cdn: Cdn, content: bytes, client: Client) -> None:
    part = {"Content-Range": "bytes 100000-299999/300000", "ETag": '"another"'}
    cdn.fault(NAME, Break(100_000, reset=False), Headers(dict(part)))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == [None, "bytes=100000-", None]


@pytest.mark.parametrize(
    "span", ["bytes 99999-299999/300000", "bytes 100000-299999/300001", "bytes */300000", "nonsense", None]
)
def test_a_part_that_does_not_fit_is_not_used(cdn: Cdn, content: bytes, client: Client, span: str | None) -> None:
    cdn.fault(NAME, Break(100_000, reset=False), Headers({"Content-Range": span}))
    client.assert_holds(content, client.fetch())
    assert cdn.count("GET") == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"ETag": None, "Last-Modified": None},
        {"ETag": None, "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"ETag": '"another"'},
        {"Content-Range": "bytes 100000-299999/*"},
        {"Content-Encoding": "gzip"},
    ],
)
def test_a_part_that_does_not_say_of_which_file_it_is_begins_the_download_anew(
    cdn: Cdn, content: bytes, client: Client, changed: dict[str, str | None]
) -> None:
    """The server rewrites the file in between, to as many bytes, and does not know If-Range."""
    newer = b"PAR1" + bytes(299_996)

    def rewrite() -> None:
        (cdn.folders[0] / "newer").write_bytes(newer)
        (cdn.folders[0] / "newer").replace(cdn.folders[0] / NAME)

    cdn.knows_if_range = False
    cdn.fault(NAME, Break(100_000, reset=False, then=rewrite), Headers(dict(changed)))
    client.assert_holds(newer, client.fetch())
    assert cdn.asked("range") == [None, "bytes=100000-", None]


def test_a_part_with_the_same_time_of_change_is_taken(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Break(100_000, reset=False), Headers({"ETag": None}))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == [None, "bytes=100000-"]


def test_a_server_that_sends_less_than_requested_gets_a_request_for_the_rest(
    cdn: Cdn, content: bytes, client: Client
) -> None:
    part = {"Content-Range": "bytes 100000-149999/300000", "Content-Length": "50000"}
    cdn.fault(NAME, Break(100_000, reset=False), Headers(dict(part)))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == [None, "bytes=100000-", "bytes=150000-"]


def test_without_a_length(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Chunked())
    fetched = client.fetch()
    client.assert_holds(content, fetched)
    assert fetched.seen.bytes is None
    assert {total for _, total in client.progress} == {0}


def test_without_a_length_a_break_is_still_noticed(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Chunked(after=100_000))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == [None, "bytes=100000-"]


def test_what_the_server_calls_whole_is_whole(cdn: Cdn, content: bytes, client: Client) -> None:
    """A file that was cut before it was served is for formats.check_whole to find."""
    cdn.fault(NAME, Short(1000))
    client.assert_holds(content[:1000], client.fetch())


def test_an_empty_file(cdn: Cdn, client: Client) -> None:
    (cdn.folders[0] / NAME).write_bytes(b"")
    client.assert_holds(b"", client.fetch())


def test_bytes_are_kept_as_published_whatever_the_encoding(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Headers({"Content-Encoding": "gzip"}))
    client.assert_holds(content, client.fetch())
    assert cdn.count("GET") == 1


def test_a_slow_server_is_no_failure(cdn: Cdn, content: bytes, tmp_path: Path) -> None:
    client = Client(cdn.template, tmp_path / "arriving", read_timeout=1)
    cdn.fault(NAME, Drip(200_000))
    client.assert_holds(content, client.fetch())
    assert cdn.count("GET") == 1


def test_a_download_keeps_to_its_bandwidth_and_is_not_taken_for_slow(
    cdn: Cdn, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that passes while it sleeps: 300,000 bytes at 1,000 a second, with no more coming at any time."""
    slept = [0.0]
    arrived: list[tuple[float, int]] = []

    class Clocked(Pace):
        def __init__(self, bandwidth: float, sharing: Callable[[], int]) -> None:
            super().__init__(bandwidth, sharing, lambda: slept[0], self._pass)

        def _pass(self, seconds: float) -> None:
            slept[0] += seconds

        def arrived(self, size: int) -> float:
            arrived.append((slept[0], size))
            return super().arrived(size)

    monkeypatch.setattr("taxi_luigi.sources.http.Pace", Clocked)
    # Other processes of the tests download too, and all of a machine share a bandwidth
    monkeypatch.setattr(atomic_files, "SCRATCH", tmp_path / "scratch")
    cdn.fault(NAME, Break(100_000, reset=False))
    client = Client(cdn.template, tmp_path / "arriving", bandwidth=1_000, lowest_speed=1_000, at_once=1)
    client.assert_holds(content, client.fetch())
    assert slept[0] == pytest.approx(len(content) / 1_000)
    for number, (at, _) in enumerate(arrived):
        assert sum(size for _, size in arrived[:number]) <= 1_000 * at + 1
