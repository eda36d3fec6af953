"""`taxi-luigi run`, which becomes `luigi --module taxi_luigi` with the same words."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import Cdn, Stall
from tests.support.project import BIN, Project, Run, environment

GREEN = ("LoadAllMonths", "--colors", "green", "--local-scheduler")


def test_it_loads_a_month_and_ends_as_luigi_does(loading: Project) -> None:
    done = loading.command("taxi-luigi", "run", *GREEN, "--months", "2021-01", "--workers", "2")
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": ROWS}
    assert loading.command("taxi-luigi", "run", *GREEN, "--months", "2021-09").rc == 20
    wrong = loading.command("taxi-luigi", "run", "LoadAllMonths", "--colors", "purple", "--local-scheduler")
    assert wrong == Run(40, "ERROR: color must be one of yellow, green, fhv, fhvhv, not 'purple'\n")


def test_it_is_luigi_itself_with_the_same_words(loading: Project, cdn: Cdn) -> None:
    """One process, so that a signal, a lock and `ps` see what they would see of luigi."""
    name = "green_tripdata_2021-01.parquet"
    cdn.fault(name, Stall(20_000))
    words = ["--local-scheduler", "LoadAllMonths", "--colors=green", "--months", "2021-01", "--LoadAllMonths-refresh"]
    process = loading._start([BIN / "taxi-luigi", "run", *words], None)
    cdn.wait(lambda: cdn.sent(name) >= 20_000)
    ran = psutil.Process(process.pid).cmdline()
    process.terminate()
    process.communicate(timeout=60)
    assert ran[-len(words) - 3 :] == [str(BIN / "luigi"), "--module", "taxi_luigi", *words]
    assert process.returncode == 143


def test_a_task_of_another_module_passes_through(project: Project) -> None:
    (project.folder / "theirs.py").write_text("import luigi\nclass Theirs(luigi.WrapperTask):\n    pass\n")
    env = environment({"PYTHONPATH": str(project.folder)})
    done = project.command("taxi-luigi", "run", "--module", "theirs", "Theirs", "--local-scheduler", env=env)
    assert done.rc == 0, done.out


@pytest.mark.parametrize("words", [["--months", "2021-01"], ["--local-scheduler"], ["--version"], ["--"]])
def test_without_a_task_it_lists_the_tasks(project: Project, words: list[str]) -> None:
    done = project.command("taxi-luigi", "run", *words)
    tasks = (
        "CleanMonth, DownloadMonth, Idle, LoadAllMonths, LoadMonth, LoadZones, PublishedMonth, Report, UploadMonth, "
        "UploadZones"
    )
    assert done == Run(40, f"taxi-luigi: a task is missing; the tasks are: {tasks}\n")


def test_a_task_that_is_misspelt_is_one_line(project: Project) -> None:
    done = project.command("taxi-luigi", "run", "LoadAllMonth", "--months", "2021-01")
    assert done == Run(40, "taxi-luigi: No task LoadAllMonth. Did you mean: LoadAllMonths LoadMonth\n")


def test_an_option_that_is_misspelt_is_one_line(project: Project) -> None:
    done = project.command("taxi-luigi", "run", "LoadAllMonths", "--color", "green", "--nix", "3")
    assert (done.rc, done.out) == (2, "luigi: error: there is no option --nix; --help lists them\n")


def test_without_arguments_it_prints_its_usage(project: Project) -> None:
    usage = "usage: taxi-luigi run TASK [LUIGI ARGUMENTS]\n"
    assert project.command("taxi-luigi", "run") == Run(2, usage)
    helped = project.command("taxi-luigi", "run", "--help")
    assert (helped.rc, helped.out.startswith(usage)) == (0, True)


def test_a_broken_settings_file_is_one_line(project: Project, tmp_path: Path) -> None:
    own = tmp_path / "own.cfg"
    own.write_text("lake = local\n")
    done = project.command("taxi-luigi", "run", *GREEN, env={"LUIGI_CONFIG_PATH": str(own)})
    assert done == Run(40, f"ERROR: {own}, line 1, stands before the first [section]\n")
    assert sorted(os.listdir(project.folder)) == ["luigi.cfg"]


def test_where_an_environment_has_no_script_luigi_is_run_as_a_module(loading: Project, tmp_path: Path) -> None:
    """As for `pip install --user`, whose scripts are not beside the interpreter."""
    (tmp_path / "bin").mkdir()
    code = f"import sys; sys.executable = {str(tmp_path / 'bin' / 'python')!r}; from taxi_luigi.cli import main; main()"
    (tmp_path / "bin" / "python").write_text(f'#!/bin/sh\nexec "{BIN}/python" "$@"\n')
    (tmp_path / "bin" / "python").chmod(0o755)
    done = loading.command("python", "-c", code, "run", *GREEN, "--months", "2021-02")
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-02": ROWS}
