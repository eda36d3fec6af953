"""The layouts of yellow: text codes and coordinates in 2009 and 2010, and in csv until 2016-06; zones since.

Which csv months have a blank second line is known of 2009-01, 2014-01, 2016-07 and 2017-01, and taken to hold for the
era around each; the lines of 2015-01..2016-06 and of 2019 on are taken to end as those of 2016-07.
"""

from __future__ import annotations

from taxi_luigi.sample.layouts.eras import CsvEra, Exceptions, Layouts, eras
from taxi_luigi.tlc.months import Month

_2009 = """
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

_2010 = """
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

_SINCE_2011 = """
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

_CSV_2010 = (
    "vendor_id,pickup_datetime,dropoff_datetime,passenger_count,trip_distance,pickup_longitude,pickup_latitude,"
    "rate_code,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,surcharge,mta_tax,"
    "tip_amount,tolls_amount,total_amount"
)
_CSV_2015 = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,pickup_longitude,"
    "pickup_latitude,RateCodeID,store_and_fwd_flag,dropoff_longitude,dropoff_latitude,payment_type,fare_amount,extra,"
    "mta_tax,tip_amount,tolls_amount,improvement_surcharge,total_amount"
)
_CSV_2016 = (
    "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,RatecodeID,store_and_fwd_flag,"
    "PULocationID,DOLocationID,payment_type,fare_amount,extra,mta_tax,tip_amount,tolls_amount,improvement_surcharge,"
    "total_amount"
)

# In 2010-02 and 2010-03 a few rows have too many commas.
_TOO_MANY_COMMAS = {"vendor_id": (b"CMT,CMT",)}

YELLOW = Layouts(
    parquet=(*eras(_2009), *eras(_2010), *eras(_SINCE_2011)),
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
        CsvEra("2010-01", _CSV_2010, blank_line=True, long_numbers=True),
        CsvEra("2010-02", _CSV_2010, blank_line=True, long_numbers=True, spoiled=_TOO_MANY_COMMAS),
        CsvEra("2010-04", _CSV_2010, blank_line=True, long_numbers=True),
        CsvEra("2014-01", _CSV_2010.replace(",", ", "), blank_line=True, long_numbers=True),
        CsvEra("2015-01", _CSV_2015),
        CsvEra("2015-07", _CSV_2015.replace("RateCodeID", "RatecodeID")),
        CsvEra("2016-07", _CSV_2016, extra_commas=2),
        CsvEra("2017-01", _CSV_2016, blank_line=True),
        CsvEra("2019-01", _CSV_2016 + ",congestion_surcharge"),
    ),
    last_csv=Month(2021, 7),
)
