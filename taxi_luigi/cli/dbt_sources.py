"""`taxi-luigi dbt-sources`: the tables as a sources.yml for dbt, made from the schema."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from taxi_luigi.cli.output import add_json, print_json
from taxi_luigi.tlc import zones
from taxi_luigi.tlc.datasets import DATASETS, ColumnType
from taxi_luigi.warehouses import MARKERS, ddl, markers

_TARGET = "{{ target.schema }}"
"""dbt's own schema: `main` in DuckDB, `public` in PostgreSQL, unless the profile names another."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.add_argument("--schema", default=_TARGET, help="the schema of the tables; default: that of dbt's target")
    parser.add_argument("--database", help="the database of the tables; default: that of dbt's target")
    add_json(parser)
    parser.set_defaults(run=_dbt_sources)


def sources(schema: str = _TARGET, database: str | None = None) -> str:
    """Return the text of sources.yml.

    Every text is quoted as in JSON, which YAML reads with the same meaning.
    """
    lines = ["version: 2", "", "sources:", "  - name: taxi_luigi", f"    schema: {json.dumps(schema)}"]
    if database is not None:
        lines.append(f"    database: {json.dumps(database)}")
    lines.append("    tables:")
    for table in tables():
        lines += [f"      - name: {table['name']}", f"        description: {_quoted(table['description'])}"]
        if table["loaded_at_field"] is not None:
            lines += ["        config:", f"          loaded_at_field: {table['loaded_at_field']}"]
        lines.append("        columns:")
        for column in table["columns"]:
            lines += [f"          - name: {column['name']}", f"            data_type: {column['data_type']}"]
            if column["description"] is not None:
                lines.append(f"            description: {_quoted(column['description'])}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def tables() -> Iterator[dict[str, Any]]:
    """Yield name, description, columns and loaded_at_field of every table.

    Types are written as PostgreSQL does; DuckDB accepts the same names. `loaded_at_field` is the column that dbt's
    source freshness reads, None in a table that has none.
    """
    for dataset in DATASETS.values():
        yield _table(dataset.table, dataset.meaning, ddl.columns(dataset), dataset.descriptions)
    yield _table(zones.TABLE, zones.DESCRIPTIONS[""], zones.COLUMNS, zones.DESCRIPTIONS)
    yield _table(MARKERS, markers.DESCRIPTIONS[""], markers.COLUMNS, markers.DESCRIPTIONS, "loaded_at")


def _table(
    name: str,
    meaning: str,
    columns: Mapping[str, ColumnType],
    meanings: Mapping[str, str],
    loaded_at_field: str | None = None,
) -> dict[str, Any]:
    described = [
        {"name": column, "data_type": kind, "description": meanings.get(column)}
        for column, kind in ddl.postgres_columns(dict(columns)).items()
    ]
    return {"name": name, "description": meaning, "columns": described, "loaded_at_field": loaded_at_field}


def _dbt_sources(arguments: argparse.Namespace) -> int:
    if arguments.json:
        print_json({"schema": arguments.schema, "database": arguments.database, "tables": list(tables())})
    else:
        print(sources(arguments.schema, arguments.database), end="")
    return 0
