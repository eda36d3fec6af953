"""The layouts of green: csv alone until 2013-12, with coordinates until 2016-06; zones since, and in every parquet.

Eight months of 2014 without any improvement surcharge and one of 2015 with whole trip types are known of, but not
which: the first eight and 2015-07 are taken. The types of 2016 to 2018 nobody has written down: as those of 2015.
"""

from __future__ import annotations

from taxi_luigi.sample.layouts.eras import CsvEra, Exceptions, Layouts, eras
from taxi_luigi.tlc.months import Month

_PARQUET = """
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

_CSV_2013 = (
    "VendorID,lpep_pickup_datetime,Lpep_dropoff_datetime,Store_and_fwd_flag,RateCodeID,Pickup_longitude,"
    "Pickup_latitude,Dropoff_longitude,Dropoff_latitude,Passenger_count,Trip_distance,Fare_amount,Extra,MTA_tax,"
    "Tip_amount,Tolls_amount,Ehail_fee,Total_amount,Payment_type,Trip_type "
)
_CSV_2015 = _CSV_2013.replace("Total_amount", "improvement_surcharge,Total_amount")
_CSV_2016 = (
    "VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,store_and_fwd_flag,RatecodeID,PULocationID,DOLocationID,"
    "passenger_count,trip_distance,fare_amount,extra,mta_tax,tip_amount,tolls_amount,ehail_fee,improvement_surcharge,"
    "total_amount,payment_type,trip_type"
)

GREEN = Layouts(
    parquet=tuple(eras(_PARQUET)),
    exceptions=(
        Exceptions("improvement_surcharge", "null", "2014-01..2014-08"),
        Exceptions("trip_type", "int64", "2015-07"),
    ),
    csv=(
        CsvEra("2013-08", _CSV_2013, blank_line=True, extra_commas=2),
        CsvEra("2015-01", _CSV_2015, extra_commas=2),
        CsvEra("2015-07", _CSV_2015),
        CsvEra("2016-07", _CSV_2016, blank_line=True, extra_commas=2),
        CsvEra("2017-01", _CSV_2016, blank_line=True),
        CsvEra("2019-01", _CSV_2016 + ",congestion_surcharge"),
    ),
    last_csv=Month(2021, 7),
)
