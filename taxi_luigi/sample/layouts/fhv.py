"""The layouts of fhv: seven columns in every parquet, and as many csv headers as years.

TLC's own csv has no Affiliated_base_number until 2020-06; of its later months only the mirror's copies are known, so
they stand for both. The mirror's 2019 went through pandas, which shows in its zones and line ends.
"""

from __future__ import annotations

from taxi_luigi.sample.layouts.eras import CsvEra, Exceptions, Layouts, eras
from taxi_luigi.tlc.months import Month

_PARQUET = """
                        2015-01        2016-01        2019-03        2023-02
dispatching_base_num    string         string         string         large_string
pickup_datetime         timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
dropOff_datetime        timestamp[us]  timestamp[us]  timestamp[us]  timestamp[us]
PUlocationID            double         double         double         int64
DOlocationID            double         double         double         int64
SR_Flag                 null           double         null           int64
Affiliated_base_number  string         string         string         large_string
"""

_CSV_2017 = "Dispatching_base_num,Pickup_DateTime,DropOff_datetime,PUlocationID,DOlocationID"
_CSV_2019 = "dispatching_base_num,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,SR_Flag"

# People met quoted line breaks, and bytes that are no UTF-8, in the csv of these years.
_BROKEN_TEXT = {"Affiliated_base_number": (b'"B00013\n"', b"B000\xe7")}
_SINCE_2020_07 = CsvEra("2020-07", _CSV_2019 + ",Affiliated_base_number", spoiled=_BROKEN_TEXT)


def _in_quotes(header: str) -> str:
    return ",".join(f'"{name}"' for name in header.split(","))


FHV = Layouts(
    parquet=tuple(eras(_PARQUET)),
    exceptions=(
        Exceptions("PUlocationID", "int64", "2019-05, 2019-06"),
        Exceptions("DOlocationID", "int64", "2019-05, 2019-06, 2020-07"),
    ),
    csv=(
        CsvEra("2015-01", "Dispatching_base_num,Pickup_date,locationID"),
        CsvEra("2017-01", _CSV_2017),
        CsvEra("2017-07", _in_quotes(_CSV_2017 + ",SR_Flag"), quoted=True),
        CsvEra(
            "2018-01",
            _in_quotes(
                "Pickup_DateTime,DropOff_datetime,PUlocationID,DOlocationID,SR_Flag,Dispatching_base_number,"
                "Dispatching_base_num"
            ),
            quoted=True,
            empty=frozenset({"Dispatching_base_num"}),
        ),
        CsvEra("2019-01", _CSV_2019),
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
        CsvEra("2020-01", _CSV_2019 + ",Affiliated_base_number", spoiled=_BROKEN_TEXT),
    ),
)
