"""The elements of the page: tables, charts with their tables, the section of a record type, and numbers as text.

Values only. A number that is not known is a dash.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from taxi_luigi.core import units


@dataclass(frozen=True)
class Table:
    """Texts; `words` are the columns that are read from the left, numbers line up at their right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = (0,)

    @property
    def long(self) -> bool:
        """Whether the first column takes much of a narrow page."""
        return any(len(row[0]) > 18 for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """A heading with what there is to see below it; each part may be empty."""

    title: str
    text: str = ""
    chart: str = ""
    """SVG"""
    table: Table | None = None
    hidden: Sequence[tuple[str, Table]] = ()
    """(what it is, table), folded"""


@dataclass(frozen=True)
class Section:
    """One color."""

    color: str
    meaning: str
    facts: Sequence[tuple[str, str]]
    """(what, number)"""
    wanting: Sequence[str]
    """what is missing or odd, in lines"""
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Whole:
    """The page."""

    digest: str
    headline: str
    below: str
    tiles: Sequence[tuple[str, str, str]]
    """(what, number, what more there is to it)"""
    notes: Sequence[str]
    """what could not be asked or read"""
    overview: Figure
    where: Table
    sections: Sequence[Section] = field(default_factory=tuple)
    footer: Sequence[str] = ()


def count(number: float | None) -> str:
    """`76,518`; a dash for a number that is not known."""
    return "–" if _unknown(number) else f"{number:,.0f}"


def size(number: float | None) -> str:
    """`1.2 GB`, of bytes."""
    return "–" if number is None or math.isnan(number) else units.size(number)


def share(part: float | None) -> str:
    """`12.3 %`, of a share from 0 to 1; what is there never becomes 0 %, what is missing never 100 %."""
    if part is None or math.isnan(part):
        return "–"
    percent = 100 * part
    if percent in (0, 100):
        return f"{percent:.0f} %"
    if percent < 0.01:
        return "< 0.01 %"
    if percent > 99.9:
        return "> 99.9 %"
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.2f} %"


def duration(seconds: float | None) -> str:
    """Return `1 min 12 s`, or a dash."""
    return "–" if seconds is None or math.isnan(seconds) else units.duration(seconds)


def _unknown(number: float | None) -> bool:
    return number is None or math.isnan(number)
