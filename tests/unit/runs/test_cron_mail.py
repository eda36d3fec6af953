"""What cron mails of a run that failed, from what is there of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxi_luigi.runs import cron_mail


def test_the_lines_of_the_summary_are_the_mail() -> None:
    assert cron_mail.lines(b"green: 1 failed\n\ngreen 2021-02 failed: HTTP 503\n", b"noise\n", {}) == [
        "green: 1 failed", "green 2021-02 failed: HTTP 503",
    ]  # fmt: skip


def test_without_a_summary_the_last_lines_of_the_output_are_it_and_no_noise() -> None:
    output = "\n".join(
        [
            *(f"line {number}" for number in range(20)),
            "DEBUG: Checking if LoadAllMonths(…) is complete",
            "INFO: Informed scheduler that task LoadZones_duckdb has status PENDING",
            "===== Luigi Execution Summary =====",
            "\r\x1b[K 3/7 months\r\x1b[KERROR: no luigid",
        ]
    )
    assert cron_mail.lines(b"", output.encode(), {}) == [
        *(f"line {number}" for number in range(13, 20)),
        "ERROR: no luigid",
    ]


def test_however_much_failed_a_mail_has_twenty_lines_at_most() -> None:
    """One more is cron-run's own: its exit code, and where the log is."""
    found = cron_mail.lines(
        "\n".join(f"green {number} failed: {'x' * 9_000}" for number in range(500)).encode(), b"", {}
    )
    assert len(found) == 19
    assert found[-1] == "and 482 more lines in the log"
    assert max(map(len, found)) == 400


@pytest.mark.parametrize(
    ("said", "mailed"),
    [
        ("the server said hunter2!", "the server said ***"),
        ("no connection to postgresql://taxi:p%40ss@db/taxi", "no connection to ***"),
        ("password authentication failed: p@ss", "password authentication failed: ***"),
        ("http://robot:other@example.org/x?token=1", "http://***@example.org/x?***"),
        ("in the database postgres", "in the database postgres"),
    ],
)
def test_what_the_environment_file_keeps_secret_is_not_mailed(said: str, mailed: str) -> None:
    environment = {
        "PGDATABASE": "postgres",
        "PG_PASSWORD": "hunter2!",
        "POSTGRES_URL": "postgresql://taxi:p%40ss@db/taxi",
        "SLACK_TOKEN": "",
    }
    assert (
        cron_mail.lines(said.encode(), b"", environment) == cron_mail.lines(b"", said.encode(), environment) == [mailed]
    )


def test_what_is_not_utf_8_is_mailed_as_far_as_it_can_be_read() -> None:
    assert cron_mail.lines(b"caf\xe9\0 closed\n", b"", {}) == ["caf\ufffd closed"]


def test_a_run_leaves_its_last_lines_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cron-run.last"
    monkeypatch.setenv(cron_mail.LAST_LINES, str(path))
    cron_mail.leave(["green: 1 failed", "WARNING: café"])
    assert path.read_text("utf-8") == "green: 1 failed\nWARNING: café\n"
    assert oct(path.stat().st_mode & 0o777) == "0o600"


def test_a_full_disk_is_warned_of_and_ends_no_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(cron_mail.LAST_LINES, "/dev/full")
    cron_mail.leave(["green: 1 failed"])
    assert [record.getMessage() for record in caplog.records] == [
        "the lines for cron's mail cannot be written: No space left on device: /dev/full"
    ]
