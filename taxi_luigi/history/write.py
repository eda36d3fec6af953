"""Write a run into the history: its begin, months that the source has withdrawn, the results of its tasks, its own.

Nothing here fails a run or delays its tasks: an error is one line in a run, and the next write is that of its end.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from taxi_luigi.core.logs import Once, log
from taxi_luigi.core.redaction import redact
from taxi_luigi.history import sqlite
from taxi_luigi.history.results import RunResult, TaskResult
from taxi_luigi.tlc.months import Month

KEPT_RUNS = 10_000
"""The newest runs, which are kept with their tasks. Counted, not dated, so that a wrong clock deletes none."""

Months = Mapping[str, Iterable[Month]]
"""color → months"""


class Recorder:
    """Made in the main process of a run, and used by its tasks in theirs. It holds no connection."""

    def __init__(self, folder: Path, run: str) -> None:
        self._path, self._run, self._once = folder / sqlite.NAME, run, Once()

    def begin(self, command: str, host: str, began: str, version: str = "") -> None:
        """Record that the run has begun, in this process.

        Args:
            command: as typed
            host: of this machine
            began: UTC, ISO 8601
            version: of taxi_luigi
        """

        def write() -> None:
            aside = sqlite.prepare(self._path)
            if aside:
                log.warning("%s could not be used: set aside as %s, and begun anew", self._path, aside)
            with sqlite.opened(self._path, write=True) as connection:
                _forget(connection)
                connection.execute(
                    "INSERT INTO runs (run, command, host, pid, began, version) VALUES (?, ?, ?, ?, ?, ?)",
                    (self._run, redact(command), host, os.getpid(), began, version),
                )

        self._try(write)

    def task(self, result: TaskResult) -> None:
        """Add the result of a task, from its own process or for one that died."""

        def write() -> None:
            row = replace(result, error=redact(result.error)).as_row()
            with sqlite.opened(self._path, write=True) as connection:
                connection.execute(
                    "INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (self._run, *row.values())
                )

        if not self._once.happened:
            self._try(write)

    def source(self, withdrawn: Months, there: Months) -> None:
        """Record which of the months that are held the source has withdrawn, and which it has."""
        gone, back = _pairs(withdrawn), _pairs(there)

        def write() -> None:
            with sqlite.opened(self._path, write=True) as connection:
                connection.executemany(
                    "INSERT OR IGNORE INTO withdrawn VALUES (?, ?, ?)", [(*of, now()) for of in gone]
                )
                connection.executemany("DELETE FROM withdrawn WHERE color = ? AND month = ?", back)

        if gone or back:
            self._try(write)

    def end(self, result: RunResult) -> None:
        """Record the end of the run and its months."""

        def write() -> None:
            with sqlite.opened(self._path, write=True) as connection:
                known = connection.execute(
                    "UPDATE runs SET ended = ?, seconds = ?, exit_code = ?, already_there = ?, zones = ?, remarks = ?, "
                    "error = ?, fewer = ?, there = ? WHERE run = ?",
                    (result.ended, result.seconds, result.exit_code, result.already_there, result.zones,
                     json.dumps(result.remarks), result.error, json.dumps(result.fewer), json.dumps(dict(result.there)),
                     result.run),
                )  # fmt: skip
                # Where its begin could not be written, the months would be of no run, and kept for ever.
                months = result.months if known.rowcount else ()
                connection.executemany(
                    "INSERT INTO months VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [(result.run, each.color, each.month, each.result.value, each.rows, each.bytes, each.seconds,
                      each.why, each.replaced) for each in months],
                )  # fmt: skip

        self._try(write)

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (sqlite3.Error, OSError) as error:
            if self._once.first():
                log.warning("the history of runs cannot be written: %s: %s; the run goes on without", self._path, error)


def _pairs(months: Months) -> list[tuple[str, str]]:
    return [(color, str(month)) for color, of_color in months.items() for month in of_color]


def now() -> str:
    """Return the time as in all records here: UTC, ISO 8601, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _forget(connection: sqlite3.Connection) -> None:
    # By their index; 50 ms in each run where all rows were compared with 10,000 runs (November 2026).
    last = connection.execute("SELECT max(id) FROM runs").fetchone()[0] or 0
    old = (last - KEPT_RUNS + 1,)
    connection.execute("DELETE FROM tasks WHERE run IN (SELECT run FROM runs WHERE id <= ?)", old)
    connection.execute("DELETE FROM months WHERE run IN (SELECT run FROM runs WHERE id <= ?)", old)
    connection.execute("DELETE FROM runs WHERE id <= ?", old)
