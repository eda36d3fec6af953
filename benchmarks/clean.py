"""Ways of turning a raw month into a clean parquet file. `python -m benchmarks.clean WAY RAW CLEAN`.

Each way imports what it needs and nothing else, so that its memory is its own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

from benchmarks.harness import said


def floor(raw: Path, clean: Path) -> None:
    """pyarrow reads and writes zstd, row group by row group, no transform: the quickest of its ways (Nov 2026)."""
    import pyarrow.parquet as pq

    began = perf_counter()
    with pq.ParquetFile(raw) as file, pq.ParquetWriter(clean, file.schema_arrow, compression="zstd") as writer:
        for number in range(file.num_row_groups):
            writer.write_table(file.read_row_group(number))
        rows = file.metadata.num_rows
    said(rows, began)


def floor_streamed(raw: Path, clean: Path) -> None:
    """The same in batches: memory does not grow with the row groups, and some months are one row group."""
    import pyarrow.parquet as pq

    began = perf_counter()
    with pq.ParquetFile(raw) as file, pq.ParquetWriter(clean, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches(batch_size=131_072):
            writer.write_batch(batch)
        rows = file.metadata.num_rows
    said(rows, began)


def pandas_gzip(raw: Path, clean: Path) -> None:
    """The course's way: the whole month as a DataFrame, one fillna, and to_parquet with gzip."""
    import pandas as pd

    began = perf_counter()
    trips = pd.read_parquet(raw)
    trips["passenger_count"] = trips["passenger_count"].fillna(0)
    trips.to_parquet(clean, compression="gzip")
    said(len(trips), began)


def csv_floor(raw: Path, clean: Path) -> None:
    """pyarrow.csv reads the inflated text in batches, and nothing is made of it: every column stays text."""
    import pyarrow as pa
    import pyarrow.csv
    from isal import igzip

    began = perf_counter()
    with igzip.open(raw) as stream:
        names = stream.readline().decode().strip().split(",")
    text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    with igzip.open(raw) as stream:
        blocks = pyarrow.csv.ReadOptions(block_size=4 << 20)
        rows = sum(batch.num_rows for batch in pyarrow.csv.open_csv(stream, blocks, convert_options=text))
    said(rows, began)


def csv_read(raw: Path, clean: Path) -> None:
    """This project's reader alone: typed batches, records counted beside the parser, and nothing made of them."""
    from contextlib import closing

    from benchmarks.months import named
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.transform.column_mapping import match
    from taxi_luigi.transform.readers import open_raw

    color, month = named(raw)
    began = perf_counter()
    with open_raw(raw) as source:
        types = match(DATASETS[color], month, "csv", source.schema, raw).types
        with closing(source.chunks(types)) as chunks:
            rows = sum(chunk.batch.num_rows for chunk in chunks)
    said(rows, began)


def ours(raw: Path, clean: Path) -> None:
    """This project: canonical columns, every rule counted, rejects and receipt included."""
    from benchmarks.months import named, raw_receipt
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.transform.clean import clean_month
    from taxi_luigi.transform.clean_settings import CleanRules

    receipt = raw_receipt(raw)
    color, month = named(raw)
    began = perf_counter()
    account = clean_month(
        dataset=DATASETS[color],
        month=month,
        raw=raw,
        raw_receipt=receipt,
        edition=f"{receipt.edition}-benchmark",
        rules=CleanRules(),
        clean=clean,
        rejects=clean.with_name("rejects.parquet"),
        progress=lambda done, total: None,
    )
    said(account.rows_in, began, columns=len(account.layout))


WAYS = {
    "floor": floor,
    "floor_streamed": floor_streamed,
    "pandas_gzip": pandas_gzip,
    "csv_floor": csv_floor,
    "csv_read": csv_read,
    "ours": ours,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
