"""Months, and how a person writes several of them.

Pure: what "now" is comes in as an argument. Which months a publisher has is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from taxi_luigi.errors import UsageError

LATEST = 8
"""How many of the last published months `latest` means. TLC was up to 6 months late in 2026, and rewrites recent files."""

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_YEAR = re.compile(r"\d{4}")


@dataclass(frozen=True, order=True)
class Month:
    """One calendar month, which is also the unit that TLC publishes."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """`2024-01` → Month(2024, 1); anything else is a UsageError that shows the form wanted."""
        match = _MONTH.fullmatch(text.strip())
        if match is None or not 1 <= int(match[2]) <= 12 or int(match[1]) == 0:
            raise UsageError(f"month must look like 2024-01, not {text.strip()!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        """The month that holds a day."""
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        """The value of the `file_month` column."""
        return date(self.year, self.month, 1)

    def plus(self, months: int) -> Month:
        """The month that many months later, or earlier when negative."""
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def month_range(first: Month, last: Month) -> Iterator[Month]:
    """Every month from first to last, both included."""
    month = first
    while month <= last:
        yield month
        month = month.plus(1)
