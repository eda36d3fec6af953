select
    color as record_type,
    file_month,
    rows as row_count,
    loaded_at
from {{ source('taxi_luigi', 'taxi_luigi_loads') }}
where color in ('{{ var("record_types") | join("', '") }}')
