"""The history, read: the last runs, one of them, its months and its tasks.

Raises StorageError, one line, when it cannot be read. Where nothing was ever recorded there are no runs, and no file is
made.
"""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import psutil

from taxi_luigi.core.errors import StorageError, UsageError
from taxi_luigi.history import sqlite
from taxi_luigi.history.results import MonthResult, Result, TaskResult
from taxi_luigi.tlc.months import Month


class State(Enum):
    """Where a run stands. The values are shown to users."""

    ENDED = "ended"
    RUNNING = "running"
    DID_NOT_END = "did not end"
    """it was killed, or the machine went down"""
    UNKNOWN = "unknown"
    """it began on another machine, and its end is not recorded"""


@dataclass(frozen=True)
class Run:
    """One run, as recorded."""

    run: str
    command: str
    host: str
    began: str
    """UTC, ISO 8601, as `ended`"""
    ended: str
    """'' of one that has not"""
    seconds: float | None
    exit_code: int | None
    state: State
    already_there: int
    loaded: int
    """months; those refreshed too"""
    failed: int
    rows: int
    """of the months loaded"""
    zones: str
    remarks: tuple[str, ...]
    fewer: tuple[str, ...]
    """months with fewer records than TLC published, one line each"""
    error: str
    """why it failed, where no month has the reason"""
    version: str = ""
    """of taxi_luigi; '' of a run that was recorded before this was kept"""
    there: Mapping[str, str] = field(default_factory=dict)
    """color → the months counted by `already_there`, as typed after --months; empty where this was not kept yet"""


_TASKS = "SELECT task, color, month, store, began, ended, seconds, rows, bytes, error FROM tasks"
"""each a field of TaskResult"""

_STEADY = 10
"""runs: so many would have to begin while a clock is ahead, until it is believed"""

_RUNS = """
SELECT runs.*,
    (SELECT count(*) FROM months WHERE run = runs.run AND result IN ('loaded', 'refreshed')) AS loaded,
    (SELECT count(*) FROM months WHERE run = runs.run AND result = 'failed') AS failed,
    (SELECT total(rows) FROM months WHERE run = runs.run AND result IN ('loaded', 'refreshed')) AS rows
FROM runs
"""


def last_runs(folder: Path, count: int) -> list[Run]:
    """The newest runs, the last first; `folder` is `[taxi] state`, here and below."""
    with _connection(folder) as connection:
        if connection is None:
            return []
        return [_run(row) for row in connection.execute(f"{_RUNS} ORDER BY id DESC LIMIT ?", (count,))]


def steady_now(folder: Path) -> float:
    """The time, in seconds since 1970, as the last runs have it: no later than the first of those that began.

    A clock that is ahead for a few runs makes nothing old. 0 where the history cannot be read.
    """
    try:
        began = [datetime.fromisoformat(each.began).timestamp() for each in last_runs(folder, _STEADY)]
    except (StorageError, ValueError):
        return 0.0
    return min([time.time(), *began])


def find(folder: Path, name: str) -> Run:
    """The run whose id this is, or begins or ends with it; raises UsageError when it is not exactly one."""
    with _connection(folder) as connection:
        query = f"{_RUNS} WHERE run = ? OR substr(run, 1, ?) = ? OR substr(run, -?) = ? ORDER BY id DESC LIMIT 3"
        values = (name, len(name), name, len(name), name)
        runs = [_run(row) for row in connection.execute(query, values)] if connection is not None and name else []
    exact = [each for each in runs if each.run == name] or runs
    if len(exact) > 1:
        raise UsageError(f"more than one run is called {name!r}: {', '.join(each.run for each in exact)}, …")
    if not exact:
        raise UsageError(f"no run is called {name!r}: taxi-luigi history names them")
    return exact[0]


def months_of(folder: Path, run: Run) -> list[MonthResult]:
    """What became of each month that it had to do with, in its own order."""
    with _connection(folder) as connection:
        rows = [] if connection is None else connection.execute("SELECT * FROM months WHERE run = ?", (run.run,))
        return [
            MonthResult(
                row["color"],
                row["month"],
                Result(row["result"]),
                row["rows"],
                row["bytes"],
                row["seconds"],
                row["why"],
                _added(row, "replaced"),
            )
            for row in rows
        ]


def tasks_of(folder: Path, run: Run) -> list[TaskResult]:
    """Its tasks that ended, in that order; one that was tried twice is there twice."""
    with _connection(folder) as connection:
        rows = [] if connection is None else connection.execute(f"{_TASKS} WHERE run = ?", (run.run,))
        return [TaskResult(**dict(row)) for row in rows]


def done_tasks(folder: Path) -> list[TaskResult]:
    """The tasks of all runs that did their work, the last first."""
    with _connection(folder) as connection:
        query = f"{_TASKS} WHERE result = 'done' ORDER BY rowid DESC"
        return [] if connection is None else [TaskResult(**dict(row)) for row in connection.execute(query)]


def withdrawn(folder: Path) -> dict[str, dict[Month, str]]:
    """Color → month → when a run noticed that the source has it no more, UTC, ISO 8601; none that has come back."""
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
    except (sqlite3.Error, OSError, sqlite.LaterVersion) as error:
        cure = "; the next run sets it aside and begins a new one" if sqlite.is_useless(error) else ""
        raise StorageError(f"the history of runs cannot be read: {path}: {error}{cure}") from error


def _run(row: sqlite3.Row) -> Run:
    taken = ("run", "command", "host", "began", "seconds", "exit_code", "loaded", "failed")
    known: dict[str, Any] = {name: row[name] for name in taken}
    return Run(
        **known,
        ended=row["ended"] or "",
        state=State.ENDED if row["ended"] else _state(row["host"], row["pid"], row["began"]),
        already_there=row["already_there"] or 0,
        rows=int(row["rows"]),
        zones=row["zones"] or "",
        remarks=tuple(json.loads(row["remarks"] or "[]")),
        fewer=tuple(json.loads(_added(row, "fewer") or "[]")),
        error=row["error"] or "",
        version=_added(row, "version"),
        there=json.loads(_added(row, "there") or "{}"),
    )


def _added(row: sqlite3.Row, column: str) -> str:
    """A text of a column that a file of an earlier version has not; the next run adds it."""
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
