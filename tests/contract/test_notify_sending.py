"""A message reaches a mail server and a webhook; a service that is dead, slow or says no costs a log line, no more."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from taxi_luigi.config.notifications import EVENTS, Settings
from taxi_luigi.history import RunResult
from taxi_luigi.runs import notify
from taxi_luigi.runs.notify import heartbeat, sending
from taxi_luigi.runs.notify.message import Message, compose
from tests.support.mailbox import PASSWORD, USER, Mailbox
from tests.support.run_results import FAILED, LOADED, MISSING, REFRESHED, run
from tests.support.webhook import Webhook

PEOPLE = "from=taxi@example.com&to=you@example.com"
WITHOUT_TLS = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
"""The server's warning; what it hears stays on this machine."""


@pytest.fixture(autouse=True)
def _every_line(caplog: pytest.LogCaptureFixture) -> None:
    """Luigi sets its logger's level where another test of this process calls luigi.build."""
    caplog.set_level("INFO", logger="luigi-interface")


ALL = frozenset(EVENTS)
RUN = run(LOADED, REFRESHED, FAILED, MISSING, exit_code=30, remarks=("green: left out <fee>",))


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as webhook:
        yield webhook


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def tell(*urls: str, result: RunResult = RUN, chosen: frozenset[str] = ALL) -> None:
    notify.send(result, Settings(urls, chosen, 210))


def message() -> Message:
    return compose(RUN, 210)


def test_a_mail_has_the_same_table_as_text_and_as_a_page(mailbox: Mailbox) -> None:
    tell(f"mailto://127.0.0.1:{mailbox.port}?{PEOPLE}")
    (mail,) = mailbox.mails
    assert mail["Subject"] == message().subject
    assert (mail["To"], mail["From"]) == ("you@example.com", "taxi@example.com")
    assert mail.get_content_type() == "multipart/alternative"
    text, page = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert page.strip() == message().html
    table = message().text.partition("\n\ncolor ")[2].partition("\n\n")[0]
    assert table.count("\n") == 4
    assert table in text
    assert "fhv 2026-07: DownloadMonth: the server answered 503" in text
    assert "green: left out <fee>" in text


@WITHOUT_TLS
def test_a_mail_server_that_requires_a_password_gets_it(caplog: pytest.LogCaptureFixture) -> None:
    with Mailbox(locked=True) as mailbox:
        tell(f"mailto://{USER}:{PASSWORD}@127.0.0.1:{mailbox.port}?{PEOPLE}")
    assert len(mailbox.mails) == 1
    assert f"Sent a notification to mailto://127.0.0.1:{mailbox.port}" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_webhook_gets_the_text_and_the_kind(webhook: Webhook) -> None:
    tell(f"json://127.0.0.1:{webhook.port}/hook")
    (post,) = webhook.posts
    assert (post["title"], post["message"], post["type"]) == (message().subject, message().text.rstrip(), "failure")


def test_a_chat_gets_the_table_as_code(webhook: Webhook) -> None:
    """Rocket.Chat's, which takes Markdown as Slack does, and can be on this machine."""
    tell(f"rocket://{'a' * 17}/{'b' * 24}@127.0.0.1:{webhook.port}/%23data")
    (post,) = webhook.posts
    assert "\n```\ncolor " in post["text"]
    assert "  failed\nyellow  2026-06  refreshed  " in post["text"]


def test_a_chat_that_takes_a_thousand_letters_gets_what_matters_most(webhook: Webhook) -> None:
    tell(f"rocket://{'a' * 17}/{'b' * 24}@127.0.0.1:{webhook.port}/%23data", result=replace(RUN, remarks=("x" * 900,)))
    (post,) = webhook.posts
    assert len(post["text"]) <= 1000
    assert "fhv 2026-07: DownloadMonth: the server answered 503" in post["text"]


def test_each_service_gets_one_message(mailbox: Mailbox, webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    tell(f"mailto://127.0.0.1:{mailbox.port}?{PEOPLE}", *[f"json://127.0.0.1:{webhook.port}/{n}" for n in range(8)])
    assert (len(mailbox.mails), len(webhook.posts)) == (1, 8)
    (line,) = lines(caplog)
    assert line.startswith("INFO Sent a notification to mailto://")


@pytest.mark.parametrize(
    ("result", "chosen", "told"),
    [
        (run(LOADED), {"failed", "drift", "refreshed", "not_published_for"}, 0),
        (run(LOADED), {"finished"}, 1),
        (run(FAILED, exit_code=30), {"finished", "drift"}, 0),
        (run(FAILED, exit_code=30), {"failed"}, 1),
        (run(REFRESHED), {"refreshed", "finished"}, 1),
    ],
)
def test_only_chosen_events_send_a_message(webhook: Webhook, result: RunResult, chosen: set[str], told: int) -> None:
    tell(f"json://127.0.0.1:{webhook.port}", result=result, chosen=frozenset(chosen))
    assert len(webhook.posts) == told


def test_a_dead_service_costs_a_log_line_and_the_others_get_the_message(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        dead = free.getsockname()[1]
    tell(
        f"json://robot:sesame@127.0.0.1:{dead}/PathSecret?+X-Token=HeaderSecret&-key=QuerySecret",
        f"mailto://robot:sesame@127.0.0.1:{dead}?{PEOPLE}",
        f"json://127.0.0.1:{webhook.port}",
    )
    assert len(webhook.posts) == 1
    not_sent = "notification not sent"
    assert lines(caplog) == {
        f"WARNING {not_sent} to json://127.0.0.1:{dead}: A Connection error occurred sending JSON notification to ***",
        f'WARNING {not_sent} to mailto://127.0.0.1:{dead}: Connection error while submitting email to "***"',
        f"INFO Sent a notification to json://127.0.0.1:{webhook.port}",
    }
    for secret in ("sesame", "PathSecret", "HeaderSecret", "QuerySecret", "robot"):
        assert secret not in caplog.text


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_service_that_refuses_is_named_with_its_answer(status: int, caplog: pytest.LogCaptureFixture) -> None:
    with Webhook(status) as webhook:
        tell(f"json://127.0.0.1:{webhook.port}/PathSecret")
    (line,) = lines(caplog)
    assert line.startswith(f"WARNING notification not sent to json://127.0.0.1:{webhook.port}: Failed to send JSON")
    assert f"error={status}" in line
    assert "PathSecret" not in caplog.text


@WITHOUT_TLS
def test_a_wrong_password_for_mail_is_a_log_line_without_it(caplog: pytest.LogCaptureFixture) -> None:
    with Mailbox(locked=True) as mailbox:
        tell(f"mailto://{USER}:wrong-sesame@127.0.0.1:{mailbox.port}?{PEOPLE}")
    assert mailbox.mails == []
    (line,) = lines(caplog)
    assert line.startswith(f"WARNING notification not sent to mailto://127.0.0.1:{mailbox.port}: Connection error")
    assert "sesame" not in caplog.text


def test_a_recipient_whom_the_server_does_not_know_is_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    with Mailbox(refuses="you@example.com") as mailbox:
        tell(f"mailto://127.0.0.1:{mailbox.port}?{PEOPLE}")
    (line,) = lines(caplog)
    assert line.startswith(f"WARNING notification not sent to mailto://127.0.0.1:{mailbox.port}: Sending email to")


def test_a_url_that_apprise_took_no_longer_is_a_log_line(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    """It was checked when the run began, with the packages of then."""
    tell("slack://Sesame4711-Open/PathSecret", f"json://127.0.0.1:{webhook.port}")
    assert len(webhook.posts) == 1
    why = "An invalid Slack (first) Token (***) was specified"
    assert f"WARNING notification not sent to slack://…: {why}" in lines(caplog)
    assert "Sesame4711" not in caplog.text


def test_a_service_that_never_ends_its_answer_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Each letter it sends is within every socket's time limit."""
    with Webhook(dripping=True) as slow, Webhook() as quick:
        urls = (f"json://127.0.0.1:{slow.port}", f"json://127.0.0.1:{quick.port}")
        sending.send(message(), urls, timeout=1.0)
        assert (len(slow.posts), len(quick.posts)) == (1, 1)
    assert lines(caplog) == {
        f"WARNING notification not sent to json://127.0.0.1:{slow.port}: no answer within 1 s",
        f"INFO Sent a notification to json://127.0.0.1:{quick.port}",
    }


def test_a_mail_server_that_accepts_connections_without_an_answer_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        sending.send(message(), (f"mailto://127.0.0.1:{port}?{PEOPLE}",), timeout=1.0)
    assert lines(caplog) == {f"WARNING notification not sent to mailto://127.0.0.1:{port}: no answer within 1 s"}


def test_a_courier_that_dies_is_a_log_line_without_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    courier = tmp_path / "courier.py"
    courier.write_text("import sys, json\nsys.exit('no room left for ' + json.load(sys.stdin)['urls'][0])")
    monkeypatch.setattr(sending, "_COURIER", courier)
    tell("json://robot:sesame@127.0.0.1:9/PathSecret")
    assert lines(caplog) == {"WARNING notification not sent: no room left for …"}


def test_a_courier_that_does_not_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    courier = tmp_path / "courier.py"
    courier.write_text("import time\ntime.sleep(600)")
    monkeypatch.setattr(sending, "_COURIER", courier)
    monkeypatch.setattr(sending, "_LIMIT", 1.0)
    tell("json://127.0.0.1:9")
    assert lines(caplog) == {"WARNING notification not sent: sending took more than 1 seconds"}


def test_what_goes_wrong_before_anything_is_sent_does_not_reach_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    tell("json://127.0.0.1:9")
    (line,) = lines(caplog)
    assert line == "ERROR notification not sent: No such file or directory: /nowhere/python"


def test_a_run_that_is_about_to_exit_sends_its_message(webhook: Webhook, tmp_path: Path) -> None:
    """Python starts no threads then, and apprise wants some; it stays out of the run's own process too."""
    months = [{**asdict(month), "result": month.result.value} for month in RUN.months]
    fields = {name: value for name, value in asdict(RUN).items() if name != "state"}
    (tmp_path / "run.json").write_text(json.dumps({**fields, "months": months}))
    code = f"""
import atexit, json, sys
from taxi_luigi.history import MonthResult, Result, RunResult
from taxi_luigi.runs import notify
from taxi_luigi.config.notifications import Settings
fields = json.load(open("run.json"))
months = tuple(MonthResult(**{{**each, "result": Result(each["result"])}}) for each in fields.pop("months"))
run = RunResult(**fields, months=months)
settings = Settings(("json://127.0.0.1:{webhook.port}",), frozenset({{"failed"}}), 210)
atexit.register(lambda: print("apprise" in sys.modules))
atexit.register(notify.send, run, settings)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout == "False\n"
    (post,) = webhook.posts
    assert post["title"] == message().subject


def test_the_failures_of_a_record_type_go_to_its_address(webhook: Webhook) -> None:
    with Webhook() as other:
        of_colors = (("fhv", f"json://127.0.0.1:{other.port}"), ("green", f"json://127.0.0.1:{other.port}/green"))
        notify.send(RUN, Settings((), frozenset(), 210, of_colors))
        [post] = other.posts
        assert post["title"] == "taxi_luigi: 1 month failed (taxi-host)"
        assert "fhv 2026-07: DownloadMonth: the server answered 503" in post["message"]
        assert "green" not in post["message"]
        notify.send(RUN, Settings((f"json://127.0.0.1:{webhook.port}",), frozenset({"failed"}), 210, of_colors))
    assert [len(webhook.posts), len(other.posts)] == [1, 2]
    assert webhook.posts[0]["title"] == message().subject


def beat(webhook: Webhook, result: RunResult, under_cron: bool = False) -> list[str]:
    notify.beat(result, Settings(heartbeat=f"http://127.0.0.1:{webhook.port}/PathSecret"), under_cron)
    return webhook.gets


def test_a_good_run_sends_its_heartbeat(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    for silent in (
        run(LOADED, exit_code=30), run(exit_code=143), run(exit_code=None), run(MISSING, exit_code=20),
        run(command="Report --local-scheduler"), run(command="LoadZones --warehouse duckdb"),
    ):  # fmt: skip
        assert beat(webhook, silent) == []
    assert len(beat(webhook, run())) == 1
    assert beat(webhook, run(MISSING, exit_code=20), under_cron=True) == ["/PathSecret"] * 2
    assert lines(caplog) == set()


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (503, 3)])
def test_a_heartbeat_that_is_refused_is_one_line_without_its_path(
    status: int, requests: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "_PAUSE", 0.0)
    with Webhook(status) as webhook:
        assert len(beat(webhook, run())) == requests
    assert lines(caplog) == {
        f"WARNING heartbeat not sent to http://127.0.0.1:{webhook.port}: the server answers {status}"
    }


def test_a_heartbeat_server_that_hangs_or_is_not_there_is_given_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "_PAUSE", 0.0)
    with Webhook(dripping=True) as slow, socket.create_server(("127.0.0.1", 0)) as silent:
        ports = slow.port, silent.getsockname()[1]
        for port in ports:
            heartbeat.beat(f"http://127.0.0.1:{port}/PathSecret", limit=0.5)
        heartbeat.beat("http://127.0.0.1:1/PathSecret")
    begins = "WARNING heartbeat not sent to http://127.0.0.1"
    assert lines(caplog) == {
        f"{begins}:{ports[0]}: no answer within 0.5 s",
        f"{begins}:{ports[1]}: no answer within 0.5 s",
        f"{begins}:1: no answer (ConnectionError)",
    }


def lines(caplog: pytest.LogCaptureFixture) -> set[str]:
    ours = [record for record in caplog.records if record.name == "luigi-interface"]
    found = [f"{record.levelname} {record.getMessage()}" for record in ours]
    assert len(set(found)) == len(found)
    return set(found)
