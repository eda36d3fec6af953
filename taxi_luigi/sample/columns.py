"""From made-up columns to Arrow arrays, and from TLC's spelling of a column to its canonical name."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi.sample.trips.chunk import Made

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
    """`tpep_pickup_datetime`, `Trip_Pickup_DateTime` and `Pickup_date` → `pickup_datetime`."""
    lower = name.strip().lower()
    if lower.endswith("datetime"):
        lower = lower.removeprefix("tpep_").removeprefix("lpep_").removeprefix("trip_")
    return _RENAMED.get(lower, lower)


def array(made: Made) -> pa.Array:
    """int64, double, timestamp[s] or, for words, string."""
    values = pa.array(made.values, mask=made.null)
    return pc.take(pa.array(made.words), values) if made.words else values
