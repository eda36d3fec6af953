"""The layouts of TLC's files, which made-up files copy: names, order, types and notation of the columns by month.

Tables of the eras of every record type, and their look-up; the tests compare them with real files. `tlc.datasets`
describes the same layouts for the pipeline. The two are independent, so that one can test the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from taxi_luigi.core.errors import UsageError
from taxi_luigi.tlc.months import Month, Selection

Form = Literal["parquet", "csv", "csv.gz"]


@dataclass(frozen=True)
class ParquetEra:
    """The files from a month on: `columns` maps TLC's spelling to the name of an Arrow type, in the file's order."""

    first: Month
    columns: dict[str, str]


@dataclass(frozen=True)
class CsvEra:
    """The csv files from a month on: the header byte by byte, and the peculiarities of their lines."""

    first: str
    """as 2013-08"""
    header: str
    """the names as in the file, with their blanks and without the line end"""
    blank_line: bool = False
    """the header ends in LF, and an empty line follows that ends in CRLF; the rest of the file is CRLF"""
    line_end: bytes = b"\r\n"
    extra_commas: int = 0
    """empty fields at the end of every row, which the header lacks"""
    quoted: bool = False
    """every name and every value is in quotes, empty ones too"""
    long_numbers: bool = False
    """all 17 digits of a double: 2.6299999999999999 where the other eras have 2.63"""
    decimal_zones: bool = False
    """zones are written as doubles: 264.0"""
    empty: frozenset[str] = frozenset()
    """columns without a value in any row"""
    spoiled: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    """column → invalid texts that a few rows have in it"""

    @property
    def names(self) -> list[str]:
        """The columns as the header spells them, without its quotes."""
        return [name.strip('"') for name in self.header.split(",")]


@dataclass(frozen=True)
class Exceptions:
    """Months in which one column has another type than in its era, written as for --months."""

    column: str
    type: str
    months: str

    def holds(self, name: str, month: Month) -> bool:
        """Return whether this applies to that column in that month."""
        return name == self.column and Selection.parse(self.months).covers(month)


@dataclass(frozen=True)
class Layouts:
    """Every layout of one color. No csv was published after `last_csv`."""

    parquet: tuple[ParquetEra, ...]
    exceptions: tuple[Exceptions, ...]
    csv: tuple[CsvEra, ...]
    last_csv: Month
    mirror: tuple[CsvEra, ...] = ()
    """where the mirror's csv.gz are not TLC's own csv"""


def eras(table: str) -> Iterator[ParquetEra]:
    """Parse a table: a line of first months, then a line per column with its type in each era, - for none."""
    header, *lines = (line.split() for line in table.strip().splitlines())
    for era, first in enumerate(header, start=1):
        yield ParquetEra(Month.parse(first), {line[0]: line[era] for line in lines if line[era] != "-"})


_YELLOW_2009 = """
                       2009-01
vendor_name            string
Trip_Pickup_DateTime   string
Trip_Dropoff_DateTime  string
Passenger_Count        int64
Trip_Distance          double
Start_Lon              double
Start_Lat              double
Rate_Code              double
store_and_forward      double
End_Lon                double
End_Lat                double
Payment_Type           string
Fare_Amt               double
surcharge              double
mta_tax                double
Tip_Amt                double
Tolls_Amt              double
Total_Amt              double
"""

_YELLOW_2010 = """
                    2010-01  2010-02  2010-04
vendor_id           string   string   string
pickup_datetime     string   string   string
dropoff_datetime    string   string   string
passenger_count     int64    int64    int64
trip_distance       double   double   double
pickup_longitude    double   double   double
pickup_latitude     double   double   double
rate_code           string   int64    string
store_and_fwd_flag  string   string   string
dropoff_longitude   double   double   double
dropoff_latitude    double   double   double
payment_type        string   string   string
fare_amount         double   double   double
surcharge           double   double   double
mta_tax             double   double   double
tip_amount          double   double   double
tolls_amount        double   double   double
total_amount        double   double   double
__index_level_0__   -        int64    -
"""

_YELLOW_2011 = """
                       2011-01        2018-07        2019-01        2023-02        2025-01        2026-06
VendorID               int64          int64          int64          int32          int32          int32
tpep_pickup_datetime   timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
tpep_dropoff_datetime  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
passenger_count        int64          double         double         int64          int64          int64
trip_distance          double         double         double         double         double         double
RatecodeID             int64          double         double         int64          int64          int64
store_and_fwd_flag     string         string         string         large_string   large_string   large_string
PULocationID           int64          int64          int64          int32          int32          int32
DOLocationID           int64          int64          int64          int32          int32          int32
payment_type           int64          int64          int64          int64          int64          int64
fare_amount            double         double         double         double         double         double
extra                  double         double         double         double         double         double
mta_tax                double         double         double         double         double         double
tip_amount             double         double         double         double         double         double
tolls_amount           double         double         double         double         double         double
improvement_surcharge  double         double         double         double         double         double
total_amount           double         double         double         double         double         double
congestion_surcharge   null           null           double         double         double         double
airport_fee            null           null           double         -              -              -
Airport_fee            -              -              -              double         double         double
cbd_congestion_fee     -              -              -              -              double         double
request_source         -              -              -              -              -              large_string
"""

_CONGESTION = "2011-01, 2011-03, 2012-12, 2013-05, 2014-01, 2018-01, 2018-06, 2018-09, 2018-11"

_YELLOW_CSV_2010 = (
    "vendor_id,pickup_datetime,dropoff_datetime,passenger_count,trip_distance,pickup_longitude,pickup_latitude,"
    "rate_code,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,surcharge,mta_tax,"
    "tip_amount,tolls_amount,total_amount"
)
_YELLOW_CSV_2015 = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,pickup_longitude,"
    "pickup_latitude,RateCodeID,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,extra,"
    "mta_tax,tip_amount,tolls_amount,improvement_surcharge,total_amount"
)
_YELLOW_CSV_2016 = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,"
    "PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,"
    "total_amount"
)

# In 2010-02 and 2010-03 a few rows have too many commas.
_TOO_MANY_COMMAS = {"vendor_id": (b"CMT,CMT",)}

YELLOW = Layouts(
    parquet=(*eras(_YELLOW_2009), *eras(_YELLOW_2010), *eras(_YELLOW_2011)),
    exceptions=(
        Exceptions("congestion_surcharge", "double", _CONGESTION),
        Exceptions("airport_fee", "double", "2011-01, 2018-01"),
        Exceptions("improvement_surcharge", "null", "2014-08"),
        Exceptions("airport_fee", "null", "2019-01..2020-07, 2020-10"),
    ),
    csv=(
        CsvEra(
            "2009-01",
            "vendor_name,Trip_Pickup_DateTime,Trip_Dropoff_DateTime,Passenger_Count,Trip_Distance,Start_Lon,Start_Lat,"
            "Rate_Code,store_and_forward,End_Lon,End_Lat,Payment_Type,Fare_Amt,surcharge,mta_tax,Tip_Amt,Tolls_Amt,"
            "Total_Amt",
            blank_line=True,
            long_numbers=True,
        ),
        CsvEra("2010-01", _YELLOW_CSV_2010, blank_line=True, long_numbers=True),
        CsvEra("2010-02", _YELLOW_CSV_2010, blank_line=True, long_numbers=True, spoiled=_TOO_MANY_COMMAS),
        CsvEra("2010-04", _YELLOW_CSV_2010, blank_line=True, long_numbers=True),
        CsvEra("2014-01", _YELLOW_CSV_2010.replace(",", ", "), blank_line=True, long_numbers=True),
        CsvEra("2015-01", _YELLOW_CSV_2015),
        CsvEra("2015-07", _YELLOW_CSV_2015.replace("RateCodeID", "RatecodeID")),
        CsvEra("2016-07", _YELLOW_CSV_2016, extra_commas=2),
        CsvEra("2017-01", _YELLOW_CSV_2016, blank_line=True),
        CsvEra("2019-01", _YELLOW_CSV_2016 + ",congestion_surcharge"),
    ),
    last_csv=Month(2021, 7),
)


_GREEN_PARQUET = """
                       2014-01        2019-01        2019-09        2023-02        2025-01        2026-06
VendorID               int64          int64          int64          int32          int32          int32
lpep_pickup_datetime   timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
lpep_dropoff_datetime  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
store_and_fwd_flag     string         string         string         large_string   large_string   large_string
RatecodeID             int64          double         double         int64          int64          int64
PULocationID           int64          int64          int64          int32          int32          int32
DOLocationID           int64          int64          int64          int32          int32          int32
passenger_count        int64          double         double         int64          int64          int64
trip_distance          double         double         double         double         double         double
fare_amount            double         double         double         double         double         double
extra                  double         double         double         double         double         double
mta_tax                double         double         double         double         double         double
tip_amount             double         double         double         double         double         double
tolls_amount           double         double         double         double         double         double
ehail_fee              null           double         null           double         double         double
improvement_surcharge  double         double         double         double         double         double
total_amount           double         double         double         double         double         double
payment_type           int64          double         double         int64          int64          int64
trip_type              double         double         double         int64          int64          int64
congestion_surcharge   null           double         double         double         double         double
cbd_congestion_fee     -              -              -              -              double         double
request_source         -              -              -              -              -              large_string
"""

_GREEN_CSV_2013 = (
    "VendorID,lpep_pickup_datetime,Lpep_dropoff_datetime,Store_and_fwd_flag,RateCodeID,Pickup_longitude,"
    "Pickup_latitude,Dropoff_longitude,Dropoff_latitude,Passenger_count,Trip_distance,Fare_amount,Extra,MTA_tax,"
    "Tip_amount,Tolls_amount,Ehail_fee,Total_amount,Payment_type,Trip_type "
)
_GREEN_CSV_2015 = _GREEN_CSV_2013.replace("Total_amount", "improvement_surcharge,Total_amount")
_GREEN_CSV_2016 = (
    "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,store_and_fwd_flag,RatecodeID,PULocationID,DOLocationID,"
    "passenger_count,trip_distance,fare_amount,extra,mta_tax,tip_amount,tolls_amount,ehail_fee,improvement_surcharge,"
    "total_amount,payment_type,trip_type"
)

GREEN = Layouts(
    parquet=tuple(eras(_GREEN_PARQUET)),
    exceptions=(
        Exceptions("improvement_surcharge", "null", "2014-01..2014-08"),
        Exceptions("trip_type", "int64", "2015-07"),
    ),
    csv=(
        CsvEra("2013-08", _GREEN_CSV_2013, blank_line=True, extra_commas=2),
        CsvEra("2015-01", _GREEN_CSV_2015, extra_commas=2),
        CsvEra("2015-07", _GREEN_CSV_2015),
        CsvEra("2016-07", _GREEN_CSV_2016, blank_line=True, extra_commas=2),
        CsvEra("2017-01", _GREEN_CSV_2016, blank_line=True),
        CsvEra("2019-01", _GREEN_CSV_2016 + ",congestion_surcharge"),
    ),
    last_csv=Month(2021, 7),
)


_FHV_PARQUET = """
                        2015-01        2016-01        2019-03        2023-02
dispatching_base_num    string         string         string         large_string
pickup_datetime         timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
dropOff_datetime        timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
PUlocationID            double         double         double         int64
DOlocationID            double         double         double         int64
SR_Flag                 null           double         null           int64
Affiliated_base_number  string         string         string         large_string
"""

_FHV_CSV_2017 = "Dispatching_base_num,Pickup_DateTime,DropOff_datetime,PUlocationID,DOlocationID"
_FHV_CSV_2019 = "dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag"

# Users have reported quoted line breaks, and bytes that are not UTF-8, in the csv of these years.
_BROKEN_TEXT = {"Affiliated_base_number": (b'"B00013\n"', b"B000\xe7")}
_SINCE_2020_07 = CsvEra("2020-07", _FHV_CSV_2019 + ",Affiliated_base_number", spoiled=_BROKEN_TEXT)


def _in_quotes(header: str) -> str:
    return ",".join(f'"{name}"' for name in header.split(","))


FHV = Layouts(
    parquet=tuple(eras(_FHV_PARQUET)),
    exceptions=(
        Exceptions("PUlocationID", "int64", "2019-05, 2019-06"),
        Exceptions("DOlocationID", "int64", "2019-05, 2019-06, 2020-07"),
    ),
    csv=(
        CsvEra("2015-01", "Dispatching_base_num,Pickup_date,locationID"),
        CsvEra("2017-01", _FHV_CSV_2017),
        CsvEra("2017-07", _in_quotes(_FHV_CSV_2017 + ",SR_Flag"), quoted=True),
        CsvEra(
            "2018-01",
            _in_quotes(
                "Pickup_DateTime,DropOff_datetime,PUlocationID,DOlocationID,SR_Flag,Dispatching_base_number,"
                "Dispatching_base_num"
            ),
            quoted=True,
            empty=frozenset({"Dispatching_base_num"}),
        ),
        CsvEra("2019-01", _FHV_CSV_2019),
        _SINCE_2020_07,
    ),
    last_csv=Month(2021, 7),
    mirror=(
        CsvEra(
            "2019-01",
            "dispatching_base_num,pickup_datetime,dropOff_datetime,PUlocationID,DOlocationID,SR_Flag,"
            "Affiliated_base_number",
            line_end=b"\n",
            decimal_zones=True,
        ),
        CsvEra("2020-01", _FHV_CSV_2019 + ",Affiliated_base_number", spoiled=_BROKEN_TEXT),
    ),
)


_FHVHV_PARQUET = """
                      2019-02        2019-04        2023-02        2025-01
hvfhs_license_num     string         string         large_string   large_string
dispatching_base_num  string         string         large_string   large_string
originating_base_num  string         string         large_string   large_string
request_datetime      timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
on_scene_datetime     timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
pickup_datetime       timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
dropoff_datetime      timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
PULocationID          int64          int64          int32          int32
DOLocationID          int64          int64          int32          int32
trip_miles            double         double         double         double
trip_time             int64          int64          int64          int64
base_passenger_fare   double         double         double         double
tolls                 double         double         double         double
bcf                   double         double         double         double
sales_tax             double         double         double         double
congestion_surcharge  double         double         double         double
airport_fee           null           double         double         double
tips                  double         double         double         double
driver_pay            double         double         double         double
shared_request_flag   string         string         large_string   large_string
shared_match_flag     string         string         large_string   large_string
access_a_ride_flag    string         string         large_string   large_string
wav_request_flag      string         string         large_string   large_string
wav_match_flag        null           string         large_string   large_string
cbd_congestion_fee    -              -              -              double
"""

FHVHV = Layouts(
    parquet=tuple(eras(_FHVHV_PARQUET)),
    exceptions=(Exceptions("airport_fee", "null", "2019-04..2019-06, 2020-04, 2020-10"),),
    csv=(
        CsvEra(
            "2019-02",
            "hvfhs_license_num,dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag",
        ),
        CsvEra(
            "2021-06",
            "dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag,"
            "Affiliated_base_number",
        ),
    ),
    last_csv=Month(2021, 6),
)


_COLORS = {"yellow": YELLOW, "green": GREEN, "fhv": FHV, "fhvhv": FHVHV}


def parquet_layout(color: str, month: Month) -> dict[str, str]:
    """Return column → Arrow type of one month's parquet file. Raise UsageError where TLC has published none."""
    layouts = _of(color)
    era = next((era for era in reversed(layouts.parquet) if era.first <= month), None)
    if era is None:
        raise UsageError(f"no parquet of {color} {month} to make up: TLC's begin with {layouts.parquet[0].first}")
    types = dict(era.columns)
    for exception in layouts.exceptions:
        types |= {name: exception.type for name in types if exception.holds(name, month)}
    return types


def csv_layout(color: str, month: Month, form: Form) -> CsvEra:
    """Return the csv of one month: TLC's, or for csv.gz the mirror's where it differs. Raise UsageError."""
    layouts = _of(color)
    own = [era for era in layouts.csv if Month.parse(era.first) <= month]
    if not own or month > layouts.last_csv:
        raise UsageError(
            f"no {form} of {color} {month} to make up: "
            f"TLC published csv for {layouts.csv[0].first}..{layouts.last_csv}, parquet from {layouts.parquet[0].first}"
        )
    mirrored = [era for era in layouts.mirror if Month.parse(era.first) <= month] if form == "csv.gz" else []
    return (mirrored or own)[-1]


def _of(color: str) -> Layouts:
    if color not in _COLORS:
        raise UsageError(f"no made-up months of color {color!r}: there are {', '.join(_COLORS)}")
    return _COLORS[color]
