"""A short digest of the column mapping of a month: months that were cleaned by another mapping are stale.

It covers the values that determine the month's rows, and nothing else: no source code, no names of classes or fields,
no descriptions, no order, no case. A column or a name is part of it in the months that it covers only.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256
from typing import get_args

from taxi_luigi.tlc.datasets.first_mapping import FIRST_MAPPING
from taxi_luigi.tlc.datasets.model import FILE_MONTH, Column, Dataset, SourceForm, plain
from taxi_luigi.tlc.months import Month

CAST_VERSION = 1
"""The version of the casts. Raise it when test_casts_golden.py shows a change; all months become stale."""


def mapping_digest(dataset: Dataset, month: Month) -> str:
    """Return 8 hex digits over all that determines a month's rows: source names, types, value maps, casts.

    Both forms are covered together. A month after the last known layout has the digest of that layout.
    """
    return _covering(eras(dataset), month)


def first_mapping_digest(dataset: Dataset, month: Month) -> str:
    """Return the digest of a month whose edition has none; today's for a record type added later.

    It never changes, so that exactly the months whose mapping has changed since are stale.
    """
    spans = FIRST_MAPPING.get(dataset.color)
    return mapping_digest(dataset, month) if spans is None else _covering(spans, month)


@lru_cache(maxsize=64)
def eras(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Return (first month, digest) of every time span with one mapping, in order; the last span has no end."""
    found: list[tuple[str, str]] = []
    for month in sorted({dataset.first_month, *_turns(dataset)}):
        digest = _digest(dataset, month)
        if not found or found[-1][1] != digest:
            found.append((str(month), digest))
    return tuple(found)


def _covering(spans: tuple[tuple[str, str], ...], month: Month) -> str:
    """Return the digest of the span that includes a month; texts of months sort by date."""
    place = bisect_right(spans, str(month), key=lambda span: span[0])
    return spans[max(place - 1, 0)][1]


def _turns(dataset: Dataset) -> Iterator[Month]:
    """Yield the months in which a name is first used or no longer used, after the record type's first month."""
    for column in dataset.columns:
        for spelling in column.spellings:
            for months in (spelling.parquet, spelling.csv):
                for term in months.terms if months is not None else ():
                    for turn in (term.first, term.last and term.last.plus(1)):
                        if turn is not None and turn > dataset.first_month:
                            yield turn


def _digest(dataset: Dataset, month: Month) -> str:
    values = [CAST_VERSION, sorted(filter(None, (_values(column, month) for column in dataset.columns)))]
    return sha256(json.dumps(values, separators=(",", ":")).encode()).hexdigest()[:8]


def _values(column: Column, month: Month) -> list[object] | None:
    """Return the values of a column for the digest.

    None for a column that no file of the month has, and for file_month, which is from the file's name. Several sources
    of one column are coalesced if `coalesce` is set, else an error.
    """
    names = sorted({plain(name) for form in get_args(SourceForm) for name in column.source_names(month, form)})
    if column.name == FILE_MONTH or not names:
        return None
    coalesced = column.coalesce and len(names) > 1
    value_map = sorted((text, code is not None, code or "") for text, code in column.value_map.items())
    return [column.name, column.type, names, value_map, coalesced]
