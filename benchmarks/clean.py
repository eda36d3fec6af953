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


def ours(raw: Path, clean: Path) -> None:
    """This project: canonical columns, every rule counted, rejects and receipt included."""
    from benchmarks.months import raw_receipt
    from taxi_luigi.clean import clean_month
    from taxi_luigi.datasets import DATASETS
    from taxi_luigi.rules import CleanRules

    receipt, month = raw_receipt(raw)
    began = perf_counter()
    account = clean_month(
        dataset=DATASETS["yellow"],
        month=month,
        raw=raw,
        raw_receipt=receipt,
        edition=f"{receipt.edition}-benchmark",
        rules=CleanRules(),
        clean=clean,
        rejects=clean.with_name("rejects.parquet"),
        progress=lambda done, total: None,
    )
    said(account.rows_in, began)


WAYS = {"floor": floor, "floor_streamed": floor_streamed, "pandas_gzip": pandas_gzip, "ours": ours}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
