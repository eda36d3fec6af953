"""The rows of `taxi_luigi_loads`, the same in every warehouse, and the counts that they are held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

from taxi_luigi.datasets import FILE_MONTH, ColumnType, Dataset
from taxi_luigi.errors import AccountError, WarehouseError
from taxi_luigi.months import Month
from taxi_luigi.receipt import CleanReceipt
from taxi_luigi.warehouses import Marker

COLUMNS: dict[str, ColumnType] = {
    "color": "string",
    FILE_MONTH: "date32",
    "edition": "string",
    "sha256": "string",
    "source": "string",
    "rows": "int64",
    "loaded_at": "timestamp[us]",
}
"""`source` is the raw file's URL, `sha256` its digest; `rows` is what the warehouse counted; `loaded_at` is in UTC."""

MarkerRow = tuple[date, str, str, int, datetime]
"""What `by_month` takes: file_month, edition, sha256, rows, loaded_at."""


def row(dataset: Dataset, month: Month, receipt: CleanReceipt, rows: int) -> tuple[object, ...]:
    """The values of a new marker, in the order of COLUMNS."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return dataset.color, month.first_day, receipt.edition, receipt.raw.sha256, receipt.raw.url, rows, now


def by_month(dataset: Dataset, rows: Iterable[MarkerRow]) -> dict[Month, Marker]:
    """The markers that a warehouse answered, by month."""
    return {
        Month.of(day): Marker(dataset.color, Month.of(day), edition, sha256, count, f"{loaded_at.isoformat()}+00:00")
        for day, edition, sha256, count, loaded_at in rows
    }


def rows_by_month(where: str, dataset: Dataset, rows: Iterable[tuple[date | None, int]]) -> dict[Month, int]:
    """Rows per file_month of a table, as counted there; raises WarehouseError for rows without one."""
    counts: Counter[Month] = Counter()
    for day, count in rows:
        if day is None:
            raise WarehouseError(
                f"{where}: {dataset.table} has {count:,} rows without {FILE_MONTH}, so taxi_luigi did not load them; "
                "take them out"
            )
        counts[Month.of(day)] += count
    return dict(counts)


def check_count(address: str, dataset: Dataset, month: Month, clean: Path, receipt: CleanReceipt, counted: int) -> None:
    """Raises AccountError unless the warehouse counted as many rows as were kept; call it before the commit."""
    if counted != receipt.rows_kept:
        raise AccountError(
            f"{address} counted {counted:,} rows of {dataset.color} {month}, the receipt of {clean} says "
            f"{receipt.rows_kept:,}; nothing was loaded: run with --force to make the clean file anew"
        )
