"""The tables' SQL: their columns in each database, their CREATE statements, and the quoting of identifiers.

Values are never written into a statement; its caller binds them. Only the functions that create PostgreSQL's tables
import SQLAlchemy, so a query for what is loaded does not.
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
    """Quote an identifier, `schema, table` → `"schema"."table"`, with any characters, for PostgreSQL and DuckDB."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def sql(text: str, select: str = "", **names: tuple[str, ...]) -> str:
    """Insert the identifiers into a statement, quoted.

    Args:
        text: the statement, with `{name}` for each identifier.
        select: the text for `{select}`, inserted unquoted.
        names: the parts of each identifier: a name, or a schema and a name.
    """
    return text.format_map({key: quoted(*name) for key, name in names.items()} | {"select": select})


def columns(dataset: Dataset) -> Columns:
    """Return the canonical columns of one record type."""
    return {column.name: column.type for column in dataset.columns}


def count_values(dataset: Dataset, names: Sequence[str], existing: Collection[str]) -> str:
    """Return a select list that counts the values in each of these columns; 0 for one that the table does not have."""
    ours = columns(dataset).keys() & set(existing)
    return ", ".join(f"count({quoted(name)})" if name in ours else "0" for name in names)


def duckdb_columns(table_columns: Columns) -> list[str]:
    """Return `"name" TYPE` of each column, for CREATE TABLE and ADD COLUMN."""
    return [f"{quoted(name)} {kind}" for name, kind in duckdb_types(table_columns).items()]


def duckdb_types(table_columns: Columns) -> dict[str, str]:
    """Return name → type, as DuckDB shows it."""
    return {name: _DUCKDB[kind] for name, kind in table_columns.items()}


def postgres_columns(table_columns: Columns) -> dict[str, str]:
    """Return name → type, as PostgreSQL's `format_type()` writes it."""
    return {name: _POSTGRES[kind] for name, kind in table_columns.items()}


def create_parent(schema: str, dataset: Dataset) -> str:
    """Return the statement for the parent table, which users query: one partition for each file_month."""
    return _create(_table(schema, dataset.table, columns(dataset), f"LIST ({FILE_MONTH})"))


def create_month(schema: str, name: str, dataset: Dataset, month: Month) -> str:
    """Return the statement for a table of one month's rows.

    With its CHECK constraint PostgreSQL can attach it without reading the rows. It lists the columns rather than uses
    LIKE, which would lock the parent for the whole load.
    """
    from sqlalchemy import CheckConstraint, and_, literal

    table = _table(schema, name, columns(dataset))
    key = table.c[FILE_MONTH]
    table.append_constraint(CheckConstraint(and_(key.is_not(None), key == literal(month.first_day))))
    return _create(table)


def create_markers(schema: str) -> str:
    """Return the statement for the table of markers, with one marker at most for each record type and month."""
    from sqlalchemy import PrimaryKeyConstraint

    table = _table(schema, MARKERS, markers.COLUMNS)
    table.append_constraint(PrimaryKeyConstraint("color", FILE_MONTH))
    return _create(table, if_not_exists=True)


def create_zones(schema: str) -> str:
    """Return the statement for the table of zones."""
    from sqlalchemy import PrimaryKeyConstraint

    table = _table(schema, zones.TABLE, zones.COLUMNS)
    table.append_constraint(PrimaryKeyConstraint(zones.KEY))
    return _create(table)


def _table(schema: str, name: str, table_columns: Columns, partition_by: str | None = None) -> Table:
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
        # An integer that is a primary key would get a sequence
        *(Column(column, types[kind], autoincrement=False) for column, kind in table_columns.items()),
        postgresql_partition_by=partition_by,
    )


def _create(table: Table, if_not_exists: bool = False) -> str:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    # a paramstyle without percent signs, as others double one in an identifier
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    return str(CreateTable(table, if_not_exists=if_not_exists).compile(dialect=dialect))
