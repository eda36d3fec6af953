"""Where a run begins and ends: under `luigi`, in `luigi.build`, below somebody else's task; and where none is one."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from pathlib import Path

import pytest

from taxi_luigi.history import RunResult, last_runs
from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import Cdn, Status
from tests.support.gcs import GcsServer
from tests.support.luigid import Luigid
from tests.support.project import Project, Run

MONTH = "2021-01"
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", MONTH)

BUILD = """
import sys, threading
import luigi, taxi_luigi

def build():
    task = taxi_luigi.LoadAllMonths(colors=("green",), months="2021-01")
    try:
        print("scheduled:", luigi.build([task], local_scheduler=True))
    except Exception as error:
        print(f"{type(error).__name__}: {error}")

{how}
print("still here")
"""
HOW = {
    "the main thread": "build()",
    "another thread": "thread = threading.Thread(target=build); thread.start(); thread.join()",
}

THEIRS = """
import luigi, taxi_luigi

class Theirs(luigi.WrapperTask):
    def requires(self):
        return taxi_luigi.LoadMonth(warehouse="duckdb", color="green", month="2021-01")

class Several(luigi.WrapperTask):
    def requires(self):
        yield taxi_luigi.LoadAllMonths(colors=("green",), months="2021-01")
        yield taxi_luigi.LoadAllMonths(colors=("green",), months="2021-02,2021-09")
        yield taxi_luigi.CleanMonth(color="green", month="2021-03")
        yield Breaks()

class Breaks(luigi.Task):
    def run(self):
        raise RuntimeError("theirs")

class Yields(luigi.Task):
    def run(self):
        yield taxi_luigi.CleanMonth(color="green", month="2021-09")

class OnlyImports(luigi.Task):
    done = False
    def complete(self):
        return self.done
    def run(self):
        self.done = True
"""


def history(project: Project) -> list[RunResult]:
    return last_runs(project.state, None)


def build(project: Project, how: str, local: bool = True) -> Run:
    script = BUILD.replace("{how}", HOW[how]).replace("local_scheduler=True", f"local_scheduler={local}")
    return project.command("python", "-c", script)


def theirs(project: Project, task: str, local: bool = True) -> Run:
    """Somebody else's task, by the `luigi` command."""
    (project.folder / "theirs.py").write_text(THEIRS)
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, (str(project.folder), os.environ.get("PYTHONPATH"))))}
    where = ["--local-scheduler"] if local else []
    return project.command("luigi", "--module", "theirs", task, *where, env=environment)


def left_by_a_kill(project: Project) -> Path:
    """A temporary file of ours in the workspace, whose writer is dead."""
    folder = project.workspace / "clean" / "green"
    folder.mkdir(parents=True)
    code = "import sys; from taxi_luigi.core import atomic_files as files; from pathlib import Path\n"
    code += "files.temporary(Path(sys.argv[1])).__enter__().touch(); import os; os._exit(0)"
    assert project.command("python", "-c", code, folder / "green_tripdata_2020-12.parquet").rc == 0
    [path] = project.leftovers()
    return path


def on_disk(project: Project) -> dict[str, int]:
    """Each file's name and when it was written."""
    found = (path for path in project.folder.rglob("*") if path.is_file())
    return {str(path): path.stat().st_mtime_ns for path in found}


@pytest.mark.parametrize("how", HOW)
def test_luigi_build_leaves_what_the_command_leaves(loading: Project, how: str) -> None:
    done = build(loading, how)
    assert done.rc == 0, done.out
    assert "green: 1 month loaded (3,000 rows), 0 already there" in done.out
    assert done.out.splitlines()[-2:] == ["scheduled: True", "still here"]
    assert duckdb_counts(loading, "green_tripdata") == {MONTH: ROWS}
    [run] = history(loading)
    assert (run.exit_code, run.loaded, run.rows) == (0, 1, ROWS)
    assert run.command == "LoadAllMonths --colors=green --months=2021-01"


@pytest.mark.parametrize("how", HOW)
def test_what_ends_a_run_is_raised_by_luigi_build(loading: Project, fake_gcs: GcsServer, how: str) -> None:
    loading.configure(
        {"taxi": {"lake": "gcs"}, "lake.gcs": {"bucket": "not-made", "endpoint": fake_gcs.endpoint, "timeout": 3}}
    )
    done = build(loading, how)
    assert done.rc == 0, done.out
    before, after = done.out.splitlines()[-2:]
    assert before.startswith("ConfigError: ")
    assert "not-made" in before
    assert after == "still here"
    assert [run.exit_code for run in history(loading)] == [40]


def test_what_ends_a_run_is_one_line_of_the_command(loading: Project, fake_gcs: GcsServer) -> None:
    loading.configure(
        {"taxi": {"lake": "gcs"}, "lake.gcs": {"bucket": "not-made", "endpoint": fake_gcs.endpoint, "timeout": 3}}
    )
    done = loading.run(*COMMAND)
    assert done.rc == 40, done.out
    assert "Traceback" not in done.out
    assert done.out.count("not-made") == 1
    assert [run.exit_code for run in history(loading)] == [40]


OWN_WORKER = """
import luigi, taxi_luigi

class Theirs:
    def create_local_scheduler(self):
        return luigi.scheduler.Scheduler()
    def create_worker(self, scheduler, worker_processes, assistant=False):
        return luigi.worker.Worker(scheduler=scheduler, worker_processes=worker_processes)

task = taxi_luigi.LoadAllMonths(colors=("green",), months="2021-01")
print("worked:", luigi.build([task], worker_scheduler_factory=Theirs(), local_scheduler=True))
"""


def test_under_another_packages_worker_our_tasks_work(loading: Project) -> None:
    done = loading.command("python", "-c", OWN_WORKER)
    assert done.out.splitlines()[-1:] == ["worked: True"], done.out
    assert duckdb_counts(loading, "green_tripdata") == {MONTH: ROWS}
    assert history(loading) == []


TWICE = """
import sys, threading, urllib.request
import luigi, taxi_luigi

def all_months(month):
    return taxi_luigi.LoadAllMonths(colors=("green",), months=month)

def build(*months):
    print("built:", luigi.build([all_months(month) for month in months], local_scheduler=True))

{how}
"""


def test_two_tasks_of_a_build_are_one_run(loading: Project) -> None:
    done = loading.command("python", "-c", TWICE.replace("{how}", "build('2021-01', '2021-02')"))
    assert "built: True" in done.out
    [run] = history(loading)
    assert months_of(run) == {"2021-01": "loaded", "2021-02": "loaded"}


def test_builds_in_two_threads_are_two_runs_one_after_the_other(loading: Project) -> None:
    how = """
threads = [threading.Thread(target=build, args=[month]) for month in ("2021-01", "2021-02")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
    done = loading.command("python", "-c", TWICE.replace("{how}", how))
    assert done.out.count("built: True") == 2, done.out
    assert sorted((run.exit_code, *months_of(run)) for run in history(loading)) == [(0, "2021-01"), (0, "2021-02")]


def test_a_program_that_calls_luigi_run_keeps_its_words_and_its_log(loading: Project) -> None:
    how = """
words = ["LoadAllMonths", "--colors", "green", "--months", "2021-01", "--taxi-zones", "nix://user:geheim1234@host/z"]
print("built:", luigi.run([*words[:-2], "--local-scheduler"]))
try:
    luigi.run([*words, "--local-scheduler", "--no-lock"])
except SystemExit as error:
    print("code:", error.code)
print("words:", sys.argv)
luigi.build([], local_scheduler=True)
"""
    done = loading.command("python", "-c", TWICE.replace("{how}", how), "--password=own")
    assert "built: True" in done.out, done.out
    assert "words: ['-c', '--password=own']" in done.out
    assert "Did not schedule any tasks" in done.out, "Luigi's summary of a run that is not ours"
    assert "ERROR: [taxi] zones" in done.out, "settings that changed are checked again"
    assert "code: 40" in done.out
    assert "geheim1234" not in done.out
    assert history(loading)[-1].command == "LoadAllMonths --colors=green --months=2021-01"


def test_two_builds_of_one_process_are_two_runs(loading: Project) -> None:
    done = loading.command("python", "-c", BUILD.replace("{how}", "build(); build()"))
    assert done.rc == 0, done.out
    assert done.out.count("green: 1 month loaded (3,000 rows), 0 already there") == 1
    assert done.out.count("green: 0 months loaded, 1 already there") == 1
    assert [run.exit_code for run in history(loading)] == [0, 0]


@pytest.mark.parametrize(("month", "rc"), [("2021-02", 30), ("2021-07", 20)], ids=["a failure", "not published"])
def test_the_history_has_the_exit_code_of_the_command(loading: Project, cdn: Cdn, month: str, rc: int) -> None:
    cdn.fault("green_tripdata_2021-02.parquet", *[Status(503)] * 99, method="GET")
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", month)
    assert done.rc == rc, done.out
    assert [run.exit_code for run in history(loading)] == [rc]


def test_a_run_sweeps_what_a_killed_one_left(loading: Project) -> None:
    left = left_by_a_kill(loading)
    done = loading.run(*COMMAND)
    assert done.rc == 0, done.out
    assert not left.exists()


def in_luigid(luigid: Luigid) -> dict[str, str]:
    """Task → status, of all that it knows."""
    with urllib.request.urlopen(f"{luigid.url}/api/graph", timeout=10) as answer:
        return {task: known["status"] for task, known in json.load(answer)["response"].items()}


def test_asking_luigi_what_depends_on_what_changes_nothing_on_disk_or_in_luigid(
    loading: Project, tmp_path: Path
) -> None:
    with Luigid(tmp_path / "luigid") as luigid:
        loading.configure({"core": {"scheduler_port": luigid.port}})
        assert loading.run(*COMMAND, scheduler=luigid.url).rc == 0
        loading.workspace.joinpath("clean", "green").rename(loading.workspace / "aside")
        left_by_a_kill(loading)
        before, known = on_disk(loading), in_luigid(luigid)
        assert set(known.values()) == {"DONE"}
        for command in ("luigi-deps-tree", "luigi-deps"):
            asked = loading.command(command, "--module", "taxi_luigi", *COMMAND)
            assert asked.rc == 0, asked.out
        found = loading.command("luigi-grep", "--scheduler-port", luigid.port, "--prefix", "LoadMonth")
        assert found.rc == 0, found.out
        assert "LoadMonth_green" in found.out
        assert on_disk(loading) == before
        assert in_luigid(luigid) == known


def test_a_build_with_its_own_scheduler_sends_nothing_to_the_luigid_of_the_settings(
    loading: Project, tmp_path: Path
) -> None:
    with Luigid(tmp_path / "one") as one, Luigid(tmp_path / "other") as other:
        loading.configure({"core": {"scheduler_port": one.port}, "scheduler": {"metrics_collector": "none"}})
        by = f"local_scheduler=False, scheduler_host='127.0.0.1', scheduler_port={other.port}"
        how = f"build('2021-01'); luigi.build([all_months('2021-02')], {by})"
        done = loading.command("python", "-c", TWICE.replace("{how}", how))
        assert "/api/" not in one.log.read_text()
        assert set(in_luigid(other).values()) == {"DONE"}
        assert "set_task_status_message" in other.log.read_text()
    assert "has other settings" not in done.out
    assert [run.exit_code for run in history(loading)] == [0, 0], done.out


@pytest.mark.parametrize("how", ["the main thread", "another thread", "Theirs", "OnlyImports"])
def test_luigid_has_each_task_of_a_run_as_done_and_none_of_ours_else(
    loading: Project, tmp_path: Path, how: str
) -> None:
    with Luigid(tmp_path / "luigid") as luigid:
        loading.configure({"core": {"scheduler_port": luigid.port}})
        done = build(loading, how, local=False) if how in HOW else theirs(loading, how, local=False)
        assert done.rc == 0, done.out
        known = in_luigid(luigid)
    assert set(known.values()) == {"DONE"}
    ours = {task.partition("_")[0] for task in known} - {"Theirs", "OnlyImports"}
    one = {"LoadMonth", "CleanMonth", "DownloadMonth", "PublishedMonth"}
    assert ours == {"Theirs": one, "OnlyImports": set()}.get(how, one | {"LoadAllMonths"})


def test_a_task_of_somebody_else_that_requires_ours_is_a_run(loading: Project) -> None:
    left = left_by_a_kill(loading)
    done = theirs(loading, "Theirs")
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "green_tripdata") == {MONTH: ROWS}
    assert not left.exists()
    [run] = history(loading)
    assert (run.command, run.exit_code, run.loaded) == ("Theirs --local-scheduler", 0, 1)
    lines = done.out.splitlines()
    assert any(line.startswith("INFO: green 2021-01: 3,000 rows in duckdb") for line in lines)
    assert "This progress looks :) because there were no failed tasks or missing dependencies" in lines, done.out
    assert re.search("^INFO: .* done +Theirs", done.out, re.MULTILINE), "Luigi's own lines stay"


def months_of(run: RunResult) -> dict[str, str]:
    return {each.month: each.result.value for each in run.months}


def test_all_months_of_another_packages_root_are_in_one_summary(loading: Project) -> None:
    done = theirs(loading, "Several")
    assert done.rc == 30, done.out
    assert "green: 3 months loaded (9,000 rows), 0 already there, 1 not published (2021-09)" in done.out
    [run] = history(loading)
    loaded = dict.fromkeys(["2021-01", "2021-02", "2021-03"], "loaded")
    assert months_of(run) == loaded | {"2021-09": "not published"}
    assert run.error == "failed: Breaks"


def test_a_month_that_another_package_yields_and_that_is_not_published_is_named(loading: Project) -> None:
    done = theirs(loading, "Yields")
    assert "another worker" not in done.out, "there is none"
    assert "1 was not granted run permission by the scheduler" in done.out, "by Luigi's summary"
    [run] = history(loading)
    assert months_of(run) == {"2021-09": "not published"}


def test_somebody_elses_pipeline_that_only_imports_us_is_none(loading: Project) -> None:
    left_by_a_kill(loading)
    before = on_disk(loading)
    done = theirs(loading, "OnlyImports")
    assert "This progress looks :)" in done.out, "Luigi's own words stay"
    after = {path: at for path, at in on_disk(loading).items() if "locks" not in path and "theirs" not in path}
    assert after == before
    assert history(loading) == []
