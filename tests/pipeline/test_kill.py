"""A run that is killed or stopped at any moment, and the same command again: exact counts, nothing left behind.

The suite kills at a few moments; `pytest tests/pipeline/test_kill.py --kills 30` at as many as you like.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.pipeline.conftest import duckdb_counts, markers
from tests.pipeline.test_cron import Checkout
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


def mains(running: list[psutil.Process]) -> list[psutil.Process]:
    """Luigi's main process, which is none while cron-run still prepares."""
    luigis = {each.pid: each for each in running if any(word.endswith("bin/luigi") for word in words(each))}
    return [each for each in luigis.values() if parent(each) not in luigis]


def words(process: psutil.Process) -> list[str]:
    """Its command line; none of one that has ended."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0


WHO: dict[str, Callable[[list[psutil.Process]], list[psutil.Process]]] = {
    "the main process": mains,
    "one child": lambda running: [each for each in running if parent(each) in {main.pid for main in mains(running)}][
        :1
    ],
    "the whole tree": lambda running: running,
    "cron-run alone": lambda running: [each for each in running if any("cron_run.py" in word for word in words(each))],
}
NUMBERS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
HOW = ("by hand", "by cron-run")


def prepared(folder: Path, cdn: Cdn, how: str, cached: bool) -> Checkout:
    """A checkout with a folder for temporary files of its own."""
    folder.mkdir()
    checkout = Checkout(folder / "checkout", folder / "work", cdn.template)
    temporary = folder / "work" / "tmp"
    temporary.mkdir()
    if cached:
        checkout.configure({"worker": {"cache_task_completion": "true"}})
    if how == "by cron-run":
        (checkout.folder / ".env").write_text(f"TMPDIR={temporary}\n")
        (checkout.folder / ".env").chmod(0o600)
    return checkout


def started(checkout: Checkout, how: str) -> subprocess.Popen[str]:
    if how == "by cron-run":
        return checkout.begin(months="2021-01")
    return checkout.start(*MONTH, env={"TMPDIR": str(checkout.workspace.parent / "tmp")})


def check_seen_by_readers(checkout: Checkout) -> None:
    """Whatever lies in a folder of months is whole."""
    for part in ("raw", "clean"):
        for path in (checkout.workspace / part).rglob("*"):
            if path.is_file() and ".taxi_luigi-parts" not in path.parts and path.suffix != ".json":
                assert path.suffix == ".parquet", path
                assert pq.read_metadata(path).num_rows == ROWS, path


def test_killed_at_any_moment_nothing_outlives_the_run_and_the_next_one_finishes_exactly(
    cdn: Cdn, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every signal, to whatever part of a run; also where people's own settings want Luigi's manager."""
    every = itertools.product(NUMBERS, WHO, HOW, (True, False))
    kinds = [kind for kind in every if kind[1] != "cron-run alone" or kind[2] == "by cron-run"]
    chance = random.Random(20261121)
    chance.shuffle(kinds)
    lasted: dict[str, float] = {}
    for how in HOW:
        began = time.monotonic()
        checkout = prepared(tmp_path / how, cdn, how, cached=False)
        out, _ = started(checkout, how).communicate(timeout=120)
        lasted[how] = time.monotonic() - began
        assert markers(checkout) == {("green", "2021-01"): ROWS}, out
    hit: Counter[str] = Counter()
    longest = 0.0
    for turn, (number, who, how, cached) in enumerate(
        itertools.islice(itertools.cycle(kinds), request.config.getoption("--kills"))
    ):
        checkout = prepared(tmp_path / f"{turn}", cdn, how, cached)
        process = started(checkout, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=chance.uniform(0.2, 1.0) * lasted[how])
        killed = WHO[who](checkout.processes())
        while who == "one child" and not killed and process.poll() is None:
            killed = WHO[who](checkout.processes())
        for each in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(number)
        of = f"{turn}: {number.name} to {who}, {how}, {'cached' if cached else 'as shipped'}"
        began = time.monotonic()
        # What has lost one child goes on, and its main process ends it.
        while (left := checkout.processes()) and time.monotonic() - began < (60 if who == "one child" else 10):
            time.sleep(0.02)
        assert left == [], of
        if killed:
            hit[who] += 1
            longest = max(longest, time.monotonic() - began if who != "one child" else 0)
        out, _ = process.communicate(timeout=10)
        check_seen_by_readers(checkout)
        done, _ = (again := started(checkout, how)).communicate(timeout=120)
        assert again.returncode == 0, f"{of}: {out}{done}"
        assert duckdb_counts(checkout, "green_tripdata") == {"2021-01": ROWS}, of
        assert markers(checkout) == {("green", "2021-01"): ROWS}, of
        left_over = [*checkout.workspace.parent.rglob("*.part"), *checkout.workspace.parent.rglob("pymp-*")]
        assert (left_over, checkout.processes()) == ([], []), of
    print(f"killed {dict(hit)}; the longest that a process was left: {longest:.1f} s")
    assert hit["the whole tree"]


def downloading(loading: Project, cdn: Cdn) -> subprocess.Popen[str]:
    """A run of MONTH that has a part of its file, and gets no more of it."""
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Stall(after=10_000))
    process = loading.start(*MONTH)
    cdn.wait(lambda: cdn.sent(name) >= 10_000)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "process"])
def test_a_signal_ends_the_run_with_no_orphan_and_no_temporary_file(
    loading: Project, cdn: Cdn, number: signal.Signals, whole_group: bool
) -> None:
    loading.configure({"download": {"read_timeout": 60}})
    process = downloading(loading, cdn)
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


def test_a_task_process_that_was_stopped_does_not_outlive_its_run(loading: Project, cdn: Cdn) -> None:
    """A stopped process notices neither SIGTERM nor the end of its parent."""
    loading.configure({"download": {"read_timeout": 60}})
    process = downloading(loading, cdn)
    for child in psutil.Process(process.pid).children():
        child.suspend()
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert psutil.wait_procs(loading.processes(), timeout=10)[1] == []
    check_exact(loading)


def test_a_run_that_gets_sigusr1_finishes_what_it_began_and_gives_the_reason(loading: Project, cdn: Cdn) -> None:
    """By which Luigi begins no further task."""
    process = downloading(loading, cdn)
    process.send_signal(signal.SIGUSR1)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 25, out
    assert out.splitlines()[-1] == "SIGUSR1 came, after which no task was begun; run the same command again to finish"
    assert "another worker" not in out
    check_exact(loading)


def test_a_task_process_that_is_killed_alone_fails_that_month_in_one_line(loading: Project, cdn: Cdn) -> None:
    loading.configure({"download": {"read_timeout": 60}})
    process = downloading(loading, cdn)
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
    loading.configure({"download": {"read_timeout": 60}})
    process = downloading(loading, cdn)
    found = [path for path in loading.workspace.rglob("*") if path.is_file()]
    assert [path.parent for path in found] == [loading.workspace / ".taxi_luigi-parts"]
    end_all(process, loading)
    check_exact(loading)


BESIDE = """
import os, socket, sys, threading, time
import duckdb, luigi, psycopg2, taxi_luigi

class Busy(luigi.Task):
    "A task of somebody's beside ours, in a library that does not come back for minutes."
    where = luigi.Parameter()

    def complete(self):
        if self.where == "being asked":
            open("asked", "w").close()
            time.sleep(300)
        return False

    def run(self):
        open("runs", "w").close()
        if self.where == "DuckDB":
            duckdb.connect().execute("SELECT count(*) FROM range(900000000000) a WHERE a.range % 7 = 3").fetchall()
        with socket.create_server(("127.0.0.1", 0)) as server:
            psycopg2.connect(host="127.0.0.1", port=server.getsockname()[1], connect_timeout=300)

class Both(luigi.WrapperTask):
    where = luigi.Parameter()

    def requires(self):
        return [taxi_luigi.LoadMonth(warehouse="duckdb", color="green", month="2021-01"), Busy(where=self.where)]

def build():
    luigi.build([Both(where=sys.argv[1])], local_scheduler=True, workers=2)

if __name__ == "__main__":
    if sys.argv[2] == "in a thread":
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
    else:
        build()
"""


@pytest.mark.parametrize("how", ["luigi", "luigi.build", "in a thread"])
@pytest.mark.parametrize("where", ["DuckDB", "libpq", "being asked"])
def test_without_its_main_process_whatever_it_forked_ends_in_the_middle_of_its_work(
    loading: Project, cdn: Cdn, where: str, how: str
) -> None:
    """Beside a download that has stalled; `being asked`, in Luigi's pool of `--parallel-scheduling`."""
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Stall(after=10_000))
    loading.configure({
        "download": {"read_timeout": 300},
        "core": {"parallel_scheduling": str(where == "being asked").lower(), "parallel_scheduling_processes": 2},
    })  # fmt: skip
    (loading.folder / "beside.py").write_text(BESIDE)
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, (str(loading.folder), os.environ.get("PYTHONPATH"))))}
    words = ["python", "beside.py", where, how]
    if how == "luigi":
        words = ["luigi", "--module", "beside", "Both", "--where", where, "--workers", "2", "--local-scheduler"]
    process = loading.start_command(*words, env=environment)
    if where == "being asked":
        cdn.wait(lambda: (loading.folder / "asked").exists())
    else:
        cdn.wait(lambda: (loading.folder / "runs").exists() and cdn.sent(name) >= 10_000)
    assert len(loading.processes()) > 2
    process.kill()
    _, alive = psutil.wait_procs(loading.processes(), timeout=10)
    assert alive == []
    process.communicate(timeout=10)
    assert loading.leftovers() == []
