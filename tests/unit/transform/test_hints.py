"""What texts that are no times look like."""

from __future__ import annotations

import pytest

from taxi_luigi.transform.hints import is_merge_marker, time_hint

EXCEL = "looks like a date written by Excel "
HINTS = {
    "1/31/2024 13:05": EXCEL + "(month/day/year)",
    "1/31/24": EXCEL + "(month/day/year)",
    " 01/31/2024 01:05:00 PM ": EXCEL + "(month/day/year)",
    "31/01/2024 13:05:06.500": EXCEL + "(day/month/year)",
    "1/5/2024 1:05 am": EXCEL + "(month/day/year or day/month/year)",
    "31.01.2024 13:05": EXCEL + "(day.month.year)",
    "31-01-2024": EXCEL + "(day-month-year)",
    "45322.5": EXCEL + "(a serial number: days since 1899-12-30)",
    "45322,545139": EXCEL + "(a serial number: days since 1899-12-30)",
    "45322": EXCEL + "(a serial number: days since 1899-12-30)",
    "31-Jan-24 13:05": EXCEL + "(day-month-year, the month's name)",
    "Jan 31, 2024 1:05 PM": EXCEL + "(the month's name, day, year)",
    "05:30.0": EXCEL + "(a time without its day)",
    "########": "is what Excel shows of a date in a column that is too narrow",
    "2024/01/31 13:05:00": "looks like a date as year/month/day, not year-month-day",
    "1706706300": "looks like a Unix time in seconds",
    "1706706300000000": "looks like a Unix time in microseconds",
    "2024-01-31 13:05:00 UTC": "has a time zone, which TLC's times, New York's wall clock, have not",
    "2024-01-31T13:05:00.000Z": "has a time zone, which TLC's times, New York's wall clock, have not",
    "2024-01-31 13:05:00+00": "has a time zone, which TLC's times, New York's wall clock, have not",
}


@pytest.mark.parametrize(("text", "hint"), HINTS.items(), ids=HINTS)
def test_a_time_in_another_form_is_recognised(text: str, hint: str) -> None:
    assert time_hint(text) == hint


@pytest.mark.parametrize(
    "text",
    ["", "never", "2024-02-30 00:00:00", "99/99/2024", "0/1/2024", "1.5", "265", "123456", "B02884", "1" * 5_000],
)
def test_of_other_texts_nothing_is_said(text: str) -> None:
    assert time_hint(text) == ""


@pytest.mark.parametrize(
    ("record", "is_one"),
    [
        ("<<<<<<< HEAD", True),
        ("=======", True),
        (">>>>>>> 3a90c03 (a, branch)", True),
        ("||||||| merged common ancestors", True),
        ("========", False),
        ("<<<<<<<HEAD", False),
        ("1,<<<<<<< HEAD", False),
        ("", False),
    ],
)
def test_a_line_of_gits_is_known(record: str, is_one: bool) -> None:
    assert is_merge_marker(record) == is_one
