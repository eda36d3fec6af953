"""One file per kind of lake; this one holds what they all promise.

A lake keeps the clean months of every color, whole or not at all, as `{color}/{color}_tripdata_{YYYY-MM}.parquet`.
No lake knows Luigi or configuration, and none looks into a file beyond its receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from taxi_luigi.months import Month
from taxi_luigi.receipt import CleanReceipt


def object_name(color: str, month: Month) -> str:
    """`yellow/yellow_tripdata_2024-01.parquet`: a clean month's name in every lake, its rejects' under `rejected/`."""
    return f"{color}/{color}_tripdata_{month}.parquet"


@dataclass(frozen=True)
class Stored:
    """A month as a lake holds it."""

    bytes: int
    receipt: CleanReceipt


class Lake(Protocol):
    """What every lake does. All raise StorageError with one line that names the lake's address."""

    def list(self, color: str) -> set[Month]:
        """The months that the lake holds of one color, by one listing."""

    def stat(self, color: str, month: Month) -> Stored | None:
        """Size and receipt of one month; None when the lake does not hold it."""

    def read(self, color: str, month: Month) -> Path:
        """A local file with the month's bytes, for reading only: the lake's own where it is local."""

    def put(self, clean: Path, color: str, month: Month) -> None:
        """Stores a clean file under its month's name; readers see the old bytes until they see all of the new."""

    def remove(self, color: str, month: Month) -> None:
        """Takes a month out; one that is not there is no error."""

    def url(self, color: str, month: Month) -> str:
        """Where a month is, for people and logs."""
