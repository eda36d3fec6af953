"""What became of the months of a run, and what it says at its end."""

from typing import Any

import pytest

from taxi_luigi.core.redaction import shown_command as shown
from taxi_luigi.history import Drift, MonthResult, Result, TaskResult
from taxi_luigi.inventory import Plan, PlannedMonth
from taxi_luigi.runs import month_results
from taxi_luigi.runs.drift import warnings
from taxi_luigi.runs.month_results import ScheduledMonths, counts, failures, few, month_line, replacements, results
from taxi_luigi.runs.task_results import TaskResults
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.staleness import Reason

JANUARY, FEBRUARY, MARCH = Month(2024, 1), Month(2024, 2), Month(2024, 3)


def missing(month: Month) -> PlannedMonth:
    return PlannedMonth("green", month, ("local",), ("duckdb", "postgres"))


def done(month: Month, *stores: str, rows: int = 10) -> list[TaskResult]:
    return [TaskResult("AnyTask", "green", str(month), store, rows=rows) for store in stores]


def lines(plan: Plan, tasks: list[TaskResult], elsewhere: bool = False, run: str = "") -> list[str]:
    """The end of a run in the order of its log: what failed comes last."""
    months = results(plan, tasks, elsewhere)
    notes = few(replacements(months), run) + month_results.zones(tasks)
    return [*notes, *map(str, counts(plan, months)), *failures(months), *month_results.zone_failures(tasks)]


def test_a_month_counts_as_loaded_when_every_store_that_lacked_it_has_it() -> None:
    plan = Plan([missing(JANUARY), missing(FEBRUARY)], {"green": [MARCH]}, {})
    tasks = [*done(JANUARY, "local", "duckdb", "postgres"), *done(FEBRUARY, "local", "duckdb")]
    assert lines(plan, tasks) == ["green: 1 month loaded (10 rows), 1 already there, 1 not finished (2024-02)"]


def test_a_month_of_one_row_is_one_row() -> None:
    plan = Plan([missing(JANUARY)], {}, {})
    [line] = lines(plan, done(JANUARY, "local", "duckdb", "postgres", rows=1))
    assert line == "green: 1 month loaded (1 row), 0 already there"


def test_a_failed_month_is_named_with_its_reason_and_the_others_go_on() -> None:
    plan = Plan([missing(JANUARY), missing(FEBRUARY)], {}, {})
    tasks = [
        *done(JANUARY, "local", "duckdb"),
        TaskResult("LoadMonth", "green", "2024-01", "postgres", error="it is down"),
        *done(FEBRUARY, "local", "duckdb", "postgres"),
    ]
    assert lines(plan, tasks) == [
        "green: 1 month loaded (10 rows), 0 already there, 1 failed",
        "green 2024-01 failed: LoadMonth postgres: it is down",
    ]


def test_a_month_that_another_run_did_at_the_same_time_is_loaded_by_it() -> None:
    plan = Plan([missing(JANUARY)], {}, {})
    theirs = [TaskResult("AnyTask", "green", "2024-01", store, elsewhere=True) for store in ("local", "duckdb")]
    [month] = results(plan, [*theirs, TaskResult("AnyTask", "green", "2024-01", "postgres", elsewhere=True)])
    assert (month.result, month.rows) == (Result.ELSEWHERE, 0)
    [month] = results(plan, [*theirs, *done(JANUARY, "postgres")])
    assert (month.result, month.rows) == (Result.LOADED, 10)
    assert results(None, theirs) == ()


def test_the_last_try_of_a_task_counts() -> None:
    plan = Plan([missing(JANUARY)], {}, {})
    tasks = [
        TaskResult("DownloadMonth", "green", "2024-01", error="reset"),
        TaskResult("DownloadMonth", "green", "2024-01"),
        *done(JANUARY, "local", "duckdb", "postgres", rows=5),
    ]
    assert lines(plan, tasks) == ["green: 1 month loaded (5 rows), 0 already there"]


def test_months_that_are_not_published_are_named_once_whether_requested_by_name_or_not() -> None:
    plan = Plan([missing(JANUARY)], {}, {"green": [JANUARY, FEBRUARY]})
    assert lines(plan, []) == ["green: 0 months loaded, 0 already there, 2 not published (2024-01, 2024-02)"]


def test_what_became_of_each_month_is_a_value() -> None:
    replaced = PlannedMonth("yellow", MARCH, (), ("duckdb",), "an-edition", Reason.REPUBLISHED)
    plan = Plan([missing(JANUARY), missing(FEBRUARY), replaced], {"green": [MARCH]}, {"yellow": [JANUARY]})
    tasks = [
        TaskResult("DownloadMonth", "green", "2024-01", bytes=1_000, seconds=2.5),
        TaskResult("CleanMonth", "green", "2024-01", "local", rows=10, bytes=400, seconds=1.5),
        *done(JANUARY, "duckdb", "postgres"),
        TaskResult("DownloadMonth", "green", "2024-02", error="reset"),
        TaskResult("DownloadMonth", "green", "2024-02", error="gone", seconds=0.5),
        TaskResult("LoadMonth", "yellow", "2024-03", "duckdb", rows=7, seconds=0.25),
    ]
    assert results(plan, tasks) == (
        MonthResult("green", "2024-01", Result.LOADED, 10, 1_000, 4.0),
        MonthResult("green", "2024-02", Result.FAILED, 0, 0, 0.5, "DownloadMonth: gone"),
        MonthResult("yellow", "2024-01", Result.NOT_PUBLISHED),
        MonthResult("yellow", "2024-03", Result.REFRESHED, 7, 0, 0.25),
    )
    assert "yellow: 0 months loaded, 1 month refreshed (7 rows), 0 already there, 1 not published (2024-01)" in lines(
        plan, tasks
    )


CHANGE = "5,000 → 5,003 records, total_amount 81,234.50 → 81,300.00"


def test_a_replaced_month_shows_records_before_and_after() -> None:
    plan = Plan([PlannedMonth("green", JANUARY, (), ("duckdb",), "an-edition", Reason.REPUBLISHED)], {}, {})
    tasks = [
        TaskResult("CleanMonth", "green", "2024-01", "local", rows=5_003, replaced=CHANGE),
        TaskResult("LoadMonth", "green", "2024-01", "duckdb", rows=5_003, replaced="5,000 → 5,003 records"),
    ]
    assert lines(plan, tasks) == [
        f"green 2024-01: {CHANGE}",
        "green: 0 months loaded, 1 month refreshed (5,003 rows), 0 already there",
    ]
    assert [each.replaced for each in results(None, tasks)] == [CHANGE]


def test_places_that_held_other_numbers_of_records_are_each_named() -> None:
    tasks = [
        TaskResult(
            "CleanMonth", "green", "2024-01", "local", rows=3, replaced="3 → 3 records, total_amount 9.00 → 9.00"
        ),
        TaskResult(
            "LoadMonth", "green", "2024-01", "duckdb", rows=3, replaced="5,000 → 3 records, total_amount – → 9.00"
        ),
    ]
    [month] = results(None, tasks)
    assert month.replaced == (
        "clean: 3 → 3 records, total_amount 9.00 → 9.00; duckdb: 5,000 → 3 records, total_amount – → 9.00"
    )


def test_a_month_that_only_a_store_replaced_shows_it_too() -> None:
    plan = Plan([missing(JANUARY)], {}, {})
    tasks = [
        *done(JANUARY, "local"),
        TaskResult("LoadMonth", "green", "2024-01", "postgres", rows=5, replaced="4 → 5 records", error="it is down"),
        TaskResult("LoadMonth", "green", "2024-01", "duckdb", rows=5, replaced="3 → 5 records"),
    ]
    assert [each.replaced for each in results(plan, tasks)] == ["3 → 5 records"]


def test_of_many_replaced_months_the_first_ten_are_named() -> None:
    months = [Month(2024, 1).plus(number) for number in range(12)]
    tasks = [TaskResult("LoadMonth", "green", str(month), "duckdb", rows=5, replaced=CHANGE) for month in months]
    plan = Plan([PlannedMonth("green", month, (), ("duckdb",), reason=Reason.REPUBLISHED) for month in months])
    told = lines(plan, tasks, run="20261121T060003-4f2a")
    assert told[:-1] == [
        *(f"green {month}: {CHANGE}" for month in months[:10]),
        "and 2 more: taxi-luigi history 20261121T060003-4f2a",
    ]
    assert lines(Plan(plan.to_do[:10]), tasks[:10])[-2] == f"green 2024-10: {CHANGE}"


def test_what_others_did_is_not_called_unfinished() -> None:
    plan = Plan([missing(JANUARY)], {}, {})
    assert [each.result for each in results(plan, [])] == [Result.NOT_FINISHED]
    assert [each.result for each in results(plan, [], elsewhere=True)] == [Result.ELSEWHERE]
    assert lines(plan, [], elsewhere=True) == [
        "green: 0 months loaded, 0 already there, 1 loaded by other workers (2024-01)"
    ]


def test_single_tasks_load_a_month_when_a_store_got_it() -> None:
    downloaded = TaskResult("DownloadMonth", "green", "2024-01", bytes=9)
    assert results(None, [downloaded, zones("duckdb")]) == ()
    assert results(None, [downloaded, *done(JANUARY, "local")]) == (
        MonthResult("green", "2024-01", Result.LOADED, 10, 9),
    )
    failed = TaskResult("LoadMonth", "green", "2024-01", "pg", error="it is down")
    assert [each.why for each in results(None, [downloaded, failed])] == ["LoadMonth pg: it is down"]


STEPS = (("DownloadMonth", ""), ("CleanMonth", "local"), ("LoadMonth", "duckdb"), ("LoadMonth", "pg"))


def scheduled(*months: Month) -> ScheduledMonths:
    fields = [
        {"task": task, "color": "green", "month": str(month), "store": store}
        for month in months
        for task, store in STEPS
    ]
    return ScheduledMonths([*fields, {"task": "LoadZones", "color": "", "month": "", "store": "pg"}])


def result(task: str, store: str = "", **more: Any) -> TaskResult:
    return TaskResult(task, "green", "2024-01", store, **more)


def test_a_month_is_loaded_when_its_last_steps_are_done() -> None:
    """Another machine may have done those before them."""
    months, key = scheduled(JANUARY, FEBRUARY), ("green", "2024-01")
    added = [months.add(each) for each in (zones("pg"), result("CleanMonth", "local"), result("LoadMonth", "pg"))]
    assert (added, months.loaded(key), months.failure(key)) == ([False] * 3, False, "")
    assert not months.add(result("LoadMonth", "duckdb", error="it is locked"))
    assert (months.loaded(key), months.failure(key)) == (False, "LoadMonth duckdb: it is locked")
    assert months.add(result("LoadMonth", "duckdb"))
    assert (months.loaded(key), months.failure(key)) == (True, ""), "the second try succeeded"
    assert not months.add(result("LoadMonth", "duckdb")), "it is loaded once"
    assert not months.loaded(("green", "2024-02"))


def test_without_warehouses_a_month_ends_with_its_last_step() -> None:
    fields = [{"task": task, "color": "green", "month": "2024-01", "store": store} for task, store in STEPS]
    assert ScheduledMonths(fields[:2]).add(result("CleanMonth", "local"))
    assert ScheduledMonths(fields[:1]).add(result("DownloadMonth"))


def test_what_a_run_does_for_others_is_a_month_for_each_store() -> None:
    months = ScheduledMonths([])
    added = [months.add(result(task, store)) for task, store in STEPS]
    assert added == [False, True, True, True]
    assert not months.add(result("LoadMonth", "pg", error="it is down"))


def test_the_line_of_a_month_has_what_it_took_and_what_is_remarkable() -> None:
    steps = [
        result("DownloadMonth", bytes=43_900, seconds=0.5),
        result("CleanMonth", "local", rows=3_000, bytes=51_000, seconds=1.0),
        result("LoadMonth", "duckdb", rows=3_000, seconds=0.4),
    ]
    assert month_line(steps) == "green 2024-01: 3,000 rows in duckdb, 43.9 kB downloaded, 1.9 s"
    assert month_line(steps[:2]) == "green 2024-01: 3,000 rows cleaned, 43.9 kB downloaded, 1.5 s"
    assert month_line(steps[:1]) == "green 2024-01: 43.9 kB downloaded, 0.5 s"
    lakes = [steps[1], result("UploadMonth", "gcs", rows=3_000, replaced=CHANGE), steps[2]]
    assert month_line(lakes) == f"green 2024-01: 3,000 rows in gcs, duckdb, 1.4 s; {CHANGE}"
    assert month_line([result("LoadMonth", "duckdb", elsewhere=True)]) == "green 2024-01: done by another run"


def test_what_is_unexpected_in_a_month_is_in_its_line_in_a_few_words() -> None:
    odd = drifted(
        "2024-01",
        left_out={
            "fee": {"type": "double", "nulls": 0.1},
            "(other columns)": {"type": "x", "nulls": 1.0, "columns": 8},
        },
        unmapped={"unknown_code:payment_type": {"XYZ": 12}},
        missing=["airport_fee"],
        warnings=["2 rows rejected: unreadable:fare_amount"],
        fewer=(10, 11),
    )
    assert month_line([odd]) == (
        "yellow 2024-01: 0 rows cleaned, 0.0 s; 2 rows rejected: unreadable:fare_amount; left out fee; 8 more in the "
        "receipts; without airport_fee; unknown texts in payment_type; 10 records, where TLC published 11"
    )


def test_the_results_of_tasks_are_read_on_from_where_they_were() -> None:
    shared, results = TaskResults(), [TaskResult("CleanMonth", "green", "2024-01", error="é\n"), drifted("2024-01")]
    new = shared.reader()
    assert new() == []
    for result in results:
        shared.add(result)
        assert new() == [result]
    assert shared.all() == results
    shared.close()


@pytest.mark.parametrize(
    ("typed", "shown_"),
    [
        ("--module taxi_luigi LoadAllMonths --months latest", "LoadAllMonths --months latest"),
        ("LoadAllMonths --module=taxi_luigi --force", "LoadAllMonths --force"),
        ("X --taxi-source https://me:pw@host/{color}?sig=abc", "X --taxi-source 'https://***@host/{color}?***'"),
        ("X --scheduler-url=https://me:pw@host/", "X --scheduler-url=https://***@host/"),
        ("X --url postgresql://me:pw@host/db", "X --url postgresql://***@host/db"),
        ("X --my-password hush --months 2024", "X --my-password *** --months 2024"),
        ("X --token=hush", "X --token=***"),
        ("X --notify-urls ntfy://topic", "X --notify-urls ***"),
        ("X --notify-url slack://A/B/C", "X --notify-url ***"),
        ("X --notify-heartbeat https://host/topic", "X --notify-heartbeat ***"),
        ("X --notify-color-urls=green=ntfy://topic", "X --notify-color-urls=***"),
    ],
)
def test_a_command_is_shown_as_typed_but_for_its_secrets(typed: str, shown_: str) -> None:
    assert shown(typed.split()) == shown_


def zones(store: str, rows: int = 265, why: str = "") -> TaskResult:
    return TaskResult("LoadZones", store=store, rows=0 if why else rows, error=why)


def test_zones_have_a_line_only_when_there_was_something_to_do() -> None:
    nothing = Plan([], {"green": [MARCH]}, {})
    there = "green: 0 months loaded, 1 already there"
    assert lines(nothing, []) == [there]
    assert lines(nothing, [zones("duckdb"), zones("pg")]) == ["zones: 265 rows loaded into duckdb, pg", there]
    assert lines(nothing, [zones("duckdb"), zones("pg", why="it is down")]) == [
        "zones: 265 rows loaded into duckdb",
        there,
        "zones failed: LoadZones pg: it is down",
    ]


def test_zones_that_replaced_others_say_how_many_there_were() -> None:
    nothing = Plan([], {"green": [MARCH]}, {})
    replaced = TaskResult("LoadZones", "", "", "pg", rows=265, replaced="263 → 265 zones")
    assert lines(nothing, [zones("duckdb"), replaced])[0] == (
        "zones: 265 rows loaded into duckdb, pg (263 → 265 zones)"
    )


def drifted(month: str, color: str = "yellow", **drift: Any) -> TaskResult:
    return TaskResult("CleanMonth", color, month, "local", drift=Drift(**drift))


def test_unknown_columns_are_one_line_per_color() -> None:
    fee = {"surcharge2": {"type": "double", "nulls": 0.031}}
    tasks = [
        drifted("2026-07", left_out=fee),
        drifted("2026-06", left_out=fee),
        drifted("2026-06", left_out=fee),  # the task ran twice
        drifted("2026-06", color="green", left_out={"a b\n": {"type": "int64", "nulls": 1.0}}),
    ]
    assert warnings(tasks, keep_raw=True) == [
        "yellow: left out columns that taxi_luigi does not know: surcharge2 (double, 3 % null) in 2026-06, 2026-07; "
        "the raw files keep them",
        r"green: left out columns that taxi_luigi does not know: 'a b\n' (int64, 100 % null) in 2026-06; "
        "the raw files keep them",
    ]
    assert warnings(tasks, keep_raw=False)[0].endswith("keep_raw = false removes the raw files, which have them")


def test_a_column_that_changes_is_named_once() -> None:
    months = [f"2026-{month:02}" for month in range(1, 7)]
    tasks = [
        drifted(month, left_out={"fee": {"type": "double" if month > "2026-03" else "null", "nulls": share}})
        for month, share in zip(months, (1.0, 1.0, 1.0, 0.04, 0.2, 0.0), strict=True)
    ]
    assert warnings(tasks, keep_raw=True) == [
        "yellow: left out columns that taxi_luigi does not know: fee (null or double, 0 to 100 % null) in "
        "2026-01 … 2026-06; the raw files keep them"
    ]


def test_the_type_of_a_column_stays_in_its_line() -> None:
    kind = "struct<a\nb: int64>"
    [line] = warnings([drifted("2026-01", left_out={"odd": {"type": kind, "nulls": 0.0}})], keep_raw=True)
    assert line.isprintable()
    assert "struct<a" in line


def test_unknown_texts_are_one_line_per_column() -> None:
    payment, vendor = "unknown_code:payment_type", "unknown_code:vendorid"
    tasks = [
        drifted("2009-03", unmapped={payment: {"XYZ": 12}}),
        drifted("2009-04", unmapped={payment: {"": 1, "A": 2_000}, vendor: {"x" * 99: 1}}),
        drifted("2009-05", unmapped={payment: {"A": 500}}),
    ]
    assert warnings(tasks, keep_raw=True) == [
        "yellow: payment_type has texts that taxi_luigi does not know, kept as null: "
        "'A' in 2009-04, 2009-05 (2,500 rows); 'XYZ' in 2009-03 (12 rows); '' in 2009-04 (1 row)",
        f"yellow: vendorid has texts that taxi_luigi does not know, kept as null: '{'x' * 60}…' in 2009-04 (1 row)",
    ]


def test_columns_that_a_receipt_only_counts_are_counted_in_the_line() -> None:
    left_out = {f"column {number}": {"type": "null", "nulls": 1.0} for number in range(7)}
    others = {"(other columns)": {"type": "3,000 columns", "nulls": 1.0, "columns": 3_000}}
    [line] = warnings([drifted(month, left_out=left_out | others) for month in ("2026-01", "2026-02")], keep_raw=True)
    assert "'column 4' (null, 100 % null) in 2026-01, 2026-02; 3,002 more in the receipts; " in line
    assert "other columns" not in line


def test_a_line_names_a_few_and_counts_the_others() -> None:
    texts = {str(number): 100 - number for number in range(8)}
    (line,) = warnings([drifted("2009-03", unmapped={"unknown_code:vendorid": texts})], keep_raw=True)
    assert "'4' in 2009-03 (96 rows); 3 more in the receipts" in line
    assert warnings([drifted("2009-03")], keep_raw=True) == []


def test_what_is_odd_about_many_months_is_one_line() -> None:
    odd = [drifted(f"2024-{month:02}", warnings=["no pickup lies in the years"]) for month in (3, 1, 2)]
    other = drifted("2024-01", "green", warnings=["no pickup lies in the years", "merge markers"])
    assert warnings([*odd, other], keep_raw=True) == [
        "yellow 2024-01, 2024-02, 2024-03: no pickup lies in the years",
        "green 2024-01: no pickup lies in the years",
        "green 2024-01: merge markers",
    ]
