"""What each rule matches, and when a recipe changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.column_mapping import canonical_schema
from taxi_luigi.transform.rules import RULES, fill_passengers

YELLOW = DATASETS["yellow"]
FIRST, LAST = datetime(2021, 1, 1), datetime(2021, 1, 31, 23, 59, 59, 999_999)


def matches(rule: str, **columns: list[Any]) -> list[bool | None]:
    rows = len(next(iter(columns.values())))
    batch = pa.RecordBatch.from_pylist(
        [{name: values[row] for name, values in columns.items()} for row in range(rows)],
        schema=canonical_schema(YELLOW),
    )
    mask = RULES[rule].mask(batch, YELLOW, Month(2021, 1))
    assert mask is not None
    assert mask.true_count == sum(1 for match in mask.to_pylist() if match)
    return [bool(match) for match in mask.to_pylist()]


@pytest.mark.parametrize(
    ("rule", "columns", "expected"),
    [
        ("no_passengers", {"passenger_count": [0, 1, None]}, [True, False, False]),
        ("negative_total", {"total_amount": [-0.01, 0.0, -0.0, None]}, [True, False, False, False]),
        ("zero_distance", {"trip_distance": [0.0, -0.0, -1.0, 0.01, None]}, [True, True, False, False, False]),
        (
            "dropoff_before_pickup",
            {"tpep_pickup_datetime": [LAST, LAST, None], "tpep_dropoff_datetime": [FIRST, LAST, FIRST]},
            [True, False, False],
        ),
        (
            "outside_file_month",
            {"tpep_pickup_datetime": [FIRST, LAST, datetime(2021, 2, 1), datetime(2020, 12, 31, 23, 59, 59), None]},
            [False, False, True, True, False],
        ),
        (
            "unknown_zone",
            {"pulocationid": [264, 1, 263, None, None, 266], "dolocationid": [1, 265, 263, 264, None, 0]},
            [True, True, False, True, False, False],
        ),
        (
            "zero_coordinates",
            {
                "pickup_longitude": [0.0, -73.9, -73.9, None, None],
                "pickup_latitude": [40.7, 40.7, -0.0, None, 0.0],
                "dropoff_longitude": [-73.9, -73.9, 0.0, None, None],
                "dropoff_latitude": [40.7, 40.7, 40.7, None, 40.7],
            },
            [True, False, True, False, True],
        ),
    ],
)
def test_what_a_rule_matches(rule: str, columns: dict[str, list[Any]], expected: list[bool]) -> None:
    assert matches(rule, **columns) == expected


def test_every_rule_is_tested_above_and_has_its_reason() -> None:
    assert list(RULES) == [
        "no_passengers",
        "dropoff_before_pickup",
        "outside_file_month",
        "negative_total",
        "zero_distance",
        "unknown_zone",
        "zero_coordinates",
    ]
    assert all(rule.reason and "\n" not in rule.reason for rule in RULES.values())


def test_december_ends_with_the_year() -> None:
    batch = pa.RecordBatch.from_pylist(
        [{"tpep_pickup_datetime": day} for day in (datetime(2021, 12, 31, 23), datetime(2022, 1, 1))],
        schema=canonical_schema(YELLOW),
    )
    assert RULES["outside_file_month"].mask(batch, YELLOW, Month(2021, 12)).to_pylist() == [False, True]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("rule", "column"),
    [
        ("no_passengers", "passenger_count"),
        ("negative_total", "total_amount"),
        ("unknown_zone", "pulocationid"),
        ("zero_coordinates", "pickup_longitude"),
    ],
)
def test_a_color_without_the_column_has_no_such_rule(rule: str, column: str) -> None:
    columns = tuple(each for each in YELLOW.columns if each.name != column)
    dataset = replace(YELLOW, columns=columns)
    assert RULES[rule].mask(_empty(dataset), dataset, Month(2021, 1)) is None


def test_the_distance_has_another_name_in_another_color_or_none() -> None:
    miles = pa.RecordBatch.from_pylist([{"trip_miles": 0.0}], schema=canonical_schema(DATASETS["fhvhv"]))
    assert RULES["zero_distance"].mask(miles, DATASETS["fhvhv"], Month(2021, 1)).to_pylist() == [True]  # type: ignore[union-attr]
    assert RULES["zero_distance"].mask(_empty(DATASETS["fhv"]), DATASETS["fhv"], Month(2021, 1)) is None


def _empty(dataset: Any) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=canonical_schema(dataset))


def test_missing_passengers_become_none_on_board() -> None:
    batch = pa.RecordBatch.from_pylist([{"passenger_count": n} for n in (None, 2)], schema=canonical_schema(YELLOW))
    filled = fill_passengers(batch)
    assert filled["passenger_count"].to_pylist() == [0, 2]
    assert filled.schema == batch.schema


def test_the_recipe_changes_with_what_changes_rows_and_with_nothing_else() -> None:
    plain = CleanRules().version()
    assert CleanRules(frozenset({"negative_total"})).version() != plain
    assert CleanRules(fill_missing_passengers=True).version() != plain
    assert CleanRules(unknown_columns="fail").version() == plain
    both = [frozenset(names) for names in (("zero_distance", "no_passengers"), ("no_passengers", "zero_distance"))]
    assert CleanRules(both[0]).version() == CleanRules(both[1]).version()


def test_a_rule_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match=r"no rule 'no_pasengers'; there are no_passengers, "):
        CleanRules(frozenset({"no_pasengers"}))
