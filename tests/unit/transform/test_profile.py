"""What the trips of a month are like."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.column_mapping import canonical_schema
from taxi_luigi.transform.profile import Profile, weekdays

FEBRUARY = Month(2024, 2)


def batch(color: str, **columns: list[object]) -> pa.RecordBatch:
    dataset = DATASETS[color]
    rows = len(next(iter(columns.values())))
    schema = canonical_schema(dataset)
    values = [pa.array(columns.get(field.name, [None] * rows), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(values, schema=schema)


def test_trips_are_counted_by_hour_and_day_of_their_month() -> None:
    profile = Profile(DATASETS["fhv"], FEBRUARY)
    begins = [
        datetime(2024, 2, 1, 0, 0), datetime(2024, 2, 1, 23, 59, 59), datetime(2024, 2, 29, 23, 0), None,
        datetime(2024, 1, 31, 23, 59, 59), datetime(2024, 3, 1), datetime(2098, 1, 1), datetime(1970, 1, 1),
    ]  # fmt: skip
    profile.add(batch("fhv", pickup_datetime=begins))
    profile.add(batch("fhv", pickup_datetime=begins[:1]).slice(0, 0))
    counts = profile.counts()
    assert counts.keys() == {"hours", "days"}
    assert (counts["hours"][0], counts["hours"][23], sum(counts["hours"])) == (1, 2, 3)
    assert (len(counts["days"]), counts["days"][0], counts["days"][28]) == (29, 2, 1)
    assert weekdays(FEBRUARY, counts) == [0, 0, 0, 3, 0, 0, 0], "both are Thursdays"


def test_fares_distances_and_payments_are_counted_in_steps() -> None:
    profile = Profile(DATASETS["yellow"], FEBRUARY)
    fares = [0.0, 4.99, 5.0, 99.0, 1e12, float("inf"), -3.5, float("nan"), None]
    miles = [0.0, 0.5, 1.0, 19.0, 1e9, None, None, -1.0, 2.5]
    codes = [1, 1, 2, 0, 6, 250, -1, None, 2]
    profile.add(batch("yellow", fare_amount=fares, trip_distance=miles, payment_type=codes))
    # A slice has its rows at an offset of its buffers.
    profile.add(batch("yellow", fare_amount=fares, trip_distance=miles, payment_type=codes).slice(1, 1))
    counts = profile.counts()
    assert (counts["fares"][0], counts["fares"][1], counts["fares"][19], sum(counts["fares"])) == (3, 1, 3, 7)
    assert (counts["distances"][:3], counts["distances"][19], sum(counts["distances"])) == ([3, 1, 1], 2, 7)
    assert counts["payments"] == [1, 3, 2, 0, 0, 0, 1, 1]
    assert all(isinstance(each, int) for values in counts.values() for each in values)


def test_a_month_without_trips_has_no_counts_and_no_day_too_many() -> None:
    counts = Profile(DATASETS["fhvhv"], FEBRUARY).counts()
    assert {key: len(values) for key, values in counts.items()} == {
        "hours": 24, "days": 29, "fares": 20, "distances": 20
    }  # fmt: skip
    assert not any(map(any, counts.values()))
