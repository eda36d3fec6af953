"""What publishers, disks and servers do: one clear line, the right exit code, the other months loaded, nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import PAGE, WAF, Break, Cdn, Short, Stall, Status
from tests.support.project import Project, Run

JANUARY = "green_tripdata_2021-01.parquet"
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")


ALL = ("LoadAllMonths", "--colors", "yellow,green", "--months", "2021-01..2021-03", "--workers", "2")
NAMES = [f"{color}_tripdata_2021-0{month}.parquet" for color in ("yellow", "green") for month in (1, 2, 3)]


def check_lines(done: Run, says: dict[str, str]) -> None:
    """The months of these files failed, each for its reason and in one line; all others of ALL are loaded."""
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    for name in NAMES:
        color, _, month = name.removesuffix(".parquet").partition("_tripdata_")
        failures = [line for line in done.out.splitlines() if f"{color} {month} failed: " in line]
        assert len(failures) == (name in says), done.out
        assert all(says[name] in line for line in failures), done.out


def loaded(project: Project) -> set[str]:
    """The files of which a warehouse has all rows."""
    found = ((color, duckdb_counts(project, f"{color}_tripdata")) for color in ("yellow", "green"))
    return {f"{color}_tripdata_{month}.parquet" for color, months in found for month in months if months[month] == ROWS}


def test_faults_that_pass_fail_no_month(loading: Project, cdn: Cdn) -> None:
    passing = (
        (Status(503), Status(500)),
        (Status(429, retry_after=0),),
        (WAF,),
        (Break(20_000), Break(30_000)),
        (Break(20_000, reset=False),),
        (Stall(20_000),),
    )
    for name, faults in zip(NAMES, passing, strict=True):
        cdn.fault(name, *faults)
    done = loading.run(*ALL)
    assert done.rc == 0, done.out
    assert loaded(loading) == set(NAMES)
    assert loading.leftovers() == []


def test_faults_that_stay_fail_their_months_alone_in_one_line_each(loading: Project, cdn: Cdn) -> None:
    """The last of them is a server that hands out half a file as whole."""
    staying = (Status(503), WAF, PAGE, Break(0), Short(50_000))
    for name, fault in zip(NAMES, staying, strict=False):
        cdn.fault(name, *[fault] * 20)
    says = ("503", "403", "<!DOCTYPE html>", NAMES[3], "cut short after 50,000 bytes")
    check_lines(loading.run(*ALL), dict(zip(NAMES, says, strict=False)))
    assert loaded(loading) == {NAMES[5]}
    assert loading.leftovers() == []


def test_a_head_that_fails_counts_as_published_and_the_download_has_the_cause(loading: Project, cdn: Cdn) -> None:
    cdn.fault(JANUARY, *[Status(500)] * 20, method="HEAD")
    done = loading.run(*COMMAND)
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "green_tripdata")["2021-01"] == ROWS


@pytest.mark.parametrize("host", ["http://no-such-host.invalid", "http://127.0.0.1:9"])
def test_a_source_that_is_not_there_fails_every_month_in_its_own_name(project: Project, host: str) -> None:
    project.configure(
        {
            "taxi": {"source": host + "/{color}_tripdata_{year}-{month:02}.parquet"},
            "download": {"attempts": 2, "backoff": 0.05, "connect_timeout": 2},
        }
    )
    done = project.run(*COMMAND)
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    for month in ("2021-01", "2021-02"):
        assert f"green {month} failed: DownloadMonth: {host}" in done.out


@pytest.fixture
def bad_source(project: Project, tmp_path: Path, samples: Path) -> Iterator[Path]:
    """A source folder in which a test may spoil 2021-01."""
    folder = tmp_path / "published"
    shutil.copytree(samples, folder)
    project.configure({"taxi": {"source": f"{folder}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"}})
    return folder


def test_each_broken_file_is_named_for_what_it_is(project: Project, bad_source: Path, tlc_data: Path) -> None:
    broken = {
        "green_tripdata_2019-09.lfs-pointer.csv.gz": "version https://git-lfs",
        "yellow_tripdata_2009-01.socrata404.csv": "a message in JSON",
        "yellow_tripdata_2021-01.truncated.parquet": "cut short after 1,918,543 bytes",
        "yellow_tripdata_2022-01.cloudfront403.parquet": "<!DOCTYPE HTML",
    }
    for name, bad in zip(NAMES, broken, strict=False):
        shutil.copy(tlc_data / "bad" / bad, bad_source / name)
    lacking = bad_source / NAMES[4]
    pq.write_table(pq.read_table(lacking).drop_columns(["lpep_pickup_datetime"]), lacking)
    check_lines(project.run(*ALL), dict(zip(NAMES, (*broken.values(), "lpep_pickup_datetime"), strict=False)))
    assert loaded(project) == {NAMES[5]}
    raw = [path.name for path in (project.workspace / "raw").rglob("*.parquet")]
    assert sorted(raw) == sorted(NAMES[4:]), "what is no month is not kept"
    assert [path.name for path in (project.workspace / "clean").rglob("*.parquet")] == [NAMES[5]]
    assert project.leftovers() == []


def test_an_unknown_column_is_left_out_or_stops_the_month(project: Project, bad_source: Path) -> None:
    table = pq.read_table(bad_source / JANUARY)
    pq.write_table(table.append_column("surge_fee", table["fare_amount"]), bad_source / JANUARY)
    warned = project.run(*COMMAND)
    assert warned.rc == 0, warned.out
    assert "surge_fee" in warned.out
    project.configure({"clean": {"unknown_columns": "fail"}})
    check_forced = project.run(*COMMAND, "--force")
    assert check_forced.rc == 30
    assert "surge_fee" in check_forced.out


def test_a_full_disk_is_one_line_and_the_next_run_finishes(project: Project, bad_source: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", small], check=True)
    try:
        project.configure({"taxi": {"workspace": small}, "warehouse.duckdb": {"path": tmp_path / "w.duckdb"}})
        full = project.run(*COMMAND)
        assert full.rc == 30, full.out
        assert "Traceback" not in full.out
        assert "green 2021-01 failed: DownloadMonth: " in full.out
        assert "free" in full.out or "No space left on device" in full.out
        assert [path for path in small.rglob("*") if path.is_file()] == []
        subprocess.run(["mount", "-o", "remount,size=200m", small], check=True)
        assert project.run(*COMMAND).rc == 0
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_disk_that_fills_up_in_mid_work_is_one_line(project: Project, bad_source: Path, tmp_path: Path) -> None:
    """The free-space check has passed; what runs out is the rejects and the clean file."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    workspace = project.workspace
    (workspace / "clean").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "tmpfs", workspace / "clean"], check=True)
    try:
        full = project.run("CleanMonth", "--color", "green", "--month", "2021-01")
        assert full.rc == 30, full.out
        assert "Traceback" not in full.out
        assert "No space left on device" in full.out
        assert project.leftovers() == []
    finally:
        subprocess.run(["umount", workspace / "clean"], check=True)


def test_a_workspace_that_cannot_be_written_is_said_before_anything_starts(project: Project, bad_source: Path) -> None:
    blocked = project.folder / "a-file"
    blocked.write_text("not a folder")
    project.configure({"taxi": {"workspace": blocked / "data"}})
    done = project.run(*COMMAND)
    assert done.rc == 40, done.out
    assert "[taxi] workspace" in done.out
    assert "Traceback" not in done.out


def test_a_warehouse_file_that_is_not_one(project: Project, bad_source: Path) -> None:
    project.warehouse.parent.mkdir(parents=True, exist_ok=True)
    project.warehouse.write_bytes(b"my precious notes " * 1000)
    done = project.run(*COMMAND)
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    assert "green 2021-01 failed: LoadMonth duckdb: " in done.out
    assert str(project.warehouse) in done.out
    assert project.warehouse.read_bytes().startswith(b"my precious notes")


def test_a_loss_between_clean_file_and_warehouse_is_not_committed(loading: Project) -> None:
    """A clean file that is not what its receipt says: here one with fewer rows."""
    assert loading.run("CleanMonth", "--color", "green", "--month", "2021-01").rc == 0
    clean = loading.workspace / "clean" / "green" / JANUARY
    table = pq.read_table(clean)
    receipt = pq.read_metadata(clean).metadata[b"taxi_luigi.receipt"]
    schema = table.schema.with_metadata({b"taxi_luigi.receipt": receipt})
    pq.write_table(table.slice(0, 2_990).cast(schema), clean)
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    assert done.rc == 30, done.out
    assert "2,990" in done.out
    assert "3,000" in done.out
    assert duckdb_counts(loading, "green_tripdata") in ({}, {"2021-01": 0})
