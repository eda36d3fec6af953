"""Clean months for the tests of BigQuery: on this disk, or in a bucket of fake-gcs-server."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.tlc.datasets import DATASETS, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import CleanFile, Warehouse
from tests.support.gcs import GcsServer
from tests.support.trips import write_clean

YELLOW = DATASETS["yellow"]
JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
PARTITION = "yellow_tripdata$202401"
"""January's"""


def no_progress(_done: int, _total: int) -> None:
    """The progress of whoever wants none."""


@dataclass(frozen=True)
class Clean:
    """One clean month."""

    file: CleanFile
    month: Month = JANUARY
    dataset: Dataset = YELLOW

    @property
    def given(self) -> ReceiptSummary:
        return self.file.summary

    def into(self, warehouse: Warehouse) -> int:
        """Loads it."""
        return warehouse.replace_month(self.dataset, self.month, self.file, no_progress)


Make = Callable[..., Clean]


def local(folder: Path, rows: int = 100, seed: int = 0, month: Month = JANUARY, **changes: object) -> Clean:
    """Writes a clean month into a folder."""
    path = folder / f"yellow_{month}_{rows}_{seed}.parquet"
    receipt = write_clean(path, YELLOW, month, rows, seed, **changes)
    return Clean(CleanFile(str(path), receipt.summary, partial(nullcontext, path), lambda: True), month)


def in_bucket(server: GcsServer, folder: Path, rows: int = 100, seed: int = 0) -> Clean:
    """Writes a clean month and puts it into a new bucket; whoever wants to read it from there fails."""
    here = local(folder, rows, seed)
    bucket = server.fresh_bucket()
    blob = server.bucket(bucket).blob(f"data/yellow/{Path(here.file.url).name}")
    blob.upload_from_filename(here.file.url)

    def reading() -> AbstractContextManager[Path]:
        raise AssertionError("BigQuery reads the bucket by itself")

    url = f"gs://{bucket}/{blob.name}"
    return Clean(CleanFile(url, here.given, reading, lambda: True, crc32c=blob.crc32c), here.month)
