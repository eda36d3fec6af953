"""What is counted while a month streams through, and the receipt that it becomes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version

import pyarrow as pa

from taxi_luigi.conform import Layout
from taxi_luigi.datasets import SCHEMA_VERSION
from taxi_luigi.formats import RawFile
from taxi_luigi.receipt import DROPPED, LAYOUT, OTHER_FORM, CleanReceipt, RawReceipt
from taxi_luigi.rules import FILL_MISSING_PASSENGERS, RULES

TEXTS = 100
"""How many texts of unknown codes a receipt names for one column; the rest are counted together."""

OTHER_TEXTS = "(other texts)"


@dataclass
class Tally:
    """Counts of one month."""

    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unmapped: dict[str, Counter[str]] = field(default_factory=dict)
    nulls: Counter[str] = field(default_factory=Counter)
    """in columns that are left out"""
    sums: dict[str, float] = field(default_factory=dict)
    """dollars in the records that can be stored, by money column"""
    filled: set[str] = field(default_factory=set)
    """essential columns that have a value in some record"""
    plausible_pickups: bool = False
    """whether any pickup lies in the years in which there can be one"""
    zero_before: int = 0
    """passenger counts as published; the missing ones are in `rules`"""
    missing_after: int = 0
    zero_after: int = 0
    """passenger counts in the rows kept"""

    def add_unmapped(self, reason: str, texts: Counter[str]) -> None:
        """Counts texts of unknown codes, and no more of them by name than a receipt has room for."""
        known = self.unmapped.setdefault(reason, Counter())
        for text, rows in texts.items():
            known[text if text in known or len(known) < TEXTS else OTHER_TEXTS] += rows


def make_receipt(
    layout: Layout, source: RawFile, tally: Tally, edition: str, raw: RawReceipt, held: CleanReceipt | None
) -> CleanReceipt:
    """The account of a month whose chunks have all been read; `held` is of the file in whose place it is put."""
    records = source.records()
    rules = (*RULES, FILL_MISSING_PASSENGERS)
    return CleanReceipt(
        edition=edition,
        color=layout.dataset.color,
        month=str(layout.month),
        raw=raw,
        raw_format=source.format,
        layout=layout.found,
        left_out={
            name: {"type": layout.found[name], "nulls": round(tally.nulls[name] / records, 6) if records else 0.0}
            for name in layout.unknown
        },
        rows_in=records,
        rows_kept=tally.kept,
        rejected=dict(sorted(tally.rejected.items())),
        rules={name: tally.rules[name] for name in rules if name in tally.rules},
        changed=dict(tally.changed),
        unmapped={reason: dict(texts.most_common()) for reason, texts in sorted(tally.unmapped.items())},
        sums={name: round(tally.sums.get(name, 0.0), 2) for name in layout.dataset.money},
        missing={
            **dict.fromkeys(layout.missing, LAYOUT),
            **dict.fromkeys(layout.other_form, OTHER_FORM),
            **dict.fromkeys(layout.dropped, DROPPED),
        },
        warnings=_warnings(tally, layout),
        replaced={"edition": held.edition, "records": held.records, "sums": held.sums} if held else {},
        versions={"schema": str(SCHEMA_VERSION), "taxi_luigi": _version(), "pyarrow": pa.__version__},
    )


FIRST_YEAR = 2001
"""of a pickup that may be real: the earliest that months of 2009 and later were seen to have (TLC's files, 2026)"""


def last_year() -> int:
    """Next year: a file of December ends with pickups of January."""
    return date.today().year + 1


def _warnings(tally: Tally, layout: Layout) -> list[str]:
    if not tally.kept:
        return []
    pairs = zip(layout.dataset.columns, layout.sources, strict=True)
    essential = [column.name for column, sources in pairs if column.essential and sources]
    empty = [f"{name} has no value in any row" for name in essential if name not in tally.filled]
    if tally.plausible_pickups or layout.dataset.pickup not in tally.filled:
        return empty
    return [*empty, f"no pickup lies in the years {FIRST_YEAR} to {last_year()}"]


def _version() -> str:
    try:
        return version("taxi_luigi")
    except PackageNotFoundError:
        return "not installed"
