"""Where trips begin and end: zones by number, and coordinates of the years before TLC published zones."""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np

from taxi_luigi.sample.trips.chunk import Array, Chunk, Plain, codes, of_year
from taxi_luigi.sample.zones import AIRPORTS, OUTSIDE, UNKNOWN
from taxi_luigi.tlc.months import Month

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
    """A few zones have most trips, others of each color; yellow cabs wait at the airports."""
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
    """The zones of pickup and dropoff."""
    random = chunk.random("zones")
    return {
        "pulocationid": codes(random, chunk.size, _shares(chunk.color, "pickup")),
        "dolocationid": codes(random, chunk.size, _shares(chunk.color, "dropoff")),
    }


def coordinates(chunk: Chunk) -> Plain:
    """Degrees at both ends; 0 is TLC's "missing", and a few are nowhere near."""
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
    """Millionths of a degree until 2014; green, and yellow from 2015, went through a single-precision number."""
    if chunk.color == "green" or chunk.month >= Month(2015, 1):
        return degrees.astype(np.float32).astype(np.float64)
    return np.round(degrees, 6)
