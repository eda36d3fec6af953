"""The canonical schema of each color, and every spelling that TLC ever gave its columns.

Pure values, and the only place that holds them: a record type is one entry of `DATASETS`, a renamed column one line
in `named(…)`. Column names are TLC's newest in lower case, so that `VendorID` unquoted finds its column in
PostgreSQL, DuckDB and BigQuery alike. How a batch becomes these columns is in transform/column_mapping.py; by what
digest a month is found to have been cleaned by another mapping, in `mapping.py`.
"""

from __future__ import annotations

from taxi_luigi.tlc.datasets.for_hire import FHV, FHVHV
from taxi_luigi.tlc.datasets.model import FILE_MONTH, Column, ColumnType, Dataset, SourceForm, Spelling, plain
from taxi_luigi.tlc.datasets.taxi import GREEN, YELLOW

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
]

SCHEMA_VERSION = 2
"""Part of every edition: raise it when a canonical column or a code changes, so that stale months can be told."""

DATASETS: dict[str, Dataset] = {dataset.color: dataset for dataset in (YELLOW, GREEN, FHV, FHVHV)}
"""By color, in the order in which a person reads them."""

JUNK = frozenset({"__index_level_0__"})
"""Source columns without a meaning, left out without a warning: pandas' row numbers in yellow's 2010-02 and 2010-03."""
