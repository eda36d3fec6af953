"""A chunk of rows to make up, with its random draws: of codes, of times, of zones and coordinates.

What trips are like is in the modules `taxi_trips` and `for_hire_trips`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_luigi.sample.layouts import Form
from taxi_luigi.sample.zones import AIRPORTS, OUTSIDE, UNKNOWN
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
        """Return a generator for one topic, independent of other draws: csv and parquet are about the same trips."""
        names = [zlib.crc32(name.encode()) for name in (self.color, topic)]
        return np.random.default_rng([self.seed, *names, self.month.year, self.month.month, self.start])

    def positions(self) -> Array:
        return np.arange(self.start, self.stop)

    def every(self, rows: int, first: int) -> Array:
        """Return the indexes of one row in `rows`, by position; `first`, below `self.rows`, is always one of them."""
        return np.flatnonzero(self.positions() % rows == first % rows)


def codes(random: np.random.Generator, size: int, shares: dict[int, float]) -> Array:
    """Draw codes by their shares, which need not add up to 1."""
    drawn, weights = np.array(list(shares)), np.cumsum(list(shares.values()))
    places: Array = np.searchsorted(weights, random.random(size) * weights[-1])
    return np.take(drawn, np.minimum(places, len(drawn) - 1))


def of_year(rates: dict[int, float], month: Month) -> float:
    """Return the rate of a month's year, else of the last listed year before it, else of the first listed year."""
    return rates[max((year for year in rates if year <= month.year), default=min(rates))]


_STRAY_EVERY = 156_000
"""rows per pickup in a year like 2001 or 2098: 2,095 in 327 million"""
_SPILL_EVERY = 20_000
"""rows per pickup just outside the file's month"""
_STRAY_YEARS = (2001, 2002, 2003, 2008, 2009, 2088, 2098)
_BUSY = (3, 2, 1, 1, 1, 1, 3, 5, 6, 6, 6, 6, 7, 7, 7, 7, 6, 8, 9, 8, 7, 7, 6, 5)
"""trips per hour of the day, relative"""


def pickups(chunk: Chunk, random: np.random.Generator, again_from: int) -> Array:
    """Return seconds since 1970, from the month's first day to its last, and once more from row `again_from` on."""
    first, last = month_start(chunk.month), month_start(chunk.month.plus(1))
    position = chunk.positions()
    within = np.where(position < again_from, position / max(again_from, 1), 0)
    later = (position - again_from) / max(chunk.rows - again_from, 1)
    days = np.where(position < again_from, within, later) * ((last - first) // 86_400)
    busy = np.cumsum([0, *_BUSY]) / sum(_BUSY)
    from_first = np.floor(days) * 86_400 + np.interp(days % 1, busy, np.arange(25) * 3_600)
    jittered: Array = np.abs(from_first + random.normal(0, 1_200, chunk.size)).astype(np.int64)
    from_end: Array = np.abs(last - 1 - first - jittered)
    return last - 1 - from_end


def month_start(month: Month) -> int:
    """Return the seconds from 1970 to the start of the month."""
    return int(np.datetime64(month.first_day, "s").astype(np.int64))


def spill(chunk: Chunk, random: np.random.Generator, pickup: Array) -> None:
    """Move a few pickups, at least one in every file, across the midnight that begins or ends the month."""
    spilled = chunk.every(_SPILL_EVERY, chunk.rows // 2)
    edges = np.where(
        random.random(len(spilled)) < 0.5, month_start(chunk.month), month_start(chunk.month.plus(1)) + 3_600
    )
    pickup[spilled] = edges - random.integers(1, 3_600, len(spilled))


def stray(chunk: Chunk, random: np.random.Generator, times: Array) -> None:
    """Move a few times, at least one in every file, into a wrong year."""
    strayed = chunk.every(_STRAY_EVERY, chunk.rows // 3)
    starts = np.array([month_start(Month(year, 1)) for year in _STRAY_YEARS if year != chunk.month.year])
    times[strayed] = random.choice(starts, len(strayed)) + random.integers(0, 86_400, len(strayed))


# Shares of the unknown zone and of outside the city, of 2019 to 2026.
_NOWHERE = {
    "yellow": {UNKNOWN: 0.007, OUTSIDE: 0.0015},
    "green": {UNKNOWN: 0.002, OUTSIDE: 0.003},
    "fhv": {UNKNOWN: 0.1, OUTSIDE: 0.03},
}
# Shares of trips with coordinates of 0, by year: 7 % of the whole of green's 2013-08, 0 to 6 % of the first hundred
# rows of other months.
_MISSING = {"yellow": {2009: 0.01, 2010: 0.02}, "green": {2013: 0.07, 2014: 0.02, 2015: 0.002}}
_FHVHV_PICKUPS = {UNKNOWN: 1e-5, OUTSIDE: 1e-4}
_FHVHV_DROPOFFS = {UNKNOWN: 0.001, OUTSIDE: 0.038}


@cache
def _shares(color: str, end: str) -> dict[int, float]:
    """Return zone → share of trips. A few zones have most trips, different ones by color; yellow has the airports'."""
    random = np.random.default_rng([zlib.crc32(color.encode())])
    weights = 1 / np.arange(10, UNKNOWN + 9) ** 1.2
    random.shuffle(weights)
    shares = dict(zip(range(1, UNKNOWN), (weights / weights.sum()).tolist(), strict=True))
    if color == "yellow":
        shares |= dict.fromkeys(AIRPORTS[1:], 0.03)
    if color == "fhvhv":
        return shares | (_FHVHV_PICKUPS if end == "pickup" else _FHVHV_DROPOFFS)
    return shares | _NOWHERE[color]


def zones(chunk: Chunk) -> Plain:
    """Return the zones of pickup and dropoff."""
    random = chunk.random("zones")
    return {
        "pulocationid": codes(random, chunk.size, _shares(chunk.color, "pickup")),
        "dolocationid": codes(random, chunk.size, _shares(chunk.color, "dropoff")),
    }


def coordinates(chunk: Chunk) -> Plain:
    """Return degrees of pickup and dropoff; 0 is TLC's "missing", and a few are far outside the city."""
    random = chunk.random("coordinates")
    missing = random.random(chunk.size) < of_year(_MISSING[chunk.color], chunk.month)
    return _end(chunk, random, "pickup", missing) | _end(chunk, random, "dropoff", missing)


def _end(chunk: Chunk, random: np.random.Generator, end: str, missing: Array) -> Plain:
    longitude = random.normal(-73.975, 0.03, chunk.size)
    latitude = random.normal(40.75, 0.03, chunk.size)
    odd = np.flatnonzero(random.random(chunk.size) < 2e-4)
    longitude[odd] = random.uniform(-118, 106, len(odd))
    latitude[odd] = random.uniform(0, 60, len(odd))
    near_zero = odd[::4]
    longitude[near_zero], latitude[near_zero] = random.uniform(-0.05, 0.05, (2, len(near_zero)))
    # Whichever end is missing, the other one mostly is.
    lost = missing ^ (random.random(chunk.size) < 0.002)
    longitude[lost] = latitude[lost] = 0
    return {f"{end}_longitude": _as_measured(chunk, longitude), f"{end}_latitude": _as_measured(chunk, latitude)}


def _as_measured(chunk: Chunk, degrees: Array) -> Array:
    """Round to millionths of a degree until 2014; to single precision for green, and for yellow from 2015."""
    if chunk.color == "green" or chunk.month >= Month(2015, 1):
        return degrees.astype(np.float32).astype(np.float64)
    return np.round(degrees, 6)
