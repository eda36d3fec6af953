"""Memory of whole runs: the peak of all processes together, over the length of the months and of their row groups."""

from __future__ import annotations

import os
import shutil

from benchmarks import harness
from benchmarks.harness import Scope
from benchmarks.months import made
from benchmarks.pipelines import Database, duckdb_file, load, postgres_database
from tests.support.cdn import Cdn

LENGTHS = (1_400_000, 2_600_000, 20_000_000)
LIMIT = "256MB"
MONTHS = "2021-01..2021-02"
"""one for each worker"""


def table(scope: Scope) -> str:
    """Load two months with two workers, into DuckDB and into PostgreSQL."""
    lengths = [scope.of(rows) for rows in LENGTHS]
    rows = []
    with duckdb_file(scope.folder) as duckdb, postgres_database() as postgres:
        for length, group in [*((length, None) for length in lengths), (lengths[-1], lengths[-1])]:
            cells = [f"{length:,} rows, {'one row group' if group else 'row groups of 1,048,576'}"]
            for database in (duckdb, postgres):
                cells += _measure(scope, database, length, group)
                database.clear()
            rows.append(cells)
            shutil.rmtree(made(scope.folder, "yellow", MONTHS, length, group=group).parent)
    head = ["months", "DuckDB: peak PSS MB", "s", "PostgreSQL: peak PSS MB", "s"]
    return f"2 months, 2 workers, DuckDB's `memory_limit` {LIMIT}.\n\n{harness.markdown(head, rows)}"


def _measure(scope: Scope, database: Database, rows: int, group: int | None) -> list[str]:
    """Return the peak of a sampled run in MB, and its seconds."""
    published, place = made(scope.folder, "yellow", MONTHS, rows, group=group).parent, scope.folder / "run"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    database.clear()
    os.sync()
    settings = database.settings
    settings.setdefault("warehouse.duckdb", {})["memory_limit"] = LIMIT
    with Cdn(published) as cdn:
        one = load(place, cdn.template, settings, ["--months", MONTHS, "--workers", 2], sampled=True)
    harness.show(f"{rows:,} rows into {database.type}", one)
    return [f"{one.pss_mb:.0f}", f"{one.seconds:.1f}"]
