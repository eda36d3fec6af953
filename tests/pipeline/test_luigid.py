"""A real luigid: runs that share it, runs that follow one another, and a luigid that is not there."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path

from taxi_luigi.history import last_runs
from tests.pipeline.conftest import duckdb_counts
from tests.support.cdn import Cdn, Drip, Stall, Status
from tests.support.luigid import Luigid, free_port
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
    assert "start it with taxi-luigi luigid start, or add --local-scheduler" in done.out


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


def test_the_page_shows_why_a_month_waits_and_which_run_a_task_is_of(loading: Project, tmp_path: Path) -> None:
    with Luigid(tmp_path / "luigid") as luigid:
        done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-04", scheduler=luigid.url)
        assert done.rc == 20, done.out
        with urllib.request.urlopen(f"{luigid.url}/api/task_list?data=%7B%7D", timeout=10) as answer:
            tasks = json.load(answer)["response"].values()
    [month] = [each for each in tasks if each["name"] == "PublishedMonth"]
    assert month["status"] == "PENDING"
    assert month["status_message"].startswith("not published: http://")
    [run] = last_runs(loading.state, None)
    [worker] = {worker for each in tasks for worker in each["workers"]}
    assert worker.startswith(f"Worker(run={run.run}, host={socket.gethostname()}, pid=")


def of_others(text: str) -> list[str]:
    """The warnings of a luigid whose settings are not the run's."""
    return [line for line in text.splitlines() if "has other settings" in line]


def test_a_luigid_with_other_settings_is_one_warning_and_found_by_doctor(loading: Project, tmp_path: Path) -> None:
    """Of a plain luigid, the resources are seen and whether it counts; of one of ours, all."""
    with Luigid(tmp_path / "luigid", started_in=tmp_path) as luigid:
        done = loading.run(*COMMAND, scheduler=luigid.url)
        loading.configure({"core": {"scheduler_url": luigid.url}})
        looked = loading.command("taxi-luigi", "doctor")
    assert done.rc == 0, done.out
    [line] = of_others(done.out)
    assert "WARNING" in line
    assert f"luigid at {luigid.url} has other settings: [scheduler] metrics_collector is none there and prom" in line
    assert "[resources] download is not set there and 6 here; start it anew" in line
    [found] = of_others(looked.out)
    assert looked.rc == 40
    assert "wrong" in found


def test_a_luigid_that_knows_older_settings_is_noticed(loading: Project) -> None:
    """It reads them when it starts, and runs when they start."""
    loading.configure({"core": {"scheduler_port": free_port()}})
    home = {"TAXI_LUIGI_HOME": str(loading.folder)}
    started = loading.command("taxi-luigi", "luigid", "start", env=home)
    url = started.out.split()[-1]
    try:
        same = loading.run(*COMMAND, scheduler=url)
        looked = loading.command("taxi-luigi", "doctor")
        loading.configure({"scheduler": {"retry_delay": 5, "worker_disconnect_delay": 15}, "resources": {"mine": 2}})
        other = loading.run(*COMMAND, scheduler=url)
    finally:
        loading.command("taxi-luigi", "luigid", "stop", env=home)
    assert (same.rc, of_others(same.out)) == (0, [])
    assert "[scheduler] and [resources] as here" in looked.out
    [line] = of_others(other.out)
    assert ": [scheduler] retry_delay is 86400 there and 5 here, [resources] mine is not set there and 2 here;" in line


def test_of_a_plain_luigid_doctor_names_what_it_does_not_show(loading: Project, tmp_path: Path) -> None:
    with Luigid(tmp_path / "luigid") as luigid:
        loading.configure({"core": {"scheduler_url": luigid.url}})
        done = loading.run(*COMMAND, scheduler=luigid.url)
        looked = loading.command("taxi-luigi", "doctor")
    assert of_others(done.out + looked.out) == []
    assert "a plain luigid does not show its [scheduler]" in looked.out


def test_doctor_looks_for_no_luigid_where_runs_need_none(loading: Project) -> None:
    loading.configure({"core": {"local_scheduler": "true"}})
    looked = loading.command("taxi-luigi", "doctor")
    assert (looked.rc, "luigid" in looked.out) == (0, False), looked.out


def test_settings_of_the_scheduler_that_cannot_be_read_end_a_run_in_one_line(loading: Project, tmp_path: Path) -> None:
    loading.configure({"scheduler": {"retry_delay": "soon"}})
    with Luigid(tmp_path / "luigid") as luigid:
        done = loading.run(*COMMAND, scheduler=luigid.url)
    assert done.rc == 40, done.out
    [line] = done.out.splitlines()
    assert line.startswith("ERROR: [scheduler] retry_delay, or --scheduler-retry-delay: ")
    assert line.endswith("could not convert string to float: 'soon'")
