"""The column mapping of a month as a short digest: months that were cleaned by another one are stale.

It covers plain values that decide the month's rows, and nothing else: no source code, no names of classes or fields,
no texts, no order, no case. A column or a spelling counts in the months that it covers, and in no other.
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
"""How casting.py reads values. test_casts_golden.py fails until it is raised; raising it makes all stale."""


def mapping_digest(dataset: Dataset, month: Month) -> str:
    """8 hex digits of what decides how a file of that month becomes rows: source names, types, value maps, casts.

    Of both forms together: rows do not depend on the form. A month after the last known layout has that one's.
    """
    return _covering(eras(dataset), month)


def first_mapping_digest(dataset: Dataset, month: Month) -> str:
    """The mapping by which a month was cleaned whose edition names none; today's for a record type that was not there.

    It never changes, so that such months are stale as soon as their mapping has changed, and no others are.
    """
    spans = FIRST_MAPPING.get(dataset.color)
    return mapping_digest(dataset, month) if spans is None else _covering(spans, month)


@lru_cache(maxsize=64)
def eras(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """First month and digest of every time span with one mapping, in order; the last one has no end."""
    found: list[tuple[str, str]] = []
    for month in sorted({dataset.first_month, *_turns(dataset)}):
        digest = _digest(dataset, month)
        if not found or found[-1][1] != digest:
            found.append((str(month), digest))
    return tuple(found)


def _covering(spans: tuple[tuple[str, str], ...], month: Month) -> str:
    """Months of four digits' years sort as their texts do."""
    place = bisect_right(spans, str(month), key=lambda span: span[0])
    return spans[max(place - 1, 0)][1]


def _turns(dataset: Dataset) -> Iterator[Month]:
    """The months from which on a spelling begins or has ended, after the record type's first."""
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
    """None for a column that no file of the month has, and for file_month, which comes from the file's name.

    Several sources of one column are coalesced where `coalesce` says so, else refused.
    """
    names = sorted({plain(name) for form in get_args(SourceForm) for name in column.source_names(month, form)})
    if column.name == FILE_MONTH or not names:
        return None
    coalesced = column.coalesce and len(names) > 1
    value_map = sorted((text, code is not None, code or "") for text, code in column.value_map.items())
    return [column.name, column.type, names, value_map, coalesced]
