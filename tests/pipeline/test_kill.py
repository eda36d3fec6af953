"""A run that is killed or stopped at any moment, and the same command again: exact counts, nothing left behind.

The suite kills at a few moments; `pytest tests/pipeline/test_kill.py --kills 30` at as many as you like.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
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
    os.kill(int(part.name.split("-")[-1].removesuffix(".part")), signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 30, out
    assert "green 2021-01 failed: DownloadMonth: its process died (exit code -9)" in out
    check_exact(loading)
