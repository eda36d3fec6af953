"""The rows of `taxi_luigi_loads`, the same in every warehouse, and the counts that they are held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime

from taxi_luigi.core.errors import AccountError, WarehouseError, force_command, replaced_meanwhile
from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.tlc.datasets import FILE_MONTH, ColumnType, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import CleanFile, Marker

FIRST_COLUMNS: dict[str, ColumnType] = {
    "color": "string",
    FILE_MONTH: "date32",
    "edition": "string",
    "sha256": "string",
    "source": "string",
    "rows": "int64",
    "loaded_at": "timestamp[us]",
}
"""Those that every version has made the table with. `source` is the raw file's URL, `sha256` its digest; `rows` is what
the warehouse counted; `loaded_at` is in UTC."""

COLUMNS: dict[str, ColumnType] = FIRST_COLUMNS | {"records": "int64"}
"""All of them; a load adds to an older table those that came later, at its end. `records` are those of the raw file
that can be stored, whatever rules took out of them; null where a version before December 2026 loaded the month."""

MarkerRow = tuple[date, str, str, int, datetime, int | None]
"""What `by_month` takes: the values of `_READ`."""

_READ = ("file_month", "edition", "sha256", "rows", "loaded_at", "records")


def row(dataset: Dataset, month: Month, clean: ReceiptSummary, rows: int) -> tuple[object, ...]:
    """The values of a new marker, in the order of COLUMNS."""
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return dataset.color, month.first_day, clean.edition, clean.sha256, clean.source, rows, now, clean.records


def select(existing: Collection[str]) -> str:
    """What a query selects that answers MarkerRows; null for what a table of an older version has no column for."""
    return ", ".join(name if name in existing else "NULL" for name in _READ)


def by_month(dataset: Dataset, rows: Iterable[MarkerRow]) -> dict[Month, Marker]:
    """The markers that a warehouse answered, by month."""
    return {Month.of(row[0]): _marker(dataset, *row) for row in rows}


def _marker(
    dataset: Dataset, day: date, edition: str, sha256: str, rows: int, loaded_at: datetime, records: int | None
) -> Marker:
    # Fewer records than rows are of another load: in PostgreSQL, a version that does not know the column leaves there
    # those of the month that it replaces
    known = records if records is not None and records >= rows else None
    return Marker(dataset.color, Month.of(day), edition, sha256, rows, f"{loaded_at.isoformat()}+00:00", known)


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


def check_count(address: str, dataset: Dataset, month: Month, clean: CleanFile, counted: int) -> None:
    """Raises AccountError unless the warehouse counted as many rows as were kept; call it before the commit.

    Raises Replaced when the rows may be of another file, which was put in the clean one's place meanwhile.
    """
    if not clean.unchanged():
        raise replaced_meanwhile(clean.url)
    if counted != clean.summary.rows:
        raise AccountError(
            f"{address} counted {counted:,} rows of {dataset.color} {month}, the receipt of {clean.url} says "
            f"{clean.summary.rows:,}; nothing was loaded; make it again: {force_command(dataset.color, month)}"
        )
