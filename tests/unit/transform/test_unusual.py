"""Which figures of a month are unusual."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import published_rows
from taxi_luigi.transform.unusual import NULLS, RECORDS, Unusual, figures, phrases, reference, unusual

JUNE = Month(2024, 6)
LAYOUT = {"passenger_count": "double"}


def judged(value: float, *before: float, figure: str = RECORDS) -> list[Unusual]:
    months = dict(zip(reference(JUNE), ({figure: each} for each in before), strict=False))
    return unusual(JUNE, {JUNE: {figure: value}, **months})


def test_the_reference_is_the_months_before_and_the_same_month_of_earlier_years() -> None:
    assert [str(each) for each in reference(JUNE)] == [
        *("2024-05", "2024-04", "2023-06", "2022-06", "2021-06", "2020-06", "2019-06")
    ]


def test_a_month_far_from_its_reference_is_unusual() -> None:
    usual = (100_000, 101_000, 99_000, 102_000, 98_000)
    assert judged(97_000, *usual) == []
    assert judged(85_000, *usual) == [], "a fifth less is within what months differ by"
    assert phrases(judged(60_000, *usual)) == ["60,000 records, where about 100,000 are usual"]
    [more] = judged(170_000, *usual)
    assert more.expected == pytest.approx(100_000)


def test_where_months_differ_much_a_month_may_too() -> None:
    assert judged(60_000, 100_000, 50_000, 150_000, 80_000, 40_000) == []


def test_one_odd_month_of_the_reference_changes_nothing() -> None:
    assert judged(97_000, 100_000, 101_000, 99_000, 102_000, 5) == []
    assert len(judged(50_000, 100_000, 101_000, 99_000, 102_000, 5)) == 1


def test_shares_are_judged_by_their_difference() -> None:
    share = f"{NULLS}passenger_count"
    assert judged(0.06, 0.02, 0.02, 0.02, 0.02, figure=share) == []
    found = judged(0.4, 0.02, 0.02, 0.02, 0.02, figure=share)
    assert phrases(found) == ["passenger_count is empty in 40.0% of the rows, where 2.0% is usual"]
    rule = judged(0.4, 0.02, 0.02, 0.02, 0.02, figure="rule no_distance")
    assert phrases(rule) == ["the rule no_distance applies to 40.0% of the rows, where 2.0% is usual"]


def test_columns_that_miss_in_the_same_rows_are_one_phrase() -> None:
    found = [Unusual(f"{NULLS}{name}", 0.09, 0.04) for name in ("passenger_count", "ratecodeid")]
    other = Unusual(f"{NULLS}airport_fee", 0.09, 1.0)
    assert phrases([found[0], other, found[1]]) == [
        "passenger_count, ratecodeid are empty in 9.0% of the rows, where 4.0% is usual",
        "airport_fee is empty in 9.0% of the rows, where 100.0% is usual",
    ]


def test_with_too_few_months_nothing_is_judged() -> None:
    assert judged(1, 100_000, 100_000, 100_000) == []


def test_the_figures_of_a_month_are_shares_of_its_rows() -> None:
    raw = RawReceipt("u", None, None, 1, "s", "e", "t")
    rules = {"no_distance": 10}
    receipt = CleanReceipt("e-r", "green", "2024-06", raw, "parquet", LAYOUT, {}, 100, 90, {"no_distance": 10}, rules)
    assert figures(receipt, {"passenger_count": 9, "ehail_fee": 90}) == {
        "records": 100,
        "null passenger_count": 0.1,
        "rule no_distance": 0.1,
    }
    empty = replace(receipt, rows_in=0, rows_kept=0, rules={"no_distance": 0})
    assert figures(empty, {"passenger_count": 0}).keys() == {RECORDS}


def test_of_all_published_counts_few_are_unusual_and_most_of_these_are_of_the_pandemic() -> None:
    found = []
    for color, dataset in DATASETS.items():
        months = month_range(dataset.first_month, Month(2026, 8))
        counts = {month: published_rows(color, month, "parquet") for month in months}
        known = {month: {RECORDS: float(rows)} for month, rows in counts.items() if rows}
        found += [month for month in known if unusual(month, known)]
    pandemic = [month for month in found if Month(2020, 3) <= month <= Month(2021, 6)]
    assert (len(found), len(pandemic)) == (13, 11)


def test_a_column_that_was_full_before_and_is_empty_now_is_unusual() -> None:
    raw = RawReceipt("u", None, None, 1, "s", "e", "t")
    receipt = CleanReceipt("e-r", "green", "2024-06", raw, "parquet", LAYOUT, {}, 100, 100, {}, {})
    full, half = (figures(receipt, {"passenger_count": empty}) for empty in (0, 50))
    before = dict.fromkeys(reference(JUNE), full)
    assert unusual(JUNE, {JUNE: full, **before}) == []
    assert [each.figure for each in unusual(JUNE, {JUNE: half, **before})] == [f"{NULLS}passenger_count"]
