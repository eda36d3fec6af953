"""Made-up trips of the high-volume companies: who drove, when it was ordered, and how the fare is divided.

The rates of negative fares, of no distance and of trips to outside the city are those of 1.6 billion public rows.
"""

from __future__ import annotations

import numpy as np

from taxi_luigi.sample.trips import clock
from taxi_luigi.sample.trips.chunk import Array, Chunk, Made, Plain, codes, of_year
from taxi_luigi.sample.trips.places import zones
from taxi_luigi.sample.zones import AIRPORTS
from taxi_luigi.tlc.months import Month

_LICENCES = ("HV0002", "HV0003", "HV0004", "HV0005")
_UBER = 1
# One left in 2019-11, one at the end of 2021.
_SHARES = (
    (Month(2022, 1), {1: 0.74, 3: 0.26}),
    (Month(2019, 12), {1: 0.72, 2: 0.02, 3: 0.26}),
    (Month(2019, 2), {0: 0.03, 1: 0.70, 2: 0.05, 3: 0.22}),
)
_BASES = ("B02914", "B03136", "B02510", *(f"B{number:05}" for number in range(2_700, 2_724)))
"""one each of the companies that dispatch from one, then the many of the other"""
_ONE_BASE = np.array([0, 3, 1, 2])
"""by licence, the first of its bases"""
_SHARED = {2019: 0.25, 2020: 0.12, 2021: 0.0, 2022: 0.01, 2023: 0.03}
"""share of trips that asked to be shared, by year"""
_AIRPORT_FEES = ((Month(2026, 4), 3.5), (Month(2021, 4), 2.5))


def fhvhv_trips(chunk: Chunk) -> dict[str, Made]:
    """Every column that any layout of fhvhv has."""
    random = chunk.random("fhvhv")
    licence = codes(random, chunk.size, next(shares for first, shares in _SHARES if chunk.month >= first))
    others = licence != _UBER
    many = codes(random, chunk.size, {number: 1 / (number + 1) for number in range(len(_BASES) - 3)})
    base = _ONE_BASE[licence] + np.where(others, 0, many)
    shared = random.random(chunk.size) < of_year(_SHARED, chunk.month)
    plain = zones(chunk) | _times(chunk, random)
    plain |= _money(chunk, random, plain, shared)
    made = {name: Made(values) for name, values in plain.items()}
    made["on_scene_datetime"] = Made(plain["on_scene_datetime"], others)
    # Before the fee the column is all but empty, which is not yet Arrow's null type.
    no_fee = random.random(chunk.size) >= (1 if chunk.month >= Month(2021, 4) else 1e-4)
    made["airport_fee"] = Made(plain["airport_fee"], no_fee)
    made["hvfhs_license_num"] = Made(licence, words=_LICENCES)
    made["dispatching_base_num"] = Made(base, words=_BASES)
    made["originating_base_num"] = made["affiliated_base_number"] = Made(base, others, _BASES)
    return made | _flags(chunk, random, others, shared)


def _times(chunk: Chunk, random: np.random.Generator) -> Plain:
    miles = np.round(np.exp(random.normal(1.05, 0.85, chunk.size)), 3)
    seconds = (120 + miles * 200 * np.exp(random.normal(0, 0.3, chunk.size))).astype(np.int64)
    seconds[random.random(chunk.size) < 4e-5] *= -1
    miles[random.random(chunk.size) < 5.5e-4] = 0
    pickup = clock.pickups(chunk, random, chunk.rows)
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
    """Y or N. The one company leaves access-a-ride a single blank; the csv has one shared flag, 1 or empty."""
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
