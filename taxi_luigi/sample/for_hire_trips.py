"""Made-up for-hire trips: fhv with the texts of its bases, and fhvhv with its companies and the parts of a fare.

In fhv, zones are mostly missing, and one dropoff is in the year 3019. The rates of fhvhv's negative fares, of no
distance and of trips to outside the city are those of 1.6 billion public rows.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from taxi_luigi.sample.chunk import (
    Array,
    Chunk,
    Made,
    Plain,
    codes,
    month_start,
    of_year,
    pickups,
    zones,
)
from taxi_luigi.sample.zones import AIRPORTS, OUTSIDE, UNKNOWN
from taxi_luigi.tlc.months import Month

_BASES = 900
_MISSPELLED = {0: 0.985, _BASES: 0.013, 2 * _BASES: 0.002}
"""as issued, filled up to 15 characters with blanks, in lower case: 1.3 % and 0.2 % of 1,000 real rows of 2020-04"""
_JUNK = ("UBER", "1UBER")
"""texts in place of an affiliated base"""


@cache
def _base_texts() -> tuple[str, ...]:
    """Return every base as issued, then each with blanks, then each in lower case, then the junk."""
    numbers = np.random.default_rng(_BASES).choice(3_500, _BASES, replace=False)
    issued = [f"B{number:05}" for number in sorted(numbers.tolist())]
    return (*issued, *(base.ljust(15) for base in issued), *(base.lower() for base in issued), *_JUNK)


def _draw_bases(random: np.random.Generator, size: int) -> Array:
    """Draw indexes of `_base_texts()`; a few bases have most trips."""
    weights = 1 / np.arange(3, _BASES + 3) ** 0.9
    base = codes(random, size, dict(enumerate(weights.tolist())))
    return base + codes(random, size, _MISSPELLED)


# From a month on: the shares without a pickup zone and without a dropoff zone. Those of 2017 and 2018 are guesses
# from the first 100 rows of four months.
_NULL_ZONES = (
    (Month(2019, 1), (0.537, 0.11)),
    (Month(2017, 7), (0.1, 0.1)),
    (Month(2017, 1), (0.3, 0.9)),
    (Month(2015, 1), (0.29, 0.985)),
)
# Months in which the zones are whole numbers because none is missing.
_NO_NULL_PICKUP = (Month(2019, 5), Month(2019, 6))
_NO_NULL_DROPOFF = (*_NO_NULL_PICKUP, Month(2020, 7))


def fhv_trips(chunk: Chunk) -> dict[str, Made]:
    """Return every column that any layout of fhv has."""
    month, random = chunk.month, chunk.random("fhv")
    plain = zones(chunk)
    pickup = pickups(chunk, random, chunk.rows)
    seconds = (120 + np.exp(random.normal(6.9, 0.7, chunk.size))).astype(np.int64)
    # 416 dropoffs in 154 million are not after their pickup.
    seconds[random.random(chunk.size) < 2.7e-6] *= -1
    dropoff = pickup + seconds
    if month == Month(2019, 2):
        dropoff[chunk.positions() == chunk.rows // 3] += month_start(Month(3019, 2)) - month_start(month)
    no_pickup, no_dropoff = next(shares for first, shares in _NULL_ZONES if month >= first)
    from_nowhere, to_nowhere = random.random(chunk.size) < no_pickup, random.random(chunk.size) < no_dropoff
    base = _draw_bases(random, chunk.size)
    return {
        "dispatching_base_num": Made(base, words=_base_texts()),
        "pickup_datetime": Made(pickup.astype("M8[s]")),
        "dropoff_datetime": Made(dropoff.astype("M8[s]"), to_nowhere if month < Month(2017, 7) else None),
        "pulocationid": _with_null_zones(plain["pulocationid"], from_nowhere, UNKNOWN, month in _NO_NULL_PICKUP),
        "dolocationid": _with_null_zones(plain["dolocationid"], to_nowhere, OUTSIDE, month in _NO_NULL_DROPOFF),
        "sr_flag": _shared(chunk, random),
        "affiliated_base_number": _affiliated(random, base),
    }


def _with_null_zones(numbers: Array, null: Array, instead: int, filled: bool) -> Made:
    return Made(np.where(null, instead, numbers)) if filled else Made(numbers, null)


def _shared(chunk: Chunk, random: np.random.Generator) -> Made:
    """Return 1 for a shared ride, else null. The large companies had them, and moved to fhvhv in 2019-02."""
    large = Month(2017, 7) <= chunk.month <= Month(2019, 1)
    return Made(np.ones(chunk.size, np.int64), random.random(chunk.size) >= (0.2 if large else 1e-4))


def _affiliated(random: np.random.Generator, base: Array) -> Made:
    """Return the same base for two of three trips; other bases, junk and nulls as in 1,000 real rows of 2020-04."""
    drawn = random.random(len(base))
    affiliated = np.where(drawn < 0.675, base, _draw_bases(random, len(base)))
    junk = 3 * _BASES + codes(random, len(base), dict.fromkeys(range(len(_JUNK)), 1.0))
    affiliated = np.where(drawn > 0.996, junk, affiliated)
    return Made(affiliated, random.random(len(base)) < 0.006, _base_texts())


_LICENCES = ("HV0002", "HV0003", "HV0004", "HV0005")
_UBER = 1
# One left in 2019-11, one at the end of 2021.
_COMPANY_SHARES = (
    (Month(2022, 1), {1: 0.74, 3: 0.26}),
    (Month(2019, 12), {1: 0.72, 2: 0.02, 3: 0.26}),
    (Month(2019, 2), {0: 0.03, 1: 0.70, 2: 0.05, 3: 0.22}),
)
_COMPANY_BASES = ("B02914", "B03136", "B02510", *(f"B{number:05}" for number in range(2_700, 2_724)))
"""the one base of each company that has one, then the many bases of the other company"""
_ONE_BASE = np.array([0, 3, 1, 2])
"""the first base of each licence"""
_SHARED_RATES = {2019: 0.25, 2020: 0.12, 2021: 0.0, 2022: 0.01, 2023: 0.03}
"""share of trips that requested a shared ride, by year"""
_AIRPORT_FEES = ((Month(2026, 4), 3.5), (Month(2021, 4), 2.5))


def fhvhv_trips(chunk: Chunk) -> dict[str, Made]:
    """Return every column that any layout of fhvhv has."""
    random = chunk.random("fhvhv")
    licence = codes(random, chunk.size, next(shares for first, shares in _COMPANY_SHARES if chunk.month >= first))
    others = licence != _UBER
    many = codes(random, chunk.size, {number: 1 / (number + 1) for number in range(len(_COMPANY_BASES) - 3)})
    base = _ONE_BASE[licence] + np.where(others, 0, many)
    shared = random.random(chunk.size) < of_year(_SHARED_RATES, chunk.month)
    plain = zones(chunk) | _times(chunk, random)
    plain |= _money(chunk, random, plain, shared)
    made = {name: Made(values) for name, values in plain.items()}
    made["on_scene_datetime"] = Made(plain["on_scene_datetime"], others)
    # Before the fee the column is all but empty, which is not yet Arrow's null type.
    no_fee = random.random(chunk.size) >= (1 if chunk.month >= Month(2021, 4) else 1e-4)
    made["airport_fee"] = Made(plain["airport_fee"], no_fee)
    made["hvfhs_license_num"] = Made(licence, words=_LICENCES)
    made["dispatching_base_num"] = Made(base, words=_COMPANY_BASES)
    made["originating_base_num"] = made["affiliated_base_number"] = Made(base, others, _COMPANY_BASES)
    return made | _flags(chunk, random, others, shared)


def _times(chunk: Chunk, random: np.random.Generator) -> Plain:
    miles = np.round(np.exp(random.normal(1.05, 0.85, chunk.size)), 3)
    seconds = (120 + miles * 200 * np.exp(random.normal(0, 0.3, chunk.size))).astype(np.int64)
    seconds[random.random(chunk.size) < 4e-5] *= -1
    miles[random.random(chunk.size) < 5.5e-4] = 0
    pickup = pickups(chunk, random, chunk.rows)
    on_scene = pickup - random.integers(5, 180, chunk.size)
    request = on_scene - np.exp(random.normal(5.2, 0.6, chunk.size)).astype(np.int64)
    return {
        "request_datetime": request.astype("M8[s]"),
        "on_scene_datetime": on_scene.astype("M8[s]"),
        "pickup_datetime": pickup.astype("M8[s]"),
        "dropoff_datetime": (pickup + seconds).astype("M8[s]"),
        "trip_miles": miles,
        "trip_time": np.abs(seconds),
    }


def _money(chunk: Chunk, random: np.random.Generator, plain: Plain, shared: Array) -> Plain:
    size, month = chunk.size, chunk.month
    metered = 2.5 + 1.6 * plain["trip_miles"] + 0.4 * plain["trip_time"] / 60
    fare = np.round(np.maximum(metered * np.exp(random.normal(0, 0.2, size)), 5.5), 2)
    pay = np.round(0.75 * fare, 2)
    fare[random.random(size) < 8.4e-4] *= -1
    pay[random.random(size) < 1.4e-5] *= -1
    downtown = random.random(size) < 0.3
    airport = np.isin(plain["pulocationid"], AIRPORTS) | np.isin(plain["dolocationid"], AIRPORTS)
    fee = next((fee for first, fee in _AIRPORT_FEES if month >= first), 0.0)
    return {
        "base_passenger_fare": fare,
        "tolls": codes(random, size, {0: 0.91, 612: 0.06, 1_224: 0.01, 2_000: 0.02}) / 100,
        "bcf": np.round(fare * (0.0275 if month >= Month(2023, 1) else 0.025), 2),
        "sales_tax": np.round(fare * 0.08875, 2),
        "congestion_surcharge": np.where(downtown, np.where(shared, 0.75, 2.75), 0.0),
        "airport_fee": np.where(airport, fee, 0.0),
        "tips": np.where(random.random(size) < 0.16, np.round(np.abs(fare) * random.uniform(0.1, 0.3, size), 2), 0.0),
        "driver_pay": pay,
        "cbd_congestion_fee": np.where(downtown & (random.random(size) < 0.8), 1.5, 0.0),
    }


def _flags(chunk: Chunk, random: np.random.Generator, others: Array, shared: Array) -> dict[str, Made]:
    """Return flags Y or N. One company writes a blank for access-a-ride; the csv has one shared flag, 1 or empty."""
    size, no_yes = chunk.size, ("N", "Y")
    matched = shared & (random.random(size) < 0.6)
    flags = {
        "shared_request_flag": Made(shared.astype(np.int64), words=no_yes),
        "shared_match_flag": Made(matched.astype(np.int64), words=no_yes),
        "access_a_ride_flag": Made(others.astype(np.int64), words=(" ", "N")),
        "wav_request_flag": Made(codes(random, size, {0: 0.998, 1: 0.002}), words=no_yes),
        "wav_match_flag": Made(codes(random, size, {0: 0.95, 1: 0.05}), words=no_yes),
        "sr_flag": Made(np.ones(size, np.int64), ~shared),
    }
    if chunk.month >= Month(2021, 6):
        flags["sr_flag"] = flags["shared_request_flag"]
    return flags
