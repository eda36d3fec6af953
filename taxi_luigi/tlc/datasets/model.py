"""What a canonical column and a record type are; the values themselves are beside this, in taxi.py and for_hire.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from taxi_luigi.tlc.months import Month, Selection

FILE_MONTH = "file_month"
"""The column that every table and clean file begins with: the first day of the month in the file's name."""

ColumnType = Literal["int32", "int64", "double", "string", "timestamp[us]", "date32"]
"""Arrow's names. Time stamps are New York wall-clock time without a zone; date32 is for `file_month` alone."""

SourceForm = Literal["parquet", "csv"]
"""TLC published each month as csv until 2022-05-13, and then all of them anew as parquet, with other columns."""

LAST_CSV = Month(2021, 12)
"""The last month that TLC can have published as csv: later months appeared after its change to parquet."""


def plain(name: str) -> str:
    """A column's name as it is compared: without regard to its case and the blanks around it."""
    return name.strip().casefold()


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
    required: bool = False
    """without it the row is not a trip of this color: a file that should have it and has not fails the month"""
    optional: bool = False
    """files of the same month and layout have it or lack it: it is never missing"""
    spellings: tuple[Spelling, ...] = ()
    """all that TLC called it; when matched, case does not matter"""
    coalesce: bool = False
    """a file may have several of the spellings: a row's first value counts; without this, it is an error"""
    value_map: Mapping[str, str | None] = field(default_factory=dict)
    """text, in lower case and trimmed → the later code; None: stands for no value"""

    def named(self, *spellings: tuple[str, str, str]) -> Column:
        """The same column with its names in one color's files: (name, months of parquet, months of csv)."""
        return replace(self, spellings=tuple(Spelling.of(*spelling) for spelling in spellings))

    def source_names(self, month: Month, form: SourceForm) -> tuple[str, ...]:
        """What TLC's file of that month calls it, as written there; its canonical name where there are no spellings."""
        if not self.spellings:
            return (self.name,)
        months = ((spelling.name, spelling.months(form)) for spelling in self.spellings)
        return tuple(name for name, each in months if each is not None and each.covers(month))

    def is_in(self, month: Month, form: SourceForm) -> bool:
        """Whether TLC's file of that month is known to have it; without spellings, every file has."""
        return bool(self.source_names(month, form))


@dataclass(frozen=True, eq=False)
class Dataset:
    """One record type: TLC's prefix of its files, and the one schema of all its months. Equal to itself alone."""

    color: str
    meaning: str
    first_month: Month
    pickup: str
    dropoff: str
    columns: tuple[Column, ...]
    distance: str | None = None
    """the column with the miles of a trip, where there is one"""
    last_csv: Month | None = None
    """the last month that was published as csv too; None: every month is"""
    money: tuple[str, ...] = ()
    """the columns whose sums say how much money a month is about; none where the record type has no money"""

    @property
    def table(self) -> str:
        """The table's name in every warehouse."""
        return f"{self.color}_tripdata"

    def has(self, name: str) -> bool:
        """Whether this record type has that canonical column."""
        return any(column.name == name for column in self.columns)

    def layouts(self, month: Month) -> dict[SourceForm, tuple[Column, ...]]:
        """The columns of the files that are known to have been published for a month, by the form of the file.

        A month after the last known layout has that one: months of spellings have open ends. What was made of one
        form in the container of the other has the columns of the first, so both count for a file in either container.
        """
        layouts = {}
        for form in get_args(SourceForm):
            if form == "csv" and self.last_csv is not None and month > self.last_csv:
                continue
            columns = tuple(each for each in self.columns if each.name != FILE_MONTH and each.is_in(month, form))
            if columns:
                layouts[form] = columns
        return layouts
