"""Ways of loading a clean month into PostgreSQL. `python -m benchmarks.to_postgres WAY CLEAN URL [READY]`.

READY is the same rows in the server's own COPY BINARY format, as `ready` leaves them, where the server can read them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Literal

from benchmarks.harness import said

COURSE_CHUNK = 100_000


def ready(clean: Path, url: str, file: str) -> None:
    """Load the month our way, keep an empty copy of its table's definition, and have the server write it to a file."""
    import psycopg2

    ours(clean, url)
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'yellow_tripdata'::regclass")
        [(month,)] = cursor.fetchall()
        cursor.execute(f"CREATE TABLE same_columns (LIKE {month} INCLUDING CONSTRAINTS)")
        cursor.execute(f"COPY {month} TO %s WITH (FORMAT binary)", [file])
    connection.close()


def floor(clean: Path, url: str, file: str) -> None:
    """Have the server COPY a ready file into a new table, and build the index of ours: no client can be faster."""
    import psycopg2

    began = perf_counter()
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS trips_by_server")
        cursor.execute("CREATE TABLE trips_by_server (LIKE same_columns INCLUDING CONSTRAINTS)")
        cursor.execute("COPY trips_by_server FROM %s WITH (FORMAT binary)", [file])
        rows = cursor.rowcount
        cursor.execute("CREATE INDEX ON trips_by_server (tpep_pickup_datetime)")
    connection.close()
    said(rows, began)


def ours(clean: Path, url: str) -> None:
    """This project: copy, index, swap, the count against the receipt and the marker included."""
    from benchmarks.months import MONTH, clean_file
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.warehouses.postgres import Postgres

    file = clean_file(clean)
    began = perf_counter()
    warehouse = Postgres("benchmark", Postgres.Settings(url=url, schema="public"))
    rows = warehouse.replace_month(DATASETS["yellow"], MONTH, file, lambda done, total: None)
    said(rows, began)


def to_sql(clean: Path, url: str) -> None:
    """The course's way: DataFrame.to_sql with its default method, 100,000 rows at a time."""
    import pandas as pd
    import sqlalchemy

    began = perf_counter()
    trips = pd.read_parquet(clean)
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    trips.to_sql("trips_by_pandas", engine, if_exists="replace", index=False, chunksize=COURSE_CHUNK)
    engine.dispose()
    said(len(trips), began)


def dlt_csv(clean: Path, url: str) -> None:
    """dlt as `pip install dlt[postgres]` makes it: a resource that yields Arrow tables goes to COPY as csv."""
    _dlt(clean, url, "csv")


def dlt_parquet(clean: Path, url: str) -> None:
    """dlt with adbc-driver-postgresql beside it, which it then uses without being asked: parquet, by ADBC."""
    _dlt(clean, url, "parquet")


def _dlt(clean: Path, url: str, loader_file_format: Literal["csv", "parquet"]) -> None:
    folder = str(clean.parent / "dlt")
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": folder}
    import dlt
    import pyarrow.parquet as pq

    began = perf_counter()

    @dlt.resource(name="trips", write_disposition="replace")
    def trips():  # type: ignore[no-untyped-def]
        yield from pq.ParquetFile(clean).iter_batches(batch_size=COURSE_CHUNK)

    destination = dlt.destinations.postgres(url)
    pipeline = dlt.pipeline("benchmark", folder, destination=destination, dataset_name="trips_by_dlt")
    pipeline.run(trips(), loader_file_format=loader_file_format)
    with pipeline.sql_client() as client:
        [(rows,)] = client.execute_sql("SELECT count(*) FROM trips")
    said(rows, began)


WAYS: dict[str, Callable[..., None]] = {
    "ready": ready,
    "floor": floor,
    "ours": ours,
    "to_sql": to_sql,
    "dlt_csv": dlt_csv,
    "dlt_parquet": dlt_parquet,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
