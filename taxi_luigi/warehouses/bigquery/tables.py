"""The tables of a dataset: created on first use, checked before every load, extended by new columns; never dropped.

Partitions are counted from listings, which are free; a query is billed for at least 10 MB.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from taxi_luigi.core.errors import ForeignTable, WarehouseError
from taxi_luigi.tlc.datasets import FILE_MONTH, ColumnType, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import foreign_of
from taxi_luigi.warehouses.bigquery.connection import REQUEST, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import SchemaField, Table

TYPES: dict[ColumnType, str] = {
    "int32": "INTEGER",
    "int64": "INTEGER",
    "double": "FLOAT",
    "string": "STRING",
    "timestamp[us]": "DATETIME",
    "date32": "DATE",
}
"""Arrow's type → BigQuery's, by the name that its REST answers use"""

_NEWER_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT"}

_CURE = "rename it or set another dataset"

_RACES = 5
"""attempts at adding columns while other loaders change the table"""

_PAGE = 50_000
"""rows per page: as Python objects, those of one column take 25 MB"""

_THREADS = 8
"""requests at the same time: the client keeps ten connections"""


@dataclass(frozen=True)
class Layout:
    """The columns and partitions of a table, as taxi_luigi creates it."""

    name: str
    columns: dict[str, ColumnType]
    descriptions: dict[str, str]
    """of the columns, and of the table itself under ''"""
    pickup: str = ""
    """of trips, which are partitioned by month: the column of the pickup's time"""
    own: tuple[str, ...] = ()
    """the columns that every version's table has"""

    @classmethod
    def of(cls, dataset: Dataset) -> Layout:
        """The table of one record type."""
        types = {column.name: column.type for column in dataset.columns}
        return cls(dataset.table, types, dataset.descriptions, dataset.pickup)

    def fields(self) -> list[SchemaField]:
        """The columns, all of them NULLABLE, as the columns of a parquet file are."""
        from google.cloud.bigquery import SchemaField

        return [
            SchemaField(name, TYPES[kind], description=self.descriptions[name]) for name, kind in self.columns.items()
        ]


def partition(table: str, month: Month) -> str:
    """`yellow_tripdata$202401`"""
    return f"{table}${month.year:04}{month.month:02}"


def find(connection: Connection, name: str) -> Table | None:
    """Return a table; None when it does not exist.

    Raises:
        ConfigError: the dataset does not exist either.
    """
    from google.api_core.exceptions import NotFound

    try:
        return connection.client().get_table(connection.table(name), retry=connection.retry, timeout=connection.request)
    except NotFound:
        connection.home()
        return None


def types(table: Table) -> dict[str, str]:
    """Name → type of a table's columns; a mode that parquet's columns do not have is part of the type."""
    return {
        field.name: " ".join(
            filter(
                None, (field.mode != "NULLABLE" and field.mode, _NEWER_NAMES.get(field.field_type, field.field_type))
            )
        )
        for field in table.schema
    }


def prepare(connection: Connection, layout: Layout) -> Table:
    """Create the table, or add the columns of the layout that it lacks.

    Raises:
        WarehouseError: our rows do not fit into the table of that name; nothing is changed.
    """
    from google.api_core.exceptions import PreconditionFailed

    client = connection.client()
    for _ in range(_RACES):
        table = find(connection, layout.name)
        if table is None:
            new = _new(connection, layout)
            table = client.create_table(new, exists_ok=True, retry=connection.retry, timeout=REQUEST)
        check(connection, layout, table)
        has = types(table)
        missing = [field for field in layout.fields() if field.name not in has]
        if not missing:
            return table
        table.schema = [*table.schema, *missing]
        try:
            return client.update_table(table, ["schema"], retry=connection.retry, timeout=REQUEST)
        except PreconditionFailed:
            continue  # another loader changed it since
    raise WarehouseError(
        f"{connection.where}: the table {layout.name} is being changed by others all the time; run the same command "
        "again later"
    )


def _new(connection: Connection, layout: Layout) -> Table:
    from google.cloud.bigquery import Table, TimePartitioning, TimePartitioningType

    table = Table(connection.table(layout.name), schema=layout.fields())
    table.description = layout.descriptions[""]
    if layout.pickup:
        table.time_partitioning = TimePartitioning(TimePartitioningType.MONTH, field=FILE_MONTH)
        zone = ["pulocationid"] if "pulocationid" in layout.columns else []
        table.clustering_fields = [layout.pickup, *zone]
    return table


def check_kind(connection: Connection, layout: Layout, table: Table) -> None:
    """Raise ForeignTable for a view, an external table and the like, or one with other partitions than ours."""
    place = f"{connection.where}: the table {layout.name}"
    by = table.time_partitioning
    if table.table_type != "TABLE":
        raise ForeignTable(f"{place} is a {table.table_type}, so taxi_luigi did not make it; {_CURE}")
    if layout.pickup and (by is None or by.type_ != "MONTH" or by.field != FILE_MONTH):
        how = f"partitioned by {by.type_} of {by.field or 'the time of loading'}" if by else "not partitioned by time"
        raise ForeignTable(f"{place} is {how}, not by MONTH of {FILE_MONTH}, so taxi_luigi did not make it; {_CURE}")


def check(connection: Connection, layout: Layout, table: Table) -> None:
    """Raise ForeignTable for a table into which our rows do not fit."""
    check_kind(connection, layout, table)
    place = f"{connection.where}: the table {layout.name}"
    for name in layout.own:
        if name not in types(table):
            raise ForeignTable(f"{place} has no column {name}, so taxi_luigi did not make it; {_CURE}")
    for name, kind in types(table).items():
        wanted = TYPES[layout.columns[name]] if name in layout.columns else None
        if wanted is None and kind.startswith("REQUIRED"):
            raise ForeignTable(f"{place} has {name} as {kind}, which our rows do not have; {_CURE}")
        if wanted is not None and kind != wanted:
            raise ForeignTable(f"{place} has {name} as {kind}, not {wanted}; {_CURE}")


def foreign(connection: Connection, layouts: Sequence[Layout]) -> list[str]:
    """Return a line for each of these tables that exists and that taxi_luigi did not make."""
    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(lambda layout: find(connection, layout.name), layouts))
    pairs = zip(layouts, found, strict=True)
    return foreign_of(partial(check, connection, layout, table) for layout, table in pairs if table is not None)


def rows(connection: Connection, name: str) -> int:
    """Rows of a partition, as BigQuery counts them; 0 when there is no such partition."""
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import SchemaField

    listing = connection.client().list_rows(
        connection.table(name),
        selected_fields=[SchemaField(FILE_MONTH, "DATE")],
        max_results=1,  # with 0 the client sends no request
        retry=connection.retry,
        timeout=REQUEST,
    )
    try:
        next(listing.pages, None)
    except NotFound:
        return 0
    return int(listing.total_rows or 0)


def filled(connection: Connection, table: Table, month: Month, columns: Collection[str]) -> frozenset[str]:
    """Those of the columns that have a value in some row of a month; reads its rows until each has one."""
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import SchemaField

    # In the table's order, as the answers are; as texts, of which only their being there counts
    wanted = [SchemaField(field.name, "STRING") for field in table.schema if field.name in columns]
    found: set[str] = set()
    if not wanted:
        return frozenset()
    listing = connection.client().list_rows(
        connection.table(partition(table.table_id, month)),
        selected_fields=wanted,
        page_size=_PAGE,
        retry=connection.retry,
        timeout=REQUEST,
    )
    try:
        for batch in listing.to_arrow_iterable():  # not by the Storage API, which is billed
            found |= {
                name
                for name, values in zip(batch.schema.names, batch.columns, strict=True)
                if values.null_count < len(values)
            }
            if len(found) == len(wanted):
                break
    except NotFound:
        return frozenset()
    return frozenset(found)


def partitions(connection: Connection, table: str) -> dict[str, int]:
    """The partitions that a table has, `202401` → when it last changed, in ms since 1970; none without the table."""
    from google.api_core.exceptions import NotFound
    from google.cloud.bigquery import SchemaField

    # As the client's own list_partitions does, which omits the times and first requests the columns of this table
    listing = connection.client().list_rows(
        connection.table(f"{table}$__PARTITIONS_SUMMARY__"),
        selected_fields=[SchemaField("partition_id", "STRING"), SchemaField("last_modified_time", "INTEGER")],
        retry=connection.retry,
        timeout=REQUEST,
    )
    try:
        return {row["partition_id"]: int(row["last_modified_time"] or 0) for row in listing}
    except NotFound:
        connection.home()
        return {}


def count(connection: Connection, table: str) -> list[tuple[Month | None, int]]:
    """Return the rows of each partition that has any; the month is None for `__NULL__` and for streamed rows."""
    ids = sorted(partitions(connection, table))
    with ThreadPoolExecutor(_THREADS) as pool:
        counts = pool.map(lambda each: rows(connection, f"{table}${each}"), ids)
        return [(_month(each), number) for each, number in zip(ids, counts, strict=True) if number]


def _month(partition_id: str) -> Month | None:
    match = re.fullmatch(r"(\d{4})(\d{2})", partition_id)
    return Month(int(match[1]), int(match[2])) if match else None
