{{ config(enabled='yellow' in var('record_types')) }}

select
    file_month,
    vendorid as vendor_id,
    tpep_pickup_datetime as pickup_datetime,
    tpep_dropoff_datetime as dropoff_datetime,
    pulocationid as pickup_location_id,
    dolocationid as dropoff_location_id,
    passenger_count,
    trip_distance as trip_miles,
    ratecodeid as rate_code_id,
    store_and_fwd_flag = 'Y' as was_stored,
    payment_type as payment_type_id,
    {{ money('fare_amount') }} as fare_amount,
    {{ money('extra') }} as extra,
    {{ money('mta_tax') }} as mta_tax,
    {{ money('tip_amount') }} as tip_amount,
    {{ money('tolls_amount') }} as tolls_amount,
    {{ money('improvement_surcharge') }} as improvement_surcharge,
    {{ money('congestion_surcharge') }} as congestion_surcharge,
    {{ money('airport_fee') }} as airport_fee,
    {{ money('cbd_congestion_fee') }} as cbd_congestion_fee,
    {{ money('total_amount') }} as total_amount
from {{ source('taxi_luigi', 'yellow_tripdata') }}
