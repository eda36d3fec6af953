"""A real luigid: the run it shows, in a real browser; and a luigid that is not there."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path

from tests.pipeline.conftest import duckdb_counts
from tests.support.browser import dom
from tests.support.cdn import Cdn, Stall, Status
from tests.support.luigid import Luigid
from tests.support.project import Project

COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")


def test_the_page_shows_the_run_and_its_graph(loading: Project, cdn: Cdn, tmp_path: Path) -> None:
    cdn.fault("green_tripdata_2021-01.parquet", Stall(20_000))
    loading.configure({"download": {"read_timeout": 60}})
    with Luigid(tmp_path / "luigid") as luigid:
        process = loading.start(*COMMAND, scheduler=luigid.url)
        cdn.wait(lambda: cdn.sent("green_tripdata_2021-01.parquet") >= 20_000)
        page = f"{luigid.url}/static/visualiser/index.html"
        tasks = dom(page, wait_for="LoadMonth")
        root = root_task(luigid.url)
        graph = dom(f"{page}#tab=graph&taskId={root}&visType=svg", wait_for="PublishedMonth</text>")
        process.terminate()
        process.communicate(timeout=30)
    for family in ("LoadAllMonths", "LoadMonth", "CleanMonth", "DownloadMonth"):
        assert family in tasks
        assert f"{family}</text>" in graph


def root_task(url: str) -> str:
    with urllib.request.urlopen(
        f"{url}/api/task_list?data=%7B%22status%22%3A%22PENDING%22%2C%22upstream_status%22%3A%22%22%7D"
    ) as answer:
        tasks = json.load(answer)["response"]
    return next(name for name in tasks if name.startswith("LoadAllMonths"))


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
