"""`taxi-luigi dbt-sources`: the tables as a sources.yml for dbt, made from the schema."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping

from taxi_luigi.tlc import zones
from taxi_luigi.tlc.datasets import DATASETS, ColumnType
from taxi_luigi.warehouses import MARKERS, ddl, markers

_TARGET = "{{ target.schema }}"
"""dbt's own schema: `main` in DuckDB, `public` in PostgreSQL, unless the profile names another."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.add_argument("--schema", default=_TARGET, help="the schema of the tables; default: that of dbt's target")
    parser.add_argument("--database", help="the database of the tables; default: that of dbt's target")
    parser.set_defaults(run=_dbt_sources)


def sources(schema: str = _TARGET, database: str | None = None) -> str:
    """Return the text of sources.yml.

    Types are written as PostgreSQL does; DuckDB accepts the same names. Every text is quoted as in JSON, which YAML
    reads with the same meaning.
    """
    lines = ["version: 2", "", "sources:", "  - name: taxi_luigi", f"    schema: {json.dumps(schema)}"]
    if database is not None:
        lines.append(f"    database: {json.dumps(database)}")
    lines.append("    tables:")
    for dataset in DATASETS.values():
        meanings = {
            each.name: f"{each.meaning} ({each.unit})" if each.unit else each.meaning for each in dataset.columns
        }
        lines += _table(dataset.table, dataset.meaning, ddl.columns(dataset), meanings)
    lines += _table(zones.TABLE, "TLC's list of taxi zones", zones.COLUMNS, {})
    lines += _table(MARKERS, "one row for each month that is in a table of trips", markers.COLUMNS, {})
    return "\n".join(lines) + "\n"


def _table(name: str, meaning: str, columns: Mapping[str, ColumnType], meanings: Mapping[str, str]) -> Iterable[str]:
    yield f"      - name: {name}"
    yield f"        description: {json.dumps(meaning, ensure_ascii=False)}"
    yield "        columns:"
    yield from _columns(columns, meanings)


def _columns(columns: Mapping[str, ColumnType], meanings: Mapping[str, str]) -> Iterator[str]:
    for name, kind in ddl.postgres_columns(dict(columns)).items():
        yield f"          - name: {name}"
        yield f"            data_type: {kind}"
        if name in meanings:
            yield f"            description: {json.dumps(meanings[name], ensure_ascii=False)}"


def _dbt_sources(arguments: argparse.Namespace) -> int:
    print(sources(arguments.schema, arguments.database), end="")
    return 0
