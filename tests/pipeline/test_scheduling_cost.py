"""What it takes to schedule absent months: counted calls, whose number must not grow faster than the months."""

from __future__ import annotations

import json
from typing import Any

import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month, month_range
from tests.support.project import Project

MONTHS = 6

COUNTED = """
import collections, json, os, sys
import luigi.cmdline, luigi.scheduler, luigi.task
import taxi_luigi.storage.local as local, taxi_luigi.tasks.targets as targets
from taxi_luigi.config import luigi_cfg
from taxi_luigi.runs import worker
calls = collections.Counter()
def count(owner, name, label):
    real = getattr(owner, name)
    def counted(*args, **kwargs):
        calls[label] += 1
        return real(*args, **kwargs)
    setattr(owner, name, counted)
count(luigi.scheduler.Scheduler, "add_task", "add_task")
for target in (targets.RawTarget, targets.LakeTarget, targets.MarkerTarget):
    count(target, "exists", "exists")
count(local.FolderStore, "stat", "stat"), count(luigi_cfg, "values", "compared")
search = luigi.task.Task.get_params.__func__
def searched(cls):
    calls["searched"] += cls.__module__.startswith("taxi_luigi.tasks")
    return search(cls)
luigi.task.Task.get_params = classmethod(searched)
def run(self):  # everything is scheduled, and no task has begun
    print("SEEN", json.dumps(calls), flush=True)
    os._exit(0)
worker.Worker.run = run
luigi.cmdline.luigi_run(sys.argv[1:])
"""
"""The luigi command, which ends when everything is scheduled and prints how often it called what."""


@pytest.fixture
def published(project: Project) -> Project:
    """Months of green, of which nothing is loaded."""
    folder = project.folder / "published"
    for month in month_range(Month(2021, 1), Month(2021, MONTHS)):
        write_month(folder, "green", month, 1)
    project.configure({"taxi": {"source": folder / "{color}_tripdata_{year}-{month:02}.parquet"}})
    return project


def counted(project: Project, months: str) -> dict[str, Any]:
    done = project.command(
        "python", "-c", COUNTED, "--module", "taxi_luigi", "LoadAllMonths", "--colors", "green", "--months", months,
        "--local-scheduler",
    )  # fmt: skip
    line = next((line for line in done.out.splitlines() if line.startswith("SEEN ")), None)
    assert line is not None, done.out
    found: dict[str, Any] = json.loads(line.removeprefix("SEEN "))
    return found


def test_absent_months_are_looked_for_by_listings_alone_and_settings_are_compared_once(published: Project) -> None:
    one, all_ = counted(published, "2021-01"), counted(published, f"2021-01..2021-0{MONTHS}")
    assert all_["add_task"] - one["add_task"] == (MONTHS - 1) * 4, "published, downloaded, cleaned, loaded: once each"
    assert "exists" not in all_, "the plan has listed every place"
    assert all_.get("stat", 0) == one.get("stat", 0)
    assert all_["compared"] == one["compared"] <= 200, "a run holds its settings"
    assert all_["searched"] == one["searched"] <= 12, "once for each of our tasks"


def test_a_file_that_is_listed_is_still_looked_at(published: Project) -> None:
    """A raw file may lack its receipt, and a clean one may be another program's."""
    raw = published.workspace / "raw" / "green" / "green_tripdata_2021-01.parquet"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(b"PAR1")
    assert counted(published, "2021-01")["exists"] >= 1


def test_a_second_run_of_a_process_looks_again(published: Project) -> None:
    """What a run was told of a month is forgotten with it: the object of a task is the same for the next."""
    code = (
        "import luigi, taxi_luigi\n"
        "from taxi_luigi import CleanMonth, DownloadMonth, LoadAllMonths\n"
        "root = lambda: LoadAllMonths(colors='green', months='2021-01')\n"
        "assert luigi.build([root()], local_scheduler=True)\n"
        "seen = [kind(color='green', month='2021-01').complete() for kind in (DownloadMonth, CleanMonth)]\n"
        "print('SEEN', *seen, root().complete())\n"
    )
    done = published.command("python", "-c", code)
    assert "SEEN True True True" in done.out, done.out
