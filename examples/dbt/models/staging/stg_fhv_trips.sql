{{ config(enabled='fhv' in var('record_types')) }}

select
    file_month,
    upper(trim(dispatching_base_num)) as dispatching_base,
    upper(trim(affiliated_base_number)) as affiliated_base,
    pickup_datetime,
    dropoff_datetime,
    pulocationid as pickup_location_id,
    dolocationid as dropoff_location_id,
    coalesce(sr_flag = 1, false) as was_shared
from {{ source('taxi_luigi', 'fhv_tripdata') }}
