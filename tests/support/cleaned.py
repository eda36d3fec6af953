"""One raw file through the cleaning engine, color and month by its name; the tests' short way to what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from taxi_luigi.core.parquet_footer import read_footer
from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean import clean_month
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.readers import check_whole

RAW_RECEIPT = RawReceipt(
    "https://tlc.example/raw", '"e"', None, 7, "ab" * 32, "0123456789", "2026-11-21T00:00:00+00:00"
)


@dataclass(frozen=True)
class Cleaned:
    """What became of a raw file."""

    receipt: CleanReceipt
    table: pa.Table
    rejects: list[dict[str, Any]]
    """by record; the raw values under `raw` as a dict"""

    @property
    def reasons(self) -> list[tuple[int, str]]:
        return [(reject["record"], reject["reason"]) for reject in self.rejects]

    def column(self, name: str) -> list[Any]:
        values: list[Any] = self.table[name].to_pylist()
        return values


def cleaned(raw: Path, rules: CleanRules | None = None) -> Cleaned:
    """Checks and cleans a file that is named as TLC names it, leaving what it writes beside it."""
    match = re.search(r"(\w+)_tripdata_(\d{4}-\d\d)", raw.name)
    assert match, raw.name
    clean, rejects = raw.with_name("clean"), raw.with_name("rejects")
    check_whole(raw)
    receipt = clean_month(
        DATASETS[match[1]], Month.parse(match[2]), raw, RAW_RECEIPT, "0123456789-abcdef0123", rules or CleanRules(),
        clean, rejects, lambda done, total: None,
    )  # fmt: skip
    table = pq.read_table(clean)
    out = pq.read_table(rejects).to_pylist() if rejects.exists() else []
    assert receipt.rows_in == table.num_rows + len(out)
    return Cleaned(
        receipt,
        table.replace_schema_metadata(),
        sorted(({**row, "raw": dict(row["raw"])} for row in out), key=lambda row: row["record"]),
    )


def receipt_of(path: Path) -> CleanReceipt | None:
    """The receipt in a parquet file's footer."""
    with path.open("rb") as file:
        return read_footer(file, path).receipt
