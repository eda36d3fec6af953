"""What tasks need is imported once, before the first of them is forked, and begins no thread that a fork would lose.

And what the process of a task does no oftener than it must.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.support.project import Project

MONTH = Month(2021, 1)
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", MONTH)
HEAVY = ("pyarrow", "numpy", "sqlalchemy")

PROBE = """
import json, os, sys
from pathlib import Path
from taxi_luigi.runs.signals import TaskProcess
from taxi_luigi.warehouses.duckdb_file import DatabaseFile

class Probe(TaskProcess):
    def __enter__(self):
        self.before = set(sys.modules)
        self.threads = len(os.listdir(f"/proc/{os.getppid()}/task"))
        self.calls = {"_start": 0, "_attach": 0}
        for name in self.calls:
            setattr(DatabaseFile, name, self.counted(name, getattr(DatabaseFile, name)))
        return super().__enter__()

    def counted(self, name, method):
        def call(*args):
            self.calls[name] += 1
            return method(*args)
        return call

    def __exit__(self, *error):
        task = type(self._task_process.task).__name__
        seen = {"task": task, "imported": sorted(set(sys.modules) - self.before), "threads": self.threads, **self.calls}
        with open(os.environ["SEEN"], "a") as file:
            file.write(json.dumps(seen) + "\\n")
        return super().__exit__(*error)
"""
"""A `[worker] task_process_context` that writes down what the task's process imports, its parent's threads, and how
often it starts DuckDB and opens a file with it."""


@pytest.fixture
def month(project: Project) -> Project:
    """One month is published."""
    published = project.folder / "published"
    write_month(published, "green", MONTH, 100)
    project.configure({
        "taxi": {"source": published / "{color}_tripdata_{year}-{month:02}.parquet"},
        "worker": {"task_process_context": "probe.Probe"},
    })  # fmt: skip
    (project.folder / "probe.py").write_text(PROBE)
    return project


def looked_at(project: Project, *more: object) -> list[dict[str, Any]]:
    """What the probe saw of each task of a run."""
    seen = project.folder / "seen.jsonl"
    paths = os.pathsep.join(filter(None, (str(project.folder), os.environ.get("PYTHONPATH"))))
    done = project.run(*COMMAND, *more, env={"PYTHONPATH": paths, "SEEN": str(seen)})
    assert done.rc == 0, done.out
    return [json.loads(line) for line in seen.read_text().splitlines()]


def test_the_process_of_a_task_imports_nothing(month: Project) -> None:
    seen = looked_at(month)
    assert {each["task"] for each in seen} == {"DownloadMonth", "CleanMonth", "LoadMonth", "LoadAllMonths"}
    assert {each["task"]: each["imported"] for each in seen if each["imported"]} == {}


def test_nor_that_of_a_task_that_loads_postgresql(month: Project, postgres_url: str) -> None:
    month.configure({"taxi": {"warehouse": "postgres"}, "warehouse.postgres": {"url": postgres_url}})
    assert {each["task"]: each["imported"] for each in looked_at(month) if each["imported"]} == {}


def test_no_thread_of_a_library_is_alive_when_a_task_is_forked(month: Project) -> None:
    """The main one, Luigi's that keeps the worker alive, and ours that waits for a signal, which holds nothing.

    numpy and pyarrow would begin one more each.
    """
    assert {each["threads"] for each in looked_at(month, "--workers", 2)} == {3}


def test_a_load_starts_duckdb_once_and_opens_its_file_four_times(month: Project) -> None:
    """For `complete()` before and after its work, to read the marker that it replaces, and to load.

    The first load has no file to look into before it.
    """
    write_month(month.folder / "published", "green", MONTH.plus(1), 100)
    seen = looked_at(month, "--months", f"{MONTH}..{MONTH.plus(1)}")
    assert [(each["_start"], each["_attach"]) for each in seen if each["task"] == "LoadMonth"] == [(1, 2), (1, 4)]
    assert {(each["_start"], each["_attach"]) for each in seen if each["task"] == "CleanMonth"} == {(0, 0)}


def test_a_run_with_nothing_to_do_imports_none_of_it(month: Project) -> None:
    looked_at(month)
    again = month.command(
        "python", "-X", "importtime", "-m", "luigi", "--module", "taxi_luigi", *COMMAND, "--local-scheduler"
    )
    assert again.rc == 0, again.out
    imported = {line.rpartition("|")[2].strip() for line in again.out.splitlines() if line.startswith("import time:")}
    assert "duckdb" in imported, "this is how imports look"
    assert imported.isdisjoint({*HEAVY, "prometheus_client"})
