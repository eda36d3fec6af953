{#- A trip without a zone, or with one that is not on TLC's list, counts to TLC's zone for that. -#}
{%- set unknown_zone = 264 -%}

with daily as (
    select
        counted.record_type,
        counted.pickup_date,
        coalesce(zones.location_id, {{ unknown_zone }}) as location_id,
        sum(counted.trips) as trips,
        sum(counted.trip_miles) as trip_miles,
        sum(counted.total_amount) as total_amount
    from {{ ref('int_daily_trips') }} as counted
    -- a month that was removed from the warehouse since is not counted any more
    inner join {{ ref('stg_loads') }} as loads
        on counted.record_type = loads.record_type and counted.file_month = loads.file_month
    left join {{ ref('stg_taxi_zones') }} as zones
        on counted.pickup_location_id = zones.location_id
    group by 1, 2, 3
)

select
    daily.record_type,
    daily.pickup_date,
    daily.location_id,
    zones.borough,
    zones.zone,
    cast(daily.trips as bigint) as trips,
    daily.trip_miles,
    cast(daily.total_amount as numeric(18, 2)) as total_amount
from daily
left join {{ ref('stg_taxi_zones') }} as zones
    on daily.location_id = zones.location_id
