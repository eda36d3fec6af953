"""Open a DuckDB file that other processes and threads use too, with a bounded wait; independent of its tables."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
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

_HELD = re.compile(r"Could not set lock on file|same database file with a different configuration")
_HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")

_ADVICE = {
    "not a valid DuckDB database file|sqlite_scanner": "it is not a DuckDB file: move it away or set another path",
    "Is a directory": "set the path of a file, not of a folder",
    "No space left|Disk full": "free space on its disk, then run the same command again",
    "Out of Memory": "raise memory_limit",
    "Permission denied|Read-only file system": "make the file and its folder writable for this user",
}
"""Message of DuckDB → what to do."""

_MAIN = "main"
"""the schema that every DuckDB file has, and that a new connection uses"""

_FIND_SCHEMA = """
    SELECT current_database(), count(*) > 0 FROM duckdb_schemas()
    WHERE database_name = current_database() AND lower(schema_name) = lower(?)
"""

_locks: dict[Path, threading.Lock] = {}
"""Path → its lock in this process: DuckDB lets a process open a file in one configuration at a time."""

# a thread that held a lock does not exist in a forked child, where the lock would never be released
os.register_at_fork(after_in_child=_locks.clear)


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
        self._shared = threading.local()
        self._config: dict[str, str | bool | int | float | list[str]] = {
            # for a file of another format, SQLite's for one, DuckDB would download an extension
            "autoinstall_known_extensions": "false",
            # each file is read once, under a name that refers to another file the next time
            "enable_external_file_cache": "false",
            "memory_limit": memory_limit,
            "preserve_insertion_order": "false",
            "storage_compatibility_version": storage_version,
            "temp_directory": str(self._spill),
            "threads": min(_THREADS, os.cpu_count() or 1),
        }

    @contextmanager
    def reading(self) -> Iterator[DuckDBPyConnection]:
        """Open a read-only connection; the file must exist, the schema need not."""
        shared: DuckDBPyConnection | None = getattr(self._shared, "connection", None)
        if shared is not None:
            with self._failures():
                yield shared
            return
        with self._lock() as deadline, self._open(True, deadline) as connection:
            self._use_schema(connection, create=False)
            yield connection

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Use one connection for every `reading` of this thread in the block.

        To open the file and find its tables takes 40 ms, and a question then 3 (589 markers, November 2026).
        """
        with self.reading() as connection:
            self._shared.connection = connection
            try:
                yield
            finally:
                self._shared.connection = None

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
            connection = self._connect(read_only, deadline)
            try:
                yield connection
            finally:
                connection.close()

    def _connect(self, read_only: bool, deadline: float) -> DuckDBPyConnection:
        while True:
            try:
                return duckdb.connect(str(self.path), read_only=read_only, config=self._config)
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
        schema = quoted(catalog, self.schema)  # with the catalog: that of a file prod.duckdb is called prod, too
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


def _holder(text: str) -> str:
    match = _HOLDER.search(text)
    if match is None:
        return "another connection of this process"
    return f"process {match['pid']} ({Path(match['program']).name})"
