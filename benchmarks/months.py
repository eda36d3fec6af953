"""The made-up month that every way is given, and its receipts. `python -m benchmarks.months --help`."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from benchmarks.harness import said
from taxi_luigi.months import Month, month_range
from taxi_luigi.receipt import CleanReceipt, RawReceipt

MONTH = Month(2021, 1)
RAW = f"yellow_tripdata_{MONTH}.parquet"


def raw_receipt(raw: Path) -> tuple[RawReceipt, Month]:
    """What a download would have left beside the file; the sha256 is made up, as nobody here times a download."""
    receipt = RawReceipt(
        url=raw.as_uri(),
        etag=None,
        last_modified=None,
        bytes=raw.stat().st_size,
        sha256="0" * 64,
        edition="benchmark0",
        downloaded_at="2026-11-21T00:00:00Z",
    )
    return receipt, MONTH


def clean_receipt(clean: Path) -> CleanReceipt:
    """The receipt that a clean file carries."""
    import pyarrow.parquet as pq

    from taxi_luigi.receipt import FOOTER_KEY

    return CleanReceipt.from_json(pq.read_metadata(clean).metadata[FOOTER_KEY.encode()])


def _write(folder: Path, rows: int, row_group_rows: int | None, months: list[Month]) -> None:
    from taxi_luigi.sample import write_month

    began = perf_counter()
    for month in months:
        write_month(folder, "yellow", month, rows, row_group_rows=row_group_rows)
    said(rows * len(months), began)


def main() -> None:
    """Writes what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--row-group-rows", type=int)
    parser.add_argument("--months", default=f"{MONTH}..{MONTH}")
    given = parser.parse_args()
    first, last = (Month.parse(text) for text in given.months.split(".."))
    _write(given.folder, given.rows, given.row_group_rows, list(month_range(first, last)))


if __name__ == "__main__":
    main()
