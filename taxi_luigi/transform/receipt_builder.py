"""Count while a month is cleaned, and build its receipt from the counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from taxi_luigi.core import release
from taxi_luigi.core.receipts import DROPPED, LAYOUT, OTHER_FORM, CleanReceipt, RawReceipt
from taxi_luigi.core.text import LONGEST, cut
from taxi_luigi.tlc.datasets import SCHEMA_VERSION
from taxi_luigi.transform.column_mapping import Layout
from taxi_luigi.transform.profile import Profile
from taxi_luigi.transform.readers import RawFile
from taxi_luigi.transform.rules import FILL_MISSING_PASSENGERS, RULES

TEXTS = 100
"""The most unknown values that a receipt lists for one column; the rest are counted together."""

OTHER_TEXTS = "(other texts)"

COLUMNS = 100
"""The most unknown columns that a receipt lists; the rest are counted together. TLC's files have up to 25 columns."""

OTHER_COLUMNS = "(other columns)"


@dataclass
class Tally:
    """Counts of one month."""

    profile: Profile
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    unknown_values: dict[str, Counter[str]] = field(default_factory=dict)
    merge_markers: int = 0
    """merge markers of git among the broken csv records"""
    nulls: Counter[str] = field(default_factory=Counter)
    """null values in unknown columns, which are left out"""
    sums: dict[str, float] = field(default_factory=dict)
    """dollars in the records that can be stored, by money column"""
    filled: set[str] = field(default_factory=set)
    """required columns that have a value in some record"""
    plausible_pickups: bool = False
    """whether any pickup is in a plausible year"""
    pickups_in_month: bool = False
    """whether any pickup is in the file's month"""
    zero_before: int = 0
    """zero passenger counts as published; the missing ones are in `rules`"""
    missing_after: int = 0
    """missing passenger counts in the rows kept"""
    zero_after: int = 0
    """zero passenger counts in the rows kept"""

    def add_unknown_values(self, reason: str, texts: Counter[str]) -> None:
        """Count unknown values; beyond TEXTS different ones, count the others together."""
        known = self.unknown_values.setdefault(reason, Counter())
        for whole, rows in texts.items():
            text = cut(whole)
            known[text if text in known or len(known) < TEXTS else OTHER_TEXTS] += rows


def make_receipt(
    layout: Layout,
    source: RawFile,
    tally: Tally,
    edition: str,
    raw: RawReceipt,
    held: CleanReceipt | None,
    encodings: dict[str, str],
) -> CleanReceipt:
    """Return the receipt of a month whose chunks have all been read.

    Args:
        layout: of the raw file
        source: the raw file, for its format and the independent count of its records
        tally: the counts of all chunks
        edition: of the clean month
        raw: receipt of the raw file
        held: receipt of the file that is replaced; None where there is none
        encodings: `MonthFiles.encodings`
    """
    records = source.records()
    found, left_out = _columns(layout, tally, records)
    present = {column.name for column, places in zip(layout.dataset.columns, layout.sources, strict=True) if places}
    rules = (*RULES, FILL_MISSING_PASSENGERS)
    return CleanReceipt(
        edition=edition,
        color=layout.dataset.color,
        month=str(layout.month),
        raw=raw,
        raw_format=source.format,
        layout=found,
        left_out=left_out,
        rows_in=records,
        rows_kept=tally.kept,
        rejected=dict(sorted(tally.rejected.items())),
        rules={name: tally.rules[name] for name in rules if name in tally.rules},
        changed=dict(tally.changed),
        unmapped={reason: dict(texts.most_common()) for reason, texts in sorted(tally.unknown_values.items())},
        profile=tally.profile.counts(),
        sums={name: round(tally.sums.get(name, 0.0), 2) for name in layout.dataset.money if name in present},
        missing={
            **dict.fromkeys(layout.missing, LAYOUT),
            **dict.fromkeys(layout.other_form, OTHER_FORM),
            **dict.fromkeys(layout.dropped, DROPPED),
        },
        warnings=_warnings(tally, layout),
        replaced={"edition": held.edition, "records": held.records, "sums": held.sums} if held else {},
        encodings=encodings,
        versions={"schema": str(SCHEMA_VERSION), "taxi_luigi": release(), "pyarrow": pa.__version__},
    )


FIRST_YEAR = 2001
"""The first plausible year of a pickup: the earliest in TLC's files of 2009 and later (2026)."""


def last_year() -> int:
    """Return the last plausible year of a pickup, the next one: a file of December ends with pickups of January."""
    return date.today().year + 1


def _warnings(tally: Tally, layout: Layout) -> list[str]:
    markers = f"{tally.merge_markers:,} of its records are git's merge markers: the file has a conflict to resolve"
    odd = [markers] if tally.merge_markers else []
    if not tally.filled:
        return odd
    odd += [f"{name} has no value in any row" for name in required_columns(layout) if name not in tally.filled]
    if not tally.kept:
        odd.append("the rules of [clean] reject took out every row")
    if layout.dataset.pickup not in tally.filled or tally.pickups_in_month:
        return odd
    if tally.plausible_pickups:
        return [*odd, f"no pickup lies in {layout.month}, the month of the file"]
    return [*odd, f"no pickup lies in the years {FIRST_YEAR} to {last_year()}"]


def required_columns(layout: Layout) -> list[str]:
    """Return the required columns that the file has."""
    pairs = zip(layout.dataset.columns, layout.sources, strict=True)
    return [column.name for column, sources in pairs if column.required and sources]


def _columns(layout: Layout, tally: Tally, records: int) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return all columns with their types, and the unknown ones with their share of nulls, at most COLUMNS of these.

    A file may have thousands of unknown columns, with names and types of any length.
    """
    found: dict[str, str] = {}
    left_out: dict[str, dict[str, Any]] = {}
    others: list[str] = []
    strange = 0
    known = {place for places in layout.sources for place in places}
    for place, (name, kind) in enumerate(layout.found.items()):
        short = cut(name if len(name) <= LONGEST else name.strip())
        if place not in known:
            strange += 1
            if strange > COLUMNS or short in found:  # two long names may begin alike
                others.append(name)
                continue
        found[short] = cut(kind)
        if name in layout.unknown:
            left_out[short] = {"type": found[short], "nulls": _share(tally.nulls[name], records)}
    if others:
        found[OTHER_COLUMNS] = f"{len(others):,} columns"
        nulls = sum(tally.nulls[name] for name in others)
        left_out[OTHER_COLUMNS] = {
            "type": found[OTHER_COLUMNS], "nulls": _share(nulls, records * len(others)), "columns": len(others)
        }  # fmt: skip
    return found, left_out


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6) if whole else 0.0
