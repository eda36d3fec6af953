"""Which columns TLC's files had when: spans of months with the same columns and types, and what changed between them.

Pure. The layouts are those that receipts recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.core.text import cut
from taxi_luigi.tlc.datasets import Column
from taxi_luigi.tlc.months import Month


@dataclass(frozen=True)
class Span:
    """Months, one after the other as far as they are held, whose files have the same columns."""

    months: tuple[Month, ...]
    form: str
    """parquet, csv or csv.gz"""
    columns: int
    added: tuple[str, ...]
    """against the span before; empty in the first"""
    gone: tuple[str, ...]
    retyped: tuple[str, ...]
    """`name: old type → new type`"""


def spans(receipts: Mapping[Month, CleanReceipt]) -> list[Span]:
    """In the order of the months. The order of a file's columns does not matter."""
    grouped: list[tuple[list[Month], CleanReceipt]] = []
    for month in sorted(receipts):
        receipt = receipts[month]
        if grouped and _key(grouped[-1][1]) == _key(receipt):
            grouped[-1][0].append(month)
        else:
            grouped.append(([month], receipt))
    found = []
    before: Mapping[str, str] | None = None
    for months, receipt in grouped:
        found.append(_span(months, receipt, before))
        before = receipt.layout
    return found


def sources(column: Column, layout: Iterable[str]) -> list[str]:
    """What the column is called in a file: its names there, by any of its spellings, in any case."""
    known = {spelling.name.casefold() for spelling in column.spellings}
    return [name for name in layout if name.strip().casefold() in known]


def names_over_time(column: Column, receipts: Mapping[Month, CleanReceipt]) -> list[str]:
    """All that the files call the column, each name once, the earliest first."""
    return list(dict.fromkeys(name for month in sorted(receipts) for name in sources(column, receipts[month].layout)))


def _key(receipt: CleanReceipt) -> tuple[str, dict[str, str]]:
    return receipt.raw_format, receipt.layout


def _span(months: list[Month], receipt: CleanReceipt, before: Mapping[str, str] | None) -> Span:
    now = receipt.layout
    old = now if before is None else before
    return Span(
        months=tuple(months),
        form=receipt.raw_format,
        columns=len(now),
        added=tuple(cut(name) for name in now if name not in old),
        gone=tuple(cut(name) for name in old if name not in now),
        retyped=tuple(
            f"{cut(name)}: {cut(old[name])} → {cut(now[name])}"
            for name in now
            if name in old and old[name] != now[name]
        ),
    )
