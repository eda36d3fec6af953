"""The warehouse that needs no server: one DuckDB file.

Any open connection, even one that only reads, shuts other processes' writers out, and one inherited by a fork breaks:
so each call opens the file, uses it and closes it, and waits a bounded time for whoever holds it. `database_file.py`
has the opening.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from taxi_luigi import files
from taxi_luigi.checks import Finding, Verdict
from taxi_luigi.datasets import FILE_MONTH, Dataset
from taxi_luigi.errors import ConfigError, WarehouseBusy, WarehouseError
from taxi_luigi.months import Month
from taxi_luigi.warehouses import MARKERS, CleanFile, Marker, Progress, markers, zone_table
from taxi_luigi.warehouses.database_file import DatabaseFile
from taxi_luigi.warehouses.ddl import Columns, columns, duckdb_columns, duckdb_types, sql
from taxi_luigi.zones import COLUMNS as ZONE_COLUMNS
from taxi_luigi.zones import TABLE as ZONES
from taxi_luigi.zones import Zone

_SIZE = re.compile(r"\d+(\.\d+)? ?([kmgt]i?)?b", re.IGNORECASE)


class DuckDB:
    """The warehouse in the file `path`, called `name` in luigi.cfg.

    `memory_limit` bounds what a load holds, in DuckDB's notation (512MB, 2GiB), else ConfigError; `wait` is how many
    seconds to wait for a file that another process has open.
    """

    def __init__(self, name: str, path: Path, memory_limit: str = "256MB", wait: float = 60.0) -> None:
        if not _SIZE.fullmatch(memory_limit):
            raise ConfigError(f"[warehouse.{name}] memory_limit must look like 512MB or 2GiB, not {memory_limit!r}")
        self.name = name
        self.path = path
        self._file = DatabaseFile(name, path, memory_limit, wait)

    @property
    def address(self) -> str:
        """Where the warehouse is, for people."""
        return str(self.path)

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        with clean.reading() as path, self._file.writing() as connection:
            self._make_table(connection, dataset.table, columns(dataset))
            self._make_table(connection, MARKERS, markers.COLUMNS)
            _delete(connection, dataset, month)
            rows = _insert(connection, dataset, month, path, clean.url)
            markers.check_count(self.address, dataset, month, clean, rows)
            _mark(connection, markers.row(dataset, month, clean.essentials, rows))
        progress(rows, rows)
        return rows

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        query = "SELECT file_month, edition, sha256, rows, loaded_at FROM {table} WHERE color = ? ORDER BY file_month"
        return markers.by_month(dataset, self._ask(query, [dataset.color], MARKERS))

    def count(self, dataset: Dataset) -> dict[Month, int]:
        query = "SELECT file_month, count(*) FROM {table} GROUP BY file_month ORDER BY file_month"
        return markers.rows_by_month(self._where, dataset, self._ask(query, [], dataset.table))

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        if not self.path.exists():
            return
        with self._file.writing() as connection:
            if _columns(connection, dataset.table):
                _delete(connection, dataset, month)

    def findings(self) -> Sequence[Finding]:
        place = f"warehouse {self.name}"
        if not self.path.exists():
            wrong = files.unwritable(self.path.parent)
            line = wrong or f"{self.path} is made by the first load"
            return [Finding(place, "file", Verdict.WRONG if wrong else Verdict.GOOD, line)]
        try:
            with self._file.reading() as connection:
                _columns(connection, MARKERS)
        except WarehouseBusy as error:
            return [Finding(place, "file", Verdict.SILENT, str(error))]
        except WarehouseError as error:
            return [Finding(place, "file", Verdict.WRONG, str(error))]
        return [Finding(place, "file", Verdict.GOOD, f"{self.path}: {self.path.stat().st_size:,} bytes")]

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        return {}

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        insert = "INSERT INTO {zones} (locationid, borough, zone, service_zone) VALUES (?, ?, ?, ?)"
        with self._file.writing() as connection:
            existing = _columns(connection, ZONES)
            if existing:
                zone_table.check_ours(self._where, existing, duckdb_types(ZONE_COLUMNS))
                connection.execute(sql("DELETE FROM {zones}", zones=(ZONES,)))
            else:
                self._make_table(connection, ZONES, ZONE_COLUMNS)
            connection.executemany(sql(insert, zones=(ZONES,)), zones)
        return len(zones)

    def zones(self) -> int:
        if not self.path.exists():
            return 0
        with self._file.reading() as connection:
            if _columns(connection, ZONES) != duckdb_types(ZONE_COLUMNS):
                return 0
            counted = connection.execute(sql("SELECT count(*) FROM {zones}", zones=(ZONES,))).fetchone()
        assert counted is not None
        return int(counted[0])

    @property
    def _where(self) -> str:
        return f"warehouse {self.name} ({self.path})"

    def _ask(self, query: str, values: list[object], table: str) -> list[Any]:
        """The rows of a query on one table; none when the file or the table is not there yet."""
        if not self.path.exists():
            return []
        with self._file.reading() as connection:
            if not _columns(connection, table):
                return []
            return connection.execute(sql(query, table=(table,)), values).fetchall()

    def _make_table(self, connection: DuckDBPyConnection, table: str, wanted: Columns) -> None:
        """Creates the table, or adds the columns that an older version did not have."""
        existing = _columns(connection, table)
        if not existing:
            connection.execute(sql("CREATE TABLE {table} ", table=(table,)) + f"({', '.join(duckdb_columns(wanted))})")
        elif FILE_MONTH not in existing:
            raise WarehouseError(
                f"{self._where}: the table {table} has no column {FILE_MONTH}, so "
                "taxi_luigi did not make it; rename it or set another path"
            )
        for column in duckdb_columns({name: kind for name, kind in wanted.items() if name not in existing}):
            connection.execute(sql("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS ", table=(table,)) + column)


def _columns(connection: DuckDBPyConnection, table: str) -> dict[str, str]:
    """Name → type of a table's columns; none when there is no such table."""
    rows = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ? "
        "AND table_schema = current_schema() AND table_catalog = current_database()",
        [table],
    ).fetchall()
    return dict(rows)


def _delete(connection: DuckDBPyConnection, dataset: Dataset, month: Month) -> None:
    connection.execute(sql("DELETE FROM {table} WHERE file_month = ?", table=(dataset.table,)), [month.first_day])
    connection.execute(
        sql("DELETE FROM {markers} WHERE color = ? AND file_month = ?", markers=(MARKERS,)),
        [dataset.color, month.first_day],
    )


def _insert(connection: DuckDBPyConnection, dataset: Dataset, month: Month, path: Path, url: str) -> int:
    """Puts the file's rows in, and returns how many the table then has of the month."""
    insert = sql("INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?)", table=(dataset.table,))
    try:
        connection.execute(insert, [str(path)])
    except duckdb.Error as error:
        error.add_note(f"while it read {url}")  # of a damaged page DuckDB says `Out of buffer`, no more
        raise
    counted = connection.execute(
        sql("SELECT count(*) FROM {table} WHERE file_month = ?", table=(dataset.table,)), [month.first_day]
    ).fetchone()
    assert counted is not None
    return int(counted[0])


def _mark(connection: DuckDBPyConnection, row: tuple[object, ...]) -> None:
    statement = (
        "INSERT INTO {markers} (color, file_month, edition, sha256, source, rows, loaded_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    connection.execute(sql(statement, markers=(MARKERS,)), row)
