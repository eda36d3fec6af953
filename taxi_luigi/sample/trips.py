"""Made-up trips, a chunk of rows at a time: plausible values, and TLC's known defects at about their known rates.

The rates are those counted in the public files of 2019 to 2026; what the charges were is in TLC's dictionaries. Layouts
and files are not known here: columns come by canonical name, each with a mask of its nulls.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_luigi.months import Month
from taxi_luigi.sample.zones import AIRPORTS, OUTSIDE, UNKNOWN

CHUNK = 131_072
"""rows that are made up at a time, from a seed of their own: memory stays the same however long the month is"""

Array = NDArray[Any]

# Share of rows without passengers, rate, flag and surcharge ("null block", at the file's end), and of refunds, by year.
_NULL_BLOCK = {
    "yellow": {2019: 0.004, 2020: 0.033, 2021: 0.05, 2022: 0.035, 2023: 0.04, 2024: 0.09, 2025: 0.20, 2026: 0.27},
    "green": {2019: 0.06, 2020: 0.26, 2021: 0.40, 2022: 0.13, 2023: 0.065, 2024: 0.06, 2025: 0.12, 2026: 0.12},
}
_REFUNDS = {2019: 0.003, 2020: 0.003, 2021: 0.005, 2022: 0.006, 2023: 0.009, 2024: 0.012, 2025: 0.03, 2026: 0.004}
_STRAY_EVERY = 156_000
"""rows per pickup in a year like 2001 or 2098: 2,095 in 327 million"""
_SPILL_EVERY = 20_000
"""rows per pickup just outside the file's month"""
_STRAY_YEARS = (2001, 2002, 2003, 2008, 2009, 2088, 2098)
_BUSY = (3, 2, 1, 1, 1, 1, 3, 5, 6, 6, 6, 6, 7, 7, 7, 7, 6, 8, 9, 8, 7, 7, 6, 5)
"""trips per hour of the day, relative"""


@dataclass(frozen=True)
class Made:
    """One column of a chunk; `null` is true where TLC has no value, None where every row has one."""

    values: Array
    null: Array | None = None


@dataclass(frozen=True)
class Chunk:
    """Rows `start` to `stop` of a month that has `rows`."""

    color: str
    month: Month
    rows: int
    start: int
    stop: int
    seed: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def random(self) -> np.random.Generator:
        color = zlib.crc32(self.color.encode())
        return np.random.default_rng([self.seed, color, self.month.year, self.month.month, self.start])

    def positions(self) -> Array:
        return np.arange(self.start, self.stop)

    @property
    def null_from(self) -> int:
        """The first row of the null block."""
        return self.rows - round(self.rows * _of_year(_NULL_BLOCK[self.color], self.month))


def trips(chunk: Chunk) -> dict[str, Made]:
    """Every column that any layout of this color has, by canonical name without the tpep_ or lpep_ of the times."""
    random = chunk.random()
    null = chunk.positions() >= chunk.null_from
    plain = _who_and_where(chunk, random) | _passengers(chunk, random)
    plain["payment_type"] = np.where(null, 0, _codes(random, chunk.size, {1: 0.73, 2: 0.25, 3: 0.01, 4: 0.01}))
    plain |= _when(chunk, random, plain, null)
    plain |= _charges(chunk, random, plain)
    _refund(chunk, random, plain, ~null)
    return _with_nulls(chunk, plain, null) | {"request_source": _request_source(chunk, random)}


def _of_year(rates: dict[int, float], month: Month) -> float:
    return rates[min(max(month.year, min(rates)), max(rates))]


def _codes(random: np.random.Generator, size: int, shares: dict[int, float]) -> Array:
    codes, weights = np.array(list(shares)), np.cumsum(list(shares.values()))
    drawn: Array = np.searchsorted(weights, random.random(size) * weights[-1])
    return np.take(codes, np.minimum(drawn, len(codes) - 1))


@cache
def _zone_shares(color: str) -> dict[int, float]:
    """A few zones have most trips, others of each color; yellow cabs wait at the airports."""
    random = np.random.default_rng([zlib.crc32(color.encode())])
    weights = 1 / np.arange(10, UNKNOWN + 9) ** 1.2
    random.shuffle(weights)
    shares = dict(zip(range(1, UNKNOWN), (weights / weights.sum()).tolist(), strict=True))
    if color == "yellow":
        shares |= dict.fromkeys(AIRPORTS[1:], 0.03)
    return shares | ({UNKNOWN: 0.007, OUTSIDE: 0.0015} if color == "yellow" else {UNKNOWN: 0.002, OUTSIDE: 0.003})


def _who_and_where(chunk: Chunk, random: np.random.Generator) -> dict[str, Array]:
    vendors = {1: 0.25, 2: 0.745, 6: 0.0005} if chunk.color == "yellow" else {1: 0.12, 2: 0.88}
    if chunk.color == "yellow" and chunk.month >= Month(2025, 3):
        vendors[7] = 0.014
    return {
        "vendorid": _codes(random, chunk.size, vendors),
        "pulocationid": _codes(random, chunk.size, _zone_shares(chunk.color)),
        "dolocationid": _codes(random, chunk.size, _zone_shares(chunk.color)),
    }


def _passengers(chunk: Chunk, random: np.random.Generator) -> dict[str, Array]:
    counts = {1: 0.75, 2: 0.14, 3: 0.04, 4: 0.02, 5: 0.02, 6: 0.015, 0: 0.0155, 7: 2e-6, 8: 2e-6, 9: 1e-6}
    rates = {1: 0.945, 2: 0.032, 3: 0.003, 4: 0.002, 5: 0.012, 6: 1e-5, 99: 0.006}
    return {
        "passenger_count": _codes(random, chunk.size, counts),
        "ratecodeid": _codes(random, chunk.size, rates),
        "store_and_fwd_flag": _codes(random, chunk.size, {0: 0.993, 1: 0.007}),
        "trip_type": _codes(random, chunk.size, {1: 0.965, 2: 0.035}),
    }


def _when(chunk: Chunk, random: np.random.Generator, plain: dict[str, Array], null: Array) -> dict[str, Array]:
    miles = np.round(np.exp(random.normal(0.55, 0.8, chunk.size)), 2)
    seconds = (180 + miles * 215 * np.exp(random.normal(0, 0.35, chunk.size))).astype(np.int64)
    seconds[plain["vendorid"] == 7] = 0
    backward = random.random(chunk.size) < 0.0003
    seconds[backward] = -random.integers(0, 3600, backward.sum())
    miles[random.random(chunk.size) < (0.017 if chunk.color == "yellow" else 0.034)] = 0
    absurd = random.random(chunk.size) < 4e-5
    miles[absurd] = np.round(random.uniform(1_000, 250_000, absurd.sum()), 2)
    pickup = _pickups(chunk, random)
    pickup[null] -= pickup[null] % 60
    _stray(chunk, random, pickup)
    times = {"pickup_datetime": pickup.astype("M8[s]"), "dropoff_datetime": (pickup + seconds).astype("M8[s]")}
    return times | {"trip_distance": miles, "_minutes": np.maximum(seconds, 0) / 60}


def _pickups(chunk: Chunk, random: np.random.Generator) -> Array:
    """Seconds since 1970, in the month: nearly in order from its first day to its last, once more in the null block."""
    first, last = _seconds(chunk.month), _seconds(chunk.month.plus(1))
    position, null_from = chunk.positions(), chunk.null_from
    within = np.where(position < null_from, position / max(null_from, 1), 0)
    later = (position - null_from) / max(chunk.rows - null_from, 1)
    days = np.where(position < null_from, within, later) * ((last - first) // 86_400)
    busy = np.cumsum([0, *_BUSY]) / sum(_BUSY)
    seconds = np.floor(days) * 86_400 + np.interp(days % 1, busy, np.arange(25) * 3_600)
    jittered: Array = np.abs(seconds + random.normal(0, 1_200, chunk.size)).astype(np.int64)
    from_end: Array = np.abs(last - 1 - first - jittered)
    return last - 1 - from_end


def _seconds(month: Month) -> int:
    return int(np.datetime64(month.first_day, "s").astype(np.int64))


def _stray(chunk: Chunk, random: np.random.Generator, pickup: Array) -> None:
    """Moves a few pickups out of the month; every file has at least one in another year and one across midnight."""
    position = chunk.positions()
    spilled = np.flatnonzero(position % _SPILL_EVERY == chunk.rows // 2 % _SPILL_EVERY)
    edges = np.where(random.random(len(spilled)) < 0.5, _seconds(chunk.month), _seconds(chunk.month.plus(1)) + 3_600)
    pickup[spilled] = edges - random.integers(1, 3_600, len(spilled))
    stray = np.flatnonzero(position % _STRAY_EVERY == chunk.rows // 3 % _STRAY_EVERY)
    starts = np.array([_seconds(Month(year, 1)) for year in _STRAY_YEARS])
    pickup[stray] = random.choice(starts, len(stray)) + random.integers(0, 86_400, len(stray))


def _charges(chunk: Chunk, random: np.random.Generator, plain: dict[str, Array]) -> dict[str, Array]:
    month, size, yellow = chunk.month, chunk.size, chunk.color == "yellow"
    dear = month >= Month(2023, 1)
    base, mile, minute, step = (3.0, 2.8, 0.35, 0.1) if dear else (2.5, 2.0, 0.25, 0.5)
    miles = np.minimum(plain["trip_distance"], 60)
    fare = np.round(np.round((base + mile * miles + minute * plain.pop("_minutes")) / step) * step, 2)
    card = plain["payment_type"] == 1
    charges = {
        "fare_amount": fare,
        "extra": _codes(random, size, {0: 55, 5: 15, 10: 15, 25: 15}) / 10,
        "mta_tax": _codes(random, size, {5: 0.99, 0: 0.01}) / 10,
        "tip_amount": np.where(card, np.round(fare * random.uniform(0, 0.35, size), 2), 0.0),
        "tolls_amount": _codes(random, size, {0: 0.955, 612: 0.04, 655: 0.005}) / 100,
        "improvement_surcharge": np.full(size, 1.0 if dear else 0.3),
        "congestion_surcharge": _congestion(month, random, size, yellow),
        "airport_fee": np.where(np.isin(plain["pulocationid"], AIRPORTS[1:]), _airport_fee(month), 0.0) * yellow,
        "cbd_congestion_fee": _codes(random, size, {75: 0.7, 0: 0.3} if yellow else {75: 0.08, 0: 0.92}) / 100,
    }
    charges["cbd_congestion_fee"] *= month >= Month(2025, 1)
    charges["total_amount"] = np.round(sum(charges.values(), np.zeros(size)), 2)
    return charges


def _congestion(month: Month, random: np.random.Generator, size: int, yellow: bool) -> Array:
    shares = {250: 0.92, 0: 0.08} if yellow else {275: 0.27, 0: 0.73}
    return _codes(random, size, shares) / 100 * (month >= Month(2019, 2))


def _airport_fee(month: Month) -> float:
    steps = ((Month(2026, 4), 2.0), (Month(2025, 7), 1.75), (Month(2021, 4), 1.25))
    return next((fee for first, fee in steps if month >= first), 0.0)


def _refund(chunk: Chunk, random: np.random.Generator, plain: dict[str, Array], may: Array) -> None:
    """Turns some rows into the refund of the row before: one trip, charges negative, so no key tells them apart."""
    rate = 2 * _of_year(_REFUNDS, chunk.month)
    odd = np.flatnonzero(may)[1::2]
    refunds = odd[random.random(len(odd)) < rate]
    for name, values in plain.items():
        charge = name.endswith(("_amount", "_surcharge", "_fee", "_tax")) or name == "extra"
        values[refunds] = 0 - values[refunds - 1] if charge else values[refunds - 1]
    plain["payment_type"][refunds] = plain["payment_type"][refunds - 1] = 4


def _with_nulls(chunk: Chunk, plain: dict[str, Array], null: Array) -> dict[str, Made]:
    all_null = np.ones(chunk.size, bool)
    masks = dict.fromkeys(("passenger_count", "ratecodeid", "store_and_fwd_flag", "trip_type"), null)
    masks["congestion_surcharge"] = null if chunk.month >= Month(2019, 2) else all_null
    masks["airport_fee"] = null if chunk.month >= Month(2021, 4) else all_null
    if chunk.color == "green":
        masks["payment_type"] = null
    plain["ehail_fee"], masks["ehail_fee"] = np.zeros(chunk.size), all_null
    plain["store_and_fwd_flag"] = np.array(["N", "Y"], object)[plain["store_and_fwd_flag"]]
    return {name: Made(values, masks.get(name)) for name, values in plain.items()}


def _request_source(chunk: Chunk, random: np.random.Generator) -> Made:
    names = np.array([None, "HV0003", "HV0005", "EH0004", "EH0010", "A", "CC"], object)
    codes = _codes(random, chunk.size, {0: 0.74, 1: 0.2, 2: 0.04, 3: 0.008, 4: 0.006, 5: 0.005, 6: 0.001})
    return Made(names[codes], codes == 0)
