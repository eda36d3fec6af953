"""What `taxi-luigi plan` shows of a month, by what a run would find."""

from __future__ import annotations

from typing import Any

import pytest

from taxi_luigi.cli.plan import months_of
from taxi_luigi.inventory import Plan, PlannedMonth
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.staleness import Reason

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
REASON = "/data/raw/green/green_tripdata_2024-01.parquet: 60 records, where the workspace holds 3,000"


def line_of(plan: Plan) -> dict[str, Any]:
    """The line of the plan's only month."""
    [month] = months_of(plan)
    assert month.keys() == {"color", "month", "why", "reason", "lakes", "warehouses", "bytes"}
    return month


def missing(why: Reason = Reason.MISSING) -> PlannedMonth:
    return PlannedMonth(
        "green", JANUARY, ("local",), ("duckdb",), "" if why is Reason.MISSING else "an-edition", why, 9
    )


def test_a_month_that_is_held_and_whose_file_was_refused_is_not_up_to_date() -> None:
    there = {"green": [JANUARY]}
    month = line_of(Plan(already_there=there, refused={("green", JANUARY): REASON}))
    assert (month["why"], month["reason"], month["lakes"], month["bytes"]) == ("refused", REASON, [], 0)
    assert line_of(Plan(already_there=there))["why"] == "up to date"
    assert line_of(Plan(already_there=there))["reason"] is None


def test_a_month_that_some_places_still_lack_is_refused_and_names_them() -> None:
    month = line_of(Plan(to_do=[missing()], refused={("green", JANUARY): REASON}))
    assert (month["why"], month["reason"], month["lakes"], month["bytes"]) == ("refused", REASON, ["local"], 9)


@pytest.mark.parametrize("why", [Reason.MISSING, Reason.REPUBLISHED])
def test_a_month_whose_file_was_not_taken_failed_last_time(why: Reason) -> None:
    month = line_of(Plan(to_do=[missing(why)], failed={("green", JANUARY): REASON}))
    assert (month["why"], month["reason"], month["warehouses"], month["bytes"]) == (
        "failed last time", REASON, ["duckdb"], 9,
    )  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_a_month_that_failed_and_that_the_source_no_longer_has_shows_both(named: bool) -> None:
    plan = Plan(
        to_do=[missing()] if named else [],
        not_published={"green": [JANUARY]},
        failed={("green", JANUARY): REASON},
    )
    month = line_of(plan)
    assert (month["why"], month["reason"]) == ("failed before, and no longer published", REASON)
    assert month["bytes"] == 0


@pytest.mark.parametrize("why", [*Reason])
def test_what_makes_a_month_stale_is_named(why: Reason) -> None:
    month = line_of(Plan(to_do=[missing(why)]))
    assert (month["why"], month["reason"]) == (why.value, None)


def test_the_reason_of_one_month_is_no_other_s() -> None:
    plan = Plan(already_there={"green": [JANUARY, FEBRUARY]}, refused={("green", FEBRUARY): REASON})
    assert [month["why"] for month in months_of(plan)] == ["up to date", "refused"]
