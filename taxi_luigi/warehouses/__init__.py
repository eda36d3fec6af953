"""One file per warehouse; this one holds what they all promise.

No warehouse knows Luigi, configuration, or where its files come from: it is given a clean parquet file and its receipt,
or the zones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from taxi_luigi.core.errors import ForeignTable
from taxi_luigi.core.health import Check
from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import TABLE as ZONES
from taxi_luigi.tlc.zones import Zone

MARKERS = "taxi_luigi_loads"
"""The table of markers in every warehouse: one row per color and file_month that is loaded."""

Progress = Callable[[int, int], None]
"""Called with (rows so far, rows in all), from the loading thread, after every batch. It throttles itself."""


@dataclass(frozen=True)
class Marker:
    """One row of `taxi_luigi_loads`: this month, from this file, is in this table."""

    color: str
    month: Month
    edition: str
    sha256: str
    """of the raw file"""
    rows: int
    loaded_at: str
    """UTC, ISO 8601"""
    records: int | None = None
    """those of the raw file that can be stored, whatever rules took out; None: written before this was kept"""


@dataclass(frozen=True)
class CleanFile:
    """A clean month as a warehouse is handed it, wherever it lies."""

    url: str
    """`gs://…`, `s3://…` or a path"""
    summary: ReceiptSummary
    reading: Callable[[], AbstractContextManager[Path]]
    """a local file with its bytes: its own path where that is local, else a temporary copy"""
    unchanged: Callable[[], bool]
    """whether the rows that lie at `url` are still those that this one describes"""
    crc32c: str = ""
    """of its bytes, in base64, big-endian; '' where the store does not tell"""


class Warehouse(Protocol):
    """What every warehouse does. Each call opens and closes what it needs: nothing survives a fork.

    All of them raise WarehouseError (WarehouseBusy when another process holds it) with one line that names the
    warehouse's address, never its password. ForeignTable is of one table: the warehouse itself serves.
    """

    imports: tuple[str, ...]
    """the modules that a load imports beside the warehouse's own, for a process that forks for each load"""
    single_writer: bool
    """whether one process at a time may write, so that loads into it wait for each other"""
    loads_from: str
    """the type of lake that it fetches clean files from by itself; '' when it is handed a local file"""

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        """Swaps the rows of one file_month for those of the clean file, with its marker; returns how many there are.

        Exactly these rows are then in the table, however often and wherever the call was repeated, killed or raced:
        rows and marker commit in one transaction, so a load that died half way left nothing. Raises AccountError,
        before the commit, when the warehouse counted other than `clean.summary.rows`.
        """

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        """The markers of one table, in one query; empty when nothing was ever loaded there."""

    def count(self, dataset: Dataset) -> dict[Month, int]:
        """Rows in the table per file_month, counted, not remembered."""

    def filled(self, dataset: Dataset, month: Month, columns: Sequence[str]) -> frozenset[str]:
        """Those of the columns that have a value in some row of a month; none for a month that is not there."""

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        """Takes one file_month's rows and marker out; a month that is not there is no error."""

    def foreign(self) -> Sequence[str]:
        """A line for each table, view or other object that has the name of one of our tables and is not ours."""

    def checks(self) -> Sequence[Check]:
        """What can be seen beforehand of whether the warehouse will serve; nothing is made or changed. Never raises."""

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        """The months that the warehouse would not keep, each with the reason in one line."""

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        """Makes these zones, at least one, the whole of the table `taxi_zones`; returns how many there are.

        In one step, however often and wherever the call was repeated, killed or raced: readers find the old list or the
        new one, whole. The table is its own marker. A table of that name with other columns is refused, untouched.
        """

    def zones(self) -> int:
        """Rows in `taxi_zones`; 0 when there is no such table, or one with other columns, which is not ours."""


def foreign_of(looks: Iterable[Callable[[], object]]) -> list[str]:
    """The lines of those looks that raise ForeignTable."""
    lines = []
    for look in looks:
        try:
            look()
        except ForeignTable as error:
            lines.append(str(error))
    return lines


def check_zone_columns(where: str, existing: dict[str, str], expected: dict[str, str]) -> None:
    """Check that the table `taxi_zones` has exactly the expected columns, in any order.

    Args:
        where: the beginning of the error, which names the warehouse.
        existing: column name → type, as the warehouse writes it.
        expected: column name → type, in the same notation.

    Raises:
        ForeignTable: the columns differ.
    """
    if existing != expected:
        has = ", ".join(f"{name} {kind}" for name, kind in existing.items())
        raise ForeignTable(
            f"{where}: the table {ZONES} has the columns {has}, so taxi_luigi did not make it; rename it, or leave "
            "[taxi] zones empty"
        )
