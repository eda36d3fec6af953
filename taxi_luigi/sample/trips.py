"""Made-up trips, a chunk of rows at a time, as columns by canonical name and as Arrow arrays."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi.sample.chunk import Chunk, Made
from taxi_luigi.sample.for_hire_trips import fhv_trips, fhvhv_trips
from taxi_luigi.sample.taxi_trips import taxi_trips

_RENAMED = {
    "vendor_name": "vendorid",
    "vendor_id": "vendorid",
    "start_lon": "pickup_longitude",
    "start_lat": "pickup_latitude",
    "end_lon": "dropoff_longitude",
    "end_lat": "dropoff_latitude",
    "rate_code": "ratecodeid",
    "store_and_forward": "store_and_fwd_flag",
    "surcharge": "extra",
    "fare_amt": "fare_amount",
    "tip_amt": "tip_amount",
    "tolls_amt": "tolls_amount",
    "total_amt": "total_amount",
    "pickup_date": "pickup_datetime",
    "locationid": "pulocationid",
    "dispatching_base_number": "dispatching_base_num",
}


def canonical(name: str) -> str:
    """Return `pickup_datetime` for `tpep_pickup_datetime`, `Trip_Pickup_DateTime` and `Pickup_date`."""
    lower = name.strip().lower()
    if lower.endswith("datetime"):
        lower = lower.removeprefix("tpep_").removeprefix("lpep_").removeprefix("trip_")
    return _RENAMED.get(lower, lower)


def array(made: Made) -> pa.Array:
    """Return an array of int64, double, timestamp[s] or, for words, string."""
    values = pa.array(made.values, mask=made.null)
    return pc.take(pa.array(made.words), values) if made.words else values


_MAKERS = {"yellow": taxi_trips, "green": taxi_trips, "fhv": fhv_trips, "fhvhv": fhvhv_trips}


def trips(chunk: Chunk) -> dict[str, Made]:
    """Return every column that any layout of this chunk's color has, by canonical name."""
    return _MAKERS[chunk.color](chunk)
