"""What a run says: a line per event on the terminal, all as JSON in the log file, and bars that mix with neither."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.support.cdn import Cdn, Stall, Status
from tests.support.project import Project
from tests.support.terminal import Terminal, on_a_terminal, screen

JANUARY, FEBRUARY = "green_tripdata_2021-01.parquet", "green_tripdata_2021-02.parquet"
DETAILS = (
    r"Downloaded green 2021-0\d: [\d,]+ bytes of parquet in [\d.]+ s from http://.*\.parquet",
    r"green 2021-0\d: passenger_count missing in .* after",
    r"Cleaned green 2021-0\d: 3,000 rows in, 3,000 kept, 0 rejected, in [\d.]+ s; [\d,]+ bytes in /.*\.parquet",
    r"Loaded green 2021-0\d: 3,000 rows into green_tripdata of duckdb in [\d.]+ s",
)
"""the steps of a month, which the file has; the terminal has them with DEBUG alone"""

LUIGI = ("luigi", "--module", "taxi_luigi", "--local-scheduler")
MONTHS = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")

NOISE = ("Informed scheduler", "Worker", "scheduling tasks", "Execution Summary", "run=", "[pid", "This progress")
"""of Luigi's"""

EVENTS = (
    r"green: \d to load \(.*\)",
    r"green 2021-0\d: 3,000 rows in duckdb, [\d.]+ kB downloaded, [\d.]+ s",
    r"green: \d months? loaded .*already there.*",
    r"WARNING: http://.*\.parquet: .*; again in .* s",
    r"ERROR: DownloadMonth green 2021-01: .*",
    r"green 2021-01 failed: DownloadMonth: .*",
    r"WARNING: Stopped by SIGTERM; run the same command again to finish",
)


def log_lines(project: Project) -> list[dict[str, Any]]:
    """Every line of the log, in order; a line that is no JSON fails."""
    return [json.loads(line) for path in sorted(project.state.glob("logs/*")) for line in path.read_text().splitlines()]


def unknown(lines: list[str]) -> list[str]:
    """The lines that are no event that a person should read of."""
    return [line for line in lines if not any(re.fullmatch(event, line) for event in EVENTS)]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_pipe_has_a_line_per_month_and_the_file_has_its_steps_and_luigis_too(loading: Project, workers: int) -> None:
    done = loading.run(*MONTHS, "--workers", workers)
    assert done.rc == 0, done.out
    lines = done.out.splitlines()
    assert unknown(lines) == []
    assert len(lines) == 1 + 2 + 1
    assert "\x1b" not in done.out
    assert "\r" not in done.out

    first, *logged = log_lines(loading)
    typed = " ".join((*MONTHS, "--workers", str(workers), "--local-scheduler"))
    assert first["message"] == f"taxi_luigi {version('taxi_luigi')}: {typed}"
    assert {line["message"] for line in logged} >= set(lines)
    ours = [line["message"] for line in logged if "by" not in line]
    steps = [line for line in ours if any(re.fullmatch(detail, line) for detail in DETAILS)]
    assert len(steps) == 2 * len(DETAILS)
    # Two processes may reach terminal and file in another order
    assert sorted(ours) == sorted([*lines, *steps])
    luigis = "\n".join(line["message"] for line in logged if line.get("by") == "luigi")
    assert all(noise in luigis for noise in NOISE)
    assert len({line["run"] for line in logged}) == 1


def test_what_a_line_is_about_is_in_fields_of_its_own(loading: Project, samples: Path) -> None:
    assert loading.run(*MONTHS).rc == 0
    logged = log_lines(loading)
    [loaded] = [dict(line) for line in logged if line["message"].startswith("Loaded green 2021-02")]
    assert loaded.pop("seconds") > 0
    assert loaded.pop("pid") != logged[0]["pid"], "tasks have processes of their own"
    begun = datetime.fromisoformat(loaded.pop("time"))
    assert abs((datetime.now(UTC) - begun).total_seconds()) < 300
    assert re.fullmatch(
        r"Loaded green 2021-02: 3,000 rows into green_tripdata of duckdb in .* s", loaded.pop("message")
    )
    assert loaded == {
        "level": "INFO",
        "run": logged[0]["run"],
        "task": "LoadMonth",
        "color": "green",
        "month": "2021-02",
        "store": "duckdb",
        "rows": 3_000,
        "host": os.uname().nodename,
    }
    [month] = [line for line in logged if line["message"].startswith("green 2021-02: 3,000 rows")]
    assert (month["color"], month["month"], month["rows"], "task" in month) == ("green", "2021-02", 3_000, False)
    [downloaded] = [line for line in logged if line["message"].startswith("Downloaded green 2021-01")]
    assert downloaded["bytes"] == (samples / JANUARY).stat().st_size
    assert "rows" not in downloaded
    for line in logged:
        if line["message"].startswith(("Cleaned ", "Loaded ", "Downloaded ")):
            assert (line["color"], line["month"]) == tuple(re.findall(r"(green) (2021-\d\d)", line["message"])[0])


def test_a_failure_is_said_once_when_it_happens_and_once_at_the_end(loading: Project, cdn: Cdn) -> None:
    cdn.fault(JANUARY, *[Status(503)] * 9)
    done = loading.run(*MONTHS)
    assert done.rc == 30
    lines = done.out.splitlines()
    assert unknown(lines) == []
    assert len([line for line in lines if line.startswith("ERROR")]) == 1
    [error] = [line for line in log_lines(loading) if line["level"] == "ERROR"]
    assert (error["task"], error["color"], error["month"]) == ("DownloadMonth", "green", "2021-01")
    retries = [line for line in log_lines(loading) if line["level"] == "WARNING"]
    assert [(line["task"], line["month"]) for line in retries] == [("DownloadMonth", "2021-01")] * 2


def test_what_is_not_published_is_logged_with_its_address(loading: Project, cdn: Cdn) -> None:
    done = loading.run("CleanMonth", "--color", "green", "--month", "2021-09")
    asked = f"{cdn.url}/trip-data/green_tripdata_2021-09.parquet"
    assert (done.rc, done.out) == (20, f"WARNING: green 2021-09 is not published: {asked}\n")


def test_a_single_task_that_is_done_is_logged_as_done(loading: Project) -> None:
    clean = ("CleanMonth", "--color", "green", "--month", "2021-01")
    assert loading.run(*clean).rc == 0
    again = loading.run(*clean)
    assert (again.rc, again.out) == (0, f"{' '.join(clean)} --local-scheduler: nothing to do\n")


def test_debug_shows_everything(loading: Project) -> None:
    done = loading.run(*MONTHS, "--log-level", "DEBUG")
    assert all(noise in done.out for noise in NOISE)
    assert "DEBUG: Asking scheduler for work..." in done.out
    assert all(len(re.findall(detail, done.out)) == 2 for detail in DETAILS)
    assert "DEBUG" in {line["level"] for line in log_lines(loading)}


def test_the_file_is_whole_when_the_terminal_is_to_be_quieter(loading: Project) -> None:
    done = loading.run(*MONTHS, "--log-level", "WARNING")
    assert (done.rc, done.out) == (0, "")
    assert len([line for line in log_lines(loading) if line["message"].startswith("Loaded ")]) == 2


def test_a_log_configuration_of_ones_own_is_left_as_it_is(loading: Project) -> None:
    (loading.folder / "logging.ini").write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=all\n[formatters]\nkeys=mine\n"
        "[logger_root]\nlevel=INFO\nhandlers=all\n"
        "[handler_all]\nclass=StreamHandler\nformatter=mine\nargs=(sys.stderr,)\n"
        "[formatter_mine]\nformat=mine %(message)s\n"
    )
    done = loading.run(*MONTHS, "--logging-conf-file", "logging.ini")
    assert done.rc == 0
    assert "mine Loaded green 2021-01" in done.out
    assert "mine green 2021-01: 3,000 rows in duckdb" in done.out
    assert "mine Informed scheduler" in done.out
    assert len([line for line in log_lines(loading) if line["message"].startswith("Loaded ")]) == 2


def test_a_disk_that_is_full_for_the_log_costs_one_line(loading: Project) -> None:
    logs = loading.state / "logs"
    logs.mkdir(parents=True)
    for day in (datetime.now(UTC).date(), datetime.fromtimestamp(time.time() + 600, UTC).date()):
        if not (logs / f"{day}.jsonl").exists():
            os.mknod(logs / f"{day}.jsonl", stat.S_IFCHR | 0o600, Path("/dev/full").stat().st_rdev)
    done = loading.run(*MONTHS, "--workers", 2)
    assert done.rc == 0, done.out
    complaints = [line for line in done.out.splitlines() if line.startswith("WARNING: the log file ")]
    assert len(complaints) == 1
    assert complaints[0].endswith("cannot be written: No space left on device; the run goes on without it")


def test_a_state_folder_that_cannot_be_is_one_line_for_the_log_and_one_for_the_history(loading: Project) -> None:
    loading.state.write_text("a file")
    done = loading.run(*MONTHS)
    assert done.rc == 0, done.out
    told = [line for line in done.out.splitlines() if line.startswith("WARNING: ")]
    assert len(told) == 2, told
    assert "Traceback" not in done.out


def test_half_a_line_is_not_left_on_a_disk_that_fills_up(loading: Project) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    logs = loading.state / "logs"
    logs.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", logs], check=True)
    try:
        done = loading.run(*MONTHS)
        assert done.rc == 0, done.out
        assert done.out.count("No space left on device") == 1
        assert log_lines(loading)
    finally:
        subprocess.run(["umount", logs], check=True)


def test_nothing_is_logged_or_removed_through_a_folder_that_is_a_link(loading: Project, tmp_path: Path) -> None:
    theirs = [tmp_path / "theirs" / f"2025-{1 + number // 28:02}-{1 + number % 28:02}.jsonl" for number in range(70)]
    theirs[0].parent.mkdir()
    for path in theirs:
        path.touch()
    loading.state.mkdir()
    (loading.state / "logs").symlink_to(theirs[0].parent)
    done = loading.run(*MONTHS)
    assert done.rc == 0, done.out
    assert done.out.count("cannot be written: its folder is a link; remove that; the run goes on without it") == 1
    assert sorted(theirs[0].parent.iterdir()) == theirs


def test_only_the_newest_files_are_kept(loading: Project) -> None:
    logs = loading.state / "logs"
    logs.mkdir(parents=True)
    for number in range(70):
        (logs / f"2025-{1 + number // 28:02}-{1 + number % 28:02}.jsonl").touch()
    (logs / "notes.txt").touch()
    assert loading.run(*MONTHS).rc == 0
    kept = sorted(path.name for path in logs.iterdir())
    assert kept[-1] == "notes.txt"
    assert len(kept) == 60 + 1 + 1, "sixty days, today's, and what is none of ours"
    assert kept[0] == "2025-01-11.jsonl"


@pytest.mark.parametrize(("workers", "no_color"), [(1, ""), (3, "1")])
def test_a_terminal_has_a_panel_and_in_the_end_a_table(loading: Project, workers: int, no_color: str) -> None:
    command = (*LUIGI, *MONTHS, "--workers", workers)
    rc, written = on_a_terminal(loading, *command, env={"NO_COLOR": no_color})
    assert rc == 0, written
    first, *table, last = screen(written)
    assert re.fullmatch(EVENTS[0], first)
    assert [line.split() for line in table] == [["loaded", "rows", "already", "there"], ["✓", "green", "2", "6,000"]]
    assert last == ""
    assert re.search(r"\r--local-scheduler LoadAllMonths .* 0:00:\d\d", re.sub(r"\x1b\[[\d;]*m", "", written))
    assert (re.search(r"\x1b\[[\d;]*3\dm", written) is None) == bool(no_color)
    assert all("\r" not in line["message"] and "\x1b" not in line["message"] for line in log_lines(loading))
    assert len([line for line in log_lines(loading) if re.fullmatch(EVENTS[1], line["message"])]) == 2


def test_a_panel_follows_its_terminal_and_leaves_no_trace_of_a_run_that_is_stopped(loading: Project, cdn: Cdn) -> None:
    cdn.fault(FEBRUARY, *[Status(503)] * 9)
    cdn.fault(JANUARY, Stall(40_000))
    loading.configure({"download": {"read_timeout": 60}})
    terminal = Terminal(loading, *LUIGI, *MONTHS, "--workers", 2)
    try:
        terminal.read_until(r"green 2021-01 downloading .*\n(.*\n)?.*✗ 1 failed.*  1 to go")
        terminal.read_until(r"✗ green 2021-02 DownloadMonth: gave up after 3 attempts, the last: HTTP 503")
        terminal.resize(40)
        terminal.read_until(r"✗ green 2021-02 gave up after")
    finally:
        os.kill(terminal.process.pid, signal.SIGTERM)
        rc, written = terminal.end()
    assert rc == 143, written
    assert "ERROR" not in written, "the panel has it"
    to_load, *stopped, last = screen(written)
    assert re.fullmatch(EVENTS[0], to_load)
    assert last == ""
    assert [line for line in stopped if line.startswith("✗")] == [
        "✗ green: 0 months loaded, 0 already",
        "✗ green 2021-02 failed: DownloadMonth:",
    ]


def test_what_failed_is_the_last_line(loading: Project, cdn: Cdn) -> None:
    cdn.fault(JANUARY, *[Status(503)] * 9)
    rc, written = on_a_terminal(loading, *LUIGI, *MONTHS, columns=300)
    assert rc == 30, written
    assert "ERROR" not in written
    *_, color, failed, last = screen(written)
    assert color.split() == ["✗", "green", "1", "1", "3,000"]
    assert failed.startswith("✗ green 2021-01 failed: DownloadMonth: http://")
    assert last == ""


def test_a_dumb_terminal_and_one_with_debug_are_drawn_nothing(loading: Project) -> None:
    rc, written = on_a_terminal(loading, *LUIGI, *MONTHS, env={"TERM": "dumb"})
    assert rc == 0
    assert "\r" not in written
    assert "\x1b" not in written
    assert unknown(written.splitlines()) == []
    rc, written = on_a_terminal(loading, *LUIGI, *MONTHS, "--force", "--log-level", "DEBUG")
    assert rc == 0
    assert "\x1b" not in written
    assert all(len(re.findall(detail, written)) == 2 for detail in DETAILS[:3])
