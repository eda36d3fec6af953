"""What was counted of one month in each place, and in what the counts disagree. Pure: nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain


@dataclass(frozen=True)
class Count:
    """What one place holds of a month."""

    place: str
    """raw, clean, rejected, or a lake's or warehouse's name"""
    rows: int | None = None
    """None: nothing is there, or it cannot be counted"""
    claimed: int | None = None
    """rows by the receipt or marker that goes with it"""
    fault: str = ""
    """why what is there cannot be counted or trusted, in one line"""
    asked: bool = True
    """False: the place did not answer, so that what it holds is not known"""
    refused: bool = False
    """whether the clean month was refused as worse than what is held here, which rightly stays"""

    @property
    def absent(self) -> bool:
        """Whether the place was asked and holds nothing."""
        return self.asked and self.rows is None and not self.fault

    def __str__(self) -> str:
        if self.rows is not None:
            return f"{self.rows:,}"
        return "–" if self.absent else "?"


@dataclass(frozen=True)
class Found:
    """One month in every place."""

    raw: Count
    clean: Count
    """the workspace's, which is also the lake called local"""
    rejected: Count
    lakes: Sequence[Count]
    """those that luigi.cfg names, but for local"""
    warehouses: Sequence[Count]
    clean_is_lake: bool
    """whether local is one of the lakes named, so that its lacking the month is a difference"""
    other_raw: bool = False
    """whether the raw file is another than the clean month was made from, so that its records are not that month's"""
    refused: bool = False
    """whether that other raw file was refused, so that the clean month rightly stays"""
    published: int | None = None
    """rows that TLC published in the form of the raw file"""
    from_tlc: bool = False
    """whether the month came from a host to which the published counts apply: TLC's, or the csv mirror's"""

    @property
    def counts(self) -> tuple[Count, ...]:
        """All of them, in the order in which a person reads them."""
        return self.raw, self.clean, self.rejected, *self.lakes, *self.warehouses

    @property
    def kept(self) -> Count | None:
        """The first of the counts that should all be the clean month's."""
        stored = (self.clean, *self.lakes, *self.warehouses)
        return next((count for count in stored if count.rows is not None and not count.refused), None)

    @property
    def records(self) -> int | None:
        """Rows of the file that is held: the raw file's, or where that is not kept, those kept and rejected."""
        if self.raw.rows is not None and not self.other_raw:
            return self.raw.rows
        kept, rejected = self.kept, self.rejected.claimed if self.rejected.rows is None else self.rejected.rows
        return None if kept is None or kept.rows is None or rejected is None else kept.rows + rejected

    @property
    def unlike_published(self) -> bool:
        """Whether a month from TLC or the csv mirror has another number of records than TLC published."""
        counted = self.records is not None and self.published is not None
        return self.from_tlc and counted and self.records != self.published


def differences(found: Found, judge_published: bool = False) -> tuple[str, ...]:
    """In what a month's counts disagree, one phrase each; none when they agree. Places that did not answer count not.

    raw, where it is kept, is the file that was downloaded and cleaned, and = clean + rejected; clean = every lake =
    every warehouse, but for a place that refused the month; each count = what the receipt or marker beside it says; a
    lake or warehouse that is named has the month. With `judge_published`, raw = published, whatever the source.
    """
    stored = (found.raw, found.clean, *found.lakes, *found.warehouses)
    if all(count.absent for count in stored):
        return ("nowhere",)
    faults = (f"{count.place}: {count.fault}" for count in found.counts if count.fault)
    held = any(count.rows is not None or count.fault for count in stored)
    return tuple(
        chain(
            faults,
            _lacking(found) if held else (),
            _account(found),
            _stores(found),
            _published(found) if judge_published else (),
        )
    )


def _lacking(found: Found) -> Iterator[str]:
    wanted = (*([found.clean] if found.clean_is_lake else []), *found.lakes, *found.warehouses)
    for count in wanted:
        if count.absent:
            yield f"{count.place} lacks the month"


def _account(found: Found) -> Iterator[str]:
    """The raw file and the rejects, against the clean rows and against the receipt."""
    kept, rejected = found.kept, found.rejected.rows
    if found.other_raw:
        if not found.refused:
            yield "raw is another file than the one that was cleaned"
    else:
        if kept is not None and kept.rows is not None and rejected is not None:
            yield from _off(found.raw, kept.rows + rejected, f"{kept.place} + rejected")
        yield from _off(found.raw, found.raw.claimed, "the receipt says")
    yield from _off(found.rejected, found.rejected.claimed, "the receipt says")


def _stores(found: Found) -> Iterator[str]:
    """Every store against the first that could be counted; those that agree, against their own receipt or marker."""
    kept = found.kept
    # A warehouse that is loaded from a lake that refused the month still holds what that lake holds.
    stays = {count.rows for count in found.counts if count.refused}
    files = ((count, "receipt") for count in (found.clean, *found.lakes))
    tables = ((count, "marker") for count in found.warehouses)
    for count, witness in chain(files, tables):
        if kept is None or count.rows is None or count.fault:
            continue
        if count.rows != kept.rows and count.rows not in stays:
            yield from _off(count, kept.rows, kept.place)
        elif count.claimed is None:
            yield f"{count.place} has no {witness} of the month"
        else:
            yield from _off(count, count.claimed, f"its {witness} says")


def _published(found: Found) -> Iterator[str]:
    yield from _off(Count("TLC's file", found.records), found.published, "published")


def _off(count: Count, expected: int | None, other: str) -> Iterator[str]:
    """The phrase for a count that is not the one expected; none when either is not known."""
    off = 0 if count.rows is None or expected is None else count.rows - expected
    if off:
        rows = "row" if abs(off) == 1 else "rows"
        yield f"{count.place} has {abs(off):,} {rows} {'more' if off > 0 else 'fewer'} than {other}"
