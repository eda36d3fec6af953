"""Tasks of others that require ours, or yield them in `run`: what is done, and what a wrong parameter ends in."""

from __future__ import annotations

import os

from tests.pipeline.conftest import ROWS
from tests.support.project import Project, Run

TASKS = """
import luigi, pandas as pd
from taxi_luigi import CleanMonth, LoadMonth

class Requires(luigi.Task):
    warehouse = luigi.Parameter(default="dk")
    def requires(self):
        return LoadMonth(color="green", month="2021-01", warehouse=self.warehouse)

class Yields(luigi.Task):
    color = luigi.Parameter(default="green")
    month = luigi.MonthParameter()
    def output(self):
        return luigi.LocalTarget(f"{self.color}_{self.month:%Y-%m}.txt")
    def run(self):
        clean = yield CleanMonth(color=self.color, month=self.month)
        with self.output().open("w") as file:
            file.write(str(len(pd.read_parquet(clean.path, columns=[]))))
"""

BUILD = """
import datetime, luigi, theirs
month = datetime.date(2021, 1, 1)
print(luigi.build([theirs.Yields(month=month)], local_scheduler=True))
clean = theirs.CleanMonth(color="green", month=month)
print(clean.complete(), open("green_2021-01.txt").read())
clean.output().remove()
print(clean.complete())
print(luigi.build([theirs.Requires()], local_scheduler=True))
"""


def run(project: Project, name: str, *arguments: str) -> Run:
    (project.folder / "theirs.py").write_text(TASKS)
    path = os.pathsep.join(filter(None, (str(project.folder), os.environ.get("PYTHONPATH"))))
    return project.command(name, *arguments, env={"PYTHONPATH": path})


def test_a_yielded_task_is_done_and_says_afterwards_whether_its_month_is_there(loading: Project) -> None:
    done = run(loading, "python", "-c", BUILD)
    assert done.rc == 0, done.out
    answers = [line for line in done.out.splitlines() if line.startswith(("True", "False"))]
    assert answers == ["True", f"True {ROWS}", "False", "False"]
    assert done.out.count("no warehouse is named 'dk'") == 1
    assert "Traceback" not in done.out


def test_a_required_task_with_a_wrong_store_is_a_task_that_cannot_be_scheduled(loading: Project) -> None:
    done = run(loading, "luigi", "--module", "theirs", "Requires", "--local-scheduler")
    assert done.rc == 35, done.out
    assert "due to error in deps() method: no warehouse is named 'dk'" in done.out
    assert "Traceback" not in done.out


def test_a_yielded_task_with_a_wrong_color_is_a_task_that_failed(loading: Project) -> None:
    words = ["--module", "theirs", "Yields", "--month", "2021-01", "--color", "purple", "--local-scheduler"]
    done = run(loading, "luigi", *words)
    assert done.rc == 30, done.out
    assert (
        "Yields(color=purple, month=2021-01): color must be one of yellow, green, fhv, fhvhv, not 'purple'" in done.out
    )
    assert "Traceback" not in done.out
