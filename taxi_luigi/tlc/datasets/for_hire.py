"""fhv and fhvhv: cars dispatched by a base. Names and months are from TLC's files and data dictionaries."""

from __future__ import annotations

from taxi_luigi.tlc.datasets.model import LAST_CSV, Column, Dataset
from taxi_luigi.tlc.datasets.taxi import CBD, DOLOCATION, MONTH, PULOCATION, money, time
from taxi_luigi.tlc.months import Month

_DISPATCHING = Column(
    "dispatching_base_num",
    "string",
    "licence of the base that sent the car, as the base wrote it: blanks and lower case occur",
    required=True,
    coalesce=True,  # in fhv's csv of 2018 the licence is in …number, and …num is there and empty
)
_AFFILIATED = Column("affiliated_base_number", "string", "licence of the base that the car belongs to", optional=True)

FHV = Dataset(
    color="fhv",
    meaning="for-hire vehicles: black cars, community cars, luxury limousines, and until 2019-01 the apps too",
    first_month=Month(2015, 1),
    pickup="pickup_datetime",
    dropoff="dropoff_datetime",
    last_csv=LAST_CSV,
    columns=(
        MONTH,
        _DISPATCHING.named(
            ("Dispatching_base_number", "", "2018"),
            ("Dispatching_base_num", "", "2015..2018"),
            ("dispatching_base_num", "2015..", "2019.."),
        ),
        time("pickup_datetime", "pickup", required=True).named(
            ("Pickup_date", "", "2015..2016"),
            ("Pickup_DateTime", "", "2017..2018"),
            ("pickup_datetime", "2015..", "2019.."),
        ),
        # From 2019 on, TLC's own csv files and those of its mirror differ in case.
        time("dropoff_datetime", "dropoff").named(
            ("DropOff_datetime", "", "2017..2018"),
            ("dropOff_datetime", "2015..", "2019"),
            ("dropoff_datetime", "", "2019.."),
        ),
        PULOCATION.named(
            ("locationID", "", "2015..2016"),
            ("PUlocationID", "2015..", "2017..2019"),
            ("PULocationID", "", "2019.."),
        ),
        DOLOCATION.named(("DOlocationID", "2015..", "2017..2019"), ("DOLocationID", "", "2019..")),
        Column(
            "sr_flag", "int32", "1 when the ride was shared, else missing; Lyft marks those only asked to be shared"
        ).named(("SR_Flag", "2015..", "2017-07..")),
        # TLC's own csv of 2019-01..2020-06 lacks it; the mirror's of the same months has it.
        _AFFILIATED.named(("Affiliated_base_number", "2015..", "2019..")),
    ),
)

_ALL = ("2019-02..", "2019-02..")
_PARQUET = ("2019-02..", "")


def _flag(name: str, meaning: str) -> Column:
    return Column(name, "string", f"Y or N: {meaning}").named((name, *_PARQUET))


FHVHV = Dataset(
    color="fhvhv",
    meaning="high-volume for-hire vehicles: bases that dispatch 10,000 trips a day or more, which is the apps",
    first_month=Month(2019, 2),
    pickup="pickup_datetime",
    dropoff="dropoff_datetime",
    distance="trip_miles",
    fare="base_passenger_fare",
    last_csv=LAST_CSV,
    money=("base_passenger_fare", "driver_pay"),
    columns=(
        MONTH,
        Column(
            "hvfhs_license_num",
            "string",
            "licence of the app: HV0002 Juno, HV0003 Uber, HV0004 Via, HV0005 Lyft",
            required=True,
        ).named(("hvfhs_license_num", "2019-02..", "2019-02..2021-05")),
        _DISPATCHING.named(("dispatching_base_num", *_ALL)),
        Column("originating_base_num", "string", "licence of the base that took the call").named(
            ("originating_base_num", *_PARQUET)
        ),
        time("request_datetime", "the passenger asked for the car").named(("request_datetime", *_PARQUET)),
        time("on_scene_datetime", "the car arrived; accessible vehicles, and all of Uber's").named(
            ("on_scene_datetime", *_PARQUET)
        ),
        time("pickup_datetime", "pickup", required=True).named(("pickup_datetime", *_ALL)),
        time("dropoff_datetime", "dropoff", required=True).named(("dropoff_datetime", *_ALL)),
        PULOCATION.named(("PULocationID", *_ALL)),
        DOLOCATION.named(("DOLocationID", *_ALL)),
        Column("trip_miles", "double", "distance of the trip", "miles").named(("trip_miles", *_PARQUET)),
        Column("trip_time", "int64", "duration of the trip", "seconds").named(("trip_time", *_PARQUET)),
        money("base_passenger_fare", "fare before tolls, taxes, fees and tips").named(
            ("base_passenger_fare", *_PARQUET)
        ),
        money("tolls", "all tolls of the trip").named(("tolls", *_PARQUET)),
        money("bcf", "for the Black Car Fund").named(("bcf", *_PARQUET)),
        money("sales_tax", "New York State sales tax").named(("sales_tax", *_PARQUET)),
        money("congestion_surcharge", "New York State's congestion surcharge").named(
            ("congestion_surcharge", *_PARQUET)
        ),
        money("airport_fee", "2.50, from 2026-03-15 3.50, at LaGuardia, JFK and Newark, from 2021-04-05").named(
            ("airport_fee", *_PARQUET)
        ),
        money("tips", "tips to the driver").named(("tips", *_PARQUET)),
        money("driver_pay", "pay of the driver, without tolls and tips, net of commission").named(
            ("driver_pay", *_PARQUET)
        ),
        _flag("shared_request_flag", "the passenger agreed to share the ride"),
        _flag("shared_match_flag", "the ride was shared"),
        _flag("access_a_ride_flag", "on behalf of MTA's Access-A-Ride"),
        _flag("wav_request_flag", "a wheelchair-accessible vehicle was asked for"),
        _flag("wav_match_flag", "the vehicle was wheelchair-accessible"),
        CBD.named(("cbd_congestion_fee", "2025..", "")),
        Column(
            "sr_flag",
            "string",
            "1 or Y when the ride was shared; csv alone, the two shared_ flags came after",
            optional=True,
        ).named(("SR_Flag", "", "2019-02..")),
        _AFFILIATED.named(("Affiliated_base_number", "", "2021-06..")),
    ),
)
