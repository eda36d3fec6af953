"""Months, and the syntax in which users select several of them.

Pure: today's date is an argument. The months that are published are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Self, overload

from taxi_luigi.core.errors import UsageError

LATEST = 8
"""The months that `latest` covers: TLC was up to 6 months late in 2026, and rewrites recent files."""

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_YEAR = re.compile(r"\d{4}")
_FORMS = "2024-01, 2024, 2024-01..2024-06, 2024-01.., latest or all, separated by commas"


class Month(date):
    """One calendar month, the unit in which TLC publishes: the date of its first day, written `2024-01`.

    So it has what Luigi and its users do with dates: comparison, `strftime`, days added to it. The result of
    arithmetic is a plain date, as most are not the first day of a month.
    """

    def __new__(cls, year: int, month: int) -> Self:
        return super().__new__(cls, year, month, 1)

    @classmethod
    def parse(cls, text: str) -> Month:
        """Return Month(2024, 1) for `2024-01`. Raise UsageError for any other form."""
        match = _MONTH.fullmatch(text.strip())
        if match is None or not 1 <= int(match[2]) <= 12 or int(match[1]) == 0:
            raise UsageError(f"month must look like 2024-01, not {text.strip()!r}")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month of a day."""
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        """Return the first day as a plain date, the value of the `file_month` column."""
        return date(self.year, self.month, 1)

    def plus(self, months: int) -> Month:
        """Return the month so many months later, or earlier when negative."""
        years, month = divmod(self.month - 1 + months, 12)
        return Month(self.year + years, month + 1)

    def __add__(self, time: timedelta) -> date:  # type: ignore[override]
        return self.first_day + time

    def __radd__(self, time: timedelta) -> date:  # type: ignore[override]
        return self.first_day + time

    @overload  # type: ignore[override]
    def __sub__(self, other: date) -> timedelta: ...
    @overload
    def __sub__(self, other: timedelta) -> date: ...
    def __sub__(self, other: Any) -> Any:
        return self.first_day - other

    def replace(self, *args: Any, **changes: Any) -> date:  # type: ignore[override]
        return self.first_day.replace(*args, **changes)

    def __reduce__(self) -> tuple[type[Month], tuple[int, int]]:
        return Month, (self.year, self.month)

    def __repr__(self) -> str:
        return f"Month({self.year}, {self.month})"

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def month_range(first: Month, last: Month) -> Iterator[Month]:
    """Yield every month from first to last, both included."""
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield Month(number // 12, number % 12 + 1)


def spans(months: Iterable[Month]) -> str:
    """Return months in order, as they are typed after --months: `2024-01..2024-03, 2024-06`."""
    parts: list[tuple[Month, Month]] = []
    for month in sorted(months):
        if parts and parts[-1][1].plus(1) == month:
            parts[-1] = parts[-1][0], month
        else:
            parts.append((month, month))
    return ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in parts)


@dataclass(frozen=True)
class _Term:
    """One comma-separated part of a selection; None is an open end."""

    text: str
    first: Month | None
    last: Month | None
    named: bool
    """the user named these months, so one that is not published is missing data"""


@dataclass(frozen=True)
class Selection:
    """The months that the user requested; `str()` returns the text as written."""

    text: str
    terms: tuple[_Term, ...]

    @classmethod
    def parse(cls, text: str) -> Selection:
        """Parse a comma-separated selection. Raise UsageError for a text that is invalid at any date."""
        parts = [part.strip() for part in text.split(",")]
        if not all(parts):
            raise UsageError(f"months must be {_FORMS}, not {text!r}")
        return cls(text, tuple(_parse_term(part) for part in parts))

    def resolve(self, today: date) -> dict[Month, bool]:
        """Return month → whether it was named, in order, from 2000 on, without regard to a record type's first month.

        A named month that is not published is missing data. The months of `latest`, `all`, an open range and the
        current year are selected as far as they are published.

        Raises: UsageError for a future month
        """
        now = Month.of(today)
        wanted: dict[Month, bool] = {}
        for term in self.terms:
            for month in month_range(*_span(term, now)):
                named = term.named and not (_written_as_year(term) and month.year == now.year)
                wanted[month] = wanted.get(month, False) or named
        return dict(sorted(wanted.items()))

    def covers(self, month: Month) -> bool:
        """Return whether the selection includes a month, at any date; for texts without `latest`."""
        return any(
            (term.first is None or term.first <= month) and (term.last is None or month <= term.last)
            for term in self.terms
        )

    def __str__(self) -> str:
        return self.text


def _parse_term(text: str) -> _Term:
    if text == "latest":
        return _Term(text, None, None, named=False)
    if text == "all":
        return _Term(text, _DAWN, None, named=False)
    first_text, dots, last_text = (part.strip() for part in text.partition(".."))
    if not dots:
        first, last = _parse_span(text)
        return _Term(text, first, last, named=True)
    if not first_text:
        raise UsageError(f"a range of months begins with a month, as 2024-01..2024-06, not {text!r}")
    begin = _parse_span(first_text)[0]
    end = _parse_span(last_text)[1] if last_text else None
    if end is not None and end < begin:
        raise UsageError(f"the range {text} ends before it begins")
    return _Term(text, begin, end, named=end is not None)


_DAWN = Month(2000, 1)
"""A month before TLC's first file; callers apply the first month of each record type."""


def _parse_span(text: str) -> tuple[Month, Month]:
    if _YEAR.fullmatch(text) and int(text):
        return Month(int(text), 1), Month(int(text), 12)
    if not _MONTH.fullmatch(text):
        raise UsageError(f"months must be {_FORMS}, not {text!r}")
    month = Month.parse(text)
    return month, month


def _written_as_year(term: _Term) -> bool:
    return _YEAR.fullmatch(term.text.rpartition("..")[2].strip()) is not None


def _span(term: _Term, now: Month) -> tuple[Month, Month]:
    if term.text == "latest":
        return now.plus(1 - LATEST), now
    first, last = term.first or _DAWN, term.last or now
    if last.year == now.year and _written_as_year(term):
        last = now
    if last > now or first > now:
        raise UsageError(f"{max(first, last)} in {term.text!r} is in the future: this month is {now}")
    return first, last
