"""The canonical schema of each color, and every spelling that TLC ever gave its columns.

Pure values, and the only place that holds them: a record type is one entry of `DATASETS`, a renamed column one string
in `spellings`. Column names are TLC's newest in lower case, so that `VendorID` unquoted finds its column in PostgreSQL,
DuckDB and BigQuery alike. How a batch becomes these columns is in `conform.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from taxi_luigi.months import Month

SCHEMA_VERSION = 1
"""Part of every edition: raise it when a canonical column is added, so that stale months can be told."""

FILE_MONTH = "file_month"
"""The column that every table and clean file begins with: the first day of the month in the file's name."""

ColumnType = Literal["int32", "int64", "double", "string", "timestamp[us]", "date32"]
"""Arrow's names. Time stamps are New York wall-clock time without a zone; date32 is for `file_month` alone."""


@dataclass(frozen=True)
class Column:
    """One canonical column."""

    name: str
    type: ColumnType
    meaning: str
    unit: str = ""
    """miles, USD, people …; empty for codes and names"""
    spellings: tuple[str, ...] = ()
    """what else TLC called it; case never matters, so `Airport_fee` needs no entry beside `airport_fee`"""
    essential: bool = False
    """without it the row is not a trip of this color, and the month fails"""
    first: Month | None = None
    """the first month whose file has it; None: from the color's first month on"""


@dataclass(frozen=True)
class Dataset:
    """One record type: TLC's prefix of its files, and the one schema of all its months."""

    color: str
    first_month: Month
    pickup: str
    dropoff: str
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        """The table's name in every warehouse."""
        return f"{self.color}_tripdata"

    def has(self, name: str) -> bool:
        """Whether this record type has that canonical column."""
        return any(column.name == name for column in self.columns)


def _money(name: str, meaning: str, *spellings: str, first: Month | None = None) -> Column:
    return Column(name, "double", meaning, "USD", spellings, first=first)


def _file_month() -> Column:
    return Column(FILE_MONTH, "date32", "first day of the month in the name of TLC's file; not the month of the pickup")


def _vendor() -> Column:
    return Column(
        "vendorid",
        "int32",
        "who sent the record: 1 Creative Mobile Technologies, 2 Curb Mobility, 6 Myle Technologies, 7 Helix",
        essential=True,
    )


def _zones() -> tuple[Column, Column]:
    return (
        Column("pulocationid", "int32", "taxi zone of the pickup; 264 unknown, 265 outside New York City"),
        Column("dolocationid", "int32", "taxi zone of the dropoff; 264 unknown, 265 outside New York City"),
    )


_PASSENGERS = Column("passenger_count", "int32", "passengers, as the driver entered them", "people")
_DISTANCE = Column("trip_distance", "double", "distance by the taximeter", "miles")
_RATECODE = Column(
    "ratecodeid",
    "int32",
    "final rate: 1 standard, 2 JFK, 3 Newark, 4 Nassau or Westchester, 5 negotiated, 6 group, 99 unknown",
)
_STORED = Column("store_and_fwd_flag", "string", "Y when the record waited in the vehicle for a connection, else N")
_PAYMENT = Column(
    "payment_type", "int32", "0 Flex Fare, 1 credit card, 2 cash, 3 no charge, 4 dispute, 5 unknown, 6 voided trip"
)
_REQUEST_SOURCE = Column(
    "request_source",
    "string",
    "not in TLC's dictionary; seen: HV0003, HV0005, EH0004, EH0010, A, CC",
    first=Month(2026, 6),
)
_FARE = (
    _money("fare_amount", "time-and-distance fare by the meter"),
    _money("extra", "rush hour, overnight and other extras"),
    _money("mta_tax", "MTA tax of 0.50"),
    _money("tip_amount", "tips paid by card; cash tips are not recorded"),
    _money("tolls_amount", "all tolls of the trip"),
)
_IMPROVEMENT = _money("improvement_surcharge", "0.30 from 2015, 1.00 from 2022-12-19", first=Month(2015, 1))
_TOTAL = _money("total_amount", "charged to the passenger, without cash tips")
_CONGESTION = _money(
    "congestion_surcharge", "New York State's congestion surcharge, from 2019-02-02", first=Month(2019, 1)
)
_CBD = _money("cbd_congestion_fee", "MTA's congestion relief zone, from 2025-01-05", first=Month(2025, 1))


def _place(end: str) -> tuple[Column, Column]:
    return (
        Column(f"{end}_longitude", "double", f"where the {end} was; zones took its place", "degrees east, WGS 84"),
        Column(f"{end}_latitude", "double", f"where the {end} was; zones took its place", "degrees north, WGS 84"),
    )


def _times(prefix: str) -> tuple[Column, Column]:
    return (
        Column(f"{prefix}_pickup_datetime", "timestamp[us]", "meter engaged", "New York wall clock", essential=True),
        Column(
            f"{prefix}_dropoff_datetime", "timestamp[us]", "meter disengaged", "New York wall clock", essential=True
        ),
    )


_YELLOW = Dataset(
    color="yellow",
    first_month=Month(2009, 1),
    pickup="tpep_pickup_datetime",
    dropoff="tpep_dropoff_datetime",
    columns=(
        _file_month(),
        _vendor(),
        *_times("tpep"),
        _PASSENGERS,
        _DISTANCE,
        _RATECODE,
        _STORED,
        *_zones(),
        _PAYMENT,
        *_FARE,
        _IMPROVEMENT,
        _TOTAL,
        _CONGESTION,
        _money("airport_fee", "pickups at LaGuardia and JFK, from 2021-04-05", first=Month(2019, 1)),
        _CBD,
        _REQUEST_SOURCE,
        *_place("pickup"),
        *_place("dropoff"),
    ),
)

_GREEN = Dataset(
    color="green",
    first_month=Month(2013, 8),
    pickup="lpep_pickup_datetime",
    dropoff="lpep_dropoff_datetime",
    columns=(
        _file_month(),
        _vendor(),
        *_times("lpep"),
        _STORED,
        _RATECODE,
        *_zones(),
        _PASSENGERS,
        _DISTANCE,
        *_FARE,
        _money("ehail_fee", "never filled"),
        _IMPROVEMENT,
        _TOTAL,
        _PAYMENT,
        Column("trip_type", "int32", "1 street-hail, 2 dispatch"),
        _CONGESTION,
        _CBD,
        _REQUEST_SOURCE,
        *_place("pickup"),
        *_place("dropoff"),
    ),
)

DATASETS: dict[str, Dataset] = {dataset.color: dataset for dataset in (_YELLOW, _GREEN)}
"""By color, in the order in which a person reads them."""
