"""An era of files, parquet or csv, and how the tables of the other modules here write it down. No layout itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from taxi_luigi.tlc.months import Month, Selection

Form = Literal["parquet", "csv", "csv.gz"]


@dataclass(frozen=True)
class ParquetEra:
    """The files from a month on: `columns` maps TLC's spelling to the name of an Arrow type, in the file's order."""

    first: Month
    columns: dict[str, str]


@dataclass(frozen=True)
class CsvEra:
    """The csv files from a month on: the header byte by byte, and what else a line of them can surprise with."""

    first: str
    """as 2013-08"""
    header: str
    """the names as they are in the file, with their blanks and without the line end"""
    blank_line: bool = False
    """the header ends in LF, and an empty line follows that ends in CRLF; the rest of the file is CRLF"""
    line_end: bytes = b"\r\n"
    extra_commas: int = 0
    """fields that every row has more than the header, all empty"""
    quoted: bool = False
    """every name and every value is in quotes, the empty ones too"""
    long_numbers: bool = False
    """all 17 digits of a double: 2.6299999999999999 where the other eras have 2.63"""
    decimal_zones: bool = False
    """zones went through a double: 264.0"""
    empty: frozenset[str] = frozenset()
    """columns without a value in any row"""
    spoiled: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """by column, what a few rows hold in its place that no reader expects"""

    @property
    def names(self) -> list[str]:
        """The columns as the header spells them, without its quotes."""
        return [name.strip('"') for name in self.header.split(",")]


@dataclass(frozen=True)
class Exceptions:
    """Months in which one column has another type than its era, `months` as a person writes them."""

    column: str
    type: str
    months: str

    def holds(self, name: str, month: Month) -> bool:
        """Whether this is about that column in that month."""
        return name == self.column and Selection.parse(self.months).covers(month)


@dataclass(frozen=True)
class Layouts:
    """Every layout of one color. No csv was published after `last_csv`."""

    parquet: tuple[ParquetEra, ...]
    exceptions: tuple[Exceptions, ...]
    csv: tuple[CsvEra, ...]
    last_csv: Month
    mirror: tuple[CsvEra, ...] = ()
    """where the mirror's csv.gz are not TLC's own csv"""


def eras(table: str) -> Iterator[ParquetEra]:
    """Reads a table: a line of first months, then one line per column with its type in each era, - for none."""
    header, *lines = (line.split() for line in table.strip().splitlines())
    for era, first in enumerate(header, start=1):
        yield ParquetEra(Month.parse(first), {line[0]: line[era] for line in lines if line[era] != "-"})
