"""The warehouse without a server: one DuckDB file.

Any open connection, even a read-only one, locks out writers in other processes, and a connection does not survive a
fork: so each call opens the file, uses it and closes it, and waits a bounded time for other processes.
`duckdb_file.py` opens it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
from taxi_luigi.tlc.shards import Shard
from taxi_luigi.tlc.zones import COLUMNS as ZONE_COLUMNS
from taxi_luigi.tlc.zones import DESCRIPTIONS as ZONE_DESCRIPTIONS
from taxi_luigi.tlc.zones import TABLE as ZONES
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import (
    MARKERS,
    SHARD,
    CleanFile,
    Marker,
    Progress,
    Warehouse,
    check_zone_columns,
    duckdb_memory,
    foreign_of,
    markers,
)
from taxi_luigi.warehouses.ddl import Columns, columns, count_values, duckdb_columns, duckdb_types, sql
from taxi_luigi.warehouses.duckdb_file import DatabaseFile, execute

_FORBIDDEN_CHARACTERS = "?\\"
"""characters that DuckDB interprets in its file's path: it puts the log before `?`, and 2.0 reads `\\` as `/`"""

_STORAGE_VERSION = "v1.4.0"
"""the oldest DuckDB that setup.cfg allows: each later one opens what it can open"""

_SIZE = re.compile(r"\d+(\.\d+)? ?([kmgt]i?)?b", re.IGNORECASE)
_ADDRESS = re.compile(r":\w*:|[A-Za-z][A-Za-z0-9+.-]*:")
"""Beginning of a database that is not a local file: `:memory:`, `md:`, `motherduck:`, `s3://`"""


def _file(text: str) -> Path:
    """Parse the path of a file; messages omit what follows a scheme or a `?`, which may contain a password."""
    address = _ADDRESS.match(text)
    if address:
        raise ValueError(
            f"begins with {address[0]}, and must be a file on this machine's disk: set one, like data/warehouse.duckdb "
            f"(./{address[0]}… where a file's name begins so)"
        )
    path = absolute(text)
    if SHARD in str(path.parent):
        raise ValueError(f"has {SHARD} in a folder's name, {path.parent}: write it into the file's name")
    for letter in _FORBIDDEN_CHARACTERS:
        before, found, _ = str(path).partition(letter)
        if found:
            raise ValueError(
                f"must not have {letter} in it, which DuckDB does not take for a letter of a file's name: "
                f"{before}{letter}…; set a path without it"
            )
    return path


def _memory_limit(text: str) -> str:
    if not text:
        return duckdb_memory.limit(duckdb_memory.available())
    if not _SIZE.fullmatch(text):
        raise ValueError(f"must look like 512MB or 2GiB, not {text!r}")
    return text


def _storage_version(text: str) -> str:
    if text != _STORAGE_VERSION:
        try:
            duckdb.connect(config={"storage_compatibility_version": text}).close()
        except duckdb.Error:
            raise ValueError(
                f"must be a version that DuckDB {duckdb.__version__} knows, as {_STORAGE_VERSION}, or latest, "
                f"not {text!r}"
            ) from None
    return text


class DuckDB:
    """The warehouse in one file, called `name` in luigi.cfg."""

    imports: tuple[str, ...] = ()
    in_a_file = True
    single_writer = True
    growth = 2.0
    speed = 3e6
    loads_from = ""

    @dataclass(frozen=True)
    class Settings:
        """`[warehouse.NAME]` of the type `duckdb`."""

        path: Path = setting(
            "data/warehouse.duckdb",
            "The file. The first load makes it. For a back-fill by `--shard I/N`, as one process at a time writes a "
            "file, with `{shard}` in the name: data/warehouse-{shard}.duckdb is data/warehouse-3-of-8.duckdb for "
            "`--shard 3/8`, and the commands of taxi-luigi read all files that are there.",
            _file,
        )
        schema: str = setting("main", "The schema of the tables. The first load makes it.")
        storage_version: str = setting(
            _STORAGE_VERSION,
            "The oldest DuckDB that can open the file: its version, as `v1.4.0`, or `latest`. It decides how the file "
            "is made; a file that exists keeps its own.",
            _storage_version,
        )
        memory_limit: str = setting(
            "",
            "What DuckDB may use in each process, in its notation: `512MB` or `2GiB`. Empty: 256MB on a machine or in "
            "a container with less than 4 GB of memory, otherwise 512MB.",
            _memory_limit,
        )
        wait: float = setting("60", "Seconds to wait for another process that has the file open.", number)

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.path = settings.path
        self._settings = settings
        self._memory_limit = settings.memory_limit
        self._storage_version = settings.storage_version
        self._file = DatabaseFile(
            name, settings.path, settings.memory_limit, settings.wait, settings.schema, settings.storage_version
        )

    @property
    def address(self) -> str:
        """The address of the warehouse for messages."""
        return str(self.path)

    def of_shard(self, shard: Shard | None) -> Warehouse:
        """Return the warehouse that a path with `{shard}` stands for, this one for another path.

        Args:
            shard: whose file it is; None for all files that are there
        """
        if SHARD not in self.path.name:
            return self
        if shard is None:
            from taxi_luigi.warehouses.duckdb_shards import DuckDBShards

            return DuckDBShards(self)
        name = self.path.name.replace(SHARD, f"{shard.number}-of-{shard.count}")
        return DuckDB(self.name, replace(self._settings, path=self.path.with_name(name)))

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        with clean.reading() as path, self._file.writing() as connection:
            self._check_markers_version(connection)
            own = _own(dataset)
            self._make_table(connection, dataset.table, columns(dataset), own[dataset.table], dataset.descriptions)
            self._make_table(connection, MARKERS, markers.COLUMNS, own[MARKERS], markers.DESCRIPTIONS)
            _delete(connection, dataset, month)
            total = clean.summary.rows
            rows = _insert(connection, dataset, month, path, clean.url, lambda part: progress(int(part * total), total))
            markers.check_count(self.address, dataset, month, clean, rows)
            _mark(connection, markers.row(dataset, month, clean.summary, rows))
        progress(rows, rows)
        return rows

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        query = "SELECT {select} FROM {table} WHERE color = ? ORDER BY file_month"
        return markers.by_month(dataset, self._query(query, [dataset.color], MARKERS, dataset, markers.select))

    def count(self, dataset: Dataset) -> dict[Month, int]:
        query = "SELECT file_month, count(*) FROM {table} GROUP BY file_month ORDER BY file_month"
        return markers.rows_by_month(self._where, dataset, self._query(query, [], dataset.table, dataset))

    def filled(self, dataset: Dataset, month: Month, columns: Sequence[str]) -> frozenset[str]:
        if not columns:
            return frozenset()
        query = "SELECT {select} FROM {table} WHERE file_month = ?"
        select = partial(count_values, dataset, columns)
        counts = self._query(query, [month.first_day], dataset.table, dataset, select)
        return frozenset(name for row in counts for name, values in zip(columns, row, strict=True) if values)

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        if not self.path.exists():
            return
        with self._file.writing() as connection:
            if all(self._find_tables(connection, dataset).values()):
                self._check_markers_version(connection)
                _delete(connection, dataset, month)

    def foreign(self) -> Sequence[str]:
        if not self.path.exists():
            return []
        with self._file.reading() as connection:
            table_checks: list[Callable[[], object]] = [partial(self._existing_zones, connection)]
            for dataset in DATASETS.values():
                own = _own(dataset)
                table_checks.append(
                    partial(self._existing, connection, dataset.table, own[dataset.table], columns(dataset))
                )
            table_checks.append(partial(self._existing, connection, MARKERS, markers.FIRST_COLUMNS, markers.COLUMNS))
            table_checks.append(partial(self._check_markers_version, connection))
            return foreign_of(table_checks)

    def checks(self) -> Sequence[Check]:
        place, limit = f"warehouse {self.name}", f"memory_limit {self._memory_limit}"
        error_line = atomic_files.unwritable(self.path.parent)
        if not error_line and self.path.exists() and not os.access(self.path, os.W_OK):
            error_line = f"{self.path}: no permission to write, so no load can: make the file writable for this user"
        if error_line:
            return [Check(place, "file", Status.ERROR, error_line)]
        if not self.path.exists():
            return [Check(place, "file", Status.OK, f"{self.path} will be created by the first load; {limit}")]
        try:
            lines = self.foreign()
        except WarehouseBusy as error:
            return [Check(place, "file", Status.UNREACHABLE, str(error))]
        except WarehouseError as error:
            return [Check(place, "file", Status.ERROR, str(error))]
        found = f"{self.path}: {self.path.stat().st_size:,} bytes, {limit}, {self._opened_by()}"
        good = Check(place, "file", Status.OK, found)
        return [good, *(Check(place, "table", Status.ERROR, line) for line in lines)]

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        return {}

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        insert = "INSERT INTO {zones} (locationid, borough, zone, service_zone) VALUES (?, ?, ?, ?)"
        with self._file.writing() as connection:
            if self._existing_zones(connection):
                connection.execute(sql("DELETE FROM {zones}", zones=(ZONES,)))
            self._make_table(connection, ZONES, ZONE_COLUMNS, {}, ZONE_DESCRIPTIONS)
            connection.executemany(sql(insert, zones=(ZONES,)), zones)
        return len(zones)

    def zones(self) -> int:
        if not self.path.exists():
            return 0
        with self._file.reading() as connection:
            if _find_table(connection, self._file.schema, ZONES) != (_TABLE, duckdb_types(ZONE_COLUMNS)):
                return 0
            counted = connection.execute(sql("SELECT count(*) FROM {zones}", zones=(ZONES,))).fetchone()
        assert counted is not None
        return int(counted[0])

    def _opened_by(self) -> str:
        """Return which DuckDB opens the file; with what to do where the settings have an older one."""
        with self._file.reading() as connection:
            row = connection.execute(_VERSION).fetchone()
        assert row is not None
        has, wanted = row[0].rstrip("+"), self._storage_version
        if wanted == "latest" or _numbers(has) <= _numbers(wanted):
            return f"for DuckDB {has} and later"
        return (
            f"for DuckDB {has} and later, not {wanted} (storage_version), as a file keeps the version that it was made "
            "in: for an older client, move it away and run the same command again"
        )

    @property
    def _where(self) -> str:
        return f"warehouse {self.name} ({self.path})"

    def _query(
        self,
        query: str,
        values: list[object],
        table: str,
        dataset: Dataset,
        select: Callable[[Collection[str]], str] = lambda _columns: "",
    ) -> list[Any]:
        """Return the rows of a query on one table of a record type; none when file or table does not exist yet.

        `select` takes the table's columns and returns the text for the query's `{select}`.
        """
        if not self.path.exists():
            return []
        with self._file.reading() as connection:
            existing = self._find_tables(connection, dataset)[table]
            if not existing:
                return []
            return connection.execute(sql(query, select(existing), table=(table,)), values).fetchall()

    def _find_tables(self, connection: DuckDBPyConnection, dataset: Dataset) -> dict[str, dict[str, str]]:
        """Return the columns of the record type's table and of the markers.

        Raises:
            ForeignTable: taxi_luigi did not make one of them.
        """
        return {table: self._existing(connection, table, own) for table, own in _own(dataset).items()}

    def _check_markers_version(self, connection: DuckDBPyConnection) -> None:
        kind, existing = _find_table(connection, self._file.schema, MARKERS)
        if kind == _TABLE and existing.keys() >= markers.FIRST_COLUMNS.keys():
            markers.check_version(self._where, existing)

    def _make_table(
        self,
        connection: DuckDBPyConnection,
        table: str,
        wanted: Columns,
        own: Columns,
        descriptions: Mapping[str, str],
    ) -> None:
        """Create the table, or add the columns and comments that an older version did not have.

        A comment of a user's own stays.
        """
        existing = self._existing(connection, table, own, wanted)
        if not existing:
            connection.execute(sql("CREATE TABLE {table} ", table=(table,)) + f"({', '.join(duckdb_columns(wanted))})")
        else:
            for column in duckdb_columns({name: kind for name, kind in wanted.items() if name not in existing}):
                connection.execute(sql("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS ", table=(table,)) + column)
        uncommented = connection.execute(_UNCOMMENTED, [self._file.schema, table]).fetchall()
        for (name,) in uncommented:
            if name in descriptions:
                of = "COLUMN {table}.{name}" if name else "TABLE {table}"
                # DuckDB takes no parameter here
                text = descriptions[name].replace("'", "''")
                connection.execute(sql(f"COMMENT ON {of} IS ", table=(table,), name=(name,)) + f"'{text}'")

    def _existing(
        self, connection: DuckDBPyConnection, table: str, own: Columns, wanted: Columns | None = None
    ) -> dict[str, str]:
        """Return name → type of a table's columns; none when there is no such table.

        Args:
            connection: an open connection.
            table: the name of the table.
            own: the columns that every version's table has.
            wanted: further columns, which may be missing.

        Raises:
            ForeignTable: it is a view, it lacks a column of `own`, or one of `own` or `wanted` has another type.
        """
        kind, existing = _find_table(connection, self._file.schema, table)
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


_VERSION = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = current_database()"


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


_TABLE = "BASE TABLE"
_NOT_OURS = "so taxi_luigi did not make it; rename it or set another path"

# DuckDB's names are case-insensitive: `Green_Tripdata` conflicts with `green_tripdata`. From information_schema, which
# lists the columns of all views of the system, the answer takes three times as long (November 2026)
_FIND_TABLE = """
    SELECT kind FROM (
        SELECT database_name, schema_name, table_name AS name, 'BASE TABLE' AS kind FROM duckdb_tables()
        UNION ALL SELECT database_name, schema_name, view_name, 'VIEW' FROM duckdb_views()
    )
    WHERE database_name = current_database() AND lower(schema_name) = lower(?) AND lower(name) = ?
"""


# '' stands for the table itself
_UNCOMMENTED = """
    SELECT column_name FROM (
        SELECT database_name, schema_name, table_name, '' AS column_name, comment FROM duckdb_tables()
        UNION ALL SELECT database_name, schema_name, table_name, column_name, comment FROM duckdb_columns()
    )
    WHERE database_name = current_database() AND lower(schema_name) = lower(?) AND lower(table_name) = ?
    AND comment IS NULL
"""


def _own(dataset: Dataset) -> dict[str, Columns]:
    """Return the columns that every version's tables of a record type have: the trips, and the markers."""
    trips = {name: kind for name, kind in columns(dataset).items() if name in (FILE_MONTH, dataset.pickup)}
    return {dataset.table: trips, MARKERS: markers.FIRST_COLUMNS}


def _find_table(connection: DuckDBPyConnection, schema: str, table: str) -> tuple[str, dict[str, str]]:
    """Return `BASE TABLE` or `VIEW`, '' when nothing has that name; and name → type of a table's columns."""
    found = connection.execute(_FIND_TABLE, [schema, table]).fetchone()
    kind = "" if found is None else str(found[0])
    if kind != _TABLE:
        return kind, {}
    described = connection.execute(sql("DESCRIBE {table}", table=(table,))).fetchall()
    return kind, {name: type_ for name, type_, *_ in described}


def _delete(connection: DuckDBPyConnection, dataset: Dataset, month: Month) -> None:
    connection.execute(sql("DELETE FROM {table} WHERE file_month = ?", table=(dataset.table,)), [month.first_day])
    connection.execute(
        sql("DELETE FROM {markers} WHERE color = ? AND file_month = ?", markers=(MARKERS,)),
        [dataset.color, month.first_day],
    )


def _insert(
    connection: DuckDBPyConnection,
    dataset: Dataset,
    month: Month,
    path: Path,
    url: str,
    progress: Callable[[float], None],
) -> int:
    """Insert the file's rows; return the number of the month's rows that the table then has."""
    read = "INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?, hive_partitioning = false)"
    with path.open("rb") as file:
        # DuckDB reads [ * ? in a path as a pattern, and a folder called fare_amount=0 as a column; the name of an open
        # file descriptor refers to exactly this file
        name = f"/proc/self/fd/{file.fileno()}"
        try:
            execute(connection, sql(read, table=(dataset.table,)), [name], progress)
        except duckdb.Error as error:
            # for a damaged page, DuckDB's whole message is `Out of buffer`
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
