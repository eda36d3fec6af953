"""The made-up month that every way is given, and its receipts. `python -m benchmarks.months --help`."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.harness import Way, run, said
from taxi_luigi.core.receipts import RawReceipt
from taxi_luigi.tlc.months import Month, month_range

if TYPE_CHECKING:
    from taxi_luigi.warehouses import CleanFile

MONTH = Month(2021, 1)
RAW = f"yellow_tripdata_{MONTH}.parquet"


def made(folder: Path, color: str, months: str, rows: int, form: str = "parquet", group: int | None = None) -> Path:
    """Make up months in a folder of their own, in a process, unless they are there.

    Args:
        folder: gets a folder for each kind of month.
        color: the record type.
        months: `2021-01`, or a range `2021-01..2021-06`.
        rows: of each month.
        form: `parquet` or `csv.gz`.
        group: rows of a row group; None: as TLC's files have them.

    Returns:
        The file of the first month, which the others stand beside.
    """
    first, _, last = months.partition("..")
    path = folder / f"{color}-{form}-{rows}-{group}" / f"{color}_tripdata_{first}.{form}"
    if not path.exists():
        options = ("--color", color, "--form", form, "--months", f"{first}..{last or first}")
        groups = ("--row-group-rows", str(group)) if group else ()
        run(Way("make up months", ("benchmarks.months", str(path.parent), str(rows), *options, *groups)))
    return path


def named(raw: Path) -> tuple[str, Month]:
    """Return color and month of a file named as TLC names it."""
    color, _, rest = raw.name.partition("_tripdata_")
    return color, Month.parse(rest[:7])


def raw_receipt(raw: Path) -> RawReceipt:
    """Return what a download would have left beside the file; the sha256 is made up."""
    return RawReceipt(
        url=raw.as_uri(),
        etag=None,
        last_modified=None,
        bytes=raw.stat().st_size,
        sha256="0" * 64,
        edition="benchmark0",
        downloaded_at="2026-11-21T00:00:00Z",
    )


def clean_file(clean: Path) -> CleanFile:
    """Return a clean file as a warehouse gets it."""
    from taxi_luigi.core.parquet_footer import read_footer
    from taxi_luigi.warehouses import CleanFile

    with clean.open("rb") as file:
        receipt = read_footer(file, clean).receipt
    assert receipt is not None
    return CleanFile(str(clean), receipt.summary, lambda: nullcontext(clean), lambda: True)


def _write(given: argparse.Namespace) -> None:
    from taxi_luigi.sample import write_month

    began = perf_counter()
    months = list(month_range(*(Month.parse(text) for text in given.months.split(".."))))
    for month in months:
        write_month(given.folder, given.color, month, given.rows, form=given.form, row_group_rows=given.row_group_rows)
    said(given.rows * len(months), began)


def main() -> None:
    """Write the months of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--row-group-rows", type=int)
    parser.add_argument("--months", default=f"{MONTH}..{MONTH}")
    parser.add_argument("--color", default="yellow")
    parser.add_argument("--form", default="parquet")
    _write(parser.parse_args())


if __name__ == "__main__":
    main()
