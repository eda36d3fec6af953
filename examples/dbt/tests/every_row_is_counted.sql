-- The months whose trips in int_daily_trips are not as many as the rows that were loaded. When this fails because a
-- month was loaded while dbt ran, the next run counts it.
select
    loads.record_type,
    loads.file_month,
    loads.row_count,
    sum(counted.trips) as counted
from {{ ref('stg_loads') }} as loads
left join {{ ref('int_daily_trips') }} as counted
    on loads.record_type = counted.record_type and loads.file_month = counted.file_month
group by 1, 2, 3
having coalesce(sum(counted.trips), 0) <> loads.row_count
