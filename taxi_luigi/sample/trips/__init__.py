"""Made-up trips, a chunk of rows at a time: plausible values, and TLC's known defects at about their known rates.

chunk     the rows to make up, the column that comes out, drawing codes
clock     when trips begin
places    zones and coordinates
taxi      yellow and green, with money and spellings
fhv, fhvhv, bases
"""

from __future__ import annotations

from taxi_luigi.sample.trips.chunk import CHUNK, Chunk, Made
from taxi_luigi.sample.trips.fhv import fhv_trips
from taxi_luigi.sample.trips.fhvhv import fhvhv_trips
from taxi_luigi.sample.trips.taxi import taxi_trips

__all__ = ["CHUNK", "Chunk", "Made", "trips"]

_MAKERS = {"yellow": taxi_trips, "green": taxi_trips, "fhv": fhv_trips, "fhvhv": fhvhv_trips}


def trips(chunk: Chunk) -> dict[str, Made]:
    """Every column that any layout of this chunk's color has, by canonical name."""
    return _MAKERS[chunk.color](chunk)
