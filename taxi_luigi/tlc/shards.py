"""Which of N shards a month belongs to: processes that share nothing but N divide a back-fill by it. Pure.

The shard depends on the record type, the month, N and the rows that TLC had published by 2026-08, not on the months
that are selected or exist, nor on today's date: each month is one shard's, however processes resolve `latest` or `all`,
and stays so when later counts are added to the package.

A record type has N series of months, each of every Nth month, and a shard gets one of them: so it has exactly one of N
consecutive months, whatever is selected. The record type whose series differ most in rows is assigned first; of each
record type, the series with the most rows goes to the shard with the fewest rows so far.

How many rows the largest shard has above the mean, of the 589 months up to 2026-08 (tests/unit/tlc/test_shards.py):

    N                                                              2       4       8      16
    all record types, all months (each N up to 64: 9.4 % at most)  0.1 %   0.2 %   0.7 %   0.6 %
    yellow and green, all months                                   0.9 %   1.3 %   3.2 %   8.4 %
    one record type, all months, mean of the four                  0.8 %   2.5 %   5.3 %  11.6 %
    all record types, the last 24 months                           0.3 %   7.2 %   8.8 %  40.9 %
    all record types, one year, mean of 2009 to 2026               1.7 %   5.8 %  39.2 %  22.5 %

12 months are not a multiple of 8: some shards get two of them where others get one. The last two rows count from the
largest month where that has more rows than the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.published import known_rows

_COUNTED = Month(2026, 8)
"""the last month whose rows count: with later ones, months would go to other shards than in files that are loaded"""

MOST = 10_000
"""shards, as many processes as a job of AWS Batch or Cloud Run has at most (November 2026)"""


@dataclass(frozen=True)
class Shard:
    """One of `count` shards; `str()` returns `3/8`."""

    number: int
    """from 1 to `count`"""
    count: int

    def holds(self, color: str, month: Month) -> bool:
        """Return whether a month is this shard's."""
        return shard_of(color, month, self.count) == self.number

    @property
    def has_zones(self) -> bool:
        """Whether the taxi zones are this shard's."""
        return self.number == 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def shard_of(color: str, month: Month, count: int) -> int:
    """Return the number of the shard, from 1 to `count`, that a month belongs to, published or not."""
    return _shards(count)[color][_months_since_first(color, month) % count]


@lru_cache(maxsize=8)
def _shards(count: int) -> dict[str, list[int]]:
    """Return record type → the shard of each series; a series' number is its first month's, counted from 0."""
    rows = {color: [0] * count for color in DATASETS}
    for (color, month), number in known_rows("parquet").items():
        if month <= _COUNTED:
            rows[color][_months_since_first(color, month) % count] += number
    loads, shards = [0] * count, {}
    for color in sorted(DATASETS, key=lambda color: min(rows[color]) - max(rows[color])):
        series = sorted(range(count), key=lambda one: -rows[color][one])
        emptiest = sorted(range(count), key=lambda shard: loads[shard])
        of_series = dict(zip(series, emptiest, strict=True))
        for one, shard in of_series.items():
            loads[shard] += rows[color][one]
        shards[color] = [of_series[one] + 1 for one in range(count)]
    return shards


def _months_since_first(color: str, month: Month) -> int:
    first = DATASETS[color].first_month
    return (month.year - first.year) * 12 + month.month - first.month
