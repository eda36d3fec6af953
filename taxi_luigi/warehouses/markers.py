"""The rows of `taxi_luigi_loads`, the same in every warehouse, and the checks of row counts against them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime

from taxi_luigi.core.errors import AccountError, ForeignTable, WarehouseError, force_command, replaced_meanwhile
from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.tlc.datasets import FILE_MONTH, ColumnType, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import MARKERS, CleanFile, Marker

FIRST_COLUMNS: dict[str, ColumnType] = {
    "color": "string",
    FILE_MONTH: "date32",
    "edition": "string",
    "sha256": "string",
    "source": "string",
    "rows": "int64",
    "loaded_at": "timestamp[us]",
}
"""The columns of every version's table. `source` is the raw file's URL, `sha256` its digest; `rows` is what
the warehouse counted; `loaded_at` is in UTC."""

COLUMNS: dict[str, ColumnType] = FIRST_COLUMNS | {"records": "int64"}
"""All columns; a load appends the later ones to an older table. `records` is the number of records of the raw file that
can be stored, before the rules removed any; null where a version before December 2026 loaded the month."""

DESCRIPTIONS = {
    "": "one row for each month that taxi_luigi has loaded into a table of this schema",
    "color": "record type: the table is COLOR_tripdata",
    FILE_MONTH: "first day of the month",
    "edition": "which published file, cleaned how",
    "sha256": "of the raw file",
    "source": "the raw file's URL",
    "rows": "rows of the month that the warehouse counted",
    "loaded_at": "UTC",
    "records": "records of the raw file that can be stored, whatever rules took out; null: not known",
}
"""Column → description, and that of the table itself under ''."""

MarkerRow = tuple[date, str, str, int, datetime, int | None]
"""The values of `_READ`, which `by_month` takes."""

_READ = ("file_month", "edition", "sha256", "rows", "loaded_at", "records")


def row(dataset: Dataset, month: Month, clean: ReceiptSummary, rows: int) -> tuple[object, ...]:
    """Return the values of a new marker, in the order of COLUMNS."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return dataset.color, month.first_day, clean.edition, clean.sha256, clean.source, rows, now, clean.records


def select(existing: Collection[str]) -> str:
    """Return the select list of a query for MarkerRows; NULL for a column that an older version's table lacks."""
    return ", ".join(name if name in existing else "NULL" for name in _READ)


def check_version(where: str, existing: Collection[str], known: Collection[str] = COLUMNS) -> None:
    """Check before a change that no later version of taxi_luigi added a column to the markers.

    Args:
        where: the beginning of the error, which names the warehouse.
        existing: the columns of the table.
        known: the columns of this version's table.

    Raises:
        ForeignTable: the table has other columns.
    """
    unknown = sorted(set(existing) - set(known))
    if unknown:
        raise ForeignTable(
            f"{where}: the table {MARKERS} has columns unknown to this version of taxi_luigi: {', '.join(unknown)}; "
            "upgrade or drop them"
        )


def by_month(dataset: Dataset, rows: Iterable[MarkerRow]) -> dict[Month, Marker]:
    """Return the markers of a warehouse's rows, by month."""
    return {Month.of(row[0]): _marker(dataset, *row) for row in rows}


def _marker(
    dataset: Dataset, day: date, edition: str, sha256: str, rows: int, loaded_at: datetime, records: int | None
) -> Marker:
    # Fewer records than rows belong to an earlier load: in PostgreSQL, an older version that replaces a month does not
    # update this column
    known = records if records is not None and records >= rows else None
    return Marker(dataset.color, Month.of(day), edition, sha256, rows, f"{loaded_at.isoformat()}+00:00", known)


def rows_by_month(where: str, dataset: Dataset, rows: Iterable[tuple[date | None, int]]) -> dict[Month, int]:
    """Return the rows per file_month of a table.

    Args:
        where: the beginning of the error, which names the warehouse.
        dataset: the record type of the table.
        rows: (file_month, number of rows), as the warehouse counted them.

    Raises:
        WarehouseError: the table has rows without a file_month.
    """
    counts: Counter[Month] = Counter()
    for day, count in rows:
        if day is None:
            raise WarehouseError(
                f"{where}: {dataset.table} has {count:,} rows without {FILE_MONTH}, so taxi_luigi did not load them; "
                "delete them"
            )
        counts[Month.of(day)] += count
    return dict(counts)


def check_count(address: str, dataset: Dataset, month: Month, clean: CleanFile, counted: int) -> None:
    """Check the rows that a warehouse counted against the receipt of the clean file; call it before the commit.

    Raises:
        AccountError: the counts differ.
        Replaced: another file replaced the clean one during the load, so the rows may be of either.
    """
    if not clean.unchanged():
        raise replaced_meanwhile(clean.url)
    if counted != clean.summary.rows:
        raise AccountError(
            f"{address} counted {counted:,} rows of {dataset.color} {month}, the receipt of {clean.url} says "
            f"{clean.summary.rows:,}; nothing was loaded; make it again: {force_command(dataset.color, month)}"
        )
