"""The message of a run by the `luigi` command: one, with what happened; a dead service changes nothing."""

from __future__ import annotations

from tests.pipeline.conftest import duckdb_counts
from tests.support.cdn import Cdn, Status
from tests.support.mailbox import Mailbox
from tests.support.project import Project
from tests.support.webhook import Webhook

MONTHS = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03", "--workers", "2")


def test_a_failed_month_is_reported_once_with_its_first_error(loading: Project, cdn: Cdn) -> None:
    cdn.fault("green_tripdata_2021-02.parquet", *[Status(500)] * 20)
    with Mailbox() as mailbox, Webhook() as webhook:
        mail = f"mailto://127.0.0.1:{mailbox.port}?from=taxi@example.com&to=you@example.com"
        loading.configure({"notify": {"urls": f"{mail.replace('%', '%%')} json://127.0.0.1:{webhook.port}"}})
        done = loading.run(*MONTHS)
        assert done.rc == 30, done.out
        [letter] = mailbox.mails
        assert "1 month failed, 2 loaded" in letter["Subject"]
        text = letter.get_body(("plain",)).get_content()
        assert "2021-02" in text
        assert "500" in text
        [page] = (loading.state / "runs").iterdir()
        assert page.as_uri() in webhook.posts[0]["message"]
        assert f'href="{page.as_uri()}"' in letter.get_body(("html",)).get_content()
        assert "green_tripdata_2021-02.parquet: gave up after" in page.read_text()
        assert len(webhook.posts) == 1
    assert len(duckdb_counts(loading, "green_tripdata")) == 2


def test_a_run_that_went_well_sends_a_message_only_for_the_event_finished(loading: Project) -> None:
    with Webhook() as webhook:
        loading.configure({"notify": {"urls": f"json://127.0.0.1:{webhook.port}"}})
        assert loading.run(*MONTHS).rc == 0
        assert webhook.posts == []
        loading.configure({"notify": {"events": "finished"}})
        assert loading.run(*MONTHS).rc == 0
        assert len(webhook.posts) == 1


def test_a_service_that_is_dead_is_a_line_in_the_log(loading: Project) -> None:
    loading.configure({"notify": {"urls": "json://127.0.0.1:1/hush-hush", "events": "finished"}})
    done = loading.run(*MONTHS)
    assert done.rc == 0, done.out
    assert "hush-hush" not in done.out
    assert "json://127.0.0.1" in done.out
    assert "Traceback" not in done.out
