{% macro months_to_count() %}
    {#-
        The months that were loaded, or replaced, since this incremental model counted them: rows of record_type and
        file_month. As literals in the model's WHERE they let PostgreSQL skip the partitions of all other months.
    -#}
    {% set query %}
        select loads.record_type, cast(loads.file_month as varchar(10)) as file_month
        from {{ ref('stg_loads') }} as loads
        where not exists (
            select 1
            from {{ this }} as counted
            where counted.record_type = loads.record_type
                and counted.file_month = loads.file_month
                and counted.loaded_at = loads.loaded_at
        )
        order by 1, 2
    {% endset %}
    {{ return(run_query(query).rows if execute else []) }}
{% endmacro %}
