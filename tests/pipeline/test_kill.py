"""A run that is killed or stopped at any moment, and the same command again: exact counts, nothing left behind.

The suite kills at a few moments; `pytest tests/pipeline/test_kill.py --kills 30` at as many as you like.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.pipeline.conftest import duckdb_counts, markers
from tests.support.cdn import Cdn, Stall
from tests.support.project import Project

MONTH = ("LoadAllMonths", "--colors", "green", "--months", "2021-01", "--workers", "2")
ROWS = 3_000


def end_all(process: subprocess.Popen[str], project: Project) -> None:
    """SIGKILL for the main process and, at the same moment, its children: what a machine that stops does to them."""
    # Again, for one that was born between the list and the kill: Luigi's manager would outlive its parent for ever.
    while running := project.processes():
        for each in running:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        _, alive = psutil.wait_procs(running, timeout=10)
        assert not alive
    process.communicate()


def check_exact(project: Project) -> None:
    """The same command finishes the work: every row once, one marker, no temporary file."""
    done = project.run(*MONTH)
    assert done.rc == 0, done.out
    assert duckdb_counts(project, "green_tripdata") == {"2021-01": ROWS}
    assert markers(project) == {("green", "2021-01"): ROWS}
    assert project.leftovers() == []


def test_killed_at_any_moment_the_next_run_finishes_exactly(
    loading: Project, cdn: Cdn, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    begin = time.monotonic()
    check_exact(loading)
    whole_run = time.monotonic() - begin
    moments = random.Random(20261121)
    killed_while_running = 0
    for number in range(request.config.getoption("--kills")):
        project = Project(tmp_path / f"kill-{number}", {"taxi": {"source": cdn.template}})
        process = project.start(*MONTH)
        try:
            process.wait(timeout=moments.uniform(0.2, 1.0) * whole_run)
        except subprocess.TimeoutExpired:
            killed_while_running += 1
        end_all(process, project)
        check_exact(project)
        assert project.processes() == []
    assert killed_while_running > 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "process"])
def test_a_signal_ends_the_run_with_no_orphan_and_no_temporary_file(
    loading: Project, cdn: Cdn, number: signal.Signals, whole_group: bool
) -> None:
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Stall(after=10_000))
    loading.configure({"download": {"read_timeout": 60}})
    process = loading.start(*MONTH)
    cdn.wait(lambda: cdn.sent(name) >= 10_000)
    begin = time.monotonic()
    if whole_group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number, out
    assert time.monotonic() - begin < 15, "a stop takes seconds"
    assert "Traceback" not in out
    assert f"Stopped by {number.name}" in out
    assert loading.processes() == []
    assert loading.leftovers() == []
    check_exact(loading)


def test_a_task_process_that_is_killed_alone_fails_that_month_in_one_line(loading: Project, cdn: Cdn) -> None:
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Stall(after=10_000))
    loading.configure({"download": {"read_timeout": 60}})
    process = loading.start(*MONTH)
    cdn.wait(lambda: cdn.sent(name) >= 10_000)
    part = next(loading.workspace.rglob("*.part"))
    os.kill(int(part.stem.split("-")[-2]), signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 30, out
    assert "green 2021-01 failed: DownloadMonth: its process died (exit code -9)" in out
    check_exact(loading)


def test_a_run_with_nothing_to_do_sweeps_what_a_killed_one_left_also_of_the_version_before(
    loading: Project, tmp_path: Path
) -> None:
    """In the workspace, in a lake with a folder of its own and beside DuckDB's file; not what is being written now."""
    lake, elsewhere = tmp_path / "nas", tmp_path / "elsewhere"
    loading.configure({
        "taxi": {"lake": "local, nas"},
        "lake.nas": {"type": "local", "path": lake},
        "warehouse.duckdb": {"path": elsewhere / "warehouse.duckdb"},
    })  # fmt: skip
    first = loading.run(*MONTH)
    assert first.rc == 0, first.out
    host = re.sub(r"[^A-Za-z0-9.]", "", socket.gethostname())
    ended = subprocess.Popen(["true"])
    ended.wait()
    hidden = [root / ".taxi_luigi-parts" / "3-green_tripdata_2021-01.parquet" for root in (loading.workspace, lake)]
    folders = [loading.workspace / part / "green" for part in ("raw", "clean", "rejected")] + [lake / "green"]
    beside = [folder / "green_tripdata_2021-01.parquet" for folder in folders]
    beside += [loading.workspace / "raw" / "taxi_zones.csv", loading.workspace / "report.html"]
    beside += [elsewhere / "warehouse.duckdb", elsewhere / ".warehouse.duckdb"]
    left = [path.with_name(f"{path.name}.{host}-{ended.pid}.part") for path in (*hidden, *beside)]
    living = [path.with_name(f"{path.name}.{host}-{os.getpid()}.part") for path in (*hidden, *beside)]
    for path in (*left, *living):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1half")
    again = loading.run(*MONTH)
    assert again.rc == 0, again.out
    assert "1 already there" in again.out
    assert [path for path in left if path.exists()] == []
    assert all(f"Removed {path}, left by a run that was killed" in again.out for path in left)
    assert all(path.exists() for path in living)


def test_while_a_month_is_downloaded_no_folder_of_months_holds_a_part_of_it(loading: Project, cdn: Cdn) -> None:
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Stall(after=10_000))
    loading.configure({"download": {"read_timeout": 60}})
    process = loading.start(*MONTH)
    cdn.wait(lambda: cdn.sent(name) >= 10_000)
    found = [path for path in loading.workspace.rglob("*") if path.is_file()]
    assert [path.parent for path in found] == [loading.workspace / ".taxi_luigi-parts"]
    end_all(process, loading)
    check_exact(loading)
