"""The canonical schema of each record type, and all names that TLC has given its columns.

Pure values, defined only here: a record type is one entry of `DATASETS`, a renamed column one line in `named(…)`.
Column names are TLC's newest in lower case, so that `VendorID` unquoted finds its column in PostgreSQL, DuckDB and
BigQuery alike. transform/column_mapping.py maps batches to these columns; `mapping.py` computes the digest by which
months cleaned by another mapping are detected.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from taxi_luigi.core.errors import UsageError
from taxi_luigi.tlc.datasets.for_hire import FHV, FHVHV
from taxi_luigi.tlc.datasets.model import FILE_MONTH, Column, ColumnType, Dataset, SourceForm, Spelling, plain
from taxi_luigi.tlc.datasets.taxi import GREEN, YELLOW
from taxi_luigi.tlc.months import Month, Selection

__all__ = [
    "DATASETS",
    "FILE_MONTH",
    "JUNK",
    "SCHEMA_VERSION",
    "Column",
    "ColumnType",
    "Dataset",
    "SourceForm",
    "Spelling",
    "plain",
    "select_months",
]

SCHEMA_VERSION = 2
"""Part of every edition. Raise it when a canonical column or a code changes, so that months become stale."""

DATASETS: dict[str, Dataset] = {dataset.color: dataset for dataset in (YELLOW, GREEN, FHV, FHVHV)}
"""By record type, in the order in which users see them."""

JUNK = frozenset({"__index_level_0__"})
"""Source columns that are left out without a warning: pandas' row numbers in yellow's 2010-02 and 2010-03."""


def select_months(colors: Iterable[str], selection: Selection, today: date) -> dict[tuple[str, Month], bool]:
    """Return (color, month) → whether the month was named, without the months before a record type's first one.

    Raises: UsageError when none is left, or a month is in the future
    """
    months = selection.resolve(today)
    first = {color: DATASETS[color].first_month for color in colors}
    selected = {(color, month): named for color in first for month, named in months.items() if month >= first[color]}
    if not selected:
        begins = ", ".join(f"{color} begins in {month}" for color, month in first.items())
        raise UsageError(f"no month of {selection}: {begins}")
    return selected
