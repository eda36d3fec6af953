"""Starts local-bigquery, in its own environment, with three settings that take a third of its time away.

DuckDB's threads and its optimizers cost more than they bring for tables of a few thousand rows. And DuckDB's client
looks for pandas, which is not installed there, at each statement with parameters, unless the import is known to fail.
"""

from __future__ import annotations

import sys
from typing import Any

import duckdb

_connect = duckdb.connect


def connect(*args: Any, **options: Any) -> duckdb.DuckDBPyConnection:
    connection = _connect(*args, **options)
    connection.execute("SET threads = 1")
    [(optimizers,)] = connection.execute("SELECT string_agg(name) FROM duckdb_optimizers()").fetchall()
    connection.execute(f"SET GLOBAL disabled_optimizers = '{optimizers}'")
    return connection


if __name__ == "__main__":
    duckdb.connect = connect
    sys.modules["pandas"] = None  # type: ignore[assignment]
    from local_bigquery.cli import main

    main()
