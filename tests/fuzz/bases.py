"""Small months of every color and form, before they are spoilt: made up, and real ones where TLC_DATA has some."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from taxi_luigi.sample import Form, write_month
from taxi_luigi.tlc.months import Month

ROWS = 12

MADE_UP: dict[tuple[str, Form], str] = {
    ("yellow", "csv"): "2009-01 2010-02 2014-01 2015-01 2016-07 2017-01 2019-01",
    ("yellow", "parquet"): "2009-01 2010-02 2011-01 2018-07 2019-01 2023-02 2025-01 2026-06",
    ("green", "csv"): "2013-08 2015-01 2016-07 2018-01 2020-01",
    ("green", "parquet"): "2014-01 2019-01 2023-02 2026-06",
    ("fhv", "csv"): "2015-01 2017-01 2017-07 2018-01 2019-01",
    ("fhv", "parquet"): "2015-01 2019-05 2023-02",
    ("fhvhv", "csv"): "2019-02 2020-01",
    ("fhvhv", "parquet"): "2019-02 2025-01",
}


@dataclass(frozen=True)
class Base:
    """One small month: a csv's text, or the table of a parquet file."""

    name: str
    color: str
    month: Month
    content: bytes | pa.Table


def bases() -> dict[str, Base]:
    """All of them by name, made up first; the same in every process."""
    with tempfile.TemporaryDirectory() as folder:
        made = [
            _base(write_month(Path(folder), color, Month.parse(month), ROWS, seed=1, form=form))
            for (color, form), months in MADE_UP.items()
            for month in months.split()
        ]
    return {base.name: base for base in (*made, *_real())}


def _real() -> Iterator[Base]:
    if "TLC_DATA" in os.environ:
        folder = Path(os.environ["TLC_DATA"])
        for path in sorted([*(folder / "heads").glob("*.csv"), *(folder / "samples").glob("*")]):
            yield _base(path, "real ")


def _base(path: Path, prefix: str = "") -> Base:
    color, _, rest = path.name.partition("_tripdata_")
    content = _table(path) if path.suffix == ".parquet" else _lines(path)
    return Base(prefix + path.name, color, Month.parse(rest[:7]), content)


def _table(path: Path) -> pa.Table:
    return pq.read_table(path).slice(0, ROWS).combine_chunks()


def _lines(path: Path) -> bytes:
    with path.open("rb") as file:
        return b"".join(line for line in islice(file, ROWS + 2) if line.endswith(b"\n"))
