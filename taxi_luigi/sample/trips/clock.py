"""When trips begin: in the month, nearly in order, by the hours of a city; and the few that are outside of it."""

from __future__ import annotations

import numpy as np

from taxi_luigi.sample.trips.chunk import Array, Chunk
from taxi_luigi.tlc.months import Month

_STRAY_EVERY = 156_000
"""rows per pickup in a year like 2001 or 2098: 2,095 in 327 million"""
_SPILL_EVERY = 20_000
"""rows per pickup just outside the file's month"""
_STRAY_YEARS = (2001, 2002, 2003, 2008, 2009, 2088, 2098)
_BUSY = (3, 2, 1, 1, 1, 1, 3, 5, 6, 6, 6, 6, 7, 7, 7, 7, 6, 8, 9, 8, 7, 7, 6, 5)
"""trips per hour of the day, relative"""


def pickups(chunk: Chunk, random: np.random.Generator, again_from: int) -> Array:
    """Seconds since 1970, from the month's first day to its last, and once more from row `again_from` on."""
    first, last = seconds(chunk.month), seconds(chunk.month.plus(1))
    position = chunk.positions()
    within = np.where(position < again_from, position / max(again_from, 1), 0)
    later = (position - again_from) / max(chunk.rows - again_from, 1)
    days = np.where(position < again_from, within, later) * ((last - first) // 86_400)
    busy = np.cumsum([0, *_BUSY]) / sum(_BUSY)
    from_first = np.floor(days) * 86_400 + np.interp(days % 1, busy, np.arange(25) * 3_600)
    jittered: Array = np.abs(from_first + random.normal(0, 1_200, chunk.size)).astype(np.int64)
    from_end: Array = np.abs(last - 1 - first - jittered)
    return last - 1 - from_end


def seconds(month: Month) -> int:
    """Seconds from 1970 to the month's first moment."""
    return int(np.datetime64(month.first_day, "s").astype(np.int64))


def spill(chunk: Chunk, random: np.random.Generator, pickup: Array) -> None:
    """Moves a few pickups, one in every file at least, across the midnight that the month begins or ends at."""
    spilled = chunk.every(_SPILL_EVERY, chunk.rows // 2)
    edges = np.where(random.random(len(spilled)) < 0.5, seconds(chunk.month), seconds(chunk.month.plus(1)) + 3_600)
    pickup[spilled] = edges - random.integers(1, 3_600, len(spilled))


def stray(chunk: Chunk, random: np.random.Generator, times: Array) -> None:
    """Moves a few times, one in every file at least, into a year in which that trip was not."""
    strayed = chunk.every(_STRAY_EVERY, chunk.rows // 3)
    starts = np.array([seconds(Month(year, 1)) for year in _STRAY_YEARS if year != chunk.month.year])
    times[strayed] = random.choice(starts, len(strayed)) + random.integers(0, 86_400, len(strayed))
