"""The tables' SQL: what they are made of in each database, and the one place where names are quoted.

Values are never written into a statement; whoever executes it binds them. SQLAlchemy is imported where a PostgreSQL
table is made, not on the path that only asks what is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from taxi_luigi.tlc import zones
from taxi_luigi.tlc.datasets import FILE_MONTH, ColumnType, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import MARKERS, markers

if TYPE_CHECKING:
    from sqlalchemy import Table

Columns = dict[str, ColumnType]
"""Column name → type, in the table's order."""

_DUCKDB: dict[ColumnType, str] = {
    "int32": "INTEGER",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "timestamp[us]": "TIMESTAMP",
    "date32": "DATE",
}

_POSTGRES: dict[ColumnType, str] = {
    "int32": "integer",
    "int64": "bigint",
    "double": "double precision",
    "string": "text",
    "timestamp[us]": "timestamp without time zone",
    "date32": "date",
}
"""As `format_type()` writes them, and SQLAlchemy too, in capitals."""


def quoted(*names: str) -> str:
    """`schema, table` → `"schema"."table"`, whatever characters they hold; good for PostgreSQL and DuckDB."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def sql(text: str, select: str = "", **names: tuple[str, ...]) -> str:
    """A statement with its `{names}` put in, quoted: each a name, or a schema and a name; `{select}` as it stands."""
    return text.format_map({key: quoted(*name) for key, name in names.items()} | {"select": select})


def columns(dataset: Dataset) -> Columns:
    """The canonical columns of one record type."""
    return {column.name: column.type for column in dataset.columns}


def count_values(dataset: Dataset, names: Sequence[str], existing: Collection[str]) -> str:
    """What a query selects that counts the values in each of these columns; 0 for one that the table does not have."""
    ours = columns(dataset).keys() & set(existing)
    return ", ".join(f"count({quoted(name)})" if name in ours else "0" for name in names)


def duckdb_columns(wanted: Columns) -> list[str]:
    """`"name" TYPE` of each, as CREATE TABLE and ADD COLUMN want them."""
    return [f"{quoted(name)} {kind}" for name, kind in duckdb_types(wanted).items()]


def duckdb_types(wanted: Columns) -> dict[str, str]:
    """Name → type, as DuckDB's information_schema writes it."""
    return {name: _DUCKDB[kind] for name, kind in wanted.items()}


def postgres_columns(wanted: Columns) -> dict[str, str]:
    """Name → type, as PostgreSQL's `format_type()` writes it."""
    return {name: _POSTGRES[kind] for name, kind in wanted.items()}


def create_parent(schema: str, dataset: Dataset) -> str:
    """The table that people query: no rows of its own, one partition for each file_month."""
    return _create(_table(schema, dataset.table, columns(dataset), f"LIST ({FILE_MONTH})"))


def create_month(schema: str, name: str, dataset: Dataset, month: Month) -> str:
    """A table for one month's rows, which PostgreSQL can attach without reading them, as the CHECK says what they are.

    Made from our own columns, not LIKE the parent: that would lock the parent from the load's beginning to its end.
    """
    from sqlalchemy import CheckConstraint, and_, literal

    table = _table(schema, name, columns(dataset))
    key = table.c[FILE_MONTH]
    table.append_constraint(CheckConstraint(and_(key.is_not(None), key == literal(month.first_day))))
    return _create(table)


def create_markers(schema: str) -> str:
    """The table of markers, where one color and month can have one marker only."""
    from sqlalchemy import PrimaryKeyConstraint

    table = _table(schema, MARKERS, markers.COLUMNS)
    table.append_constraint(PrimaryKeyConstraint("color", FILE_MONTH))
    return _create(table, if_not_exists=True)


def create_zones(schema: str) -> str:
    """The table of zones."""
    return _create(_table(schema, zones.TABLE, zones.COLUMNS))


def _table(schema: str, name: str, wanted: Columns, partition_by: str | None = None) -> Table:
    from sqlalchemy import BigInteger, Column, Date, Double, Integer, MetaData, Table, Text
    from sqlalchemy.dialects.postgresql import TIMESTAMP
    from sqlalchemy.types import TypeEngine

    types: dict[ColumnType, TypeEngine[Any]] = {
        "int32": Integer(),
        "int64": BigInteger(),
        "double": Double(),
        "string": Text(),
        "timestamp[us]": TIMESTAMP(),
        "date32": Date(),
    }
    return Table(
        name,
        MetaData(schema=schema),
        *(Column(column, types[kind]) for column, kind in wanted.items()),
        postgresql_partition_by=partition_by,
    )


def _create(table: Table, if_not_exists: bool = False) -> str:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    # a paramstyle without percent signs, lest one in a name be doubled
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    return str(CreateTable(table, if_not_exists=if_not_exists).compile(dialect=dialect))
