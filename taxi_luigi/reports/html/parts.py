"""What a page is made of: tables, charts with the tables behind them, and a color with all of its own. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


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
