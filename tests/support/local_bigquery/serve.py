"""Starts local-bigquery, in its own environment, with two settings that take a quarter of its time away.

DuckDB's threads cost more than they bring for tables of a few thousand rows. And DuckDB's client looks for pandas,
which is not installed there, at each statement with parameters, unless the import is known to fail.
"""

from __future__ import annotations

import sys
from typing import Any

import duckdb

_connect = duckdb.connect


def connect(*args: Any, **options: Any) -> duckdb.DuckDBPyConnection:
    connection = _connect(*args, **options)
    connection.execute("SET threads = 1")
    return connection


if __name__ == "__main__":
    duckdb.connect = connect
    sys.modules["pandas"] = None  # type: ignore[assignment]
    from local_bigquery.cli import main

    main()
