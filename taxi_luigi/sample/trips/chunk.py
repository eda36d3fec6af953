"""A chunk of rows to make up, what comes out of it, and the drawing of codes. What trips are like is elsewhere."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_luigi.sample.layouts import Form
from taxi_luigi.tlc.months import Month

CHUNK = 131_072
"""rows that are made up at a time, from seeds of their own: memory stays the same however long the month is"""

Array = NDArray[Any]
Plain = dict[str, Array]
"""Columns of a chunk by canonical name, every row filled."""


@dataclass(frozen=True)
class Made:
    """One column of a chunk."""

    values: Array
    """numbers, seconds since 1970 as datetime64[s], or with `words` the index of each row's word"""
    null: Array | None = None
    """true where TLC has no value; None where every row has one"""
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """Rows `start` to `stop` of a month that has `rows`."""

    color: str
    month: Month
    rows: int
    start: int
    stop: int
    seed: int
    form: Form = "parquet"

    @property
    def size(self) -> int:
        return self.stop - self.start

    def random(self, topic: str) -> np.random.Generator:
        """Draws for one topic, the same whatever else is drawn: csv and parquet are about the same trips."""
        names = [zlib.crc32(name.encode()) for name in (self.color, topic)]
        return np.random.default_rng([self.seed, *names, self.month.year, self.month.month, self.start])

    def positions(self) -> Array:
        return np.arange(self.start, self.stop)

    def every(self, rows: int, first: int) -> Array:
        """Indexes of one row in so many, by position: `first`, below `self.rows`, is always one of them."""
        return np.flatnonzero(self.positions() % rows == first % rows)


def codes(random: np.random.Generator, size: int, shares: dict[int, float]) -> Array:
    """Draws codes by their shares, which need not add up to 1."""
    drawn, weights = np.array(list(shares)), np.cumsum(list(shares.values()))
    places: Array = np.searchsorted(weights, random.random(size) * weights[-1])
    return np.take(drawn, np.minimum(places, len(drawn) - 1))


def of_year(rates: dict[int, float], month: Month) -> float:
    """The rate of a month's year, or of the last year before it that is listed; at the front, the first."""
    return rates[max((year for year in rates if year <= month.year), default=min(rates))]
