"""The classes of canonical columns and record types; taxi.py and for_hire.py define their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from taxi_luigi.tlc.months import Month, Selection

FILE_MONTH = "file_month"
"""The first column of every table and clean file: the first day of the month in the file's name."""

ColumnType = Literal["int32", "int64", "double", "string", "timestamp[us]", "date32"]
"""Arrow's names. Time stamps are New York wall-clock time without a zone; date32 is for `file_month` alone."""

SourceForm = Literal["parquet", "csv"]
"""TLC published each month as csv until 2022-05-13, and then all of them anew as parquet, with other columns."""

LAST_CSV = Month(2021, 12)
"""The last month that TLC can have published as csv: later ones appeared after its change to parquet."""


def plain(name: str) -> str:
    """Return a column's name for comparison: without case and surrounding blanks."""
    return name.strip().casefold()


@dataclass(frozen=True)
class Spelling:
    """One name of a column in TLC's files, and the months of each form whose files have it.

    None: no month of that form. Surrounding blanks, which csv files of 2014 have, are left out.
    """

    name: str
    parquet: Selection | None
    csv: Selection | None

    @classmethod
    def of(cls, name: str, parquet: str, csv: str) -> Spelling:
        """Months are written as --months has them: 2009, 2010..2016-06, 2011..; empty: never."""
        return cls(name, *(Selection.parse(months) if months else None for months in (parquet, csv)))

    def months(self, form: SourceForm) -> Selection | None:
        """Return the months of one form."""
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
    """the month fails if its file should have the column and lacks it"""
    optional: bool = False
    """not every file of a month and layout has it: it is never reported as missing"""
    spellings: tuple[Spelling, ...] = ()
    """all its names in TLC's files; matched without regard to case"""
    coalesce: bool = False
    """a file may have several of these names, and a row's first value is used; else that is an error"""
    value_map: Mapping[str, str | None] = field(default_factory=dict)
    """text, in lower case and trimmed → TLC's later code; None: no value"""

    @property
    def description(self) -> str:
        """Return the meaning and the unit, as every table and file has them."""
        return f"{self.meaning} ({self.unit})" if self.unit else self.meaning

    def named(self, *spellings: tuple[str, str, str]) -> Column:
        """Return the column with its names in one record type's files: (name, months of parquet, months of csv)."""
        return replace(self, spellings=tuple(Spelling.of(*spelling) for spelling in spellings))

    def source_names(self, month: Month, form: SourceForm) -> tuple[str, ...]:
        """Return its names in TLC's file of a month, as written there; the canonical name if it has no spellings."""
        if not self.spellings:
            return (self.name,)
        months = ((spelling.name, spelling.months(form)) for spelling in self.spellings)
        return tuple(name for name, each in months if each is not None and each.covers(month))

    def names_in(self, layout: Iterable[str]) -> list[str]:
        """Return its names among the columns of a file, by any of its spellings in any case."""
        known = {spelling.name.casefold() for spelling in self.spellings}
        return [name for name in layout if name.strip().casefold() in known]

    def is_in(self, month: Month, form: SourceForm) -> bool:
        """Return whether TLC's file of a month is known to have it; without spellings, every file has it."""
        return bool(self.source_names(month, form))


@dataclass(frozen=True, eq=False)
class Dataset:
    """One record type: TLC's prefix of its files, and the schema of all its months. Compared by identity."""

    color: str
    meaning: str
    first_month: Month
    pickup: str
    dropoff: str
    columns: tuple[Column, ...]
    distance: str | None = None
    """the column with the miles of a trip, where there is one"""
    fare: str | None = None
    """the column with the fare without taxes, fees and tips, where there is one"""
    last_csv: Month | None = None
    """the last month that was published as csv too; None: every month is"""
    money: tuple[str, ...] = ()
    """the money columns whose sums are recorded; empty where the record type has no money"""

    @property
    def table(self) -> str:
        """Return the name of the table in every warehouse."""
        return f"{self.color}_tripdata"

    @property
    def descriptions(self) -> dict[str, str]:
        """Return column → description, and that of the table itself under ''."""
        return {"": self.meaning} | {column.name: column.description for column in self.columns}

    def has(self, name: str) -> bool:
        """Return whether the record type has a canonical column."""
        return any(column.name == name for column in self.columns)

    def layouts(self, month: Month) -> dict[SourceForm, tuple[Column, ...]]:
        """Return the columns of the files known to be published for a month, by form.

        A month after the last known layout has that layout, as months of spellings have open ends. A file converted
        from one form to the other's container keeps its columns, so both layouts apply to files in either container.
        """
        layouts = {}
        for form in get_args(SourceForm):
            if form == "csv" and self.last_csv is not None and month > self.last_csv:
                continue
            columns = tuple(each for each in self.columns if each.name != FILE_MONTH and each.is_in(month, form))
            if columns:
                layouts[form] = columns
        return layouts
