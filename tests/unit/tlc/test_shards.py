"""The division of the months among shards: complete, disjoint, balanced, and the same whatever is selected."""

from __future__ import annotations

from collections import Counter

import pytest

from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import expected_rows, known_rows
from taxi_luigi.tlc.shards import Shard, shard_of

ROWS = known_rows("parquet")
"""of all that TLC has published"""


def loads(rows: dict[tuple[str, Month], int], count: int) -> list[int]:
    found: Counter[int] = Counter()
    for (color, month), number in rows.items():
        found[shard_of(color, month, count)] += number
    assert set(found) <= {*range(1, count + 1)}
    return [found[shard] for shard in range(1, count + 1)]


def excess(rows: dict[tuple[str, Month], int], count: int) -> float:
    """The largest load above the mean, as a share of the mean; of the largest month where that has more rows."""
    found = loads(rows, count)
    return max(found) / max(sum(found) / count, max(rows.values())) - 1


@pytest.mark.parametrize("count", range(1, 65))
def test_no_shard_has_more_than_a_tenth_above_the_mean_of_all_history(count: int) -> None:
    assert excess(ROWS, count) <= 0.10


@pytest.mark.parametrize(
    ("what", "limits"),
    {
        "a record type": (0.015, 0.045, 0.085, 0.20),
        "yellow and green": (0.015, 0.015, 0.04, 0.09),
        "24 months": (0.01, 0.08, 0.10, 0.45),
    }.items(),
)
def test_what_users_select_is_balanced_too(what: str, limits: tuple[float, ...]) -> None:
    last = max(month for _, month in ROWS)
    selections = {
        "a record type": [{key: rows for key, rows in ROWS.items() if key[0] == color} for color in DATASETS],
        "yellow and green": [{key: rows for key, rows in ROWS.items() if key[0] in ("yellow", "green")}],
        "24 months": [{key: rows for key, rows in ROWS.items() if key[1] > last.plus(-24)}],
    }
    for count, limit in zip((2, 4, 8, 16), limits, strict=True):
        assert max(excess(rows, count) for rows in selections[what]) <= limit, count


@pytest.mark.parametrize("color", list(DATASETS))
@pytest.mark.parametrize("count", [1, 2, 5, 12, 64])
def test_of_n_consecutive_months_each_shard_has_one(color: str, count: int) -> None:
    for first in (DATASETS[color].first_month, Month(2019, 11), Month(2031, 5)):
        months = month_range(first, first.plus(count - 1))
        assert {shard_of(color, month, count) for month in months} == {*range(1, count + 1)}


@pytest.mark.parametrize("count", [2, 4, 8, 16])
def test_the_months_of_the_next_ten_years_are_balanced(count: int) -> None:
    last = max(month for _, month in ROWS)
    latest = {color: expected_rows(color, last) or 0 for color in DATASETS}
    assert all(latest.values())
    later = {
        (color, month): latest[color]
        for color in DATASETS
        for month in month_range(last.plus(1), last.plus(120))
        if (color, month) not in ROWS
    }
    assert excess(later, count) <= 0.07
    assert excess(ROWS | later, count) <= 0.03


def test_a_month_keeps_its_shard() -> None:
    """Else a later version would load it again, into the DuckDB file of another shard."""
    months = [("yellow", Month(2009, 1)), ("green", Month(2020, 4)), ("fhv", Month(2017, 6)), ("fhvhv", Month(2030, 1))]
    assert [[shard_of(*each, count) for each in months] for count in (1, 3, 8, 64)] == [
        [1, 1, 1, 1],
        [2, 2, 1, 3],
        [6, 1, 7, 5],
        [26, 23, 43, 6],
    ]


@pytest.mark.parametrize("count", [590, 10_000])
def test_of_more_shards_than_months_none_has_two(count: int) -> None:
    assert max(Counter(shard_of(*each, count) for each in ROWS).values()) == 1


def test_a_shard_holds_its_months_alone() -> None:
    shards = [Shard(number, 3) for number in (1, 2, 3)]
    for month in month_range(Month(2009, 1), Month(2035, 12)):
        assert sum(shard.holds("yellow", month) for shard in shards) == 1
    assert [shard.has_zones for shard in shards] == [True, False, False]
    assert str(shards[2]) == "3/3"
