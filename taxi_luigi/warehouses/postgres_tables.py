"""The tables of a PostgreSQL schema: created on first use, checked before every load, extended by new columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from taxi_luigi.core.errors import ForeignTable
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, Dataset
from taxi_luigi.tlc.zones import COLUMNS as ZONE_COLUMNS
from taxi_luigi.tlc.zones import KEY as ZONE_KEY
from taxi_luigi.tlc.zones import TABLE as ZONES
from taxi_luigi.warehouses import MARKERS, check_zone_columns, ddl, foreign_of, markers
from taxi_luigi.warehouses.postgres_connection import Cursor, run
from taxi_luigi.warehouses.postgres_partitions import Table, attempt, lock_name, with_lock_retry

_NOT_OURS = "so taxi_luigi did not make it; rename it or set another schema"

_KINDS = {
    "r": "a table",
    "p": "a partitioned table",
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "I": "a partitioned index",
    "c": "a composite type",
}
"""PostgreSQL's pg_class.relkind"""

_RELATIONS = """
    SELECT relname::text, relkind::text, pg_get_partkeydef(pg_class.oid), pg_has_role(relowner, 'USAGE'),
        EXISTS (SELECT FROM pg_constraint WHERE conrelid = pg_class.oid AND contype = 'p'),
        obj_description(pg_class.oid, 'pg_class') IS NOT NULL,
        attname::text, format_type(atttypid, atttypmod), col_description(pg_class.oid, attnum) IS NOT NULL
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
    WHERE nspname = %s AND relname = ANY (%s)
    ORDER BY relname, attnum
"""
"""Requires no permission on the tables or the schema."""


@dataclass(frozen=True)
class Relation:
    """A table, view or other object of the schema."""

    kind: str
    """pg_class.relkind"""
    partitioned_by: str | None
    ours: bool
    """whether this user may change it, as its owner"""
    has_key: bool
    columns: dict[str, str] = field(default_factory=dict)
    """name → type, as `format_type()` writes it"""
    uncommented: list[str] = field(default_factory=list)
    """the columns without a comment, and '' where the table itself has none"""


def relations(cursor: Cursor, schema: str, names: Sequence[str]) -> dict[str, Relation]:
    """Return the objects of the schema that have one of these names, by name."""
    cursor.execute(_RELATIONS, (schema, list(names)))
    found: dict[str, Relation] = {}
    for name, kind, partitioned_by, ours, has_key, commented, column, type_, column_commented in cursor:
        if name not in found:
            found[name] = Relation(kind, partitioned_by, ours, has_key, uncommented=[] if commented else [""])
        if column is not None:
            found[name].columns[column] = type_
            if not column_commented:
                found[name].uncommented.append(column)
    return found


def find(cursor: Cursor, where: str, schema: str, dataset: Dataset) -> dict[str, Relation]:
    """Return the table of the record type and the markers, as far as they exist, by name.

    Raises:
        ForeignTable: taxi_luigi did not make one of them.
    """
    found = relations(cursor, schema, (dataset.table, MARKERS))
    if dataset.table in found:
        _check_parent(where, (schema, dataset.table), found[dataset.table])
    if MARKERS in found:
        _check_markers(where, (schema, MARKERS), found[MARKERS])
    return found


def has_zones(cursor: Cursor, where: str, schema: str) -> bool:
    """Return whether the table of zones exists.

    Raises:
        ForeignTable: taxi_luigi did not make it.
    """
    relation = relations(cursor, schema, (ZONES,)).get(ZONES)
    if relation is not None:
        _check_kind(where, (schema, ZONES), relation)
        check_zone_columns(where, relation.columns, ddl.postgres_columns(ZONE_COLUMNS))
    return relation is not None


def foreign(cursor: Cursor, where: str, schema: str) -> list[str]:
    """Return a line for each object that has the name of one of our tables and that taxi_luigi did not make."""
    found = relations(cursor, schema, [*(dataset.table for dataset in DATASETS.values()), MARKERS])
    table_checks: list[Callable[[], object]] = [partial(has_zones, cursor, where, schema)]
    for dataset in DATASETS.values():
        if dataset.table in found:
            table_checks.append(partial(_check, where, (schema, dataset.table), found[dataset.table], dataset))
    if MARKERS in found:
        table_checks.append(partial(check_markers, where, schema, found[MARKERS]))
    return foreign_of(table_checks)


def prepare(cursor: Cursor, where: str, schema: str, dataset: Dataset, wait: float) -> bool:
    """Create the parent table and the markers, or add the canonical columns that an older parent table lacks.

    Call it in a transaction of its own.

    Args:
        cursor: a cursor in that transaction.
        where: the beginning of errors, which names the warehouse.
        schema: the schema of the tables.
        dataset: the record type of the parent table.
        wait: seconds to wait for each lock.

    Returns:
        Whether the markers lack a column. `widen_markers` adds it in a second transaction: this one would keep the
        parent locked while it waits for the lock on the markers. So comments that an older version's tables lack are
        added by a load that adds no column.

    Raises:
        WarehouseError: the schema does not exist, or the month's rows do not fit into its table of that name.
    """
    lock_name(cursor, where, f"the set of tables in schema {schema}", wait)
    parent = (schema, dataset.table)
    found, missing = relations(cursor, schema, (dataset.table, MARKERS)), {}
    if dataset.table not in found:
        cursor.execute(ddl.create_parent(schema, dataset))
    else:
        _check(where, parent, found[dataset.table], dataset)
        wanted = ddl.postgres_columns(ddl.columns(dataset))
        missing = {name: kind for name, kind in wanted.items() if name not in found[dataset.table].columns}
        if missing:
            with_lock_retry(cursor, where, parent, wait, lambda: _add(cursor, parent, missing))
    if MARKERS in found:
        check_markers(where, schema, found[MARKERS])
        narrow = not found[MARKERS].columns.keys() >= markers.COLUMNS.keys()
    else:
        cursor.execute(ddl.create_markers(schema))
        narrow = False
    if not (missing or narrow):
        add_comments(cursor, schema, {dataset.table: dataset.descriptions, MARKERS: markers.DESCRIPTIONS})
    return narrow


def add_comments(cursor: Cursor, schema: str, descriptions: Mapping[str, Mapping[str, str]]) -> None:
    """Add the comments that tables and their columns lack, as far as this user may and no other transaction minds.

    A comment of a user's own stays. What is not added now is added by a later load.

    Args:
        cursor: a cursor in a transaction.
        schema: the schema of the tables.
        descriptions: table → column → text, and the table's own under ''.
    """
    for name, relation in relations(cursor, schema, [*descriptions]).items():
        texts = descriptions[name]
        lacking = [column for column in relation.uncommented if column in texts]
        if lacking and relation.ours:

            def comment(
                table: Table = (schema, name), of: list[str] = lacking, texts: Mapping[str, str] = texts
            ) -> None:
                for column in of:
                    what = "COLUMN {table}.{column}" if column else "TABLE {table}"
                    run(cursor, f"COMMENT ON {what} IS %s", texts[column], table=table, column=(column,))

            attempt(cursor, comment)


def add_zone_key(cursor: Cursor, schema: str) -> None:
    """Add the primary key that an older version's table of zones lacks; as `add_comments`."""
    relation = relations(cursor, schema, (ZONES,))[ZONES]
    if relation.ours and not relation.has_key:
        table, key = (schema, ZONES), (ZONE_KEY,)
        attempt(cursor, lambda: run(cursor, "ALTER TABLE {table} ADD PRIMARY KEY ({key})", table=table, key=key))


def widen_markers(cursor: Cursor, where: str, schema: str, wait: float) -> None:
    """Add the columns that an older version's table of markers lacks; call it in a transaction of its own."""
    lock_name(cursor, where, f"the set of tables in schema {schema}", wait)
    table = (schema, MARKERS)
    wanted = ddl.postgres_columns(markers.COLUMNS)
    later = {name: kind for name, kind in wanted.items() if name not in markers.FIRST_COLUMNS}
    with_lock_retry(cursor, where, table, wait, lambda: _add(cursor, table, later))


def _add(cursor: Cursor, parent: Table, missing: dict[str, str]) -> None:
    for name, kind in missing.items():
        run(cursor, "ALTER TABLE {parent} ADD COLUMN IF NOT EXISTS {name} " + kind, parent=parent, name=(name,))


def _check_kind(where: str, table: Table, relation: Relation) -> None:
    if relation.kind != "r":
        what = _KINDS.get(relation.kind, f"of kind {relation.kind}")
        raise ForeignTable(f"{where}: {'.'.join(table)} is {what}, {_NOT_OURS}")


def check_markers(where: str, schema: str, relation: Relation) -> None:
    """Check the markers before they are changed. Raise ForeignTable, also for a later version's."""
    _check_markers(where, (schema, MARKERS), relation)
    markers.check_version(where, relation.columns)


def _check_markers(where: str, table: Table, relation: Relation) -> None:
    _check_kind(where, table, relation)
    for name, kind in ddl.postgres_columns(markers.COLUMNS).items():
        has = relation.columns.get(name)
        if has is None and name not in markers.FIRST_COLUMNS:
            continue
        if has is None:
            raise ForeignTable(f"{where}: the table {'.'.join(table)} has no column {name}, {_NOT_OURS}")
        if has != kind:
            raise ForeignTable(f"{where}: the table {'.'.join(table)} has {name} as {has}, not {kind}, {_NOT_OURS}")


def _check_parent(where: str, parent: Table, relation: Relation) -> None:
    if relation.kind not in ("r", "p"):
        _check_kind(where, parent, relation)
    # with quote_all_identifiers the server puts the name in quotes
    if (relation.partitioned_by or "").replace('"', "") != f"LIST ({FILE_MONTH})":
        raise ForeignTable(f"{where}: the table {'.'.join(parent)} is not partitioned by {FILE_MONTH}, {_NOT_OURS}")


def _check(where: str, parent: Table, relation: Relation, dataset: Dataset) -> None:
    """Check the parent table, and that the rows of a load fit into it."""
    _check_parent(where, parent, relation)
    table, wanted = f"{where}: the table {'.'.join(parent)}", ddl.postgres_columns(ddl.columns(dataset))
    unknown = sorted(relation.columns.keys() - wanted.keys())
    if unknown:
        raise ForeignTable(
            f"{table} has columns unknown to this version of taxi_luigi: {', '.join(unknown)}; upgrade or drop them"
        )
    for name, kind in relation.columns.items():
        if kind != wanted[name]:
            raise ForeignTable(
                f"{table} has {name} as {kind}, not {wanted[name]}; rename the table or set another schema"
            )
