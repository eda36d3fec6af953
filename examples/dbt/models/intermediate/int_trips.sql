{#- What all record types have in common, as one view. fhv has neither distances nor amounts. -#}
{%- set miles = {'fhv': 'cast(null as double precision)'} -%}
{%- set amount = {
    'fhv': 'cast(null as numeric(18, 2))',
    'fhvhv': 'base_passenger_fare + coalesce(tolls, 0) + coalesce(black_car_fund, 0) + coalesce(sales_tax, 0)'
        ~ ' + coalesce(congestion_surcharge, 0) + coalesce(airport_fee, 0) + coalesce(cbd_congestion_fee, 0)'
        ~ ' + coalesce(tips, 0)',
} -%}

{% for record_type in var('record_types') %}
select
    '{{ record_type }}' as record_type,
    file_month,
    pickup_datetime,
    dropoff_datetime,
    pickup_location_id,
    dropoff_location_id,
    {{ miles.get(record_type, 'trip_miles') }} as trip_miles,
    {{ amount.get(record_type, 'total_amount') }} as total_amount
from {{ ref('stg_' ~ record_type ~ '_trips') }}
{{ 'union all' if not loop.last }}
{% endfor %}
