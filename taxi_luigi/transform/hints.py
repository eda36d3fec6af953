"""Guess the format of texts that could not be parsed: dates written by Excel, merge markers of git. Pure.

The guesses are for messages alone; no value is parsed by them.
"""

from __future__ import annotations

import re

_CLOCK = r"(?:[ T]+\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AaPp]\.?[Mm]\.?)?)?"
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"

_EXCEL = "looks like a date written by Excel"
_NUMERIC = re.compile(rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}}|\d\d){_CLOCK}")
_SERIAL = re.compile(r"[1-9]\d{4}(?:[.,]\d+)?")
_MARKER = re.compile(r"(?:<{7}|>{7}|\|{7}|={7})(?:[ \t]|$)")

_FORMS = (
    (rf"\d{{1,2}}[ -]{_MONTHS}[ -]\d{{2,4}}{_CLOCK}", f"{_EXCEL} (day-month-year, the month's name)"),
    (rf"{_MONTHS} \d{{1,2}},? \d{{4}},?{_CLOCK}", f"{_EXCEL} (the month's name, day, year)"),
    (
        rf"\d{{4}}([/.])\d{{1,2}}\1\d{{1,2}}{_CLOCK}",
        "looks like a date as year/month/day, not year-month-day",
    ),
    (r"\d{1,2}:\d\d(?:\.\d)?", f"{_EXCEL} (a time without its day)"),
    (r"#+", "is what Excel shows of a date in a column that is too narrow"),
    (r"[12]\d{9}(?:\.\d+)?", "looks like a Unix time in seconds"),
    (r"[12]\d{12}", "looks like a Unix time in milliseconds"),
    (r"[12]\d{15}", "looks like a Unix time in microseconds"),
    (r"[12]\d{18}", "looks like a Unix time in nanoseconds"),
    (
        r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)? ?(?:Z|UTC|GMT|EST|EDT|[+-]\d\d:?(?:\d\d)?)",
        "has a time zone, which TLC's times, New York's wall clock, have not",
    ),
)
_KNOWN = tuple((re.compile(form, re.IGNORECASE), hint) for form, hint in _FORMS)

_LONGEST = 60
"""The most characters of a text that may be a date."""


def time_hint(text: str) -> str:
    """Return a hint at the format of a text that could not be parsed as a time, for messages; '' if unknown.

    Excel writes a date in the format of the locale, or as days since 1899-12-30: 45322.5 is noon of 2024-01-31.
    """
    text = text.strip().strip("\"'")
    if len(text) > _LONGEST:
        return ""
    if found := _NUMERIC.fullmatch(text):
        return _numeric(int(found[1]), found[2], int(found[3]))
    if _SERIAL.fullmatch(text):
        return f"{_EXCEL} (a serial number: days since 1899-12-30)"
    return next((hint for form, hint in _KNOWN if form.fullmatch(text)), "")


def _numeric(first: int, mark: str, second: int) -> str:
    if not (1 <= first <= 31 and 1 <= second <= 31 and min(first, second) <= 12):
        return ""
    orders = ["month{0}day{0}year"] * (first <= 12) + ["day{0}month{0}year"] * (second <= 12)
    return f"{_EXCEL} ({' or '.join(orders).format(mark)})"


def is_merge_marker(record: str) -> bool:
    """Return whether a csv record is a marker that git writes where a merge has a conflict."""
    return _MARKER.match(record) is not None
