{#-
    Trips of each month's file by day and zone. A run counts the months that were loaded or replaced since the last one:
    a month's rows change as a whole, and its loaded_at with them.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['record_type', 'file_month'],
    on_schema_change='fail'
) }}

{%- set months = months_to_count() if is_incremental() else [] %}

select
    trips.record_type,
    trips.file_month,
    loads.loaded_at,
    cast(trips.pickup_datetime as date) as pickup_date,
    trips.pickup_location_id,
    count(*) as trips,
    sum(trips.trip_miles) as trip_miles,
    sum(trips.total_amount) as total_amount
from {{ ref('int_trips') }} as trips
inner join {{ ref('stg_loads') }} as loads
    on trips.record_type = loads.record_type and trips.file_month = loads.file_month
{%- if is_incremental() %}
where
    {%- for record_type, file_month in months %}
    {{ 'or ' if not loop.first }}(trips.record_type = '{{ record_type }}' and trips.file_month = date '{{ file_month }}')
    {%- else %}
    false
    {%- endfor %}
{%- endif %}
group by 1, 2, 3, 4, 5
