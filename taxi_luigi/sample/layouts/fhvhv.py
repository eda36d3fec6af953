"""The layouts of fhvhv: 24 columns in parquet, 25 with the fee of 2025, and 7 in csv.

The csv of 2021-06 has fhv's header and no licence numbers; later ones are not known.
"""

from __future__ import annotations

from taxi_luigi.sample.layouts.eras import CsvEra, Exceptions, Layouts, eras
from taxi_luigi.tlc.months import Month

_PARQUET = """
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
    parquet=tuple(eras(_PARQUET)),
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
