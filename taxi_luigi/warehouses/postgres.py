"""The warehouse on a PostgreSQL server: one table for each record type, with one partition for each month.

A month is copied into a new table, which replaces the old partition at the end of the transaction. The swap is in
postgres_partitions.py, the COPY stream in postgres_copy.py, the connection in postgres_connection.py. Only a load
imports SQLAlchemy and pyarrow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from taxi_luigi.core.errors import ForeignTable, WarehouseError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.settings import number, setting
from taxi_luigi.tlc.datasets import DATASETS, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import DESCRIPTIONS as ZONE_DESCRIPTIONS
from taxi_luigi.tlc.zones import TABLE as ZONES
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import (
    MARKERS,
    CleanFile,
    Marker,
    Progress,
    ddl,
    markers,
    postgres_partitions,
    postgres_tables,
)
from taxi_luigi.warehouses.postgres_connection import Cursor, Server, run
from taxi_luigi.warehouses.postgres_partitions import Table


class Postgres:
    """The warehouse in one schema of a PostgreSQL database, called `name` in luigi.cfg.

    `wait` is how long it waits for another load of the same month, and for transactions that keep a table locked.
    """

    imports: tuple[str, ...] = ("sqlalchemy.dialects.postgresql", "taxi_luigi.warehouses.postgres_copy")

    in_a_file = False
    single_writer = False
    growth = 10.0
    speed = 0.6e6
    loads_from = ""

    @dataclass(frozen=True)
    class Settings:
        """`[warehouse.NAME]` of the type `postgres`."""

        url: str = setting(
            "",
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, best as ${POSTGRES_URL}. Empty: libpq's PG… variables and "
            "~/.pgpass.",
        )
        schema: str = setting("public", "The schema of the tables. It must exist.")
        partition_schema: str = setting(
            "",
            "The schema of the months' partitions, so that other tools list six tables and not one for each month. It "
            "must exist, and be of this warehouse alone; a month moves there when it is loaded again "
            "(docs/operating.md). Empty: that of the tables.",
        )
        wait: float = setting("600", "Seconds to wait for readers of a month that is replaced.", number)

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.schema = settings.schema
        self._partition_schema = settings.partition_schema or settings.schema
        self.wait = settings.wait
        self._server = Server(name, settings.url)

    @property
    def address(self) -> str:
        """The address of the warehouse for messages, without a password."""
        return f"{self._server.address}, schema {self.schema}"

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        with self._server.transaction() as cursor:
            narrow = postgres_tables.prepare(cursor, self._where, self.schema, dataset, self.wait)
        if narrow:
            with self._server.transaction() as cursor:
                postgres_tables.widen_markers(cursor, self._where, self.schema, self.wait)
        parent = self._table(dataset.table)
        with clean.reading() as path, self._server.transaction() as cursor:
            self._lock_month(cursor, parent, month)
            new = self._fill(cursor, dataset, month, clean, path, progress)
            marker = markers.row(dataset, month, clean.summary, clean.summary.rows)

            def swap() -> None:
                postgres_partitions.attach(cursor, parent, month, new)
                run(cursor, _MARK, *marker, markers=self._table(MARKERS))

            postgres_partitions.with_lock_retry(cursor, self._where, parent, self.wait, swap)
        return clean.summary.rows

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        query = "SELECT {select} FROM {table} WHERE color = %s ORDER BY file_month"
        return markers.by_month(dataset, self._query(query, MARKERS, dataset, dataset.color, select=markers.select))

    def count(self, dataset: Dataset) -> dict[Month, int]:
        query = "SELECT file_month, count(*) FROM {table} GROUP BY file_month ORDER BY file_month"
        return markers.rows_by_month(self._where, dataset, self._query(query, dataset.table, dataset))

    def filled(self, dataset: Dataset, month: Month, columns: Sequence[str]) -> frozenset[str]:
        if not columns:
            return frozenset()
        query = "SELECT {select} FROM {table} WHERE file_month = %s"
        select = partial(ddl.count_values, dataset, columns)
        counts = self._query(query, dataset.table, dataset, month.first_day, select=select)
        return frozenset(name for row in counts for name, values in zip(columns, row, strict=True) if values)

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        parent = self._table(dataset.table)
        with self._server.transaction() as cursor:
            self._lock_month(cursor, parent, month)
            found = postgres_tables.find(cursor, self._where, self.schema, dataset)
            if found.keys() != {dataset.table, MARKERS}:
                return
            postgres_tables.check_markers(self._where, self.schema, found[MARKERS])

            def remove() -> None:
                postgres_partitions.detach(cursor, parent, month)
                run(cursor, _UNMARK, dataset.color, month.first_day, markers=self._table(MARKERS))

            postgres_partitions.with_lock_retry(cursor, self._where, parent, self.wait, remove)

    def foreign(self) -> Sequence[str]:
        with self._server.transaction() as cursor:
            return postgres_tables.foreign(cursor, self._where, self.schema)

    def checks(self) -> Sequence[Check]:
        place = f"warehouse {self.name}"
        try:
            with self._server.transaction() as cursor:
                cursor.execute(_READ_ONLY)
                standby, read_only = cursor.fetchone() or (False, "off")
                cursor.execute(_MAY_CREATE, [[self.schema, self._partition_schema]])
                may_create = dict(cursor.fetchall())
                cursor.execute(_OTHERS_PARTITIONS, [self._partition_schema, self.schema, _TRIPS])
                other = cursor.fetchone()
                foreign = postgres_tables.foreign(cursor, self._where, self.schema)
                encoding = cursor.connection.info.parameter_status("server_encoding") or "UTF8"
        except WarehouseError as error:
            return [Check(place, "server", Status.UNREACHABLE, str(error))]
        found = [Check(place, "table", Status.ERROR, line) for line in foreign]
        if encoding != "UTF8":
            found.insert(0, Check(place, "encoding", *_encoding_status(encoding)))
        if standby:
            line = f"{self.address}: this server is a read-only standby: set the primary server in the url"
            return [Check(place, "server", Status.ERROR, line), *found]
        if read_only == "on":
            line = f"{self.address}: {_READ_ONLY_DATABASE}"
            return [Check(place, "database", Status.ERROR, line), *found]
        for key, schema in (("schema", self.schema), ("partition_schema", self._partition_schema)):
            line = ""
            if schema not in may_create:
                line = f"there is no schema {schema}: create it or set another {key} in [warehouse.{self.name}]"
            elif not may_create[schema]:
                line = f"this user may not create tables in schema {schema}: GRANT USAGE, CREATE ON SCHEMA {schema}"
            if line:
                return [Check(place, key, Status.ERROR, line), *found]
        if other is not None:
            line = (
                f"the schema {self._partition_schema} has partitions of {'.'.join(other)}, and each warehouse needs "
                f"one of its own: set another partition_schema in [warehouse.{self.name}]"
            )
            return [Check(place, "partition_schema", Status.ERROR, line), *found]
        return [Check(place, "schema", Status.OK, self.address), *found]

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        return {}

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        table = self._table(ZONES)
        with self._server.transaction() as cursor:
            postgres_partitions.lock_name(cursor, self._where, ".".join(table), self.wait)
            if not postgres_tables.has_zones(cursor, self._where, self.schema):
                cursor.execute(ddl.create_zones(self.schema))

            def swap() -> None:
                # Not TRUNCATE: it would wait for every reader, and hold up those that come after
                run(cursor, "DELETE FROM {zones}", zones=table)
                run(cursor, _INSERT_ZONES, *map(list, zip(*zones, strict=True)), zones=table)

            postgres_partitions.with_lock_retry(cursor, self._where, table, self.wait, swap)
            postgres_tables.add_comments(cursor, self.schema, {ZONES: ZONE_DESCRIPTIONS})
            postgres_tables.add_zone_key(cursor, self.schema)
        return len(zones)

    def zones(self) -> int:
        table = self._table(ZONES)
        with self._server.transaction() as cursor:
            try:
                if not postgres_tables.has_zones(cursor, self._where, self.schema):
                    return 0
            except ForeignTable:
                return 0
            run(cursor, "SELECT count(*) FROM {zones}", zones=table)
            counted = cursor.fetchone()
        assert counted is not None
        return int(counted[0])

    @property
    def _where(self) -> str:
        return f"warehouse {self.name} ({self.address})"

    def _table(self, name: str) -> Table:
        return self.schema, name

    def _lock_month(self, cursor: Cursor, parent: Table, month: Month) -> None:
        postgres_partitions.lock_name(cursor, self._where, f"{'.'.join(parent)} {month}", self.wait)

    def _query(
        self,
        query: str,
        table: str,
        dataset: Dataset,
        *values: object,
        select: Callable[[Collection[str]], str] = lambda _columns: "",
    ) -> list[Any]:
        """Return the rows of a query on one table of a record type; none when the table does not exist yet.

        `select` takes the table's columns and returns the text for the query's `{select}`.
        """
        with self._server.transaction() as cursor:
            found = postgres_tables.find(cursor, self._where, self.schema, dataset)
            if table not in found:
                return []
            run(cursor, query, *values, select=select(found[table].columns), table=self._table(table))
            return cursor.fetchall()

    def _fill(
        self, cursor: Cursor, dataset: Dataset, month: Month, clean: CleanFile, path: Path, progress: Progress
    ) -> Table:
        """Create a table with the month's rows and index, invisible to other transactions before the commit."""
        from taxi_luigi.warehouses.postgres_copy import copy_month

        name = f"{postgres_partitions.partition_name(self._table(dataset.table), month)}_new"
        new = (self._partition_schema, name)
        cursor.execute(ddl.create_month(*new, dataset, month))
        rows = copy_month(cursor, new, path, ddl.columns(dataset), clean.summary.rows, progress)
        markers.check_count(self.address, dataset, month, clean, rows)
        # After the COPY: loading into a table that has its index takes 1.3 times as long (November 2026)
        postgres_partitions.index(cursor, new, dataset.pickup)
        return new


def _encoding_status(encoding: str) -> tuple[Status, str]:
    """Return the status of a database with another encoding than UTF8, and how it treats texts."""
    if encoding == "SQL_ASCII":
        return Status.OK, "SQL_ASCII: the server stores the bytes of UTF-8 unchecked; length() counts bytes"
    return Status.UNKNOWN, f"{encoding}: a month with a character that {encoding} lacks will fail; UTF8 has all of them"


_READ_ONLY_DATABASE = (
    "this database is read-only for this user, as default_transaction_read_only is on: switch it off (ALTER DATABASE … "
    "SET or ALTER ROLE … SET default_transaction_read_only = off), or set another database"
)
_READ_ONLY = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')"
_MARK = """
    INSERT INTO {markers} (color, file_month, edition, sha256, source, rows, loaded_at, records)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (color, file_month) DO UPDATE SET edition = excluded.edition, sha256 = excluded.sha256,
        source = excluded.source, rows = excluded.rows, loaded_at = excluded.loaded_at, records = excluded.records
"""
_INSERT_ZONES = """
    INSERT INTO {zones} (locationid, borough, zone, service_zone)
    SELECT * FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[])
"""
_MAY_CREATE = """
    SELECT nspname::text, has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE')
    FROM pg_namespace WHERE nspname = ANY (%s)
"""
_TRIPS = [dataset.table for dataset in DATASETS.values()]
_OTHERS_PARTITIONS = """
    SELECT home.nspname, parent.relname
    FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid JOIN pg_namespace ON pg_namespace.oid = child.relnamespace
    JOIN pg_class parent ON parent.oid = inhparent JOIN pg_namespace home ON home.oid = parent.relnamespace
    WHERE pg_namespace.nspname = %s AND home.nspname <> %s AND parent.relname = ANY (%s)
    LIMIT 1
"""
_UNMARK = "DELETE FROM {markers} WHERE color = %s AND file_month = %s"
