"""The interface of all warehouses; each warehouse has its own module.

A warehouse depends neither on Luigi nor on the configuration nor on the lake: it takes a clean parquet file and its
receipt, or the zones.
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

SHARD = "{shard}"
"""Stands in the path of a warehouse in a file for the shard that the file is of: `3-of-8`."""

Progress = Callable[[int, int], None]
"""Called with (rows so far, total rows), from the loading thread, after every batch. It throttles itself."""


@dataclass(frozen=True)
class Marker:
    """One row of `taxi_luigi_loads`: which file's rows of a month the table contains."""

    color: str
    month: Month
    edition: str
    sha256: str
    """of the raw file"""
    rows: int
    loaded_at: str
    """UTC, ISO 8601"""
    records: int | None = None
    """records of the raw file that can be stored, before the rules removed any; None: unknown, from an older version"""


@dataclass(frozen=True)
class CleanFile:
    """A clean month to load, local or in a bucket."""

    url: str
    """an address in a cloud, as `gs://…`, or a path"""
    summary: ReceiptSummary
    reading: Callable[[], AbstractContextManager[Path]]
    """opens a local file with its bytes: its own path if that is local, else a temporary copy"""
    unchanged: Callable[[], bool]
    """returns whether the file at `url` is still the one that `summary` describes"""
    crc32c: str = ""
    """of its bytes, in base64, big-endian; '' if the store does not provide it"""


class Warehouse(Protocol):
    """The operations of every warehouse. Each call opens and closes its connections: none survives a fork.

    Each operation raises WarehouseError (WarehouseBusy when another process holds a lock) with one line that names the
    warehouse's address, never its password. ForeignTable concerns one table: the others can still be used.
    """

    imports: tuple[str, ...]
    """modules that a load imports besides the warehouse's own, for a process that forks for each load"""
    in_a_file: bool
    """whether it is a file on this machine, at `path`"""
    single_writer: bool
    """whether one process at a time may write, so that loads into it wait for each other"""
    growth: float
    """bytes that it stores for each byte of a clean file, about"""
    speed: float
    """rows a second that it loads on two cores, about"""
    loads_from: str
    """the type of lake from which it reads clean files itself; '' when it loads a local file"""

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        """Replace the rows of one file_month, and its marker, by those of the clean file.

        The table then has exactly these rows, even if calls were repeated, killed or concurrent: rows and marker commit
        in one transaction, so a load that is killed changes nothing.

        Args:
            dataset: the record type.
            month: the file_month whose rows are replaced.
            clean: the clean file of that month.
            progress: called after every batch.

        Returns:
            The rows of the month in the table.

        Raises:
            AccountError: before the commit, when the warehouse counted other rows than `clean.summary.rows`.
        """

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        """Return the markers of one table, from one query; empty when nothing was ever loaded into it."""

    def count(self, dataset: Dataset) -> dict[Month, int]:
        """Count the rows of the table per file_month."""

    def filled(self, dataset: Dataset, month: Month, columns: Sequence[str]) -> frozenset[str]:
        """Return those of the columns that have a value in at least one row of the month."""

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        """Remove the rows and the marker of one file_month, if there are any."""

    def foreign(self) -> Sequence[str]:
        """Return a line for each object that has the name of one of our tables and that taxi_luigi did not make."""

    def checks(self) -> Sequence[Check]:
        """Check before a run whether the warehouse can be used; create and change nothing. Never raises."""

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        """Return the months that the warehouse would not keep, each with the reason in one line."""

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        """Replace the rows of the table `taxi_zones` by these zones, at least one; return their number.

        The replacement is atomic: readers see the old zones or the new ones. The table has no marker.

        Raises:
            ForeignTable: a table of that name has other columns; it is not changed.
        """

    def zones(self) -> int:
        """Count the rows of `taxi_zones`; 0 without such a table, or when it has other columns than ours."""


def foreign_of(table_checks: Iterable[Callable[[], object]]) -> list[str]:
    """Call each check of a table; return the messages of those that raise ForeignTable."""
    lines = []
    for check in table_checks:
        try:
            check()
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
