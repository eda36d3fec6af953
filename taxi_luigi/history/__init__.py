"""The record of this machine's runs: begin and end of each, its months, its tasks with rows, bytes and errors.

results.py  TaskResult, MonthResult, RunResult: the results of a task, a month and a run, as values
sqlite.py   the SQLite file: its tables and their versions; sets a file aside that cannot be used
write.py    writes a run; an error here never fails the run
read.py     reads runs for `taxi-luigi history`, `status` and the reports
"""

from __future__ import annotations

from taxi_luigi.history.read import (
    done_tasks,
    find,
    last_good_run,
    last_results,
    last_runs,
    steady_now,
    tasks_of,
    withdrawn,
    work_done,
)
from taxi_luigi.history.results import Drift, MonthResult, Result, RunResult, State, TaskResult, WorkDone
from taxi_luigi.history.write import Recorder, now

__all__ = [
    "Drift",
    "MonthResult",
    "Recorder",
    "Result",
    "RunResult",
    "State",
    "TaskResult",
    "WorkDone",
    "done_tasks",
    "find",
    "last_good_run",
    "last_results",
    "last_runs",
    "now",
    "steady_now",
    "tasks_of",
    "withdrawn",
    "work_done",
]
