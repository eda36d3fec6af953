"""What a web server's answers to HEAD mean, how often it is asked, and what a folder on disk says instead."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from taxi_luigi.core.receipts import SourceFingerprint
from taxi_luigi.sources import Look, Published, open_source
from taxi_luigi.tlc.months import Month, month_range
from tests.support.cdn import HTML, PAGE, WAF, Cdn, Headers, Status
from tests.support.publisher import COLOR, MONTH, NAME, forget_looks, net, write

MONTHS = [("green", month) for month in month_range(Month(2022, 1), Month(2023, 12))]


@pytest.fixture(autouse=True)
def _published(content: bytes) -> None:
    """Every test here has a published month."""


def look(cdn: Cdn, **changes: float) -> Look:
    return open_source(cdn.template, net(**changes)).look(COLOR, MONTH)


def test_a_published_month_is_described_by_its_headers(cdn: Cdn) -> None:
    found = cdn.headers(cdn.folders[0] / NAME)
    assert look(cdn) == Look(Published.YES, SourceFingerprint(found["ETag"], found["Last-Modified"], 300_000), "")
    assert cdn.log[0].headers["accept-encoding"] == "identity"
    assert cdn.count("GET") == 0


def test_403_with_s3s_access_denied_is_not_published(cdn: Cdn) -> None:
    answer = open_source(cdn.template, net()).look("green", Month(2024, 2))
    assert answer == Look(
        Published.NO,
        None,
        f"{cdn.url}/trip-data/green_tripdata_2024-02.parquet: not published (HTTP 403, AccessDenied)",
    )
    assert [request.method for request in cdn.log] == ["HEAD", "GET"]


@pytest.mark.parametrize("code", [404, 410])
def test_404_is_not_published_either(cdn: Cdn, code: int) -> None:
    cdn.fault(NAME, Status(code), method="HEAD")
    cdn.fault(NAME, Status(code))
    answer = look(cdn)
    assert (answer.published, answer.why) == (
        Published.NO,
        f"{cdn.url}/trip-data/{NAME}: not published (HTTP {code})",
    )


def test_another_403_is_tried_again_and_then_unknown(cdn: Cdn) -> None:
    cdn.fault(NAME, WAF, WAF, method="HEAD")
    cdn.fault(NAME, WAF, WAF)
    answer = look(cdn)
    assert (answer.published, answer.seen) == (Published.UNKNOWN, None)
    assert "gave up after 2 attempts" in answer.why
    assert "Request blocked" in answer.why
    assert "\n" not in answer.why
    assert cdn.count("HEAD") == 2


def test_a_403_that_passes_is_forgotten(cdn: Cdn) -> None:
    cdn.fault(NAME, WAF, method="HEAD")
    cdn.fault(NAME, WAF)
    assert look(cdn).published is Published.YES


@pytest.mark.parametrize("code", [404, 405, 501])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_without_head_gets_a_request_for_one_byte(cdn: Cdn, code: int, ranges: bool) -> None:
    write(cdn.folders[0], size=50_000_000)
    found = cdn.headers(cdn.folders[0] / NAME)
    cdn.ranges = ranges
    cdn.fault(NAME, Status(code), method="HEAD")
    assert look(cdn) == Look(Published.YES, SourceFingerprint(found["ETag"], found["Last-Modified"], 50_000_000))
    assert [(request.method, request.headers.get("range")) for request in cdn.log] == [
        ("HEAD", None),
        ("GET", "bytes=0-0"),
    ]
    if ranges:
        cdn.wait(lambda: cdn.sent(NAME) == 1)
    assert cdn.sent(NAME) < 50_000_000


def test_a_get_does_not_make_a_file_of_a_403(cdn: Cdn) -> None:
    cdn.fault(NAME, *[Status(403)] * 9, method="HEAD")
    answer = look(cdn)
    assert (answer.published, answer.seen) == (Published.UNKNOWN, None)
    assert "HTTP 403 Forbidden to HEAD, but HTTP 200 to GET" in answer.why
    assert cdn.asked("range") == [None, None]


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_passing_troubles_are_tried_again_once(cdn: Cdn, code: int) -> None:
    cdn.fault(NAME, Status(code), method="HEAD")
    assert look(cdn).published is Published.YES
    cdn.fault(NAME, Status(code), Status(code), method="HEAD")
    forget_looks()
    assert look(cdn).published is Published.UNKNOWN
    assert cdn.count("HEAD") == 4


def test_scheduling_does_not_wait_for_a_long_retry_after(cdn: Cdn) -> None:
    cdn.fault(NAME, Status(429, retry_after=3600), method="HEAD")
    answer = look(cdn)
    assert answer.published is Published.UNKNOWN
    assert "which asks to wait 3600 s" in answer.why
    assert cdn.count("HEAD") == 1


def test_other_answers_are_unknown_at_once(cdn: Cdn) -> None:
    cdn.fault(NAME, Status(401), method="HEAD")
    answer = look(cdn)
    assert answer.published is Published.UNKNOWN
    assert "HTTP 401 Unauthorized" in answer.why
    assert cdn.count("HEAD") == 1


def test_a_page_is_no_month(cdn: Cdn) -> None:
    cdn.fault(NAME, PAGE, method="HEAD")
    answer = look(cdn)
    assert answer.published is Published.UNKNOWN
    assert "a page (text/html)" in answer.why


def test_a_server_without_an_answer(cdn: Cdn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        template = f"http://127.0.0.1:{silent.getsockname()[1]}/{{year}}-{{month:02}}.parquet"
        answer = open_source(template, net(read_timeout=0.3)).look(COLOR, MONTH)
    assert answer.published is Published.UNKNOWN
    assert "not a byte for 0.3 s" in answer.why


@pytest.mark.parametrize(
    ("host", "says"),
    [("nowhere.invalid", "does not resolve"), ("127.0.0.1:1", "connection refused")],
)
def test_a_server_that_is_not_there(host: str, says: str) -> None:
    answer = open_source(f"http://{host}/{{year}}-{{month:02}}.parquet", net()).look(COLOR, MONTH)
    assert answer.published is Published.UNKNOWN
    assert f"http://{host}/2024-01.parquet: gave up after 2 attempts" in answer.why
    assert says in answer.why


def test_a_month_that_is_not_published_is_named_with_its_address(cdn: Cdn) -> None:
    template = cdn.template.replace("trip-data", "moved").replace("://", "://me:hush@") + "?key=hush"
    answer = open_source(template, net()).look("green", Month(2024, 2))
    asked = f"{cdn.url.replace('//', '//***@')}/moved/green_tripdata_2024-02.parquet?***"
    assert answer == Look(Published.NO, None, f"{asked}: not published (HTTP 403, AccessDenied)")


def test_redirects_are_followed_and_their_signed_urls_not_shown(cdn: Cdn) -> None:
    source = open_source(cdn.template.replace("trip-data", "moved"), net())
    assert source.look(COLOR, MONTH).published is Published.YES
    forget_looks()
    cdn.fault(NAME, Status(500), Status(500), method="HEAD")
    answer = source.look(COLOR, MONTH)
    assert answer.why.startswith(f"{cdn.url}/moved/{NAME}: gave up")
    assert "secret" not in answer.why
    assert cdn.log[-1].path.endswith("?signature=secret")


def test_every_url_gets_one_request_by_one_process(cdn: Cdn) -> None:
    sources = [open_source(cdn.template, net()) for _ in range(2)]
    assert len({source.look(COLOR, MONTH) for source in sources}) == 1
    sources[0].look_all([(COLOR, MONTH), (COLOR, MONTH)])
    assert cdn.count("HEAD") == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_asks_nothing_that_its_parent_knows(cdn: Cdn) -> None:
    source = open_source(cdn.template, net())
    source.look(COLOR, MONTH)
    child = os.fork()
    if child == 0:
        os._exit(0 if source.look(COLOR, MONTH).published is Published.YES else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert cdn.count("HEAD") == 1


def test_many_requests_run_in_parallel_up_to_the_limit_and_no_thread_is_left(cdn: Cdn) -> None:
    cdn.pause = 0.05
    threads = set(threading.enumerate())
    looks = open_source(cdn.template, net(parallel=3)).look_all([*MONTHS, (COLOR, MONTH)])
    left = {
        thread for thread in threading.enumerate() if thread not in threads and "process_request" not in thread.name
    }
    assert not left
    assert list(looks) == [*MONTHS, (COLOR, MONTH)]
    assert [pair for pair, answer in looks.items() if answer.published is Published.YES] == [(COLOR, MONTH)]
    assert cdn.count("HEAD") == len(MONTHS) + 1
    assert 2 <= cdn.most_at_once <= 3


def test_ctrl_c_does_not_wait_for_a_server_that_does_not_answer(cdn: Cdn) -> None:
    cdn.pause = 600
    script = (
        "from taxi_luigi.tlc.months import Month; from taxi_luigi.sources import HttpSettings, open_source;"
        f"source = open_source({cdn.template!r}, HttpSettings());"
        "source.look_all([('green', Month(2024, 1)), ('green', Month(2024, 2))])"
    )
    with subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE) as client:
        cdn.wait(lambda: cdn.count("HEAD") == 2)
        client.send_signal(signal.SIGINT)
        _, errors = client.communicate(timeout=10)  # a HEAD is waited for 15 s
    assert client.returncode != 0
    assert b"KeyboardInterrupt" in errors


def test_a_server_that_only_fails_does_not_get_every_request(cdn: Cdn) -> None:
    for color, month in MONTHS:
        cdn.fault(f"{color}_tripdata_{month}.parquet", *[Status(503)] * 2, method="HEAD")
    looks = open_source(cdn.template, net(parallel=3)).look_all(MONTHS)
    assert {answer.published for answer in looks.values()} == {Published.UNKNOWN}
    assert "not checked, after" in list(looks.values())[-1].why
    assert cdn.count("HEAD") <= 2 * 6


def test_nothing_to_ask(cdn: Cdn) -> None:
    assert open_source(cdn.template, net()).look_all([]) == {}
    assert cdn.log == []


def test_a_weak_etag_and_missing_headers_are_taken_as_they_are(cdn: Cdn) -> None:
    cdn.fault(NAME, Headers({"ETag": 'W/"1"', "Last-Modified": None, "Content-Length": None}), method="HEAD")
    assert look(cdn).seen == SourceFingerprint('W/"1"', None, None)


def test_credentials_are_sent_and_never_shown(cdn: Cdn) -> None:
    template = cdn.template.replace("://", "://me:hush@") + "?sig=hush"
    source = open_source(template, net())
    cdn.fault(NAME, Status(500), Status(500), method="HEAD")
    answer = source.look(COLOR, MONTH)
    assert cdn.log[0].headers["authorization"].startswith("Basic ")
    assert cdn.log[0].path.endswith("?sig=hush")
    assert "hush" not in answer.why
    assert (
        source.url(COLOR, MONTH)
        == cdn.template.replace("://", "://***@").format(color=COLOR, year=2024, month=1) + "?***"
    )
    assert source.file_name(COLOR, MONTH) == NAME


def test_the_html_of_a_missing_file_is_not_taken_for_s3s_answer(cdn: Cdn) -> None:
    quoting = HTML + b"<Code>Access</Code>"
    cdn.fault(NAME, *[Status(403, quoting)] * 2, method="HEAD")
    cdn.fault(NAME, *[Status(403, quoting)] * 2)
    assert look(cdn).published is Published.UNKNOWN
