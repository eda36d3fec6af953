"""The history, read: the last runs, one of them, its tasks, the last result of each month.

Raises StorageError, one line, when the file cannot be read. Without a file there are no runs, and none is made.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

import psutil

from taxi_luigi.core.errors import StorageError, UsageError
from taxi_luigi.history import sqlite
from taxi_luigi.history.results import WELL, MonthResult, Result, RunResult, State, TaskResult, WorkDone
from taxi_luigi.tlc.months import Month

_TASKS = "SELECT task, color, month, store, began, ended, seconds, rows, bytes, error FROM tasks"
"""each a field of TaskResult"""

_RUNS = "SELECT * FROM runs WHERE {} ORDER BY id DESC"
_A_MONTH = "EXISTS (SELECT 1 FROM months WHERE {})"
_FAILED_MONTH = "run = runs.run AND result = 'failed'"

_STEADY = 10
"""the number of runs that have to begin by a clock that is ahead before its time is used"""

_SPEEDS_OF = 2_000
"""tasks from which speeds are computed: a back-fill of all history has 1,800 with one warehouse"""


def last_runs(
    folder: Path,
    count: int | None,
    since: str = "",
    colors: Collection[str] = (),
    months: Collection[str] = (),
    failed: bool = False,
) -> list[RunResult]:
    """Return the newest runs, the last first.

    Args:
        folder: `[taxi] state`, here and below
        count: at most so many; None: all
        since: UTC, ISO 8601: those that began then or later
        colors: those that worked on a month of one of these record types; empty: all
        months: those that worked on one of these, `2024-01`; empty: all
        failed: those that failed; with `colors` or `months`, those in which one of these months did
    """
    where, values = ["began >= ?"], [since]
    if colors or months:
        named = [_FAILED_MONTH if failed else "run = runs.run"]
        for column, chosen in (("color", colors), ("month", months)):
            if chosen:
                named.append(f"{column} IN ({', '.join('?' * len(chosen))})")
                values += chosen
        where.append(_A_MONTH.format(" AND ".join(named)))
    if failed:
        where.append(f"(exit_code NOT IN {WELL} OR exit_code IS NULL OR {_A_MONTH.format(_FAILED_MONTH)})")
    with _connection(folder) as connection:
        if connection is None:
            return []
        # One after the other: whether a run without an end has failed, its process shows.
        rows = connection.execute(_RUNS.format(" AND ".join(where)), values)
        runs = (_run(connection, row) for row in rows)
        return list(islice((run for run in runs if run.has_failed or not failed), count))


def last_good_run(folder: Path, until: str) -> RunResult | None:
    """Return the newest run for months that ended well; `until`: UTC, ISO 8601, it ended then or earlier.

    So a run of a clock that was ahead is not the newest one for as long.
    """
    query = _RUNS.format(f"exit_code IN {WELL} AND ended <= ?")
    with _connection(folder) as connection:
        if connection is None:
            return None
        runs = (_run(connection, row) for row in connection.execute(query, (until,)))
        return next((run for run in runs if run.is_good), None)


def last_results(folder: Path) -> list[MonthResult]:
    """Return the result of each month in the last run that worked on it."""
    with _connection(folder) as connection:
        query = "SELECT * FROM months WHERE rowid IN (SELECT max(rowid) FROM months GROUP BY color, month)"
        return [] if connection is None else [_month(row) for row in connection.execute(query)]


def steady_now(folder: Path) -> float:
    """Return the time in seconds since 1970, but no later than the earliest begin of the last runs.

    So a clock that is ahead for a few runs makes nothing old. 0 where the history cannot be read.
    """
    try:
        began = [datetime.fromisoformat(each.began).timestamp() for each in last_runs(folder, _STEADY)]
    except (StorageError, ValueError):
        return 0.0
    return min([time.time(), *began])


def find(folder: Path, name: str) -> RunResult:
    """Return the run with that id, or whose id begins or ends so. Raise UsageError unless it is exactly one."""
    with _connection(folder) as connection:
        query = (
            "SELECT * FROM runs WHERE run = ? OR substr(run, 1, ?) = ? OR substr(run, -?) = ? ORDER BY id DESC LIMIT 3"
        )
        values = (name, len(name), name, len(name), name)
        rows = connection.execute(query, values).fetchall() if connection is not None and name else []
        runs = [_run(connection, row) for row in rows if connection is not None]
    exact = [each for each in runs if each.run == name] or runs
    if len(exact) > 1:
        raise UsageError(f"more than one run is called {name!r}: {', '.join(each.run for each in exact)}, …")
    if not exact:
        raise UsageError(f"no run is called {name!r}: taxi-luigi history names them")
    return exact[0]


def tasks_of(folder: Path, run: RunResult) -> list[TaskResult]:
    """Return the tasks of a run in the order in which they ended; one that was tried twice is there twice."""
    with _connection(folder) as connection:
        rows = [] if connection is None else connection.execute(f"{_TASKS} WHERE run = ?", (run.run,))
        return [TaskResult(**dict(row)) for row in rows]


def done_tasks(folder: Path) -> list[TaskResult]:
    """Return the last success of each task, of all runs."""
    with _connection(folder) as connection:
        last = "SELECT max(rowid) FROM tasks WHERE result = 'done' GROUP BY task, color, month, store"
        query = f"{_TASKS} WHERE rowid IN ({last})"
        return [] if connection is None else [TaskResult(**dict(row)) for row in connection.execute(query)]


def work_done(folder: Path) -> list[WorkDone]:
    """Return what the last _SPEEDS_OF tasks that succeeded did, added up by kind, store and record type."""
    query = (
        "SELECT task, store, color, COUNT(*) tasks, SUM(rows) rows, SUM(bytes) bytes, SUM(seconds) seconds FROM "
        "(SELECT * FROM tasks WHERE result = 'done' ORDER BY rowid DESC LIMIT ?) GROUP BY task, store, color"
    )
    with _connection(folder) as connection:
        found = [] if connection is None else connection.execute(query, (_SPEEDS_OF,))
        return [WorkDone(**dict(row)) for row in found]


def withdrawn(folder: Path) -> dict[str, dict[Month, str]]:
    """Return color → month → when a run noticed that the source no longer has it, UTC, ISO 8601.

    A month that is at the source again is not in it.
    """
    found: dict[str, dict[Month, str]] = {}
    with _connection(folder) as connection:
        if connection is not None and sqlite.check_version(connection) > 1:
            for color, month, noticed in connection.execute("SELECT color, month, noticed FROM withdrawn"):
                found.setdefault(color, {})[Month.parse(month)] = noticed
    return found


@contextmanager
def _connection(folder: Path) -> Iterator[sqlite3.Connection | None]:
    path = folder / sqlite.NAME
    try:
        if not path.exists():
            yield None
            return
        with sqlite.opened(path, write=False) as connection:
            connection.row_factory = sqlite3.Row
            yield connection if sqlite.check_version(connection) else None
    except (sqlite3.Error, OSError) as error:
        cure = "; the next run sets it aside and begins a new one" if sqlite.is_useless(error) else ""
        raise StorageError(f"the history of runs cannot be read: {path}: {error}{cure}") from error


def _run(connection: sqlite3.Connection, row: sqlite3.Row) -> RunResult:
    months = connection.execute("SELECT * FROM months WHERE run = ?", (row["run"],))
    return RunResult(
        run=row["run"],
        command=row["command"],
        host=row["host"],
        began=row["began"],
        ended=row["ended"] or "",
        exit_code=row["exit_code"],
        already_there=row["already_there"] or 0,
        months=tuple(map(_month, months)),
        zones=row["zones"] or "",
        remarks=tuple(json.loads(row["remarks"] or "[]")),
        fewer=tuple(json.loads(_added(row, "fewer") or "[]")),
        error=row["error"] or "",
        version=_added(row, "version"),
        there=json.loads(_added(row, "there") or "{}"),
        seconds=row["seconds"],
        state=State.ENDED if row["ended"] else _state(row["host"], row["pid"], row["began"]),
    )


def _month(row: sqlite3.Row) -> MonthResult:
    fields = {name: row[name] for name in ("color", "month", "rows", "bytes", "seconds", "why")}
    return MonthResult(**fields, result=Result(row["result"]), replaced=_added(row, "replaced"))


def _added(row: sqlite3.Row, column: str) -> str:
    """Return the text of a column that a file of an earlier version lacks; the next run adds the column."""
    return (row[column] or "") if column in row.keys() else ""  # noqa: SIM118 a row iterates over its values


def _state(host: str, pid: int, began: str) -> State:
    if host != socket.gethostname():
        return State.UNKNOWN
    try:
        # Process numbers are used again: it is this run's only if it began before the run did (2 s for clocks).
        alive = psutil.Process(pid).create_time() < datetime.fromisoformat(began).timestamp() + 2
    except psutil.NoSuchProcess:
        return State.DID_NOT_END
    return State.RUNNING if alive else State.DID_NOT_END
