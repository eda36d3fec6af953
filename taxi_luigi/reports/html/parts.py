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
    """A table of texts; the columns in `words` are aligned left, numbers right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: Sequence[int] = (0,)

    @property
    def long(self) -> bool:
        """Return whether the first column is wide for a narrow page."""
        return any(len(row[0]) > 18 for row in self.rows)


@dataclass(frozen=True)
class Figure:
    """A heading with a text, a chart and tables below it, each of which may be empty."""

    title: str
    text: str = ""
    chart: str = ""
    """SVG"""
    table: Table | None = None
    hidden: Sequence[tuple[str, Table]] = ()
    """(title, table), folded"""


@dataclass(frozen=True)
class Section:
    """The section of one record type."""

    color: str
    meaning: str
    facts: Sequence[tuple[str, str]]
    """(label, number)"""
    problems: Sequence[str]
    """missing or unusual months, in lines"""
    figures: Sequence[Figure]


@dataclass(frozen=True)
class PageContent:
    """The values of page.html."""

    digest: str
    headline: str
    below: str
    tiles: Sequence[tuple[str, str, str]]
    """(label, number, explanation)"""
    notes: Sequence[str]
    """errors of places and history that could not be read"""
    glance: Sequence[str]
    """the last run, and months that need attention, in lines"""
    overview: Figure
    where: Table
    sections: Sequence[Section] = field(default_factory=tuple)
    runs: Sequence[tuple[str, str]] = ()
    """(text, address of its page beside this one; '' where it could not be written) of the last runs"""
    footer: Sequence[str] = ()


def count(number: float | None) -> str:
    """Return `76,518`, or a dash."""
    return "–" if number is None or math.isnan(number) else f"{number:,.0f}"


def size(number: float | None) -> str:
    """Return bytes as `1.2 GB`, or a dash."""
    return "–" if number is None or math.isnan(number) else units.size(number)


def share(part: float | None) -> str:
    """Return a share from 0 to 1 as `12.3 %`, or a dash; only 0 is 0 %, only 1 is 100 %."""
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
