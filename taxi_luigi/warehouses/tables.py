"""The tables of a PostgreSQL schema: made on first use, checked before every load, widened for a new column."""

from __future__ import annotations

from taxi_luigi.datasets import FILE_MONTH, Dataset
from taxi_luigi.errors import WarehouseError
from taxi_luigi.warehouses import ddl
from taxi_luigi.warehouses.libpq import Cursor, run
from taxi_luigi.warehouses.partitions import Table, claim, patiently

_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""


def columns(cursor: Cursor, table: Table) -> dict[str, str]:
    """Name → type of a table's columns; none when there is no such table."""
    cursor.execute(_COLUMNS, (ddl.quoted(*table),))
    return dict(cursor.fetchall())


def prepare(cursor: Cursor, where: str, schema: str, dataset: Dataset, wait: float) -> None:
    """Leaves the parent table with every canonical column, and the markers, for whoever asks first.

    To be called in a transaction of its own. Raises WarehouseError when the schema does not exist, or when it holds a
    table of that name into which this month's rows would not fit.
    """
    claim(cursor, where, f"the set of tables in schema {schema}", wait)
    parent = (schema, dataset.table)
    existing, wanted = columns(cursor, parent), ddl.postgres_columns(ddl.columns(dataset))
    if not existing:
        cursor.execute(ddl.create_parent(schema, dataset))
    else:
        _check(cursor, where, parent, existing, wanted)
        missing = {name: kind for name, kind in wanted.items() if name not in existing}
        if missing:
            patiently(cursor, where, parent, wait, lambda: _add(cursor, parent, missing))
    cursor.execute(ddl.create_markers(schema))


def _add(cursor: Cursor, parent: Table, missing: dict[str, str]) -> None:
    for name, kind in missing.items():
        run(cursor, "ALTER TABLE {parent} ADD COLUMN {name} " + kind, parent=parent, name=(name,))


def _check(cursor: Cursor, where: str, parent: Table, existing: dict[str, str], wanted: dict[str, str]) -> None:
    cursor.execute("SELECT pg_get_partkeydef(to_regclass(%s))", (ddl.quoted(*parent),))
    table = f"{where}: the table {'.'.join(parent)}"
    if cursor.fetchone() != (f"LIST ({FILE_MONTH})",):
        raise WarehouseError(
            f"{table} is not partitioned by {FILE_MONTH}, so taxi_luigi did not make it; "
            "rename it or set another schema"
        )
    unknown = sorted(existing.keys() - wanted.keys())
    if unknown:
        raise WarehouseError(
            f"{table} has columns unknown to this version of taxi_luigi: {', '.join(unknown)}; upgrade or drop them"
        )
    for name, kind in existing.items():
        if kind != wanted[name]:
            raise WarehouseError(
                f"{table} has {name} as {kind}, not {wanted[name]}; rename the table or set another schema"
            )
