"""Whether a month may take the place of what is held: contract 6, "a worse month never takes a better one's place".

Pure: receipts in, a Refusal out. Who reads the receipts, and what is remembered of a refusal, is the tasks' business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taxi_luigi.core.errors import Refusal
from taxi_luigi.core.receipts import LAYOUT, CleanReceipt, Failure
from taxi_luigi.tlc.datasets import DATASETS, SourceForm
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.published import counts_apply_to, published_rows
from taxi_luigi.transform.clean_settings import Limits

if TYPE_CHECKING:
    from taxi_luigi.transform.column_mapping import Layout

NO_RECORD = "no_record"
MOST_REJECTED = "most_rejected"
MISSING_COLUMNS = "missing_columns"
HELD_COLUMNS = "held_columns"
"""a missing column that only the other layout of the month has, and of which values are held"""
FEWEST_ROWS = "fewest_rows"
UNKNOWN_COLUMNS = "unknown_columns"
"""What a month is refused for: `Refusal.check`."""


@dataclass(frozen=True)
class HeldCounts:
    """What a place holds of a month, as far as it is known there."""

    records: int
    """those of the raw file that can be stored, whatever the rules took out of them"""
    sums: Mapping[str, float] = field(default_factory=dict)
    """money column → dollars; empty where the place does not keep them"""
    filled: frozenset[str] = frozenset()
    """columns that have a value in some row, of those that were looked at"""

    @classmethod
    def of(cls, receipt: CleanReceipt, filled: frozenset[str] = frozenset()) -> HeldCounts:
        """The holding that a clean file is."""
        return cls(receipt.records, receipt.sums, filled)


def check_columns(layout: Layout, limits: Limits, where: object) -> None:
    """Refuses a file that lacks columns of its month's layout, whatever is held.

    Args:
        layout: of the file
        limits: of `[clean]`
        where: the raw file, for people
    Raises: Refusal
    """
    gone = [name for name in layout.missing if not _allowed(name, limits)]
    if gone:
        from taxi_luigi.transform.column_mapping import (
            describe_missing,  # pyarrow: not on the path of a run with nothing to do
        )

        cure = f"To take the file without: --clean-missing-columns {','.join(gone)}"
        raise Refusal(f"{where}: {describe_missing(layout)}. {cure}", MISSING_COLUMNS)


def check_file(receipt: CleanReceipt, limits: Limits, describe: Callable[[], str], where: object) -> None:
    """Refuses a file for what it holds, whatever is held in its place.

    Args:
        receipt: of the month as it was cleaned, before it is published
        limits: of `[clean]`
        describe: says which records cannot be stored, and why
        where: the raw file, for people
    Raises: Refusal
    """
    if not receipt.rows_in:
        raise Refusal(f"{where}: holds no record; TLC never published an empty month", NO_RECORD)
    lost = receipt.rows_in - receipt.records
    if lost > limits.most_rejected * receipt.rows_in:
        raise Refusal(
            f"{where}: {describe()}. That is more than [clean] most_rejected = {limits.most_rejected:g} of them. To"
            f" take the rest: --clean-most-rejected {_ceiling(lost / receipt.rows_in):g}",
            MOST_REJECTED,
        )


def check_replacement(
    receipt: CleanReceipt, held: HeldCounts, limits: Limits, forced: bool, new: object, place: object
) -> None:
    """Refuses a month that is worse than what a place holds of it.

    Args:
        receipt: of the month that is to take its place
        held: what is there
        limits: of `[clean]`
        forced: whether `--force` was given, which overrides `fewest_rows`
        new: the file that is to be put there, for people
        place: where it is to be put, for people
    Raises: Refusal
    """
    lost = [
        name
        for name, kind in receipt.missing.items()
        if kind != LAYOUT and name in held.filled and not _allowed(name, limits)
    ]
    if lost:
        raise Refusal(
            f"{new}: lacks {', '.join(lost)}, of which {place} holds values; what is held stays. To take the file"
            f" without: --clean-missing-columns {','.join(lost)}",
            HELD_COLUMNS,
        )
    check_records(receipt.records, held.records, limits, forced, reaches_published(receipt, limits), new, place)


def check_records(
    records: int, held: int, limits: Limits, forced: bool, as_published: bool, new: object, place: object
) -> None:
    """The part of `check_replacement` that needs two numbers only. Raises Refusal."""
    if forced or as_published or records >= held or records >= limits.fewest_rows * held:
        return
    raise Refusal(
        f"{new}: {records:,} records, where {place} holds {held:,}: fewer than [clean] fewest_rows ="
        f" {limits.fewest_rows:g} of them; what is held stays. To take it: --force, or --clean-fewest-rows"
        f" {_floor(records / held):g}",
        FEWEST_ROWS,
        records,
    )


def check_zones(zones: int, held: int, limits: Limits, new: object, place: object) -> None:
    """The same for the list of zones. `--force` is what loads it again, so it overrides nothing. Raises Refusal."""
    if zones < limits.fewest_rows * held:
        raise Refusal(
            f"{new}: {zones:,} zones, where {place} holds {held:,}: fewer than [clean] fewest_rows ="
            f" {limits.fewest_rows:g} of them; what is held stays. To take it: --clean-fewest-rows"
            f" {_floor(zones / held):g}",
            FEWEST_ROWS,
            zones,
        )


def reaches_published(receipt: CleanReceipt, limits: Limits) -> bool:
    """Whether the file has as many records as TLC published in its form, or nearly: `fewest_rows` of them.

    The two forms of a month differ: csv and parquet of 2018 by 8 %.
    """
    published = published_records(receipt)
    return published is not None and receipt.records >= limits.fewest_rows * published


def published_records(receipt: CleanReceipt) -> int | None:
    """Rows that TLC published in the form of this file; None where that is not known of its source."""
    if not counts_apply_to(receipt.raw.url):
        return None
    form: SourceForm = "parquet" if receipt.raw_format == "parquet" else "csv"
    return published_rows(receipt.color, Month.parse(receipt.month), form)


def still_refused(failure: Failure, source: str, recipe: str, settings: str) -> bool:
    """Whether what was refused before would be refused again: the same file, cleaned and checked in the same way."""
    return failure.refused and (failure.source, failure.recipe, failure.settings) == (source, recipe, settings)


def stands_against(failure: Failure, held: int | None, limits: Limits) -> bool:
    """Whether a refusal still stands, by what is held now: some were only for what was held then."""
    if failure.check == HELD_COLUMNS:
        return held is not None
    if failure.check == FEWEST_ROWS:
        return held is not None and (failure.records or 0) < limits.fewest_rows * held
    return True


def fewer_than_published(receipt: CleanReceipt, limits: Limits) -> tuple[int, int] | None:
    """(records, published) of a file with less than `fewest_rows` of what TLC published; None where it has more."""
    published = published_records(receipt)
    if published is None or receipt.records >= limits.fewest_rows * published:
        return None
    return receipt.records, published


def change(before: HeldCounts | None, after: HeldCounts, color: str) -> str:
    """`5,000 → 5,003 records, total_amount 81,234.50 → 81,300.00`; '' where nothing was replaced."""
    if before is None:
        return ""
    parts = [f"{before.records:,} → {after.records:,} records"]
    parts += [f"{name} {_dollars(before, name)} → {_dollars(after, name)}" for name in DATASETS[color].money]
    return ", ".join(parts)


def _dollars(holding: HeldCounts, name: str) -> str:
    return f"{holding.sums[name]:,.2f}" if name in holding.sums else "–"


def _allowed(name: str, limits: Limits) -> bool:
    columns = limits.missing_columns
    return columns == "warn" if isinstance(columns, str) else name in columns


def _ceiling(share: float) -> float:
    """Three decimals, not below the share."""
    return min(1.0, math.ceil(share * 1000) / 1000)


def _floor(share: float) -> float:
    """Three decimals, not above the share."""
    return math.floor(share * 1000) / 1000
