"""Check whether a month may replace the held one: a worse month never takes a better one's place.

That is promise 6 of docs/architecture.md.

Pure: receipts in, a Refusal out. The tasks read the receipts and record refusals.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taxi_luigi.core.errors import Refusal
from taxi_luigi.core.receipts import LAYOUT, CleanReceipt, Failure
from taxi_luigi.core.units import plural
from taxi_luigi.tlc.datasets import DATASETS, SourceForm
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.published import counts_apply_to, published_rows
from taxi_luigi.transform.clean_settings import Limits

if TYPE_CHECKING:
    from taxi_luigi.transform.column_mapping import Layout

# The values of `Refusal.check`:
NO_RECORD = "no_record"
MOST_REJECTED = "most_rejected"
MISSING_COLUMNS = "missing_columns"
HELD_COLUMNS = "held_columns"
"""A missing column that only the other form's layout has, and of which the held month has values."""
FEWEST_ROWS = "fewest_rows"
UNKNOWN_COLUMNS = "unknown_columns"


@dataclass(frozen=True)
class HeldCounts:
    """Counts of the month that a lake or warehouse holds, as far as they are recorded there."""

    records: int
    """records of the raw file that can be stored, including those that rules took out"""
    sums: Mapping[str, float] = field(default_factory=dict)
    """money column → dollars; empty where they are not recorded"""
    filled: frozenset[str] = frozenset()
    """the columns with a value in some row, of those that were checked"""

    @classmethod
    def of(cls, receipt: CleanReceipt, filled: frozenset[str] = frozenset()) -> HeldCounts:
        """Return the counts of a clean file."""
        return cls(receipt.records, receipt.sums, filled)


def check_columns(layout: Layout, limits: Limits, where: object) -> None:
    """Refuse a file that lacks columns of its month's layout, whatever is held.

    Args:
        layout: of the file
        limits: of `[clean]`
        where: the raw file, for messages
    Raises: Refusal
    """
    gone = [name for name in layout.missing if not _allowed(name, limits)]
    if gone:
        from taxi_luigi.transform.column_mapping import (
            describe_missing,  # pyarrow: not on the path of a run with nothing to do
        )

        raise Refusal(f"{where}: {describe_missing(layout)}. {_to_take_without(gone, limits)}", MISSING_COLUMNS)


def check_file(receipt: CleanReceipt, limits: Limits, describe: Callable[[], str], where: object) -> None:
    """Refuse a file without records or with too many that cannot be stored, whatever is held.

    Args:
        receipt: of the cleaned month, before it is published
        limits: of `[clean]`
        describe: returns which records cannot be stored, and why, for the message
        where: the raw file, for messages
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
    """Refuse a month that is worse than the held one.

    Args:
        receipt: of the new month
        held: counts of the month to be replaced
        limits: of `[clean]`
        forced: whether `--force` was given, which overrides `fewest_rows`
        new: the new file, for messages
        place: the lake or warehouse, for messages
    Raises: Refusal
    """
    lost = [
        name
        for name, kind in receipt.missing.items()
        if kind != LAYOUT and name in held.filled and not _allowed(name, limits)
    ]
    if lost:
        raise Refusal(
            f"{new}: lacks {', '.join(lost)}, of which {place} holds values; what is held stays."
            f" {_to_take_without(lost, limits)}",
            HELD_COLUMNS,
        )
    check_records(receipt.records, held.records, limits, forced, reaches_published(receipt, limits), new, place)


def check_records(
    records: int, held: int, limits: Limits, forced: bool, as_published: bool, new: object, place: object
) -> None:
    """Refuse a month with too few records: the part of `check_replacement` that compares two numbers.

    Args:
        records: of the new month
        held: records of the held month
        forced: whether `--force` was given
        as_published: whether the new month has as many records as TLC published
    Raises: Refusal
    """
    if forced or as_published or records >= held or records >= limits.fewest_rows * held:
        return
    raise Refusal(
        f"{new}: {plural(records, 'record')}, where {place} holds {held:,}: fewer than [clean] fewest_rows ="
        f" {limits.fewest_rows:g} of them; what is held stays. To take it: --force, or --clean-fewest-rows"
        f" {_floor(records / held):g}",
        FEWEST_ROWS,
        records,
    )


def check_zones(zones: int, held: int, limits: Limits, new: object, place: object) -> None:
    """Refuse a list with too few zones; `--force`, which reloads the list, does not override this.

    Args:
        zones: number of zones in the new list
        held: number of zones in the held list
    Raises: Refusal
    """
    if zones < limits.fewest_rows * held:
        raise Refusal(
            f"{new}: {plural(zones, 'zone')}, where {place} holds {held:,}: fewer than [clean] fewest_rows ="
            f" {limits.fewest_rows:g} of them; what is held stays. To take it: --clean-fewest-rows"
            f" {_floor(zones / held):g}",
            FEWEST_ROWS,
            zones,
        )


def reaches_published(receipt: CleanReceipt, limits: Limits) -> bool:
    """Return whether the file has at least the share `fewest_rows` of the records that TLC published in its form.

    The two forms of a month differ: csv and parquet of 2018 by 8 %.
    """
    published = published_records(receipt)
    return published is not None and receipt.records >= limits.fewest_rows * published


def published_records(receipt: CleanReceipt) -> int | None:
    """Return the rows that TLC published in the form of this file; None where its source has no known count."""
    if not counts_apply_to(receipt.raw.url):
        return None
    form: SourceForm = "parquet" if receipt.raw_format == "parquet" else "csv"
    return published_rows(receipt.color, Month.parse(receipt.month), form)


def still_refused(failure: Failure, source: str, recipe: str, settings: str) -> bool:
    """Return whether a refused file would be refused again: the same file, cleaned and checked in the same way.

    Args:
        failure: the recorded one
        source: fingerprint of the file, as in an edition
        recipe: of the month, as in an edition
        settings: `check_version` of today
    """
    return failure.refused and (failure.source, failure.recipe, failure.settings) == (source, recipe, settings)


def stands_against(failure: Failure, held: int | None, limits: Limits) -> bool:
    """Return whether a refusal is still valid: some depend on the held month, which may have changed.

    Args:
        failure: the refusal
        held: records of the held month; None when it is not held
        limits: of `[clean]`
    """
    if failure.check == HELD_COLUMNS:
        return held is not None
    if failure.check == FEWEST_ROWS:
        return held is not None and (failure.records or 0) < limits.fewest_rows * held
    return True


def fewer_than_published(receipt: CleanReceipt, limits: Limits) -> tuple[int, int] | None:
    """Return (records, published) of a file with less than `fewest_rows` of the published records, else None."""
    published = published_records(receipt)
    if published is None or receipt.records >= limits.fewest_rows * published:
        return None
    return receipt.records, published


def change(before: HeldCounts | None, after: HeldCounts, color: str) -> str:
    """Return `5,000 → 5,003 records, total_amount 81,234.50 → 81,300.00`; '' where nothing was replaced."""
    if before is None:
        return ""
    parts = [f"{before.records:,} → {after.records:,} records"]
    parts += [f"{name} {_dollars(before, name)} → {_dollars(after, name)}" for name in DATASETS[color].money]
    return ", ".join(parts)


def _dollars(holding: HeldCounts, name: str) -> str:
    return f"{holding.sums[name]:,.2f}" if name in holding.sums else "–"


def _to_take_without(gone: Iterable[str], limits: Limits) -> str:
    """Return the flag that takes a file without these columns; it replaces the setting, whose names stay allowed."""
    allowed = () if isinstance(limits.missing_columns, str) else sorted(limits.missing_columns)
    return f"To take the file without: --clean-missing-columns {','.join((*gone, *allowed))}"


def _allowed(name: str, limits: Limits) -> bool:
    columns = limits.missing_columns
    return columns == "warn" if isinstance(columns, str) else name in columns


def _ceiling(share: float) -> float:
    """Round up to three decimals, at most 1."""
    return min(1.0, math.ceil(share * 1000) / 1000)


def _floor(share: float) -> float:
    """Round down to three decimals."""
    return math.floor(share * 1000) / 1000
