"""`taxi-luigi quickstart` in an empty folder."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psutil
import pytest

from tests.pipeline.conftest import ROWS
from tests.support.luigid import Luigid, free_port
from tests.support.project import BIN, Run, environment

TABLES = {"yellow_tripdata": 120_000, "green_tripdata": 120_000, "taxi_zones": 265}
SHORT = {"yellow_tripdata": 3 * ROWS, "green_tripdata": 3 * ROWS, "taxi_zones": 265}


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    """A project folder with nothing in it but the port of a luigid of its own."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "luigi.cfg").write_text(f"[core]\nscheduler_port = {free_port()}\n")
    yield folder
    shell(folder, f"{BIN}/taxi-luigi luigid stop", env(folder))


@pytest.fixture
def sampled(empty: Path, samples: Path) -> Path:
    """The same with its months in it already, shorter ones than it makes: 4 s of CPU less in each run."""
    shutil.copytree(samples, empty / "data" / "sample")
    return empty


def env(home: Path | None, path: str = os.environ["PATH"]) -> dict[str, str]:
    return environment({"PATH": path, **({} if home is None else {"TAXI_LUIGI_HOME": str(home)})})


def begin(folder: Path, environ: dict[str, str], *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "taxi-luigi", "quickstart", *words],
        cwd=folder, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def quickstart(folder: Path, environ: dict[str, str], *words: str) -> Run:
    process = begin(folder, environ, *words)
    out, _ = process.communicate(timeout=240)
    return Run(process.returncode, out)


def shell(folder: Path, line: str, environ: dict[str, str]) -> Run:
    done = subprocess.run(
        ["sh", "-c", line],
        cwd=folder, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    return Run(done.returncode, done.stdout)


def counts(home: Path) -> dict[str, int]:
    with duckdb.connect(str(home / "data" / "quickstart" / "warehouse.duckdb"), read_only=True) as connection:
        found = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES}
    return {table: row[0] for table, row in found.items() if row}


def test_made_up_months_are_loaded_once_however_often_it_is_run(empty: Path) -> None:
    path = f"{BIN}:{os.environ['PATH']}"
    first = quickstart(empty, env(empty, path))
    assert first.rc == 0, first.out
    assert counts(empty) == TABLES
    assert "green: 3 months loaded (120,000 rows), 0 already there" in first.out
    assert (empty / "data" / "quickstart" / "report.html").is_file()
    again = quickstart(empty, env(empty, path))
    assert again.rc == 0, again.out
    assert "all there already\n" in again.out
    assert "green: 0 months loaded, 3 already there" in again.out
    assert counts(empty) == TABLES
    *_, page, report, heading, status, real, where, rest = again.out.splitlines()
    assert page.endswith("which luigid serves; taxi-luigi luigid stop ends it.")
    assert report.startswith("What was loaded, with charts, is on the page data/quickstart/report.html")
    assert heading == "Next:"
    assert status.startswith("    taxi-luigi status ")
    assert real == "    taxi-luigi run LoadAllMonths --colors green --months 2024-01"
    assert where.strip() == "a month of TLC's real files, into data/ and data/warehouse.duckdb"
    assert rest.startswith("    taxi-luigi --help ")
    assert shell(empty, "taxi-luigi luigid stop", env(empty, path)) == Run(0, "luigid has ended\n")


def test_its_last_lines_are_commands_that_work_from_where_it_was_started(sampled: Path, tmp_path: Path) -> None:
    """Another folder, and a PATH without the command; the real months are shown as they would be planned."""
    without = os.defpath
    done = quickstart(tmp_path, env(None, without), "--folder", str(sampled))
    assert done.rc == 0, done.out
    assert counts(sampled) == SHORT
    assert f"is on the page {sampled}/data/quickstart/report.html" in done.out
    [load] = re.findall(r"^    (.*) run LoadAllMonths --colors green --months 2024-01", done.out, re.M)
    [stop] = re.findall(r"which luigid serves; (.*) ends it\.$", done.out, re.M)
    assert load == f"TAXI_LUIGI_HOME='{sampled}' {BIN}/taxi-luigi"
    for command, shown in (("loaded", f"green_tripdata in duckdb: {3 * ROWS:,} rows"), ("status", "green")):
        first = shell(tmp_path, f"{load} {command}", env(None, without))
        assert first.rc == 0, first.out
        assert first.out.startswith(f"taxi-luigi: the made-up months of the quickstart, in {sampled}/data/quickstart")
        assert shown in first.out
    (sampled / "data" / "clean").mkdir()
    own = shell(tmp_path, f"{load} loaded", env(None, without))
    assert own.out == "nothing is loaded in duckdb\n", "with a place of one's own, that is what is shown"
    assert shell(tmp_path, f"{load} run LoadAllMonths --colors purple", env(None, without)).rc == 40
    assert shell(tmp_path, stop, env(None, without)) == Run(0, "luigid has ended\n")
    assert sorted(os.listdir(tmp_path)) == ["a folder"]


def test_made_up_trips_stay_out_of_the_warehouses_and_messages_of_the_settings(sampled: Path) -> None:
    """And without luigid where the settings want none."""
    (sampled / "config").mkdir()
    (sampled / "config" / "luigi.cfg").write_text(
        "[core]\nlocal_scheduler = true\n[taxi]\nlake = nas\nwarehouse = postgres\n"
        "[lake.nas]\ntype = local\npath = nas\n"
        "[notify]\nurls = json://127.0.0.1:9/\nevents = finished\n"
    )
    done = quickstart(sampled, env(sampled))
    assert done.rc == 0, done.out
    assert counts(sampled) == SHORT
    assert not (sampled / "nas").exists()
    assert "luigid" not in done.out
    assert "notification" not in done.out
    assert not (sampled / "data" / "luigid").exists()


def test_the_luigid_of_another_project_is_named_and_left_alone(sampled: Path, tmp_path: Path) -> None:
    with Luigid(tmp_path / "other") as other:
        done = quickstart(sampled, env(sampled), "--port", str(other.port))
        assert done.rc == 0, done.out
        named = f"http://127.0.0.1:{other.port} is a luigid that was not started here, and is not used: process "
        assert named in done.out
        with urllib.request.urlopen(f"http://127.0.0.1:{other.port}/api/task_list?data=%7B%7D", timeout=10) as answer:
            assert json.load(answer)["response"] == {}
        port = int((sampled / "data" / "luigid" / "port").read_text())
        assert port != other.port
        assert f"--scheduler-port {port}" in done.out.splitlines()[-3]


def test_it_ends_as_luigi_did(sampled: Path) -> None:
    (sampled / "data" / "sample" / "green_tripdata_2021-02.parquet").write_bytes(b"no parquet")
    done = quickstart(sampled, env(sampled))
    assert done.rc == 30, done.out
    assert done.out.endswith("taxi-luigi: the run ended with exit code 30; the lines above have the reason\n")


def test_a_signal_ends_its_run_and_nothing_goes_on(sampled: Path) -> None:
    process = begin(sampled, env(sampled))
    assert process.stdout is not None
    for line in process.stdout:
        if " to load (" in line:
            break
    run = psutil.Process(process.pid).children(recursive=True)
    assert run
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert psutil.wait_procs(run, timeout=30)[1] == []
