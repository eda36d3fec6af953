"""Small clean files, as the cleaning engine leaves them: canonical columns and a receipt in the footer; from a seed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from taxi_luigi.core.receipts import FOOTER_KEY, CleanReceipt, Edition, RawReceipt, digest
from taxi_luigi.tlc.datasets import FILE_MONTH, Column, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.column_mapping import canonical_schema


def clean_receipt(dataset: Dataset, month: Month, rows: int, seed: int) -> CleanReceipt:
    """The account of a made-up month; another seed is another edition."""
    source = digest(dataset.color, str(month), rows, seed)
    edition = Edition(source, "recipe")
    raw = RawReceipt(
        url=f"https://tlc.example/{dataset.color}_tripdata_{month}.parquet",
        etag=f'"{source}"',
        last_modified=None,
        bytes=rows,
        sha256=source * 6 + source[:4],
        edition=edition.for_raw,
        downloaded_at="2026-11-21T00:00:00+00:00",
    )
    return CleanReceipt(str(edition), dataset.color, str(month), raw, "parquet", {}, {}, rows, rows, {}, {})


def write_clean(path: Path, dataset: Dataset, month: Month, rows: int, seed: int = 0, **changes: Any) -> CleanReceipt:
    """Writes a clean file of that many trips and returns its receipt; `changes` are whole columns, by name."""
    random = Random(seed)
    columns = {column.name: _values(column, month, rows, random) for column in dataset.columns} | changes
    receipt = clean_receipt(dataset, month, rows, seed)
    schema = canonical_schema(dataset).with_metadata({FOOTER_KEY: receipt.to_json()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns, schema=schema), path, compression="zstd", row_group_size=max(1, rows // 3))
    return receipt


def _values(column: Column, month: Month, rows: int, random: Random) -> list[Any]:
    if column.name == FILE_MONTH:
        return [month.first_day] * rows
    return [
        None if not column.required and random.random() < 0.1 else _value(column, month, random) for _ in range(rows)
    ]


def _value(column: Column, month: Month, random: Random) -> Any:
    match column.type:
        case "timestamp[us]":
            return datetime(month.year, month.month, 1) + timedelta(microseconds=random.randrange(28 * 86_400_000_000))
        case "double":
            return round(random.uniform(-10, 100), 2)
        case "string":
            return random.choice(["Y", "N", "HV0003", ""])
        case _:
            return random.randrange(266)
