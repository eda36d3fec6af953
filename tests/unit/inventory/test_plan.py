"""What `taxi-luigi plan` says of a month, by what a run would find."""

from __future__ import annotations

from typing import Any

import pytest

from taxi_luigi.cli.plan import months_of
from taxi_luigi.inventory.plan import Missing, Plan
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.staleness import Why

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
REASON = "/data/raw/green/green_tripdata_2024-01.parquet: 60 records, where the workspace holds 3,000"


def said(backlog: Plan) -> dict[str, Any]:
    """Of the one month that the backlog is about."""
    [month] = months_of(backlog)
    assert month.keys() == {"color", "month", "why", "reason", "lakes", "warehouses", "bytes"}
    return month


def missing(why: Why = Why.MISSING) -> Missing:
    return Missing("green", JANUARY, ("local",), ("duckdb",), "" if why is Why.MISSING else "an-edition", why, 9)


def test_a_month_that_is_held_and_whose_file_was_refused_is_not_up_to_date() -> None:
    there = {"green": [JANUARY]}
    month = said(Plan(already_there=there, refused={("green", JANUARY): REASON}))
    assert (month["why"], month["reason"], month["lakes"], month["bytes"]) == ("refused", REASON, [], 0)
    assert said(Plan(already_there=there))["why"] == "up to date"
    assert said(Plan(already_there=there))["reason"] is None


def test_a_month_that_some_places_still_lack_is_refused_and_names_them() -> None:
    month = said(Plan(missing=[missing()], refused={("green", JANUARY): REASON}))
    assert (month["why"], month["reason"], month["lakes"], month["bytes"]) == ("refused", REASON, ["local"], 9)


@pytest.mark.parametrize("why", [Why.MISSING, Why.REPUBLISHED])
def test_a_month_whose_file_was_not_taken_failed_last_time(why: Why) -> None:
    month = said(Plan(missing=[missing(why)], failed={("green", JANUARY): REASON}))
    assert (month["why"], month["reason"], month["warehouses"], month["bytes"]) == (
        "failed last time", REASON, ["duckdb"], 9,
    )  # fmt: skip


@pytest.mark.parametrize("named", [True, False])
def test_a_month_that_failed_and_that_the_source_has_no_more_says_both(named: bool) -> None:
    backlog = Plan(
        missing=[missing()] if named else [],
        not_published={"green": [JANUARY]},
        failed={("green", JANUARY): REASON},
    )
    month = said(backlog)
    assert (month["why"], month["reason"]) == ("failed before, and no longer published", REASON)
    assert month["bytes"] == 0


@pytest.mark.parametrize("why", [*Why])
def test_what_makes_a_month_stale_is_named(why: Why) -> None:
    month = said(Plan(missing=[missing(why)]))
    assert (month["why"], month["reason"]) == (why.value, None)


def test_the_reason_of_one_month_is_no_other_s() -> None:
    backlog = Plan(already_there={"green": [JANUARY, FEBRUARY]}, refused={("green", FEBRUARY): REASON})
    assert [month["why"] for month in months_of(backlog)] == ["up to date", "refused"]
