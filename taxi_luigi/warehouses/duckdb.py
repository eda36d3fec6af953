"""The warehouse that needs no server: one DuckDB file.

Any open connection, even one that only reads, shuts other processes' writers out, and one inherited by a fork breaks:
so each call opens the file, uses it and closes it, and waits a bounded time for whoever holds it. `duckdb_file.py`
has the opening.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import ForeignTable, WarehouseBusy, WarehouseError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.settings import absolute, number, setting
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import COLUMNS as ZONE_COLUMNS
from taxi_luigi.tlc.zones import TABLE as ZONES
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import MARKERS, CleanFile, Marker, Progress, check_zone_columns, foreign_of, markers
from taxi_luigi.warehouses.ddl import Columns, columns, count_values, duckdb_columns, duckdb_types, sql
from taxi_luigi.warehouses.duckdb_file import DatabaseFile

_NO_LETTERS = "?\\"
"""what DuckDB does not take for letters of its file's path: the log is put before `?`, and 2.0 reads `\\` as `/`"""

_SIZE = re.compile(r"\d+(\.\d+)? ?([kmgt]i?)?b", re.IGNORECASE)
_ADDRESS = re.compile(r":\w*:|[A-Za-z][A-Za-z0-9+.-]*:")
"""How what is no file begins for DuckDB: `:memory:`, `md:`, `motherduck:`, `s3://`"""


def _file(text: str) -> Path:
    """The path of a file; of what follows a scheme or a `?`, a part may be a password."""
    address = _ADDRESS.match(text)
    if address:
        raise ValueError(
            f"begins with {address[0]}, and must be a file on this machine's disk: set one, like data/warehouse.duckdb "
            f"(./{address[0]}… where a file's name begins so)"
        )
    path = absolute(text)
    for letter in _NO_LETTERS:
        before, found, _ = str(path).partition(letter)
        if found:
            raise ValueError(
                f"must not have {letter} in it, which DuckDB does not take for a letter of a file's name: "
                f"{before}{letter}…; set a path without it"
            )
    return path


def _memory_limit(text: str) -> str:
    if not _SIZE.fullmatch(text):
        raise ValueError(f"must look like 512MB or 2GiB, not {text!r}")
    return text


class DuckDB:
    """The warehouse in one file, called `name` in luigi.cfg."""

    imports: tuple[str, ...] = ()
    single_writer = True
    loads_from = ""

    @dataclass(frozen=True)
    class Settings:
        """`[warehouse.NAME]` of the type `duckdb`."""

        path: Path = setting("data/warehouse.duckdb", "The file. The first load makes it.", _file)
        memory_limit: str = setting(
            "256MB", "What DuckDB may use in each process, in its notation: `512MB` or `2GiB`.", _memory_limit
        )
        wait: float = setting("60", "Seconds to wait for another process that has the file open.", number)

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.path = settings.path
        self._file = DatabaseFile(name, settings.path, settings.memory_limit, settings.wait)

    @property
    def address(self) -> str:
        """Where the warehouse is, for people."""
        return str(self.path)

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        with clean.reading() as path, self._file.writing() as connection:
            own = _own(dataset)
            self._make_table(connection, dataset.table, columns(dataset), own[dataset.table])
            self._make_table(connection, MARKERS, markers.COLUMNS, own[MARKERS])
            _delete(connection, dataset, month)
            rows = _insert(connection, dataset, month, path, clean.url)
            markers.check_count(self.address, dataset, month, clean, rows)
            _mark(connection, markers.row(dataset, month, clean.summary, rows))
        progress(rows, rows)
        return rows

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        query = "SELECT {select} FROM {table} WHERE color = ? ORDER BY file_month"
        return markers.by_month(dataset, self._ask(query, [dataset.color], MARKERS, dataset, markers.select))

    def count(self, dataset: Dataset) -> dict[Month, int]:
        query = "SELECT file_month, count(*) FROM {table} GROUP BY file_month ORDER BY file_month"
        return markers.rows_by_month(self._where, dataset, self._ask(query, [], dataset.table, dataset))

    def filled(self, dataset: Dataset, month: Month, columns: Sequence[str]) -> frozenset[str]:
        if not columns:
            return frozenset()
        query = "SELECT {select} FROM {table} WHERE file_month = ?"
        select = partial(count_values, dataset, columns)
        counts = self._ask(query, [month.first_day], dataset.table, dataset, select)
        return frozenset(name for row in counts for name, values in zip(columns, row, strict=True) if values)

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        if not self.path.exists():
            return
        with self._file.writing() as connection:
            if all(self._holds(connection, dataset).values()):
                _delete(connection, dataset, month)

    def foreign(self) -> Sequence[str]:
        if not self.path.exists():
            return []
        with self._file.reading() as connection:
            looks: list[Callable[[], object]] = [partial(self._existing_zones, connection)]
            for dataset in DATASETS.values():
                own = _own(dataset)
                looks.append(partial(self._existing, connection, dataset.table, own[dataset.table], columns(dataset)))
            looks.append(partial(self._existing, connection, MARKERS, markers.FIRST_COLUMNS, markers.COLUMNS))
            return foreign_of(looks)

    def checks(self) -> Sequence[Check]:
        place = f"warehouse {self.name}"
        wrong = atomic_files.unwritable(self.path.parent)
        if not wrong and self.path.exists() and not os.access(self.path, os.W_OK):
            wrong = f"{self.path}: no permission to write, so no load can: make the file writable for this user"
        if wrong:
            return [Check(place, "file", Status.ERROR, wrong)]
        if not self.path.exists():
            return [Check(place, "file", Status.OK, f"{self.path} is made by the first load")]
        try:
            lines = self.foreign()
        except WarehouseBusy as error:
            return [Check(place, "file", Status.UNREACHABLE, str(error))]
        except WarehouseError as error:
            return [Check(place, "file", Status.ERROR, str(error))]
        good = Check(place, "file", Status.OK, f"{self.path}: {self.path.stat().st_size:,} bytes")
        return [good, *(Check(place, "table", Status.ERROR, line) for line in lines)]

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        return {}

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        insert = "INSERT INTO {zones} (locationid, borough, zone, service_zone) VALUES (?, ?, ?, ?)"
        with self._file.writing() as connection:
            if self._existing_zones(connection):
                connection.execute(sql("DELETE FROM {zones}", zones=(ZONES,)))
            else:
                self._make_table(connection, ZONES, ZONE_COLUMNS, {})
            connection.executemany(sql(insert, zones=(ZONES,)), zones)
        return len(zones)

    def zones(self) -> int:
        if not self.path.exists():
            return 0
        with self._file.reading() as connection:
            if _look(connection, ZONES) != (_TABLE, duckdb_types(ZONE_COLUMNS)):
                return 0
            counted = connection.execute(sql("SELECT count(*) FROM {zones}", zones=(ZONES,))).fetchone()
        assert counted is not None
        return int(counted[0])

    @property
    def _where(self) -> str:
        return f"warehouse {self.name} ({self.path})"

    def _ask(
        self,
        query: str,
        values: list[object],
        table: str,
        dataset: Dataset,
        select: Callable[[Collection[str]], str] = lambda _columns: "",
    ) -> list[Any]:
        """The rows of a query on one table of a color; none when the file or the table is not there yet.

        `select` is given the table's columns, and returns what the query's `{select}` stands for.
        """
        if not self.path.exists():
            return []
        with self._file.reading() as connection:
            existing = self._holds(connection, dataset)[table]
            if not existing:
                return []
            return connection.execute(sql(query, select(existing), table=(table,)), values).fetchall()

    def _holds(self, connection: DuckDBPyConnection, dataset: Dataset) -> dict[str, dict[str, str]]:
        """The color's table and the markers, each with its columns; ForeignTable where either is somebody else's."""
        return {table: self._existing(connection, table, own) for table, own in _own(dataset).items()}

    def _make_table(self, connection: DuckDBPyConnection, table: str, wanted: Columns, own: Columns) -> None:
        """Creates the table, or adds the columns that an older version did not have."""
        existing = self._existing(connection, table, own, wanted)
        if not existing:
            connection.execute(sql("CREATE TABLE {table} ", table=(table,)) + f"({', '.join(duckdb_columns(wanted))})")
            return
        for column in duckdb_columns({name: kind for name, kind in wanted.items() if name not in existing}):
            connection.execute(sql("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS ", table=(table,)) + column)

    def _existing(
        self, connection: DuckDBPyConnection, table: str, own: Columns, wanted: Columns | None = None
    ) -> dict[str, str]:
        """Name → type of a table's columns; none when there is no such table.

        Raises ForeignTable for a view, for a table without the columns `own`, and where one of these or of those
        `wanted` has another type.
        """
        kind, existing = _look(connection, table)
        if kind not in ("", _TABLE):
            raise ForeignTable(f"{self._where}: {table} is a {kind.lower()}, {_NOT_OURS}")
        for name, type_ in duckdb_types(own | (wanted or {})).items() if existing else ():
            if name not in existing and name in own:
                raise ForeignTable(f"{self._where}: the table {table} has no column {name}, {_NOT_OURS}")
            has = existing.get(name, type_)
            if has != type_:
                raise ForeignTable(f"{self._where}: the table {table} has {name} as {has}, not {type_}, {_NOT_OURS}")
        return existing

    def _existing_zones(self, connection: DuckDBPyConnection) -> dict[str, str]:
        existing = self._existing(connection, ZONES, {})
        if existing:
            check_zone_columns(self._where, existing, duckdb_types(ZONE_COLUMNS))
        return existing


_TABLE = "BASE TABLE"
_NOT_OURS = "so taxi_luigi did not make it; rename it or set another path"

# DuckDB's names know no case: `Green_Tripdata` is in the way of `green_tripdata`
_LOOK = """
    SELECT table_type, column_name, data_type
    FROM information_schema.tables
    LEFT JOIN information_schema.columns USING (table_catalog, table_schema, table_name)
    WHERE lower(table_name) = ? AND table_schema = current_schema() AND table_catalog = current_database()
    ORDER BY ordinal_position
"""


def _own(dataset: Dataset) -> dict[str, Columns]:
    """What every version has made the tables of a color with: the trips, and the markers."""
    trips = {name: kind for name, kind in columns(dataset).items() if name in (FILE_MONTH, dataset.pickup)}
    return {dataset.table: trips, MARKERS: markers.FIRST_COLUMNS}


def _look(connection: DuckDBPyConnection, table: str) -> tuple[str, dict[str, str]]:
    """`BASE TABLE` or `VIEW`, '' when nothing has that name; and name → type of its columns."""
    rows = connection.execute(_LOOK, [table]).fetchall()
    return (rows[0][0] if rows else ""), {name: kind for _, name, kind in rows}


def _delete(connection: DuckDBPyConnection, dataset: Dataset, month: Month) -> None:
    connection.execute(sql("DELETE FROM {table} WHERE file_month = ?", table=(dataset.table,)), [month.first_day])
    connection.execute(
        sql("DELETE FROM {markers} WHERE color = ? AND file_month = ?", markers=(MARKERS,)),
        [dataset.color, month.first_day],
    )


def _insert(connection: DuckDBPyConnection, dataset: Dataset, month: Month, path: Path, url: str) -> int:
    """Puts the file's rows in, and returns how many the table then has of the month."""
    read = "INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?, hive_partitioning = false)"
    with path.open("rb") as file:
        # DuckDB takes [ * ? in a path for a pattern, and a folder called fare_amount=0 for a column: its name of an
        # open file means this one file, wherever that lies
        name = f"/proc/self/fd/{file.fileno()}"
        try:
            connection.execute(sql(read, table=(dataset.table,)), [name])
        except duckdb.Error as error:
            # of a damaged page DuckDB says `Out of buffer`, no more
            raise duckdb.Error(f"{str(error).replace(name, url)} while it read {url}") from error
    counted = connection.execute(
        sql("SELECT count(*) FROM {table} WHERE file_month = ?", table=(dataset.table,)), [month.first_day]
    ).fetchone()
    assert counted is not None
    return int(counted[0])


def _mark(connection: DuckDBPyConnection, row: tuple[object, ...]) -> None:
    statement = (
        "INSERT INTO {markers} (color, file_month, edition, sha256, source, rows, loaded_at, records) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    connection.execute(sql(statement, markers=(MARKERS,)), row)
