"""Open a DuckDB file that other processes and threads use too, with a bounded wait; independent of its tables.

DuckDB runs in this process from the first use of a file to the next fork; the file is open for the length of a use.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import WarehouseBusy, WarehouseError
from taxi_luigi.core.text import unwrapped
from taxi_luigi.warehouses.ddl import quoted

_PAUSE = 0.1
"""seconds between two attempts to open a file that another process has open"""

_THREADS = 4
"""more threads gain little on one month's INSERT, and each takes a share of the memory limit"""

_LOOK = 0.1
"""seconds between two looks at the progress of a statement, as often as a progress bar is drawn"""

_HELD = re.compile(r"Could not set lock on file|Unique file handle conflict")
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")

_ADVICE = {
    "not a valid DuckDB database file": "it is not a DuckDB file: move it away or set another path",
    "No space left|Disk full": "free space on its disk, then run the same command again",
    "Out of Memory": "raise memory_limit",
    "Permission denied|Read-only file system": "make the file and its folder writable for this user",
}
"""Message of DuckDB → what to do."""

_MAIN = "main"
"""the schema that every DuckDB file has, and that a new connection uses"""

_FILE = "warehouse"
"""the name of the file's database in statements"""

_FIND_SCHEMA = """
    SELECT current_database(), count(*) > 0 FROM duckdb_schemas()
    WHERE database_name = current_database() AND lower(schema_name) = lower(?)
"""

_locks: dict[Path, threading.Lock] = {}
"""Path → its lock in this process: DuckDB lets a process open a file in one configuration at a time."""

_files: weakref.WeakSet[DatabaseFile] = weakref.WeakSet()


def _before_fork() -> None:
    """End DuckDB, whose threads do not exist in a forked child."""
    for file in list(_files):
        file.stop()


# a thread that held a lock does not exist in a forked child, where the lock would never be released
os.register_at_fork(before=_before_fork, after_in_child=_locks.clear)


class DatabaseFile:
    """The DuckDB file of the warehouse called `name`, opened for the length of a `with` block.

    Statements find their tables in `schema`. `storage_version` is that of a file that is created; DuckDB opens and
    writes an existing file in the version that it has (DuckDB 1.4.0 and 2.0.0).
    """

    def __init__(
        self, name: str, path: Path, memory_limit: str, wait: float, schema: str, storage_version: str
    ) -> None:
        self.name = name
        self.path = path
        self.wait = wait
        self.schema = schema
        self._spill = Path(f"{path}.tmp")
        self._config: dict[str, str | bool | int | float | list[str]] = {
            # DuckDB would download an extension where a statement needs one
            "autoinstall_known_extensions": "false",
            # each file is read once, under a name that refers to another file the next time
            "enable_external_file_cache": "false",
            "memory_limit": memory_limit,
            "preserve_insertion_order": "false",
            "storage_compatibility_version": storage_version,
            "temp_directory": str(self._spill),
            "threads": min(_THREADS, os.cpu_count() or 1),
        }
        self._running: DuckDBPyConnection | None = None
        """DuckDB without a file: it takes 30 ms to start, and 0.5 ms to open a file (November 2026)"""
        _files.add(self)

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Open a read-only connection; the file must exist, the schema need not."""
        with self._lock() as deadline, self._open(True, deadline) as connection:
            self._use_schema(connection, create=False)
            yield connection

    @contextmanager
    def writing(self) -> Iterator[DuckDBPyConnection]:
        """Open a connection in a transaction, committed at the end of the block, rolled back if the block fails."""
        with self._lock() as deadline:
            if not self.path.exists():
                self._create()
            with self._open(False, deadline) as connection:
                # no other process has the file open now: a killed process left these spilled files
                shutil.rmtree(self._spill, ignore_errors=True)
                connection.begin()
                self._use_schema(connection, create=True)
                yield connection
                connection.commit()

    @contextmanager
    def _lock(self) -> Iterator[float]:
        deadline = time.monotonic() + self.wait
        lock = _locks.setdefault(self.path.resolve(), threading.Lock())
        if not lock.acquire(timeout=self.wait):
            raise WarehouseBusy(self._busy("another thread of this process"))
        try:
            yield deadline
        finally:
            lock.release()

    @contextmanager
    def _open(self, read_only: bool, deadline: float) -> Iterator[DuckDBPyConnection]:
        with self._failures():
            connection = (self._running or self._start()).cursor()
            try:
                self._attach(connection, read_only, deadline)
                yield connection
                connection.execute(f"USE memory; DETACH {_FILE}")
            except BaseException:
                self.stop()
                raise
            finally:
                connection.close()
                if self._spill.exists():  # DuckDB removes it when it ends
                    self.stop()

    def _start(self) -> DuckDBPyConnection:
        self._running = duckdb.connect(config=self._config)
        return self._running

    def stop(self) -> None:
        """End DuckDB, as soon as no thread has the file open; the next use starts it again."""
        self._running = None

    def _attach(self, connection: DuckDBPyConnection, read_only: bool, deadline: float) -> None:
        if self.path.exists() and not self.path.is_file():  # to open a named pipe would wait for ever
            cure = "set the path of a file, not of a folder or a device"
            raise WarehouseError(f"warehouse {self.name} ({self.path}): it is no file; {cure}")
        path = str(self.path).replace("'", "''")
        # Without a type DuckDB 2.0 attaches a parquet, csv or json file as a database in memory, which takes a load and
        # loses it, and looks for an extension to open a file of SQLite's
        options = "TYPE duckdb, READ_ONLY" if read_only else "TYPE duckdb"
        while True:
            try:
                connection.execute(f"ATTACH '{path}' AS {_FILE} ({options}); USE {_FILE}.main")
                return
            except duckdb.Error as error:
                if not _HELD.search(str(error)):
                    raise
                if time.monotonic() >= deadline:
                    raise WarehouseBusy(self._busy(_holder(str(error)))) from None
            time.sleep(_PAUSE)

    def _use_schema(self, connection: DuckDBPyConnection, create: bool) -> None:
        if self.schema.lower() == _MAIN:
            return
        row = connection.execute(_FIND_SCHEMA, [self.schema]).fetchone()
        assert row is not None
        catalog, exists = row
        schema = quoted(catalog, self.schema)  # with the catalog: the schema may have its name
        if create and not exists:
            connection.execute(f"CREATE SCHEMA {schema}")
        if create or exists:
            path = schema.replace("'", "''")
            connection.execute(f"SET search_path = '{path}'")

    def _create(self) -> None:
        """Create an empty database atomically: one that a kill left incomplete could never be opened."""
        with atomic_files.temporary(self.path) as path, self._failures():
            duckdb.connect(str(path), config=self._config).close()
            # Fails if the file exists by now, or on a file system without links: DuckDB then opens the file, or creates
            # it in place. A rename would replace a file that another process created meanwhile.
            with suppress(OSError):
                os.link(path, self.path)

    def _busy(self, holder: str) -> str:
        return (
            f"warehouse {self.name}: {self.path} is in use by {holder}, for more than {self.wait:g} s; close it there "
            f"or raise [warehouse.{self.name}] wait"
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            text = unwrapped(" ".join((str(error), *getattr(error, "__notes__", ()))))
            advice = next((f"; {todo}" for cause, todo in _ADVICE.items() if re.search(cause, text)), "")
            raise WarehouseError(f"warehouse {self.name} ({self.path}): {text}{advice}") from error


def execute(
    connection: DuckDBPyConnection, statement: str, values: list[object], progress: Callable[[float], None]
) -> None:
    """Execute a statement that takes long, in a thread of its own.

    Args:
        connection: which this thread leaves alone meanwhile
        statement: with its values
        progress: called in this thread with the share that is done, above 0 and below 1; not at all by a DuckDB before
            2.0 that counts a parquet file as read from the start. An exception of it ends the statement, and is raised.
    """
    # DuckDB counts only for a progress bar, which it then prints by itself
    connection.execute("SET enable_progress_bar_print = false")
    connection.execute("SET enable_progress_bar = true")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(connection.execute, statement, values)
        try:
            while wait([running], _LOOK).not_done:
                percent = connection.query_progress()
                if 0 < percent < 99.99:
                    progress(percent / 100)
        except BaseException:
            while wait([running], _LOOK).not_done:  # DuckDB forgets an interrupt that comes before the statement begins
                connection.interrupt()
            raise
        running.result()


def _holder(text: str) -> str:
    match = _HOLDER.search(text)
    if match is None:
        return "another connection of this process"
    return f"process {match['pid']} ({Path(match['program']).name})"
