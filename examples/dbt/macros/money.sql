{% macro money(column) -%}
    {#- Exact cents: TLC's amounts are binary floats, 13.3 may be 13.299999. -#}
    cast({{ column }} as numeric(18, 2))
{%- endmacro %}
