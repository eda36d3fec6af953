"""Targets of months as a task of one's own uses them: `self.input().path`, and writing to one."""

from __future__ import annotations

import json

from tests.pipeline.conftest import ROWS
from tests.support.project import Project

TASKS = """
import json
import pandas as pd
from taxi_luigi import CleanMonth, DownloadMonth
from taxi_luigi.tlc.months import Month
raw, clean = (task(color="green", month=Month(2021, 1)) for task in (DownloadMonth, CleanMonth))
"""

READ = """
print(json.dumps([[str(task.output()), task.output().path, len(pd.read_parquet(task.output().path)), task.complete()]
                  for task in (raw, clean)]))
"""

WRITE = """
for task in (raw, clean):
    target = task.output()
    with target.open() as file:
        size = len(file.read())
    file = target.open("w")
    file.write(b"x" * size)
    assert task.complete()
    file.close()
print(json.dumps([task.complete() for task in (raw, clean)]))
"""


def test_a_months_path_is_read_by_pandas_and_a_month_written_without_receipt_is_made_again(loading: Project) -> None:
    command = ("CleanMonth", "--color", "green", "--month", "2021-01")
    assert loading.run(*command).rc == 0
    paths = [loading.workspace / folder / "green" / "green_tripdata_2021-01.parquet" for folder in ("raw", "clean")]
    whole = [[str(path), str(path), ROWS, True] for path in paths]
    assert json.loads(loading.command("python", "-c", TASKS + READ).out) == whole
    written = loading.command("python", "-c", TASKS + WRITE)
    assert json.loads(written.out.splitlines()[-1]) == [False, False], written.out
    assert loading.leftovers() == []
    again = loading.run(*command)
    assert again.rc == 0, again.out
    assert json.loads(loading.command("python", "-c", TASKS + READ).out) == whole
