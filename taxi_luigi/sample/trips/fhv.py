"""Made-up for-hire trips: bases in all spellings, zones that are mostly missing, and one dropoff in the year 3019."""

from __future__ import annotations

import numpy as np

from taxi_luigi.sample.trips import bases, clock
from taxi_luigi.sample.trips.chunk import Array, Chunk, Made, codes
from taxi_luigi.sample.trips.places import zones
from taxi_luigi.sample.zones import OUTSIDE, UNKNOWN
from taxi_luigi.tlc.months import Month

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
    """Every column that any layout of fhv has."""
    month, random = chunk.month, chunk.random("fhv")
    plain = zones(chunk)
    pickup = clock.pickups(chunk, random, chunk.rows)
    seconds = (120 + np.exp(random.normal(6.9, 0.7, chunk.size))).astype(np.int64)
    # 416 dropoffs in 154 million are not after their pickup.
    seconds[random.random(chunk.size) < 2.7e-6] *= -1
    dropoff = pickup + seconds
    if month == Month(2019, 2):
        dropoff[chunk.positions() == chunk.rows // 3] += clock.seconds(Month(3019, 2)) - clock.seconds(month)
    no_pickup, no_dropoff = next(shares for first, shares in _NULL_ZONES if month >= first)
    from_nowhere, to_nowhere = random.random(chunk.size) < no_pickup, random.random(chunk.size) < no_dropoff
    base = bases.draw(random, chunk.size)
    return {
        "dispatching_base_num": Made(base, words=bases.spellings()),
        "pickup_datetime": Made(pickup.astype("M8[s]")),
        "dropoff_datetime": Made(dropoff.astype("M8[s]"), to_nowhere if month < Month(2017, 7) else None),
        "pulocationid": _zones(plain["pulocationid"], from_nowhere, UNKNOWN, month in _NO_NULL_PICKUP),
        "dolocationid": _zones(plain["dolocationid"], to_nowhere, OUTSIDE, month in _NO_NULL_DROPOFF),
        "sr_flag": _shared(chunk, random),
        "affiliated_base_number": _affiliated(random, base),
    }


def _zones(numbers: Array, null: Array, instead: int, filled: bool) -> Made:
    return Made(np.where(null, instead, numbers)) if filled else Made(numbers, null)


def _shared(chunk: Chunk, random: np.random.Generator) -> Made:
    """1 for a shared ride, else null. Those who shared were the large companies, which left for fhvhv in 2019-02."""
    large = Month(2017, 7) <= chunk.month <= Month(2019, 1)
    return Made(np.ones(chunk.size, np.int64), random.random(chunk.size) >= (0.2 if large else 1e-4))


def _affiliated(random: np.random.Generator, base: Array) -> Made:
    """The same base for two of three trips; the rest, the junk and the missing as in 1,000 real rows of 2020-04."""
    drawn = random.random(len(base))
    affiliated = np.where(drawn < 0.675, base, bases.draw(random, len(base)))
    junk = 3 * bases.BASES + codes(random, len(base), dict.fromkeys(range(len(bases.JUNK)), 1.0))
    affiliated = np.where(drawn > 0.996, junk, affiliated)
    return Made(affiliated, random.random(len(base)) < 0.006, bases.spellings())
