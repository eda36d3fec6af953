"""What in a run is worth telling."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taxi_luigi.history import MonthResult, Result
from taxi_luigi.runs.notify import events
from tests.support.run_results import FAILED, LOADED, MISSING, REFRESHED, run

DAYS = 210


def test_a_run_that_ended_well_is_finished() -> None:
    assert events.happened(run(LOADED), DAYS) == {events.FINISHED}


def test_a_run_with_nothing_to_do_is_finished() -> None:
    assert events.happened(run(), DAYS) == {events.FINISHED}


def test_one_month_that_failed_makes_the_run_fail() -> None:
    assert events.happened(run(LOADED, FAILED, exit_code=30), DAYS) == {events.FAILED}
    assert events.happened(run(LOADED, FAILED, exit_code=None), DAYS) == {events.FAILED}


@pytest.mark.parametrize("code", [25, 30, 35, 40, 130, 143])
def test_an_exit_code_alone_makes_the_run_fail(code: int) -> None:
    assert events.happened(run(LOADED, exit_code=code), DAYS) == {events.FAILED}


@pytest.mark.parametrize("code", [0, 20, None])
def test_a_month_that_is_not_published_is_no_failure(code: int | None) -> None:
    assert events.happened(run(LOADED, MISSING, exit_code=code), DAYS) == {events.FINISHED}


def test_a_run_that_left_months_undone_failed_when_its_exit_code_is_not_known() -> None:
    undone = MonthResult("green", "2026-08", Result.NOT_FINISHED)
    assert events.happened(run(undone, exit_code=None), DAYS) == {events.FAILED}


def test_a_month_is_overdue_when_more_than_so_many_days_have_passed_since_its_end() -> None:
    april = MonthResult("fhv", "2026-04", Result.NOT_PUBLISHED)  # 204 days before the run
    march = MonthResult("fhv", "2026-03", Result.NOT_PUBLISHED)
    result = run(LOADED, april, march)
    assert events.overdue(result, 204) == (events.Overdue("fhv", "2026-03", 234),)
    assert events.overdue(result, 203) == (events.Overdue("fhv", "2026-04", 204), events.Overdue("fhv", "2026-03", 234))
    assert events.happened(result, 234) == {events.FINISHED}
    assert events.happened(result, 233) == {events.FINISHED, events.NOT_PUBLISHED_FOR}


def test_a_month_that_was_loaded_is_never_overdue() -> None:
    assert events.overdue(run(replace(LOADED, month="2009-01")), 1) == ()


def test_unknown_columns_are_drift() -> None:
    assert events.happened(run(LOADED, remarks=("green: left out columns",)), DAYS) == {events.FINISHED, events.DRIFT}


def test_a_month_with_fewer_records_than_published_is_an_event_of_its_own() -> None:
    fewer = ("green 2026-08 has 54,321 records, where TLC published 76,518",)
    assert events.happened(run(LOADED, fewer=fewer), DAYS) == {events.FINISHED, events.FEWER}


def test_a_month_unlike_those_before_it_is_an_event_of_its_own() -> None:
    unusual = ("green 2026-08 is unusual: 60 records, where about 54,000 are usual",)
    assert events.happened(run(LOADED, unusual=unusual), DAYS) == {events.FINISHED, events.UNUSUAL}


def test_a_month_that_was_replaced_is_a_refresh() -> None:
    assert events.happened(run(REFRESHED), DAYS) == {events.FINISHED, events.REFRESHED}
    forced = replace(LOADED, replaced="5,000 → 60 records")
    assert events.happened(run(forced), DAYS) == {events.FINISHED, events.REFRESHED}
