"""Ways of loading a clean month into a new DuckDB file. `python -m benchmarks.to_duckdb WAY CLEAN DATABASE`."""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

from benchmarks.harness import said


def floor(clean: Path, database: Path) -> None:
    """DuckDB's own INSERT FROM read_parquet into a table that is there, in the order that suits it best."""
    _insert(clean, database, {"preserve_insertion_order": "false"})


def defaults(clean: Path, database: Path) -> None:
    """The same with DuckDB's default settings: it keeps the rows in the file's order, which took 1.7 times as long."""
    _insert(clean, database, {})


def _insert(clean: Path, database: Path, settings: dict[str, str | bool | int | float | list[str]]) -> None:
    import duckdb

    began = perf_counter()
    with duckdb.connect(str(database), config=settings) as connection:
        connection.execute("CREATE TABLE trips AS SELECT * FROM read_parquet(?) LIMIT 0", [str(clean)])
        connection.execute("INSERT INTO trips SELECT * FROM read_parquet(?)", [str(clean)])
        [(rows,)] = connection.execute("SELECT count(*) FROM trips").fetchall()
    said(rows, began)


def ours(clean: Path, database: Path) -> None:
    """This project: the swap of the month, the count against the receipt and the marker included."""
    from benchmarks.months import MONTH, clean_file
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.warehouses.duckdb import DuckDB

    file = clean_file(clean)
    began = perf_counter()
    warehouse = DuckDB("benchmark", DuckDB.Settings(database))
    rows = warehouse.replace_month(DATASETS["yellow"], MONTH, file, lambda done, total: None)
    said(rows, began)


WAYS = {"floor": floor, "defaults": defaults, "ours": ours}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
