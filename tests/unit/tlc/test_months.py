"""Months and the ways a person writes several of them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_luigi.core.errors import UsageError
from taxi_luigi.tlc.months import Month, Selection, month_range, spans

TODAY = date(2026, 11, 21)
MONTHS = st.builds(Month, st.integers(2000, 2100), st.integers(1, 12))


def resolved(text: str) -> dict[str, bool]:
    return {str(month): named for month, named in Selection.parse(text).resolve(TODAY).items()}


@given(MONTHS)
def test_a_month_reads_back_what_it_wrote(month: Month) -> None:
    assert Month.parse(str(month)) == month
    assert Month.of(month.first_day) == month


@given(MONTHS, st.integers(-500, 500))
def test_plus_is_undone_by_minus(month: Month, months: int) -> None:
    assert month.plus(months).plus(-months) == month
    assert (month.plus(months) > month) == (months > 0)


@given(MONTHS, st.integers(0, 60))
def test_a_range_holds_each_month_once_in_order(first: Month, length: int) -> None:
    months = list(month_range(first, first.plus(length)))
    assert len(months) == length + 1
    assert months == sorted(set(months))


@given(MONTHS.filter(lambda month: month <= Month.of(TODAY)), st.integers(0, 30))
def test_a_written_range_is_the_months_between(first: Month, length: int) -> None:
    last = min(first.plus(length), Month.of(TODAY))
    selection = Selection.parse(f"{first}..{last}")
    assert selection.resolve(TODAY) == dict.fromkeys(month_range(first, last), True)
    assert str(selection) == f"{first}..{last}"


@given(st.text(max_size=12))
def test_any_text_is_months_or_one_line(text: str) -> None:
    try:
        months = Selection.parse(text).resolve(TODAY)
    except UsageError as error:
        said = str(error)
    else:
        assert max(months) <= Month.of(TODAY)
        said = ""
    assert "\n" not in said


def test_a_year_is_its_twelve_months_and_named() -> None:
    assert resolved("2024") == {f"2024-{month:02}": True for month in range(1, 13)}


def test_the_running_year_is_wanted_as_far_as_it_is_published() -> None:
    assert resolved("2026") == {f"2026-{month:02}": False for month in range(1, 12)}


def test_a_range_of_years_names_all_but_the_running_one() -> None:
    months = resolved("2025..2026")
    assert len(months) == 23
    assert months["2025-12"]
    assert not months["2026-01"]


def test_an_open_range_ends_with_this_month_and_names_nothing() -> None:
    assert resolved("2026-09..") == {"2026-09": False, "2026-10": False, "2026-11": False}


def test_latest_looks_eight_months_back() -> None:
    months = resolved("latest")
    assert next(iter(months)) == "2026-04"
    assert list(months)[-1] == "2026-11"
    assert not any(months.values())


def test_naming_a_month_wins_over_meeting_it_in_all() -> None:
    assert resolved("all,2026-10")["2026-10"]
    assert not resolved("all,2026-10")["2026-09"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2024-13", "'2024-13'"),
        ("2024-1", "'2024-1'"),
        ("2024-06..2024-01", "ends before it begins"),
        ("2026-12", "in the future: this month is 2026-11"),
        ("2026-01..2026-12", "in the future"),
        ("2027", "in the future"),
        ("2027-01..", "in the future"),
        ("..2024-01", "begins with a month"),
        ("2024-01,,2024-02", "separated by commas"),
        ("", "separated by commas"),
        ("lastest", "'lastest'"),
    ],
)
def test_what_is_no_month_is_an_error_of_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        Selection.parse(text).resolve(TODAY)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_months_are_written_as_they_are_typed() -> None:
    months = [Month(2024, 3), Month(2023, 12), Month(2024, 1), Month(2024, 5)]
    assert spans(months) == "2023-12..2024-01, 2024-03, 2024-05"
    assert sorted(Selection.parse(spans(months)).resolve(date(2026, 1, 1))) == sorted(months)
