"""The record of runs, and what becomes of it when its file is in a bad way."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from taxi_luigi.core.errors import StorageError, UsageError
from taxi_luigi.history import (
    MonthResult,
    Recorder,
    Result,
    RunResult,
    State,
    TaskResult,
    done_tasks,
    find,
    last_good_run,
    last_results,
    last_runs,
    now,
    sqlite,
    steady_now,
    tasks_of,
    withdrawn,
    write,
)
from taxi_luigi.tlc.months import Month

HOST = socket.gethostname()
TASK = TaskResult(
    "LoadMonth", "green", "2024-01", "duckdb", "2026-11-21T06:00:00+00:00", "2026-11-21T06:00:02+00:00", 1.5, rows=3_000
)  # fmt: skip
MONTHS = (
    MonthResult("green", "2024-01", Result.LOADED, 3_000, 77_000, 4.5),
    MonthResult("green", "2024-02", Result.FAILED, why="DownloadMonth: HTTP 503"),
    MonthResult("green", "2024-03", Result.REFRESHED, 5, replaced="4 → 5 records, total_amount 40.00 → 51.50"),
    MonthResult("green", "2024-04", Result.NOT_PUBLISHED),
)


def begun(folder: Path, run: str, host: str = HOST, began: str | None = None) -> Recorder:
    recorder = Recorder(folder, run)
    recorder.begin("LoadAllMonths --months latest", host, began or now())
    return recorder


def result(run: str, exit_code: int | None = 30) -> RunResult:
    return RunResult(
        run, "LoadAllMonths --months latest", HOST, now(), now(), exit_code, 8, MONTHS, "zones: 265 rows", ("a", "b"),
        ("green 2024-01 has 3,000 records, where TLC published 76,518",), there={"green": "2023-05..2023-12"},
        seconds=12.5,
    )  # fmt: skip


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was warned of since the last call."""
    caplog.set_level(logging.WARNING, "luigi-interface")

    def told() -> list[str]:
        messages = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return messages

    return told


def test_a_run_is_recorded_with_its_months_and_tasks(tmp_path: Path) -> None:
    recorder = begun(tmp_path / "state", "20261121T060000-aaaa", began="2026-11-21T06:00:00+00:00")
    failed = TaskResult(
        "DownloadMonth", "green", "2024-02", began="2026-11-21T06:00:01+00:00", seconds=0.5, error="HTTP 503"
    )
    recorder.task(TASK)
    recorder.task(failed)
    recorder.end(result("20261121T060000-aaaa"))
    [run] = last_runs(tmp_path / "state", 5)
    assert (run.run, run.host, run.began, run.state) == (
        "20261121T060000-aaaa", HOST, "2026-11-21T06:00:00+00:00", State.ENDED,
    )  # fmt: skip
    assert (run.seconds, run.exit_code, run.already_there, run.loaded, run.failed, run.rows) == (
        12.5,
        30,
        8,
        2,
        1,
        3_005,
    )
    assert (run.zones, run.remarks, run.error) == ("zones: 265 rows", ("a", "b"), "")
    assert run.fewer == ("green 2024-01 has 3,000 records, where TLC published 76,518",)
    assert run.there == {"green": "2023-05..2023-12"}
    assert run.months == MONTHS
    loaded, broken = tasks_of(tmp_path / "state", run)
    assert (loaded.task, loaded.store, loaded.seconds, loaded.rows, loaded.result) == (
        "LoadMonth", "duckdb", 1.5, 3_000, "done",
    )  # fmt: skip
    assert (broken.result, broken.error) == ("failed", "HTTP 503")


def test_a_task_has_the_columns_of_the_table_and_nothing_else_is_shown(tmp_path: Path) -> None:
    begun(tmp_path, "run").task(TASK)
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as connection:
        cursor = connection.execute("SELECT * FROM tasks")
        columns, [row] = [column[0] for column in cursor.description], cursor.fetchall()
    assert columns == ["run", *TASK.as_row()]
    assert row == ("run", *TASK.as_row().values())
    assert [each.as_row() for each in tasks_of(tmp_path, last_runs(tmp_path, 1)[0])] == [TASK.as_row()]


def test_the_last_runs_come_first_and_no_more_than_requested(tmp_path: Path) -> None:
    for number in range(5):
        begun(tmp_path, f"run-{number}")
    assert [run.run for run in last_runs(tmp_path, 3)] == ["run-4", "run-3", "run-2"]


def test_where_nothing_was_recorded_there_is_nothing_and_nothing_is_made(tmp_path: Path) -> None:
    assert last_runs(tmp_path / "state", 20) == []
    (tmp_path / "history.sqlite").touch()  # a run was killed between making the file and its tables
    assert last_runs(tmp_path, 20) == []
    with pytest.raises(UsageError, match="no run is called 'x'"):
        find(tmp_path, "x")
    assert not (tmp_path / "state").exists()


def test_a_run_is_found_by_the_beginning_or_the_end_of_its_id(tmp_path: Path) -> None:
    for run in ("20261121T060000-aaaa", "20261121T070000-bbbb", "20261122T060000-a_aa"):
        begun(tmp_path, run)
    assert find(tmp_path, "bbbb").run == "20261121T070000-bbbb"
    assert find(tmp_path, "20261122").run == "20261122T060000-a_aa"
    assert find(tmp_path, "20261121T060000-aaaa").run == "20261121T060000-aaaa"
    with pytest.raises(UsageError, match="more than one run is called '20261121'"):
        find(tmp_path, "20261121")
    for nothing in ("", "____", "60000"):
        with pytest.raises(UsageError, match="no run is called"):
            find(tmp_path, nothing)


def test_a_run_that_was_killed_did_not_end(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from taxi_luigi.history import Recorder, now\n"
        "Recorder(Path(sys.argv[1]), 'killed').begin('X', sys.argv[2], now()); print('begun', flush=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path, HOST], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None
    with process, process.stdout:
        process.stdout.readline()
        assert [run.state for run in last_runs(tmp_path, 1)] == [State.RUNNING]
        process.send_signal(signal.SIGKILL)
    assert [run.state for run in last_runs(tmp_path, 1)] == [State.DID_NOT_END]


def test_what_a_killed_writer_left_half_done_is_undone_by_the_next_reader(tmp_path: Path) -> None:
    begun(tmp_path, "whole")
    child = os.fork()
    if child == 0:
        connection = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the commit
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO runs (run, command, host, pid, began) VALUES (?, ?, '', 0, '')",
            ((f"half-{number}", "x" * 500) for number in range(2_000)),
        )
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert (tmp_path / "history.sqlite-journal").stat().st_size > 0
    assert (tmp_path / "history.sqlite").stat().st_size > 500_000
    assert [run.run for run in last_runs(tmp_path, 9)] == ["whole"]


def test_a_process_number_that_another_process_has_now_is_no_sign_of_life(tmp_path: Path) -> None:
    before = datetime.fromtimestamp(psutil.Process().create_time() - 60, UTC).isoformat(timespec="seconds")
    begun(tmp_path, "long-ago", began=before)
    begun(tmp_path, "elsewhere", host="another-machine")
    assert [run.state for run in last_runs(tmp_path, 2)] == [State.UNKNOWN, State.DID_NOT_END]


def test_old_runs_go_with_their_tasks_and_months(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "KEPT_RUNS", 3)
    for run in ("ancient", "first", "second", "third"):
        recorder = begun(tmp_path, run)
        recorder.task(TASK)
        recorder.end(result(run))
    assert [run.run for run in last_runs(tmp_path, 9)] == ["third", "second", "first"]
    begun(tmp_path, "fourth")
    assert [run.run for run in last_runs(tmp_path, 9)] == ["fourth", "third", "second"]
    with sqlite3.connect(tmp_path / "history.sqlite") as connection:
        for table in ("tasks", "months"):
            assert set(connection.execute(f"SELECT DISTINCT run FROM {table}")) == {("second",), ("third",)}
    connection.close()


def test_a_clock_that_is_ahead_costs_no_run_and_makes_nothing_old(tmp_path: Path) -> None:
    month_ago, ahead = ((datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds") for days in (-30, 900))
    begun(tmp_path, "before", began=month_ago)
    assert steady_now(tmp_path) == datetime.fromisoformat(month_ago).timestamp()
    for number in range(8):
        begun(tmp_path, f"ahead-{number}", began=ahead)
    assert steady_now(tmp_path) == datetime.fromisoformat(month_ago).timestamp()
    begun(tmp_path, "after")
    assert len(last_runs(tmp_path, 20)) == 10
    for number in range(10):
        begun(tmp_path, f"now-{number}")
    assert abs(steady_now(tmp_path) - time.time()) < 300


def test_many_write_at_once(tmp_path: Path) -> None:
    recorders = [begun(tmp_path, f"run-{number}") for number in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: recorders[number % 4].task(TASK), range(80)))
    assert [len(tasks_of(tmp_path, run)) for run in last_runs(tmp_path, 4)] == [20] * 4


@pytest.mark.parametrize("content", [b"no database " * 1_000, b"SQLite format 3\x00" + b"\x07" * 9_000])
def test_a_file_that_is_no_database_is_set_aside_and_begun_anew(
    tmp_path: Path, content: bytes, warnings: Callable[[], list[str]]
) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(content)
    with pytest.raises(StorageError, match=r"cannot be read: .*the next run sets it aside") as failed:
        last_runs(tmp_path, 1)
    assert "\n" not in str(failed.value)
    begun(tmp_path, "new").end(result("new"))
    [line] = warnings()
    assert line.startswith(f"{path} could not be used: set aside as history.sqlite.2")
    assert [run.run for run in last_runs(tmp_path, 9)] == ["new"]
    [aside] = tmp_path.glob("history.sqlite.2*")
    assert aside.read_bytes() == content


def test_a_file_that_was_damaged_in_the_middle_is_set_aside_with_its_journal(
    tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    begun(tmp_path, "old")
    path, journal = tmp_path / "history.sqlite", tmp_path / "history.sqlite-journal"
    path.write_bytes(path.read_bytes()[:4096] + b"\x55" * 20_000)
    journal.write_bytes(b"")
    begun(tmp_path, "new")
    assert "set aside" in warnings()[0]
    assert [run.run for run in last_runs(tmp_path, 9)] == ["new"]


def test_a_month_is_withdrawn_until_the_source_has_it_again(tmp_path: Path) -> None:
    january, february = Month(2024, 1), Month(2024, 2)
    begun(tmp_path, "a").source({"green": [january, february]}, {})
    warn_if_slow = withdrawn(tmp_path)
    begun(tmp_path, "b").source({"green": [january]}, {"green": [february], "yellow": [february]})
    assert warn_if_slow.keys() == {"green"}
    assert warn_if_slow["green"].keys() == {january, february}
    assert withdrawn(tmp_path) == {"green": {january: warn_if_slow["green"][january]}}


def test_a_file_of_the_first_version_has_no_withdrawn_months_and_gets_room_for_them(tmp_path: Path) -> None:
    begun(tmp_path, "old")
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as connection:
        connection.execute("DROP TABLE withdrawn")
        connection.execute("ALTER TABLE runs DROP COLUMN fewer")
        for column in ("there", "version"):
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        connection.execute("ALTER TABLE months DROP COLUMN replaced")
        connection.execute("PRAGMA user_version = 1")
    assert withdrawn(tmp_path) == {}
    begun(tmp_path, "new").source({"fhv": [Month(2020, 1)]}, {})
    assert withdrawn(tmp_path).keys() == {"fhv"}
    assert [each.run for each in last_runs(tmp_path, 5)] == ["new", "old"]


_SECOND_VERSION = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE, command TEXT NOT NULL, host TEXT NOT NULL,
    pid INTEGER NOT NULL, began TEXT NOT NULL, ended TEXT, seconds REAL, exit_code INTEGER, already_there INTEGER,
    zones TEXT, remarks TEXT, error TEXT
);
CREATE TABLE months (
    run TEXT NOT NULL, color TEXT NOT NULL, month TEXT NOT NULL, result TEXT NOT NULL, rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, why TEXT NOT NULL
);
CREATE TABLE tasks (
    run TEXT NOT NULL, task TEXT NOT NULL, color TEXT NOT NULL, month TEXT NOT NULL, store TEXT NOT NULL,
    began TEXT NOT NULL, ended TEXT NOT NULL, seconds REAL NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    result TEXT NOT NULL, error TEXT NOT NULL
);
CREATE TABLE withdrawn (color TEXT, month TEXT, noticed TEXT NOT NULL, PRIMARY KEY (color, month));
CREATE INDEX months_run ON months (run);
CREATE INDEX tasks_run ON tasks (run);
PRAGMA user_version = 2;
"""
"""as taxi_luigi 0.1.0 made them before 2026-12"""


@pytest.fixture
def second_version(tmp_path: Path) -> Path:
    """A folder with a history of version 2: one run with one month and one task."""
    with closing(sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)) as connection:
        connection.executescript(_SECOND_VERSION)
        connection.execute(
            "INSERT INTO runs VALUES (1, 'old', 'LoadAllMonths', ?, 1, ?, ?, 1.5, 0, 8, '', '[\"a\"]', '')",
            (HOST, now(), now()),
        )
        connection.execute("INSERT INTO months VALUES ('old', 'green', '2024-01', 'refreshed', 9, 0, 1.5, '')")
        connection.execute(
            "INSERT INTO tasks VALUES ('old', 'LoadMonth', 'green', '2024-01', 'duckdb', ?, ?, 1.5, 9, 0, 'done', '')",
            (now(), now()),
        )
    return tmp_path


def test_a_run_is_recorded_with_the_version_that_it_ran(tmp_path: Path) -> None:
    Recorder(tmp_path, "new").begin("LoadAllMonths", HOST, now(), "1.2.3")
    assert find(tmp_path, "new").version == "1.2.3"


def test_a_file_of_the_third_version_is_read_as_it_is_and_upgraded_in_place(
    tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    begun(tmp_path, "old").end(result("old"))
    with closing(sqlite3.connect(tmp_path / "history.sqlite")) as connection:
        for column in ("there", "version"):
            connection.execute(f"ALTER TABLE runs DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 3")
    [old] = last_runs(tmp_path, 5)
    assert (old.version, old.fewer, old.there) == ("", result("old").fewer, {})
    Recorder(tmp_path, "new").begin("LoadAllMonths", HOST, now(), "1.2.3")
    assert [each.version for each in last_runs(tmp_path, 5)] == ["1.2.3", ""]
    assert warnings() == []


def test_a_file_of_the_second_version_is_read_as_it_is(second_version: Path) -> None:
    before = (second_version / "history.sqlite").read_bytes()
    [old] = last_runs(second_version, 5)
    assert (old.run, old.remarks, old.fewer) == ("old", ("a",), ())
    assert old.months == (MonthResult("green", "2024-01", Result.REFRESHED, 9, 0, 1.5),)
    assert (second_version / "history.sqlite").read_bytes() == before


def test_a_file_of_the_second_version_is_upgraded_in_place_by_the_next_run(
    second_version: Path, warnings: Callable[[], list[str]]
) -> None:
    recorder = begun(second_version, "new")
    recorder.task(TASK)
    recorder.end(result("new"))
    assert warnings() == []
    new, old = last_runs(second_version, 5)
    assert (old.run, old.loaded, old.rows, old.fewer) == ("old", 1, 9, ())
    assert [each.replaced for each in old.months] == [""]
    assert len(tasks_of(second_version, old)) == len(tasks_of(second_version, new)) == 1
    assert new.months == MONTHS
    assert new.fewer == result("new").fewer
    begun(second_version, "again")
    assert warnings() == []
    assert [each.name for each in second_version.glob("history.sqlite*") if each.suffix != ".lock"] == [
        "history.sqlite"
    ]


def test_an_upgraded_file_has_the_tables_of_a_new_one(
    second_version: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fresh = tmp_path_factory.mktemp("fresh")
    columns = []
    for folder in (second_version, fresh):
        begun(folder, "new")
        with closing(sqlite3.connect(folder / "history.sqlite")) as connection:
            columns.append([
                connection.execute(f"PRAGMA table_info({table})").fetchall()
                for table in ("runs", "months", "tasks", "withdrawn")
            ])  # fmt: skip
    assert columns[0] == columns[1]


def test_two_runs_that_begin_at_once_upgrade_it_once(second_version: Path, warnings: Callable[[], list[str]]) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: begun(second_version, f"run-{number}"), range(4)))
    assert warnings() == []
    assert len(last_runs(second_version, 9)) == 5


def test_a_file_of_a_later_version_is_named_and_left_as_it_is(
    tmp_path: Path, warnings: Callable[[], list[str]]
) -> None:
    path = tmp_path / "history.sqlite"
    recorder = begun(tmp_path, "later")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    named = (
        rf"{re.escape(str(path))}: a later version of taxi_luigi made it \(its tables are version 7, here they are "
        rf"{sqlite.VERSION}\), so it is not changed; upgrade this one"
    )
    with pytest.raises(StorageError, match=f"^the history of runs cannot be read: {named}$"):
        last_runs(tmp_path, 1)
    recorder.source({"green": [Month(2024, 1)]}, {})  # a run that was at work when the file was upgraded
    begun(tmp_path, "new").source({"green": [Month(2024, 1)]}, {})
    told = warnings()
    assert len(told) == 2
    assert all(
        re.fullmatch(f"the history of runs cannot be written: {named}; the run goes on without", line)
        for line in warnings()
    )
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.glob("history.sqlite*") if each.suffix != ".lock"] == [path.name]


@pytest.mark.parametrize("name", ["history.sqlite", "history.sqlite.lock"])
def test_nothing_is_written_through_a_link_in_the_place_of_a_file(
    tmp_path: Path, warnings: Callable[[], list[str]], name: str
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    (tmp_path / name).symlink_to(theirs)
    recorder = begun(tmp_path, "a")
    recorder.end(result("a"))
    [line] = warnings()
    assert "it is a link; remove it" in line
    assert theirs.read_bytes() == b"theirs"


def test_what_cannot_be_written_is_one_line_and_no_failure(tmp_path: Path, warnings: Callable[[], list[str]]) -> None:
    (tmp_path / "file").touch()
    recorder = begun(tmp_path / "file" / "state", "a")
    for _ in range(3):
        recorder.task(TASK)
    recorder.end(result("a"))
    [line] = warnings()
    assert line.startswith(f"the history of runs cannot be written: {tmp_path}/file/state/history.sqlite: ")
    assert "the run goes on without" in line


def test_a_file_that_somebody_keeps_locked_is_one_line_and_the_end_is_still_recorded(
    tmp_path: Path, warnings: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxi_luigi.history.sqlite.WAIT", 0.05)
    recorder = begun(tmp_path, "a")
    other = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    recorder.task(TASK)
    recorder.task(TASK)
    assert len(warnings()) == 1
    other.execute("ROLLBACK")
    other.close()
    recorder.end(result("a", 0))
    [run] = last_runs(tmp_path, 1)
    assert (run.exit_code, tasks_of(tmp_path, run), warnings()) == (0, [], [])


def test_tasks_write_from_processes_of_their_own(tmp_path: Path) -> None:
    recorder = begun(tmp_path, "a")
    child = os.fork()
    if child == 0:
        recorder.task(TASK)
        os._exit(0)
    os.waitpid(child, 0)
    [run] = last_runs(tmp_path, 1)
    assert len(tasks_of(tmp_path, run)) == 1


def ended(folder: Path, run: str, began: str, exit_code: int | None, *months: MonthResult, command: str = "") -> None:
    recorder = begun(folder, run, began=began)
    if command:
        with closing(sqlite3.connect(folder / sqlite.NAME)) as connection, connection:
            connection.execute("UPDATE runs SET command = ? WHERE run = ?", (command, run))
    recorder.end(replace(result(run, exit_code), ended=began, months=months))


@pytest.fixture
def week(tmp_path: Path) -> Path:
    """A run each day, from 2026-11-20; the last ones of the report alone, and one that was killed."""
    green, yellow = (MonthResult(color, "2026-07", Result.LOADED, 10) for color in ("green", "yellow"))
    missing = MonthResult("green", "2026-08", Result.NOT_PUBLISHED)
    broken = MonthResult("green", "2026-07", Result.FAILED, why="DownloadMonth: HTTP 503")
    ended(tmp_path, "broken", "2026-11-20T06:00:00+00:00", 30, broken, yellow)
    ended(tmp_path, "stopped", "2026-11-21T06:00:00+00:00", 143)
    ended(tmp_path, "mended", "2026-11-22T06:00:00+00:00", 0, green)
    ended(tmp_path, "missing", "2026-11-23T06:00:00+00:00", 20, missing)
    ended(tmp_path, "report", "2026-11-24T06:00:00+00:00", 0, command="Report --local-scheduler")
    killed = "import sys, taxi_luigi.history as h; from pathlib import Path;"
    killed += "h.Recorder(Path(sys.argv[1]), 'killed').begin('LoadAllMonths', sys.argv[2], '2026-11-25T06:00:00+00:00')"
    subprocess.run([sys.executable, "-c", killed, str(tmp_path), HOST], check=True, timeout=60)
    return tmp_path


def names(runs: list[RunResult]) -> list[str]:
    return [run.run for run in runs]


def test_runs_are_selected_by_time_month_and_failure(week: Path) -> None:
    assert names(last_runs(week, None)) == ["killed", "report", "missing", "mended", "stopped", "broken"]
    assert names(last_runs(week, None, since="2026-11-24")) == ["killed", "report"]
    assert names(last_runs(week, None, failed=True)) == ["killed", "stopped", "broken"]
    assert names(last_runs(week, 2, failed=True)) == ["killed", "stopped"]
    assert names(last_runs(week, None, months=["2026-07"], colors=["green"])) == ["mended", "broken"]
    assert names(last_runs(week, None, months=["2026-07"], failed=True)) == ["broken"]
    assert names(last_runs(week, None, colors=["yellow"], failed=True)) == []
    assert names(last_runs(week, None, months=["2026-07"], since="2026-11-21")) == ["mended"]


def test_the_last_good_run_is_one_for_months_of_a_clock_that_was_right(week: Path) -> None:
    def good(until: str) -> str | None:
        run = last_good_run(week, until)
        return run.run if run else None

    assert good("2026-11-26T00:00:00+00:00") == "missing"
    assert good("2026-11-23T00:00:00+00:00") == "mended"
    assert good("2026-11-22T05:00:00+00:00") is None


def test_the_last_result_of_a_month_is_that_of_its_last_run(week: Path) -> None:
    found = {(each.color, each.month): each.result for each in last_results(week)}
    assert found == {
        ("green", "2026-07"): Result.LOADED,
        ("yellow", "2026-07"): Result.LOADED,
        ("green", "2026-08"): Result.NOT_PUBLISHED,
    }


def test_the_kind_of_an_exit_is_named(week: Path) -> None:
    exits = {run.run: (run.exit, run.exit_kind) for run in last_runs(week, None)}
    assert exits == {
        "killed": ("did not end", "did not end"),
        "report": ("0 done", "done"),
        "missing": ("20 missing data", "missing data"),
        "mended": ("0 done", "done"),
        "stopped": ("143 stopped", "stopped"),
        "broken": ("30 task failed", "task failed"),
    }
    assert replace(result("x", 7)).exit == "7"
    assert result("x", None).exit == "?"


def test_of_a_task_that_was_done_twice_the_last_success_counts(tmp_path: Path) -> None:
    for run, seconds, error in (("a", 1.5, ""), ("b", 2.5, ""), ("c", 3.5, "HTTP 503")):
        begun(tmp_path, run).task(replace(TASK, seconds=seconds, error=error))
    assert [task.seconds for task in done_tasks(tmp_path)] == [2.5]


def test_months_of_a_run_whose_begin_is_not_recorded_are_not_either(tmp_path: Path) -> None:
    begun(tmp_path, "recorded")
    Recorder(tmp_path, "not recorded").end(result("not recorded"))
    assert last_results(tmp_path) == []
