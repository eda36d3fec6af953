"""A real luigid: runs that share it, runs that follow one another, and a luigid that is not there."""

from __future__ import annotations

import time
from pathlib import Path

from tests.pipeline.conftest import duckdb_counts
from tests.support.cdn import Cdn, Drip, Stall, Status
from tests.support.luigid import Luigid
from tests.support.project import Project

COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")


def test_two_runs_of_different_commands_share_the_work_and_load_once(
    loading: Project, cdn: Cdn, tmp_path: Path
) -> None:
    with Luigid(tmp_path / "luigid") as luigid:
        first = loading.start(*COMMAND, scheduler=luigid.url)
        second = loading.start(
            "LoadAllMonths", "--colors", "green", "--months", "2021-02..2021-03", scheduler=luigid.url
        )
        outs = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert {first.returncode, second.returncode} <= {0, 10, 25}, "\n".join(outs)
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03")
    assert done.rc == 0, done.out
    assert cdn.count("GET", "green_tripdata_2021-02.parquet") == 1


def test_a_luigid_that_is_not_there_is_said_within_seconds(loading: Project) -> None:
    begin = time.monotonic()
    done = loading.run(*COMMAND, scheduler="http://127.0.0.1:9")
    assert time.monotonic() - begin < 30, "Luigi's own patience is a minute and a half"
    assert done.rc == 40, done.out
    assert "Traceback" not in done.out
    assert "start it with scripts/luigid start, or add --local-scheduler" in done.out


def test_a_luigid_that_is_away_for_a_while_fails_no_month(loading: Project, cdn: Cdn, tmp_path: Path) -> None:
    """Luigi's own set_status_message would: the task tells how far it is about once a second."""
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Drip(12_000))
    luigid = Luigid(tmp_path / "luigid")
    with luigid:
        process = loading.start("LoadAllMonths", "--colors", "green", "--months", "2021-01", scheduler=luigid.url)
        cdn.wait(lambda: cdn.sent(name) > 6_000)
    cdn.wait(lambda: cdn.sent(name) > 40_000)
    with luigid:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": 3_000}


def test_after_a_stop_the_same_command_goes_on_at_once(loading: Project, cdn: Cdn, tmp_path: Path) -> None:
    """luigid alone would hold the running task for the dead worker for a minute."""
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Stall(20_000))
    loading.configure({"download": {"read_timeout": 60}})
    with Luigid(tmp_path / "luigid") as luigid:
        process = loading.start(*COMMAND, scheduler=luigid.url)
        cdn.wait(lambda: cdn.sent(name) >= 20_000)
        process.terminate()
        process.communicate(timeout=30)
        again = loading.run(*COMMAND, scheduler=luigid.url)
    assert again.rc == 0, again.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": 3_000, "2021-02": 3_000}


def test_however_often_a_month_failed_the_next_run_tries_it(loading: Project, cdn: Cdn, tmp_path: Path) -> None:
    cdn.fault("green_tripdata_2021-01.parquet", *[Status(503)] * 12)
    with Luigid(tmp_path / "luigid") as luigid:
        for _ in range(4):
            assert loading.run(*COMMAND, scheduler=luigid.url).rc == 30
        fine = loading.run(*COMMAND, scheduler=luigid.url)
    assert fine.rc == 0, fine.out
