"""What a canonical column and a record type are; the values themselves are beside this, in taxi.py and for_hire.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from taxi_luigi.months import Month, Selection

FILE_MONTH = "file_month"
"""The column that every table and clean file begins with: the first day of the month in the file's name."""

ColumnType = Literal["int32", "int64", "double", "string", "timestamp[us]", "date32"]
"""Arrow's names. Time stamps are New York wall-clock time without a zone; date32 is for `file_month` alone."""

SourceForm = Literal["parquet", "csv"]
"""TLC published each month as csv until 2022-05-13, and then all of them anew as parquet, with other columns."""


@dataclass(frozen=True)
class Spelling:
    """One name that TLC gave a column, as written in its files, and the months whose files have it, in each form.

    None: in no month of that form. Blanks around a name are left out; 2014's csv files have them.
    """

    name: str
    parquet: Selection | None
    csv: Selection | None

    @classmethod
    def of(cls, name: str, parquet: str, csv: str) -> Spelling:
        """Months are written as a person does: 2009, 2010..2016-06, 2011..; empty: never."""
        return cls(name, *(Selection.parse(months) if months else None for months in (parquet, csv)))

    def months(self, form: SourceForm) -> Selection | None:
        """The months of one form."""
        return self.parquet if form == "parquet" else self.csv


@dataclass(frozen=True)
class Column:
    """One canonical column."""

    name: str
    type: ColumnType
    meaning: str
    unit: str = ""
    """miles, USD, people …; empty for codes and names"""
    essential: bool = False
    """without it the row is not a trip of this color: a file that should have it and has not fails the month"""
    spellings: tuple[Spelling, ...] = ()
    """all that TLC called it; when matched, case does not matter"""
    together: bool = False
    """a file may have several of the spellings: a row's first value counts; without this, it is an error"""
    codes: Mapping[str, str | None] = field(default_factory=dict)
    """text, in lower case and trimmed → the later code; None: stands for no value"""

    def spelled(self, *spellings: tuple[str, str, str]) -> Column:
        """The same column with its names in one color's files: (name, months of parquet, months of csv)."""
        return replace(self, spellings=tuple(Spelling.of(*spelling) for spelling in spellings))

    def is_in(self, month: Month, form: SourceForm) -> bool:
        """Whether TLC's file of that month is known to have it; without spellings, every file has."""
        months = (spelling.months(form) for spelling in self.spellings)
        return not self.spellings or any(each is not None and each.covers(month) for each in months)


@dataclass(frozen=True)
class Dataset:
    """One record type: TLC's prefix of its files, and the one schema of all its months."""

    color: str
    meaning: str
    first_month: Month
    pickup: str
    dropoff: str
    columns: tuple[Column, ...]
    distance: str | None = None
    """the column with the miles of a trip, where there is one"""

    @property
    def table(self) -> str:
        """The table's name in every warehouse."""
        return f"{self.color}_tripdata"

    def has(self, name: str) -> bool:
        """Whether this record type has that canonical column."""
        return any(column.name == name for column in self.columns)
