"""The way of months through a run, as values and as text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from taxi_luigi.history import MonthResult, Result, RunResult, State, TaskResult
from taxi_luigi.reports.run_text import failure_lines, gantt
from taxi_luigi.reports.run_way import failures, ways
from tests.support.run_results import run

MONTH = MonthResult("green", "2026-07", Result.LOADED, rows=3_000, seconds=40.0)
BROKEN = MonthResult("yellow", "2026-07", Result.FAILED, seconds=9.0, why="CleanMonth: damaged")
RUN = run(MONTH, BROKEN, MonthResult("green", "2026-10", Result.NOT_PUBLISHED), exit_code=30, seconds=100.0)


def task(name: str, at: int, seconds: float, color: str = "green", store: str = "", error: str = "") -> TaskResult:
    began = f"2026-11-21T06:00:{3 + at:02}+00:00"
    return TaskResult(name, color, "2026-07", store, began, began, seconds, error=error)


TASKS = [
    task("DownloadMonth", 0, 10.0), task("CleanMonth", 10, 20.0, store="local"),
    task("LoadMonth", 50, 10.0, store="duckdb"),
    task("DownloadMonth", 5, 0.3, "yellow"), task("CleanMonth", 5, 9.5, "yellow", "local", "damaged"),
]  # fmt: skip


def lines(result: RunResult, tasks: list[TaskResult], width: int) -> list[str]:
    return [line.plain for line in gantt(result, ways(result, tasks), width)]


def test_each_month_has_a_bar_at_its_time() -> None:
    assert lines(RUN, TASKS, 89) == [
        f"{'':50}06:00:03{'06:01:43 UTC':>31}",
        "green 2026-07   loaded         3,000 rows   40 s  DDDCCCCCCCCC       LLLLL",
        "green 2026-10   not published",
        "yellow 2026-07  failed                     9.0 s   DCCCx",
        "D download  C clean  L load  x failed",
    ]


def test_a_narrow_terminal_has_the_result_below_the_bar() -> None:
    shown = lines(RUN, TASKS, 40)
    assert shown[1:4] == ["green 2026-07   DDCCCCCC    LLL", "  loaded, 3,000 rows, 40 s", "green 2026-10"]
    assert max(map(len, shown)) == 40


def test_steps_shorter_than_a_letter_are_all_seen() -> None:
    """Their begin is recorded in whole seconds."""
    short = [task("DownloadMonth", 0, 0.1), task("CleanMonth", 0, 0.2), task("LoadMonth", 0, 0.1, store="duckdb")]
    [way] = ways(run(MONTH, seconds=1_000.0), short)
    assert [round(step.start, 3) for step in way.steps] == [0.0, 0.1, 0.3]
    assert lines(run(MONTH, seconds=1_000.0), short, 80)[1].endswith("  DCL")


def test_a_run_without_an_end_shows_what_its_tasks_did() -> None:
    killed = replace(RUN, ended="", seconds=None, exit_code=None, months=(), state=State.DID_NOT_END)
    assert [way.label for way in ways(killed, TASKS)] == ["green 2026-07", "yellow 2026-07"]
    assert lines(killed, TASKS, 70)[1].rstrip().endswith("LLLLLL")
    assert lines(run(), [], 70) == []


def test_a_failure_has_its_lines_of_the_log(tmp_path: Path) -> None:
    of = {"run": RUN.run, "task": "CleanMonth", "color": "yellow", "month": "2026-07", "store": "local"}
    entries = [
        {**of, "time": "2026-11-21T06:00:08.1Z", "level": "INFO", "message": "running", "by": "luigi"},
        {**of, "time": "2026-11-21T06:00:09.1Z", "level": "WARNING", "message": "odd\x1b[2J\nname"},
        {**of, "time": "2026-11-21T06:00:09.2Z", "level": "DEBUG", "message": "details"},
        {**of, "run": "another", "time": "2026-11-21T06:00:09.3Z", "level": "ERROR", "message": RUN.run},
        {**of, "month": "2026-08", "time": "2026-11-21T06:00:09.4Z", "level": "ERROR", "message": "another month"},
        {**of, "time": "2026-11-21T06:00:10.1Z", "level": "ERROR", "message": "CleanMonth yellow 2026-07: damaged",
         "by": "luigi", "traceback": "Traceback:\n  line 1\nKeyError: 'x'\n"},
    ]  # fmt: skip
    path = tmp_path / "logs" / "2026-11-21.jsonl"
    path.parent.mkdir()
    path.write_text(f'{{"run": "{RUN.run}", "half\n' + "".join(f"{json.dumps(each)}\n" for each in entries))
    found, note = failures(tmp_path, RUN, TASKS)
    assert [line.plain for line in failure_lines(found, note)] == [
        "CleanMonth yellow 2026-07: damaged",
        "  06:00:09 WARNING odd [2J name",
        "    Traceback:",
        "    line 1",
        "    KeyError: 'x'",
    ]


def test_a_run_that_failed_without_a_task_has_its_warnings(tmp_path: Path) -> None:
    stopped = run(exit_code=40, error="luigid does not answer")
    path = tmp_path / "logs" / "2026-11-21.jsonl"
    path.parent.mkdir()
    entry = {"run": stopped.run, "time": "2026-11-21T06:00:04Z", "level": "WARNING", "message": "trying again"}
    path.write_text(f"{json.dumps(entry)}\n")
    found, note = failures(tmp_path, stopped, [])
    assert [line.plain for line in failure_lines(found, note)] == ["  06:00:04 WARNING trying again"]


def test_a_log_that_is_not_there_is_named_once_and_only_where_it_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "2026-11-21.jsonl"
    missing = f"the log of this run cannot be read: No such file or directory: {path}"
    assert failures(tmp_path, RUN, TASKS)[1] == missing
    path.parent.mkdir()
    path.touch()
    assert failures(tmp_path, RUN, TASKS)[1] == f"the log has no line of this run: {path.parent}"
    assert failures(tmp_path, run(MONTH), TASKS[:3]) == ([], "")
