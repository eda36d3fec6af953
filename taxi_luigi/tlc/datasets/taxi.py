"""Yellow and green: taxis with a meter. Names, months and codes are from TLC's files and data dictionaries."""

from __future__ import annotations

from taxi_luigi.tlc.datasets.model import FILE_MONTH, LAST_CSV, Column, Dataset
from taxi_luigi.tlc.months import Month

MONTH = Column(FILE_MONTH, "date32", "first day of the month in the name of TLC's file; not the month of the pickup")
PULOCATION = Column("pulocationid", "int32", "taxi zone of the pickup; 264 unknown, 265 outside New York City")
DOLOCATION = Column("dolocationid", "int32", "taxi zone of the dropoff; 264 unknown, 265 outside New York City")


def money(name: str, meaning: str, optional: bool = False) -> Column:
    """Return the column of a charge in dollars."""
    return Column(name, "double", meaning, "USD", optional=optional)


def time(name: str, meaning: str, required: bool = False) -> Column:
    """Return the column of a time without a time zone."""
    return Column(name, "timestamp[us]", meaning, "New York wall clock", required)


_VENDOR = Column(
    "vendorid",
    "int32",
    "who sent the record: 1 Creative Mobile Technologies, 2 Curb Mobility (earlier VeriFone), 3 DDS (2009 and 2010),"
    " 6 Myle Technologies, 7 Helix; 4 and 5 occur",
    required=True,
    value_map={"cmt": "1", "vts": "2", "dds": "3"},
)
_PASSENGERS = Column("passenger_count", "int32", "passengers, as the driver entered them", "people")
_DISTANCE = Column("trip_distance", "double", "distance by the taximeter", "miles")
_RATECODE = Column(
    "ratecodeid",
    "int32",
    "final rate: 1 standard, 2 JFK, 3 Newark, 4 Nassau or Westchester, 5 negotiated, 6 group, 99 unknown; others occur",
)
_STORED = Column(
    "store_and_fwd_flag",
    "string",
    "Y when the record waited in the vehicle for a connection, else N",
    value_map={"y": "Y", "n": "N", "1": "Y", "1.0": "Y", "0": "N", "0.0": "N", "": None, "*": None, "nan": None},
)
_PAYMENT = Column(
    "payment_type",
    "int32",
    "0 Flex Fare, 1 credit card, 2 cash, 3 no charge, 4 dispute, 5 unknown, 6 voided trip",
    value_map={
        **dict.fromkeys(("crd", "cre", "credit"), "1"),
        **dict.fromkeys(("cas", "cash", "csh"), "2"),
        **dict.fromkeys(("noc", "no", "no charge"), "3"),
        **dict.fromkeys(("dis", "dispute"), "4"),
        **dict.fromkeys(("na", "unk"), "5"),
    },
)
_FARE = money("fare_amount", "time-and-distance fare by the meter")
_EXTRA = money("extra", "rush hour, overnight and other extras")
_TAX = money("mta_tax", "MTA tax of 0.50")
_TIP = money("tip_amount", "tips paid by card; cash tips are not recorded")
_TOLLS = money("tolls_amount", "all tolls of the trip")
_IMPROVEMENT = money("improvement_surcharge", "0.30 from 2015-01-01, 1.00 from 2022-12-19")
_TOTAL = money("total_amount", "charged to the passenger, without cash tips")
_CONGESTION = money("congestion_surcharge", "New York State's congestion surcharge, from 2019-02-02")
CBD = money("cbd_congestion_fee", "MTA's congestion relief zone, from 2025-01-05")
_REQUEST = Column(
    "request_source",
    "string",
    "not in TLC's dictionary; seen: HV0003, HV0005, EH0004, EH0010, A, CC",
    optional=True,  # first in files of 2026-06, which TLC published anew three months later
)
_PICKUP_LONGITUDE, _PICKUP_LATITUDE, _DROPOFF_LONGITUDE, _DROPOFF_LATITUDE = (
    Column(f"{end}_{axis}", "double", f"where the {end} was, before zones; 0 where it is not known", unit)
    for end in ("pickup", "dropoff")
    for axis, unit in (("longitude", "degrees east, WGS 84"), ("latitude", "degrees north, WGS 84"))
)

_2009 = ("2009", "2009")
_2010 = ("2010", "2010..2014")
_SINCE_2010 = ("2010..", "2010..")
_NOW = ("2011..", "2015..")
_ZONES = ("2011..", "2016-07..")
_PLACES = ("2010", "2010..2016-06")

YELLOW = Dataset(
    color="yellow",
    meaning="yellow taxis: street hails everywhere in the city",
    first_month=Month(2009, 1),
    pickup="tpep_pickup_datetime",
    dropoff="tpep_dropoff_datetime",
    distance="trip_distance",
    fare="fare_amount",
    last_csv=LAST_CSV,
    money=("total_amount",),
    columns=(
        MONTH,
        _VENDOR.named(("vendor_name", *_2009), ("vendor_id", *_2010), ("VendorID", *_NOW)),
        time("tpep_pickup_datetime", "meter engaged", required=True).named(
            ("Trip_Pickup_DateTime", *_2009), ("pickup_datetime", *_2010), ("tpep_pickup_datetime", *_NOW)
        ),
        time("tpep_dropoff_datetime", "meter disengaged", required=True).named(
            ("Trip_Dropoff_DateTime", *_2009), ("dropoff_datetime", *_2010), ("tpep_dropoff_datetime", *_NOW)
        ),
        _PASSENGERS.named(("Passenger_Count", *_2009), ("passenger_count", *_SINCE_2010)),
        _DISTANCE.named(("Trip_Distance", *_2009), ("trip_distance", *_SINCE_2010)),
        _RATECODE.named(
            ("Rate_Code", *_2009),
            ("rate_code", *_2010),
            ("RateCodeID", "", "2015-01..2015-06"),
            ("RatecodeID", "2011..", "2015-07.."),
        ),
        _STORED.named(("store_and_forward", *_2009), ("store_and_fwd_flag", *_SINCE_2010)),
        PULOCATION.named(("PULocationID", *_ZONES)),
        DOLOCATION.named(("DOLocationID", *_ZONES)),
        _PAYMENT.named(("Payment_Type", *_2009), ("payment_type", *_SINCE_2010)),
        _FARE.named(("Fare_Amt", *_2009), ("fare_amount", *_SINCE_2010)),
        _EXTRA.named(("surcharge", "2009..2010", "2009..2014"), ("extra", *_NOW)),
        _TAX.named(("mta_tax", "2009..", "2009..")),
        _TIP.named(("Tip_Amt", *_2009), ("tip_amount", *_SINCE_2010)),
        _TOLLS.named(("Tolls_Amt", *_2009), ("tolls_amount", *_SINCE_2010)),
        _IMPROVEMENT.named(("improvement_surcharge", *_NOW)),
        _TOTAL.named(("Total_Amt", *_2009), ("total_amount", *_SINCE_2010)),
        _CONGESTION.named(("congestion_surcharge", "2011..", "2019..")),
        money("airport_fee", "pickups at LaGuardia and JFK, from 2021-04-05").named(
            ("airport_fee", "2011..2023-01", ""), ("Airport_fee", "2023-02..", "")
        ),
        CBD.named(("cbd_congestion_fee", "2025..", "")),
        _REQUEST.named(("request_source", "2026-06..", "")),
        _PICKUP_LONGITUDE.named(("Start_Lon", *_2009), ("pickup_longitude", *_PLACES)),
        _PICKUP_LATITUDE.named(("Start_Lat", *_2009), ("pickup_latitude", *_PLACES)),
        _DROPOFF_LONGITUDE.named(("End_Lon", *_2009), ("dropoff_longitude", *_PLACES)),
        _DROPOFF_LATITUDE.named(("End_Lat", *_2009), ("dropoff_latitude", *_PLACES)),
    ),
)

_UNTIL_ZONES = "2013-08..2016-06"
_GREEN_ZONES = ("2014..", "2016-07..")


def _since_the_first(name: str) -> tuple[str, str, str]:
    return name, "2014..", "2013-08.."


def _recased(capitalised: str, name: str) -> tuple[tuple[str, str, str], ...]:
    """Return the names of a column that green's csv capitalised until the zones came."""
    return (capitalised, "", _UNTIL_ZONES), (name, *_GREEN_ZONES)


GREEN = Dataset(
    color="green",
    meaning="green taxis: street hails outside the centre, and dispatched trips",
    first_month=Month(2013, 8),
    pickup="lpep_pickup_datetime",
    dropoff="lpep_dropoff_datetime",
    distance="trip_distance",
    fare="fare_amount",
    last_csv=LAST_CSV,
    money=("total_amount",),
    columns=(
        MONTH,
        _VENDOR.named(_since_the_first("VendorID")),
        time("lpep_pickup_datetime", "meter engaged", required=True).named(_since_the_first("lpep_pickup_datetime")),
        time("lpep_dropoff_datetime", "meter disengaged", required=True).named(
            *_recased("Lpep_dropoff_datetime", "lpep_dropoff_datetime")
        ),
        _STORED.named(*_recased("Store_and_fwd_flag", "store_and_fwd_flag")),
        _RATECODE.named(*_recased("RateCodeID", "RatecodeID")),
        PULOCATION.named(("PULocationID", *_GREEN_ZONES)),
        DOLOCATION.named(("DOLocationID", *_GREEN_ZONES)),
        _PASSENGERS.named(*_recased("Passenger_count", "passenger_count")),
        _DISTANCE.named(*_recased("Trip_distance", "trip_distance")),
        _FARE.named(*_recased("Fare_amount", "fare_amount")),
        _EXTRA.named(*_recased("Extra", "extra")),
        _TAX.named(*_recased("MTA_tax", "mta_tax")),
        _TIP.named(*_recased("Tip_amount", "tip_amount")),
        _TOLLS.named(*_recased("Tolls_amount", "tolls_amount")),
        money("ehail_fee", "never filled", optional=True).named(*_recased("Ehail_fee", "ehail_fee")),
        _IMPROVEMENT.named(("improvement_surcharge", "2014..", "2015..")),
        _TOTAL.named(*_recased("Total_amount", "total_amount")),
        _PAYMENT.named(*_recased("Payment_type", "payment_type")),
        Column("trip_type", "int32", "1 street-hail, 2 dispatch").named(*_recased("Trip_type", "trip_type")),
        _CONGESTION.named(("congestion_surcharge", "2014..", "2019..")),
        CBD.named(("cbd_congestion_fee", "2025..", "")),
        _REQUEST.named(("request_source", "2026-06..", "")),
        _PICKUP_LONGITUDE.named(("Pickup_longitude", "", _UNTIL_ZONES)),
        _PICKUP_LATITUDE.named(("Pickup_latitude", "", _UNTIL_ZONES)),
        _DROPOFF_LONGITUDE.named(("Dropoff_longitude", "", _UNTIL_ZONES)),
        _DROPOFF_LATITUDE.named(("Dropoff_latitude", "", _UNTIL_ZONES)),
    ),
)
