"""What `taxi-luigi status --check` reports, with the shipped settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from taxi_luigi import config
from taxi_luigi.core.errors import WarehouseError
from taxi_luigi.history import MonthResult, Result
from taxi_luigi.inventory import Holding, LastFailure, Place, Status, alerts, color_status
from taxi_luigi.inventory.alerts import Kind
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.staleness import Recipe
from tests.support.run_results import run

NOW = datetime(2021, 12, 1, 6, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH, APRIL, MAY = (Month(2021, number) for number in range(1, 6))
"""of which TLC published 76,518, 64,572, 83,827 … rows of green"""
RECIPE = Recipe("abcdef0123", "11111111", "11111111", frozenset())
GOOD = run(ended="2021-11-30T06:14:43+00:00")


def held(*months: Month, records: int | None = 76_518) -> Place:
    marker = Holding(rows=records, edition="1-2", loaded_at="2021-11-20", records=records)
    return Place("duckdb", "warehouse", True, {"green": dict.fromkeys(months, marker)})


def result(month: Month, kind: Result, why: str = "") -> MonthResult:
    return MonthResult("green", str(month), kind, why=why)


def found(
    *places: Place,
    results: Sequence[MonthResult] = (),
    named: Mapping[Month, bool] | None = None,
    failures: Mapping[Month, LastFailure] | None = None,
) -> list[tuple[Kind, str]]:
    published = dict.fromkeys((JANUARY, FEBRUARY, MARCH), 76_518)
    color = color_status("green", JANUARY, published, {}, places, MAY, lambda month: RECIPE, failures or {})
    selected = None if named is None else {("green", month): must for month, must in named.items()}
    if named is not None:
        color = replace(color, cells={month: cell for month, cell in color.cells.items() if month in named})
    return [(each.kind, each.message) for each in alerts.of_months(Status([color], places), results, NOW, selected)]


def machine(good: object = GOOD, free: Mapping[Path, int] | None = None, now: datetime = NOW) -> list[str]:
    return [each.message for each in alerts.of_machine(good, now, 36, free or {})]  # type: ignore[arg-type]


def test_a_machine_whose_last_run_ended_well_has_no_alert() -> None:
    assert machine(free={Path("/data"): 10**10}) == []


def test_runs_that_did_not_come_are_missed() -> None:
    silent = "no run ended well for 71 h 45 min, more than 36 hours ([monitor] hours): the last one is "
    assert machine(now=datetime(2021, 12, 3, 6, tzinfo=UTC)) == [silent + GOOD.run]
    assert machine(None) == ["no run that ended well is recorded on this machine"]


def test_a_disk_that_is_nearly_full_is_named() -> None:
    assert machine(free={Path("/data"): 9_999_999_999, Path("/state"): 10**10}) == [
        "10.0 GB are free at /data: less than 10 GB ([monitor] free_disk)"
    ]


def test_the_disks_are_those_that_runs_write_to() -> None:
    free = alerts.free_disk()
    assert free
    assert all(each.exists() and number > 0 for each, number in free.items())
    assert len({each.stat().st_dev for each in free}) == len(free)


def test_months_that_are_there_have_no_alert_and_neither_have_those_that_no_run_looked_for() -> None:
    assert found(held(JANUARY, FEBRUARY)) == []
    assert found(held(JANUARY), results=[result(JANUARY, Result.LOADED), result(MAY, Result.NOT_PUBLISHED)]) == []


@pytest.mark.parametrize(("kind", "why"), [(Result.FAILED, "HTTP 503"), (Result.NOT_FINISHED, "not finished")])
def test_a_month_whose_last_attempt_failed_is_reported_until_it_is_there(kind: Result, why: str) -> None:
    last = [result(month, kind, "HTTP 503" if kind is Result.FAILED else "") for month in (JANUARY, MARCH)]
    assert found(held(FEBRUARY), results=last) == [(Kind.FAILED, f"green failed: 2021-01, 2021-03; 2021-01: {why}")]
    assert found(held(JANUARY), results=last) == [(Kind.FAILED, f"green failed: 2021-03: {why}")]
    assert found(held(JANUARY, MARCH), results=last) == []


def test_a_file_that_was_refused_is_reported_although_the_month_is_held() -> None:
    failures = {JANUARY: LastFailure("60 records, where duckdb holds 76,518", True)}
    assert found(held(JANUARY), failures=failures) == [
        (Kind.FAILED, "green failed: 2021-01: 60 records, where duckdb holds 76,518")
    ]


def test_a_month_that_runs_look_for_is_overdue_in_time() -> None:
    last = [result(month, Result.NOT_PUBLISHED) for month in (APRIL, MAY)]
    text = "green not published 210 days after its month ([notify] not_published_for): 2021-04"
    assert found(held(), results=last) == [(Kind.OVERDUE, text)]
    assert found(held(APRIL, records=86_941), results=last) == []


def test_months_that_are_named_must_all_be_there() -> None:
    assert found(held(JANUARY), named={JANUARY: True}) == []
    assert found(held(JANUARY), named=dict.fromkeys((JANUARY, FEBRUARY, APRIL), True)) == [
        (Kind.MISSING, "green not in duckdb: 2021-02, 2021-04")
    ]
    assert found(held(JANUARY), named=dict.fromkeys((JANUARY, FEBRUARY, APRIL), False)) == [
        (Kind.MISSING, "green not in duckdb: 2021-02")
    ]
    failed = [result(FEBRUARY, Result.FAILED, "HTTP 503")]
    assert [kind for kind, _ in found(held(), results=failed, named={FEBRUARY: True})] == [Kind.FAILED]
    assert found(held(), results=failed, named={JANUARY: True}) == [(Kind.MISSING, "green not in duckdb: 2021-01")]


def test_places_that_differ_or_do_not_answer_are_named() -> None:
    other = replace(held(JANUARY, records=76_000), name="postgres")
    assert found(held(JANUARY), other, named={JANUARY: True}) == [
        (Kind.MISSING, "green not the same in postgres: 2021-01")
    ]
    down = Place("postgres", "warehouse", True, errors={"green": WarehouseError("postgres: refused")})
    assert found(held(JANUARY), down) == [(Kind.NO_ANSWER, "cannot list warehouse postgres: postgres: refused")]
    assert found(down, named={JANUARY: True})[1] == (Kind.MISSING, "green in no place that could be listed: 2021-01")


def test_months_with_fewer_records_than_tlc_published_are_reported_whatever_rules_took_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "green fewer records than TLC published: 2021-01..2021-02; 2021-01 has 50,000 of 76,518"
    assert found(held(JANUARY, FEBRUARY, records=50_000)) == [(Kind.FEWER, text)]
    assert found(held(JANUARY, records=70_000)) == []
    assert found(held(JANUARY, records=None)) == []
    mine = replace(config.settings(), source="/srv/{color}_{year}-{month:02}.parquet")
    monkeypatch.setattr(config, "settings", lambda: mine)
    assert found(held(JANUARY, FEBRUARY, records=50_000)) == []
