"""This machine's record of its runs: when each began and ended, its months, its tasks with rows, bytes and errors.

results.py     what became of a run and of each of its months, as values
sqlite.py      the SQLite file: its tables, its age, what becomes of one that cannot be used
write.py       what a run writes into it; never fails the run
read.py        what `taxi-luigi history` and `status` read from it
"""

from __future__ import annotations

from taxi_luigi.history.read import (
    Run,
    State,
    Task,
    done_tasks,
    find,
    last_runs,
    months_of,
    steady_now,
    tasks_of,
    withdrawn,
)
from taxi_luigi.history.write import Ended, Recorder, now

__all__ = [
    "Ended",
    "Recorder",
    "Run",
    "State",
    "Task",
    "done_tasks",
    "find",
    "last_runs",
    "months_of",
    "now",
    "steady_now",
    "tasks_of",
    "withdrawn",
]
