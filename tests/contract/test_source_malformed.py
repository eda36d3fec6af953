"""Servers that send what HTTP does not have: one month fails in one line, and nothing else happens."""

from __future__ import annotations

import contextlib
import gc
import random
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from taxi_luigi.core.errors import SourceError, StorageError
from taxi_luigi.core.receipts import SourceFingerprint, source_digest
from taxi_luigi.sources import Look, Published, SingleFile, http_exchange, http_session
from taxi_luigi.tlc.months import Month
from tests.support.publisher import COLOR, MONTH, Client, net
from tests.support.raw_server import RawServer, raw_server

BODY = b"PAR1" + bytes(1000)
GOOD = (
    b"HTTP/1.1 200 OK",
    b'ETag: "abc"',
    b"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT",
    b"Content-Length: 1004",
    b"Content-Type: binary/octet-stream",
)


def answer(*lines: bytes) -> bytes:
    return b"\r\n".join([*lines, b"", b""])


def replaced(header: bytes, *values: bytes) -> bytes:
    """A good answer with other values of one header."""
    kept = [line for line in GOOD if not line.lower().startswith(header.lower() + b":")]
    return answer(*kept, *(header + b": " + value for value in values))


def body_for(request: bytes) -> bytes:
    return b"" if request.startswith(b"HEAD") else BODY


def served(head: bytes, tmp_path: Path, **changes: float) -> tuple[Look, str]:
    """What a look says, and the line that a download ends with, '' when it arrived."""
    with raw_server(lambda request: [head, body_for(request)]) as server:
        client = Client(server.template, tmp_path / "arriving", **changes)
        look = client.source.look(COLOR, MONTH)
        try:
            client.fetch()
        except (SourceError, StorageError) as error:
            line = str(error)
            assert "\n" not in line
            assert line.isprintable()
            return look, line
    return look, ""


LENGTHS = [
    "²".encode("latin-1"),
    "²".encode(),
    b"-5",
    b"9" * 30,
    b"9" * 5000,
    b"1004, 1005",
    b"0x10",
    b"",
    b"\xe0\xa7\xa7",
]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_that_is_none_fails_the_month(tmp_path: Path, length: bytes) -> None:
    look, line = served(replaced(b"Content-Length", length), tmp_path)
    assert look.published is Published.UNKNOWN
    assert "gave up after 2 attempts, the last: its " in look.why
    assert "gave up after 3 attempts, the last: its " in line


def test_lengths_that_agree_are_one(tmp_path: Path) -> None:
    look, line = served(replaced(b"Content-Length", b"1004", b"1004"), tmp_path)
    assert look.seen is not None
    assert (look.seen.bytes, line) == (1004, "")


def test_lengths_that_do_not_agree_fail_the_month(tmp_path: Path) -> None:
    look, line = served(replaced(b"Content-Length", b"1004", b"1005"), tmp_path)
    assert look.published is Published.UNKNOWN
    assert "its headers cannot be read" in look.why
    assert "its headers cannot be read" in line


@pytest.mark.parametrize("lengths", [(b"1004", b"1005"), (b"1004, 1005",)])
def test_an_answer_that_cannot_be_used_leaves_no_socket_open(lengths: tuple[bytes, ...]) -> None:
    def sockets() -> set[int]:
        return {id(each) for each in gc.get_objects() if isinstance(each, socket.SocketIO) and not each.closed}

    before = sockets()
    with raw_server(lambda _: [replaced(b"Content-Length", *lengths), BODY]) as server:
        client = http_exchange.Client(net(), "source")
        # The error is held, and with it all that its traceback refers to
        with pytest.raises(http_exchange.TransientError) as error, client, client.request("GET", server.template):
            pass
        assert str(error.value) == "its headers cannot be read"
        assert sockets() - before == set()


def test_a_length_that_no_disk_has_fails_the_month(tmp_path: Path) -> None:
    look, line = served(replaced(b"Content-Length", b"9" * 15), tmp_path)
    assert look.published is Published.YES
    assert "free some space" in line


@pytest.mark.parametrize("status", [b"302 Found", b"307 Temporary Redirect", b"308 Permanent Redirect"])
@pytest.mark.parametrize(
    ("location", "says"),
    [
        (b"http://[::1", "redirects to an address that is not"),
        (b"http://host:port/", "redirects to an address that is not"),
        (b"http://host:99999/", "redirects to an address that is not"),
        (b"http:///x", "redirects without end"),
        (b"ftp://host/secret", "redirects to an address that is not"),
        (b"file:///etc/passwd", "redirects to an address that is not"),
        (b"//[/", "redirects to an address that is not"),
        (b"http://\xff\xfe/", "redirects to an address that is not"),
        (b"", "the server answers HTTP 30"),
        (b"/again", "redirects without end"),
        (b"http://a..b/secret", "redirects to an address that is not"),
    ],
)
def test_a_redirect_to_nowhere_fails_the_month(tmp_path: Path, status: bytes, location: bytes, says: str) -> None:
    look, line = served(answer(b"HTTP/1.1 " + status, b"Location: " + location, b"Connection: close"), tmp_path)
    assert look.published is Published.UNKNOWN
    assert says in look.why
    assert says in line
    assert "secret" not in look.why + line


def test_the_body_of_a_redirect_is_not_read(tmp_path: Path) -> None:
    def reply(request: bytes) -> Iterable[bytes]:
        if request.startswith(b"GET /moved"):
            yield replaced(b"X-A", b"1") + body_for(request)
            return
        yield answer(b"HTTP/1.1 302 Found", b"Location: /moved", b"Content-Length: 999999999999")
        yield from iter(lambda: bytes(1 << 16), None)

    with raw_server(reply) as server:
        client = Client(server.template, tmp_path / "arriving")
        client.assert_holds(BODY, client.fetch())


@pytest.mark.parametrize(
    "header",
    [
        b"X-Latin: \xe9\xff\x80",
        "X-Utf: 北京".encode(),
        b"X-Line: a\x85b\x0bc\x1c",
        b"X-Long: " + b"x" * 60_000,
        b"Set-Cookie: \xff=\xfe; Expires=Mon, 99 Foo 0000 99:99:99; Domain=..; Max-Age=\xb2",
        b"Retry-After: \xb2\xb3",
        b"Content-Range: bytes \xb2-3/4",
        b"Content-Type: ;;;\xff",
        b"Date: \xb2",
        b"Link: <http://[::1>; rel=\xff",
    ],
)
def test_a_header_that_is_not_needed_does_no_harm(tmp_path: Path, header: bytes) -> None:
    look, line = served(answer(*GOOD, header), tmp_path)
    assert (look.published, line) == (Published.YES, "")
    assert look.seen == SourceFingerprint('"abc"', "Mon, 01 Jan 2024 00:00:00 GMT", 1004)


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\xff\xfe garbage\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 \xb2\xb3\xb2 OK\r\n\r\n",
        b"HTTP/1.1 -200 OK\r\n\r\n",
        b"HTTP/9.9 2000 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 70_000 + b"\r\n\r\n",
        answer(*GOOD, *(b"X-%d: 1" % number for number in range(150))),
        answer(*GOOD, b"X-Long: " + b"x" * 70_000),
        answer(b"HTTP/1.1 200 OK", b"no colon here", *GOOD[1:]),
        answer(*GOOD[:2], b"\xff\xfe: x", *GOOD[2:]),
        answer(*GOOD[:3], b"Transfer-Encoding: chunked") + b"\xb2\r\nxx\r\n0\r\n\r\n",
        answer(*GOOD[:3], b"Transfer-Encoding: chunked") + b"-5\r\nxx\r\n0\r\n\r\n",
        answer(*GOOD[:3], b"Transfer-Encoding: chunked") + b"5;" + b"x" * 70_000,
        b"",
    ],
)
def test_what_is_no_answer_fails_the_month(tmp_path: Path, head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    look, line = served(head, tmp_path)
    assert "gave up after 3 attempts, the last: " in line
    if b"chunked" not in head:  # its headers are as they should be
        assert look.published is Published.UNKNOWN
        assert "gave up after 2 attempts, the last: " in look.why
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(
    "wish",
    [b"\xb2\xb3", b"9" * 400, b"-1", b"Mon, 99 Foo 99999999999999999999 00:00:00", b"Thu, 01 Jan 1970 00:00:00", b""],
)
def test_an_invalid_retry_after_is_none_or_too_long(tmp_path: Path, wish: bytes) -> None:
    head = answer(b"HTTP/1.1 503 Busy", b"Retry-After: " + wish, b"Content-Length: 0")
    look, line = served(head, tmp_path)
    assert look.published is Published.UNKNOWN
    assert "HTTP 503 Service Unavailable" in look.why
    assert ("which asks to wait" in line) == wish.startswith(b"9")


@pytest.mark.parametrize(
    "etag", ['"ü"'.encode("latin-1"), '"北京"'.encode(), b'"a\r\n b"', b'"\x7f\x01"', b'"' + b"x" * 10_000 + b'"']
)
def test_an_etag_that_cannot_be_sent_back_still_tells_versions_apart(tmp_path: Path, etag: bytes) -> None:
    requests = []
    seen = []
    for value in (etag, etag, etag[:-1] + b'y"'):

        def reply(request: bytes, value: bytes = value) -> Iterable[bytes]:
            requests.append(request)
            return [replaced(b"ETag", value), body_for(request)]

        with raw_server(reply) as server:
            client = Client(server.template, tmp_path / "arriving")
            look = client.source.look(COLOR, MONTH)
            assert client.fetch().seen == look.seen
            assert look.seen is not None
            seen.append(look.seen)
    assert all(each.etag is not None and each.etag.isprintable() and each.etag.isascii() for each in seen)
    assert len(seen[0].etag or "") < 300
    assert source_digest(seen[0]) == source_digest(seen[1]) != source_digest(seen[2])
    assert not [request for request in requests if b"If-Match" in request]


@pytest.mark.parametrize("span", [b"bytes \xb2-3/4", b"bytes 0-0", b"", b"bytes 0-0/" + b"9" * 5000, b"items 0-0/9"])
def test_a_part_of_nothing_fails_the_look(tmp_path: Path, span: bytes) -> None:
    def reply(request: bytes) -> Iterable[bytes]:
        if request.startswith(b"HEAD"):
            # Without "close" the GET may go out on a connection that the server is about to close.
            return [answer(b"HTTP/1.1 405 No", b"Content-Length: 0", b"Connection: close")]
        return [answer(b"HTTP/1.1 206 Part", b"Content-Range: " + span, b"Content-Length: 1"), b"P"]

    with raw_server(reply) as server:
        look = Client(server.template, tmp_path / "arriving").source.look(COLOR, MONTH)
    assert look.published is Published.UNKNOWN
    assert "its Content-Range names no part of a file" in look.why


@pytest.mark.parametrize(
    "before",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
        b"HTTP/1.1 199 New\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_what_announces_an_answer_is_none(tmp_path: Path, before: bytes) -> None:
    look, line = served(before + answer(*GOOD), tmp_path)
    assert (look.published, line) == (Published.YES, "")
    assert look.seen is not None
    assert look.seen.bytes == 1004


def test_a_change_of_protocol_is_an_answer(tmp_path: Path) -> None:
    look, line = served(answer(b"HTTP/1.1 101 Switching Protocols", b"Upgrade: h2c") + b"\0\0garbage", tmp_path)
    assert "the server answers HTTP 101" in look.why
    assert "the server answers HTTP 101" in line


@pytest.mark.parametrize("span", [b"bytes 0-1003/1004", b"bytes 5-1003/1004", b"bytes */1004", b"1004"])
def test_a_part_of_a_file_that_was_requested_whole_fails_the_month(tmp_path: Path, span: bytes) -> None:
    look, line = served(answer(b"HTTP/1.1 206 Part", *GOOD[1:], b"Content-Range: " + span), tmp_path)
    assert "gave up after 3 attempts, the last: the server sent a part of the file, where the whole was" in line
    assert look.published is (Published.YES if span.startswith(b"bytes") else Published.UNKNOWN)


def test_only_the_month_with_the_bad_answer_is_unknown(tmp_path: Path) -> None:
    def reply(request: bytes) -> Iterable[bytes]:
        bad = b"2024-02" in request
        return [replaced(b"Content-Length", b"\xb2") if bad else answer(*GOOD), body_for(request)]

    months = [(COLOR, Month(2024, number)) for number in range(1, 6)]
    threads = threading.active_count()
    with raw_server(reply) as server:
        looks = Client(server.template, tmp_path / "arriving").source.look_all(months)
        assert list(looks) == months
    assert [month.month for (_, month), look in looks.items() if look.published is Published.UNKNOWN] == [2]
    assert threading.active_count() <= threads + 1


def test_a_list_of_zones_is_requested_with_the_same_checks(tmp_path: Path) -> None:
    for head in (
        replaced(b"Content-Length", b"\xb2"),
        answer(b"HTTP/1.1 302 F", b"Location: http://[::1"),
        b"\xff\r\n\r\n",
    ):
        with raw_server(lambda request, head=head: [head, body_for(request)]) as server:  # type: ignore[misc]
            file = SingleFile(f"http://{server.address}/zones.csv", net(), "[taxi] zones", 100_000)
            with pytest.raises(SourceError) as failed:
                file.fetch(tmp_path / "arriving")
        assert "\n" not in str(failed.value)


TIMES = {"lowest_speed": 100.0, "connect_timeout": 0.2, "read_timeout": 0.5}


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_session, "WINDOW", 0.5)


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"]
)
def test_headers_that_never_end_are_given_up(tmp_path: Path, head: bytes) -> None:
    server: RawServer

    def reply(_: bytes) -> Iterator[bytes]:
        yield head
        yield from server.drip(b"" if not head.endswith(b"\n") else head * 1000, 0.01)

    with raw_server(reply) as server:
        client = Client(server.template, tmp_path / "arriving", **TIMES)
        look = client.source.look(COLOR, MONTH)
        assert look.published is Published.UNKNOWN
        assert "gave up after 2 attempts, the last: its answer took longer than 1.2 s" in look.why
        assert "gave up after 3 attempts, the last: its answer took longer than 1.2 s" in client.failure()
        assert len(server.requests) == 5


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize("resumable", [True, False])
@pytest.mark.parametrize("chunked", [b"", b"1;", b"0\r\nX: "])
def test_a_body_that_drips_is_given_up(tmp_path: Path, resumable: bool, chunked: bytes) -> None:
    """Also in what surrounds a chunk, and after the last one, where no byte of the file comes."""
    server: RawServer

    def reply(_: bytes) -> Iterator[bytes]:
        etag = GOOD[1:2] if resumable else ()
        yield answer(GOOD[0], *etag, b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000") + chunked
        yield from server.drip(b"", 0.02)

    with raw_server(reply) as server:
        line = Client(server.template, tmp_path / "arriving", **TIMES).failure()
        assert "fewer than 100 bytes a second came for 0.5 s ([download] lowest_speed)" in line
        assert "gave up after 3 attempts" in line
        assert len(server.requests) == 3


@pytest.mark.usefixtures("_short")
def test_a_page_that_drips_is_given_up(tmp_path: Path) -> None:
    server: RawServer

    def reply(_: bytes) -> Iterator[bytes]:
        yield answer(b"HTTP/1.1 403 Forbidden", b"Content-Length: 4000")
        yield from server.drip(b"", 0.02)

    with raw_server(reply) as server:
        assert "its answer took longer than" in Client(server.template, tmp_path / "arriving", **TIMES).failure()


def test_a_byte_an_attempt_is_no_gain(tmp_path: Path) -> None:
    """Each attempt of a server that always breaks goes on by a byte: that would be for ever."""

    def reply(request: bytes) -> Iterable[bytes]:
        start = int(request.partition(b"Range: bytes=")[2].partition(b"-")[0] or 0)
        if not start:
            return [answer(*GOOD), BODY[:1]]
        span = b"Content-Range: bytes %d-1003/1004" % start
        return [
            answer(b"HTTP/1.1 206 Part", *GOOD[1:3], span, b"Content-Length: %d" % (1004 - start)),
            BODY[start : start + 1],
        ]

    with raw_server(reply) as server:
        assert "gave up after 3 attempts" in Client(server.template, tmp_path / "arriving").failure()
        assert len(server.requests) == 3


def garbage(random_: random.Random) -> bytes:
    """An answer that is nearly one."""
    statuses = [b"200", b"206", b"301", b"302", b"403", b"404", b"405", b"416", b"503", b"999", b"\xb2", b""]
    names = [
        *(b"Content-Length", b"Content-Range", b"Content-Type", b"Content-Encoding", b"ETag", b"Last-Modified"),
        *(b"Location", b"Retry-After", b"Set-Cookie", b"Transfer-Encoding", b"Connection", b"Accept-Ranges", b"\xff"),
    ]
    values = [
        *(
            b"\xb2",
            b"-1",
            b"0",
            b"1004",
            b"9" * 25,
            b"bytes 0-0/5",
            b"bytes */*",
            b"bytes \xb2-3/4",
            b"text/html",
            b"gzip",
        ),
        *(
            b"br",
            b"chunked",
            b'"abc"',
            b'W/"\xfc"',
            b"http://[::1",
            b"/x",
            b"//",
            b"ftp://x",
            b"Mon, 01 Jan 2024 00:00:00 GMT",
        ),
        *(b"Mon, 99 Foo 99999 00:00:00", b"a=b; Max-Age=\xb2", b"close", b"", b"\x00\x85\x1c", random_.randbytes(20)),
    ]
    lines = [b"HTTP/1.%d " % random_.randint(0, 2) + random_.choice(statuses) + random_.choice([b" OK", b"", b" \xff"])]
    for _ in range(random_.randint(0, 6)):
        lines.append(random_.choice(names) + random_.choice([b": ", b":", b" ", b" : "]) + random_.choice(values))
    head = random_.choice([b"\r\n", b"\n"]).join(lines)
    if random_.random() < 0.3:
        head = bytearray(head)
        for _ in range(3):
            head[random_.randrange(len(head))] = random_.randrange(256)
    return bytes(head) + random_.choice([b"\r\n\r\n"] * 8 + [b""])


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_server_sends_a_look_and_a_download_end_in_one_line(tmp_path: Path, seed: int) -> None:
    random_ = random.Random(seed)

    def reply(request: bytes) -> Iterable[bytes]:
        return [garbage(random_), random_.choice([b"", BODY, b"5\r\nPAR1x\r\n0\r\n\r\n", random_.randbytes(600)])]

    with raw_server(reply) as server:
        for month in range(1, 6):
            client = Client(server.template, tmp_path / "arriving", attempts=2, backoff=0.001, read_timeout=2)
            look = client.source.look(COLOR, Month(2024, month))
            assert look.why.isprintable()
            with contextlib.suppress(SourceError, StorageError):
                fetched = client.source.fetch(COLOR, Month(2024, month), client.into, lambda _done, _all: None)
                assert fetched.bytes == client.into.stat().st_size
                assert (fetched.seen.etag or "").isascii()
