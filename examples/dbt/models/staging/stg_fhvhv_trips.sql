{{ config(enabled='fhvhv' in var('record_types')) }}

select
    file_month,
    case hvfhs_license_num
        when 'HV0002' then 'Juno'
        when 'HV0003' then 'Uber'
        when 'HV0004' then 'Via'
        when 'HV0005' then 'Lyft'
    end as app,
    hvfhs_license_num as license,
    upper(trim(dispatching_base_num)) as dispatching_base,
    upper(trim(originating_base_num)) as originating_base,
    request_datetime,
    on_scene_datetime,
    pickup_datetime,
    dropoff_datetime,
    pulocationid as pickup_location_id,
    dolocationid as dropoff_location_id,
    trip_miles,
    trip_time as trip_seconds,
    {{ money('base_passenger_fare') }} as base_passenger_fare,
    {{ money('tolls') }} as tolls,
    {{ money('bcf') }} as black_car_fund,
    {{ money('sales_tax') }} as sales_tax,
    {{ money('congestion_surcharge') }} as congestion_surcharge,
    {{ money('airport_fee') }} as airport_fee,
    {{ money('cbd_congestion_fee') }} as cbd_congestion_fee,
    {{ money('tips') }} as tips,
    {{ money('driver_pay') }} as driver_pay,
    shared_request_flag = 'Y' as shared_requested,
    coalesce(shared_match_flag = 'Y', sr_flag in ('1', 'Y')) as was_shared,
    access_a_ride_flag = 'Y' as access_a_ride,
    wav_request_flag = 'Y' as accessible_requested,
    wav_match_flag = 'Y' as was_accessible
from {{ source('taxi_luigi', 'fhvhv_tripdata') }}
