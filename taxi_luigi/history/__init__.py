"""This machine's record of its runs: when each began and ended, its months, its tasks with rows, bytes and errors.

results.py  TaskResult, MonthResult, RunResult: how a task, a month and a run ended, as values
sqlite.py   the SQLite file: its tables, its versions, what becomes of a file that cannot be used
write.py    what a run writes into it; an error here never fails the run
read.py     what `taxi-luigi history`, `status` and the report read from it
"""

from __future__ import annotations

from taxi_luigi.history.read import (
    done_tasks,
    find,
    last_runs,
    steady_now,
    tasks_of,
    withdrawn,
)
from taxi_luigi.history.results import Drift, MonthResult, Result, RunResult, State, TaskResult
from taxi_luigi.history.write import Recorder, now

__all__ = [
    "Drift",
    "MonthResult",
    "Recorder",
    "Result",
    "RunResult",
    "State",
    "TaskResult",
    "done_tasks",
    "find",
    "last_runs",
    "now",
    "steady_now",
    "tasks_of",
    "withdrawn",
]
