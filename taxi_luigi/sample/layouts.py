"""Which columns TLC's file of a month has, in which order and of which Arrow types: what the made-up files copy.

Tables of values and their look-up only. They are checked against real files by the tests. `datasets.py` is the other
side of this: what the pipeline makes of all these layouts. The two are kept apart so that one can test the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from taxi_luigi.errors import UsageError
from taxi_luigi.months import Month

Form = Literal["parquet", "csv", "csv.gz"]

# One line per column in the file's order, one field per era, which begins with the month above it; - for
# a column that the file has not.
_YELLOW = """
                       2019-01        2023-02        2025-01        2026-06
VendorID               int64          int32          int32          int32
tpep_pickup_datetime   timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
tpep_dropoff_datetime  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
passenger_count        double         int64          int64          int64
trip_distance          double         double         double         double
RatecodeID             double         int64          int64          int64
store_and_fwd_flag     string         large_string   large_string   large_string
PULocationID           int64          int32          int32          int32
DOLocationID           int64          int32          int32          int32
payment_type           int64          int64          int64          int64
fare_amount            double         double         double         double
extra                  double         double         double         double
mta_tax                double         double         double         double
tip_amount             double         double         double         double
tolls_amount           double         double         double         double
improvement_surcharge  double         double         double         double
total_amount           double         double         double         double
congestion_surcharge   double         double         double         double
airport_fee            double         -              -              -
Airport_fee            -              double         double         double
cbd_congestion_fee     -              -              double         double
request_source         -              -              -              large_string
"""

_GREEN = """
                       2019-01        2019-09        2023-02        2025-01        2026-06
VendorID               int64          int64          int32          int32          int32
lpep_pickup_datetime   timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
lpep_dropoff_datetime  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
store_and_fwd_flag     string         string         large_string   large_string   large_string
RatecodeID             double         double         int64          int64          int64
PULocationID           int64          int64          int32          int32          int32
DOLocationID           int64          int64          int32          int32          int32
passenger_count        double         double         int64          int64          int64
trip_distance          double         double         double         double         double
fare_amount            double         double         double         double         double
extra                  double         double         double         double         double
mta_tax                double         double         double         double         double
tip_amount             double         double         double         double         double
tolls_amount           double         double         double         double         double
ehail_fee              double         null           double         double         double
improvement_surcharge  double         double         double         double         double
total_amount           double         double         double         double         double
payment_type           double         double         int64          int64          int64
trip_type              double         double         int64          int64          int64
congestion_surcharge   double         double         double         double         double
cbd_congestion_fee     -              -              -              double         double
request_source         -              -              -              -              large_string
"""

_YELLOW_CSV = """
                       2019-01        2021-08
VendorID               int64          -
tpep_pickup_datetime   timestamp[s]   -
tpep_dropoff_datetime  timestamp[s]   -
passenger_count        int64          -
trip_distance          double         -
RatecodeID             int64          -
store_and_fwd_flag     string         -
PULocationID           int64          -
DOLocationID           int64          -
payment_type           int64          -
fare_amount            double         -
extra                  double         -
mta_tax                double         -
tip_amount             double         -
tolls_amount           double         -
improvement_surcharge  double         -
total_amount           double         -
congestion_surcharge   double         -
"""

_GREEN_CSV = """
                       2019-01        2021-08
VendorID               int64          -
lpep_pickup_datetime   timestamp[s]   -
lpep_dropoff_datetime  timestamp[s]   -
store_and_fwd_flag     string         -
RatecodeID             int64          -
PULocationID           int64          -
DOLocationID           int64          -
passenger_count        int64          -
trip_distance          double         -
fare_amount            double         -
extra                  double         -
mta_tax                double         -
tip_amount             double         -
tolls_amount           double         -
ehail_fee              double         -
improvement_surcharge  double         -
total_amount           double         -
payment_type           int64          -
trip_type              int64          -
congestion_surcharge   double         -
"""

# Months in which a column that is otherwise filled has Arrow's null type: nobody had a value for it.
_EMPTY = {("yellow", "airport_fee"): ((Month(2019, 1), Month(2020, 7)), (Month(2020, 10), Month(2020, 10)))}


@dataclass(frozen=True)
class Layout:
    """One era of one color: `columns` maps TLC's spelling to the name of an Arrow type, in the file's order."""

    first: Month
    columns: dict[str, str]


def _eras(table: str) -> tuple[Layout, ...]:
    header, *lines = (line.split() for line in table.strip().splitlines())
    return tuple(
        Layout(Month.parse(first), {line[0]: line[era] for line in lines if line[era] != "-"})
        for era, first in enumerate(header, start=1)
    )


_PARQUET = {"yellow": _eras(_YELLOW), "green": _eras(_GREEN)}
_CSV = {"yellow": _eras(_YELLOW_CSV), "green": _eras(_GREEN_CSV)}


def layout(color: str, month: Month, form: Form) -> dict[str, str]:
    """Column → Arrow type of one month's file. Raises UsageError where no file is known to copy."""
    eras = (_PARQUET if form == "parquet" else _CSV).get(color)
    if eras is None:
        raise UsageError(f"no made-up months of color {color!r}: there are {', '.join(_PARQUET)}")
    columns = next((era.columns for era in reversed(eras) if era.first <= month), {})
    if not columns:
        raise UsageError(
            f"no {form} layout of {color} {month} to make up: try 2019-01 to 2021-07, or parquet from 2019-01"
        )
    return {
        name: "null" if _is_empty(color, name, month) and form == "parquet" else type for name, type in columns.items()
    }


def _is_empty(color: str, name: str, month: Month) -> bool:
    return any(first <= month <= last for first, last in _EMPTY.get((color, name), ()))
