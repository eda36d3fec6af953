"""Other ways from published months to a table. `python -m benchmarks.pipeline_peers WAY TYPE DATABASE TEMPLATE MONTHS`.

Each works in the current folder and leaves its rows in a table `trips` of a DuckDB file or of a PostgreSQL database.
Each imports what it needs and nothing else, so that its memory is its own.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 131_072
TYPES = {"int64": "int32", "double": "double", "timestamp[us]": "timestamp[us]", "string": "string"}
"""type in a raw file of 2021 → type in the tables of taxi_luigi"""

COUNTS = ("passenger_count", "ratecodeid")
"""columns of whole numbers that are doubles in a raw file"""

WHOLE = ("vendorid", *COUNTS, "pulocationid", "dolocationid", "payment_type")
"""columns that are int32 in the tables of taxi_luigi"""


def prototype(type: str, database: str, urls: list[str], index: bool = False) -> None:
    """The work of taxi_luigi in the fewest lines: no plan, check, receipt, swap, marker or retry."""
    with multiprocessing.Pool(2) as pool:
        if type == "postgres":
            pool.map(partial(_clean_and_copy, database, index), urls, chunksize=1)
            _as_one_table(database, [_table(url) for url in urls])
        else:
            import duckdb

            with duckdb.connect(database, config={"preserve_insertion_order": "false"}) as connection:
                for clean in pool.imap_unordered(_clean, urls):
                    _insert(connection, f"read_parquet('{clean}')")


def prototype_indexed(type: str, database: str, urls: list[str]) -> None:
    """The same with an index on the pickup time of each month, as taxi_luigi's tables in PostgreSQL have."""
    prototype(type, database, urls, index=True)


def _fetch(url: str) -> Path:
    path = Path(url.rpartition("/")[2])
    with urllib.request.urlopen(url) as response, path.open("wb") as file:
        shutil.copyfileobj(response, file, 1 << 20)
    return path


def _schema(raw: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    names = [name.lower() for name in raw.names]
    types = ["int64" if name in COUNTS else str(field.type) for name, field in zip(names, raw, strict=True)]
    return pa.schema([(name, pa.type_for_alias(TYPES[kind])) for name, kind in zip(names, types, strict=True)])


def _clean(url: str) -> Path:
    """Download a month and write it again with the canonical names and types, in a stream."""
    import pyarrow.parquet as pq

    raw = _fetch(url)
    clean = raw.with_name(f"clean-{raw.name}")
    with pq.ParquetFile(raw) as file:
        schema = _schema(file.schema_arrow)
        with pq.ParquetWriter(clean, schema, compression="zstd") as writer:
            for batch in file.iter_batches(BATCH):
                writer.write_batch(batch.rename_columns(schema.names).cast(schema))
    return clean


def _insert(connection: Any, relation: str) -> None:
    connection.execute(f"CREATE TABLE IF NOT EXISTS trips AS SELECT * FROM {relation} LIMIT 0")
    connection.execute(f"INSERT INTO trips SELECT * FROM {relation}")


def _table(url: str) -> str:
    return "trips_" + url.rpartition("_")[2].partition(".")[0].replace("-", "_")


def _clean_and_copy(database: str, index: bool, url: str) -> None:
    """A table for each month, as COPY of pgpq's binary format, encoded batch by batch while it is sent."""
    import psycopg2
    import pyarrow.parquet as pq
    from pgpq import ArrowToPostgresBinaryEncoder

    clean = _clean(url)
    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor, pq.ParquetFile(clean) as file:
        encoder = ArrowToPostgresBinaryEncoder(file.schema_arrow)
        types = {"int32": "integer", "double": "double precision", "timestamp[us]": "timestamp", "string": "text"}
        columns = ", ".join(f"{field.name} {types[str(field.type)]}" for field in file.schema_arrow)
        cursor.execute(f"CREATE TABLE {_table(url)} ({columns})")

        def chunks() -> Any:
            yield encoder.write_header()
            for batch in file.iter_batches(16_384):
                yield encoder.write_batch(batch)
            yield encoder.finish()

        class Stream:
            parts = filter(None, chunks())

            def read(self, _size: int) -> bytes:
                return next(self.parts, b"")

        cursor.copy_expert(f"COPY {_table(url)} FROM STDIN (FORMAT binary)", Stream())  # type: ignore[arg-type]
        if index:
            cursor.execute(f"CREATE INDEX ON {_table(url)} (tpep_pickup_datetime)")
    connection.close()


def _as_one_table(database: str, tables: list[str]) -> None:
    import psycopg2

    connection = psycopg2.connect(database)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE VIEW trips AS {' UNION ALL '.join(f'SELECT * FROM {name}' for name in tables)}")
    connection.close()


def script(type: str, database: str, urls: list[str]) -> None:
    """DuckDB with its default settings: one INSERT of all files."""
    import duckdb

    with duckdb.connect(database) as connection:
        _insert(connection, f"read_parquet({_readable(connection, urls)})")


def script_files(type: str, database: str, urls: list[str]) -> None:
    """The same with a clean file for each month: DuckDB casts, writes zstd, and inserts from these files."""
    import duckdb

    casts = ", ".join(f"{name}::INTEGER AS {name}" for name in WHOLE)
    with duckdb.connect(database) as connection:
        files = _readable(connection, urls)
        for file in files:
            clean = f"clean-{file.rpartition('/')[2]}"
            trips = f"SELECT * REPLACE ({casts}) FROM read_parquet('{file}')"
            connection.execute(f"COPY ({trips}) TO '{clean}' (FORMAT parquet, COMPRESSION zstd)")
            _insert(connection, f"read_parquet('{clean}')")


def _readable(connection: Any, urls: list[str]) -> list[str]:
    """Return the URLs where the extension httpfs is installed, else the files of them."""
    import duckdb

    try:
        connection.execute("LOAD httpfs")
    except duckdb.Error:
        return [str(_fetch(url)) for url in urls]
    return urls


def polars(type: str, database: str, urls: list[str]) -> None:
    """Month by month: a DataFrame of the address, cast, written as parquet, and inserted."""
    import polars as pl

    for url in urls:
        trips = pl.read_parquet(url).rename(str.lower).with_columns(pl.col(WHOLE).cast(pl.Int32))
        trips.write_parquet(f"clean-{url.rpartition('/')[2]}", compression="zstd")
        if type == "postgres":
            from adbc_driver_postgresql import dbapi

            with dbapi.connect(database) as connection, connection.cursor() as cursor:
                cursor.adbc_ingest("trips", trips, mode="create_append")
                connection.commit()
        else:
            import duckdb

            with duckdb.connect(database, config={"preserve_insertion_order": "false"}) as connection:
                connection.register("frame", trips.to_arrow())
                _insert(connection, "frame")


def dlt_csv(type: str, database: str, urls: list[str]) -> None:
    """dlt as `pip install dlt[postgres]` makes it: a resource that yields Arrow batches goes to COPY as csv."""
    _dlt(database, urls, "csv")


def dlt_parquet(type: str, database: str, urls: list[str]) -> None:
    """dlt with adbc-driver-postgresql installed, which it then prefers: parquet, by ADBC."""
    _dlt(database, urls, "parquet")


def _dlt(database: str, urls: list[str], loader_file_format: Literal["csv", "parquet"]) -> None:
    folder = str(Path.cwd() / "dlt")
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": folder}
    import dlt
    import pyarrow.parquet as pq

    @dlt.resource(name="trips", write_disposition="replace")
    def trips():  # type: ignore[no-untyped-def]
        for url in urls:
            yield from pq.ParquetFile(_fetch(url)).iter_batches(batch_size=BATCH)

    destination = dlt.destinations.postgres(database)
    pipeline = dlt.pipeline("benchmark", folder, destination=destination, dataset_name="public")
    pipeline.run(trips(), loader_file_format=loader_file_format)


def course(type: str, database: str, urls: list[str]) -> None:
    """The course's way: a DataFrame, one fillna, to_parquet with gzip, and to_sql with its default method."""
    import pandas as pd
    import sqlalchemy

    engine = sqlalchemy.create_engine(database.replace("postgresql://", "postgresql+psycopg2://"))
    for url in urls:
        trips = pd.read_parquet(_fetch(url))
        trips["passenger_count"] = trips["passenger_count"].fillna(0)
        trips.to_parquet(f"clean-{url.rpartition('/')[2]}", compression="gzip")
        trips.to_sql("trips", engine, if_exists="append", index=False, chunksize=100_000)
    engine.dispose()


WAYS: dict[str, Callable[[str, str, list[str]], None]] = {
    way.__name__: way
    for way in (prototype, prototype_indexed, script, script_files, polars, dlt_csv, dlt_parquet, course)
}


def _main(way: str, type: str, database: str, template: str, months: str) -> None:
    first, _, last = months.partition("..")
    numbers = range(int(first[5:]), int(last[5:]) + 1)
    WAYS[way](type, database, [template.format(color="yellow", year=int(first[:4]), month=each) for each in numbers])


if __name__ == "__main__":
    _main(*sys.argv[1:])
