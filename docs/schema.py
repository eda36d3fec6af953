"""Writes docs/schema.md from taxi_luigi/tlc/datasets: `python docs/schema.py`. A test fails when the page is stale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import get_args

from taxi_luigi.tlc import zones
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, JUNK, Column, Dataset, SourceForm
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.transform.casting import NO_VALUE
from taxi_luigi.transform.rules import RULES
from taxi_luigi.warehouses import MARKERS, markers

PAGE = Path(__file__).with_name("schema.md")

_LAST = Month(2099, 12)
"""stands for an open end"""

INTRODUCTION = """\
# The schema

Made by `docs/schema.py` from `taxi_luigi/tlc/datasets/`; change that, not this page.

Every color has one table, and one parquet schema in every lake: the columns of all its layouts together, with TLC's
newest names in lower case. A column that a month's file does not have is null in that month. The first column,
`file_month`, is the first day of the month in the name of TLC's file: months are loaded and replaced by it, and a
file holds some trips of other months.

Types are Arrow's. In DuckDB and PostgreSQL `int32` is `INTEGER`, `int64` `BIGINT`, `double` `DOUBLE` (`double
precision`), `string` `VARCHAR` (`text`), `timestamp[us]` `TIMESTAMP` without a zone, `date32` `DATE`. Time stamps are
New York's wall clock: one hour a year comes twice and one never.

The files are parquet with zstd and row groups of at least 131,072 rows but the last. Times are encoded as
`DELTA_BINARY_PACKED` or `RLE_DICTIONARY`, whichever takes fewer bytes in a month's first row group, and its receipt
states which; all other columns have dictionaries. DuckDB 1.4, polars, Spark, pandas and pyarrow read both back exactly
(Nov 2026). fastparquet 2026.9 returns wrong times for `DELTA_BINARY_PACKED`: read the files with another library.

**Required** columns make a row a trip of that color. A file that should have one and has not fails its month.

Values are kept as published, with these exceptions:

- In numbers, times and codes, {no_value} stand for no value, and so does NaN. In text, nothing but blanks does.
- Texts of codes become the later codes (below). A text that is in no list is null, and counted in the month's receipt
  with its text, under `unknown_code:COLUMN`.
- A value that its type cannot hold exactly (1.5 as a code, a 30 February, a number beyond the type) makes its row a
  reject, under `unreadable:COLUMN`. `1.0` is a 1. Years from 1 to 9999 are times; TLC has 2001, 2041 and 3019.
- A csv row with more or fewer fields than it should have is a reject, under `field_count`.

Where two copies of a month's csv have other names (fhv's of 2019: TLC's own, and its mirror's), both are counted
below. TLC took the csv files away on 2022-05-13.

A column that is not on this page is left out of the table, named in the receipt and at the end of the run, and stays
in the raw file. {junk} is not even named: it holds row numbers that pandas left.

The rules of `[clean] reject`, which are counted for every month and take rows out only when they are named there:

{rules}
"""


OTHER_TABLES = """\
## {zones}

TLC's list of taxi zones, which `pulocationid` and `dolocationid` number. `N/A` is one of its texts.

{zone_columns}

## {loads}

One row for each month that is in a table of trips; it is written in the transaction that writes the trips
(BigQuery: right after them).

{load_columns}
"""


def page() -> str:
    """All of it, as Markdown."""
    parts = [
        INTRODUCTION.format(
            no_value=", ".join("nothing" if not text else f"`{text}`" for text in NO_VALUE),
            junk=", ".join(f"`{name}`" for name in sorted(JUNK)),
            rules="\n".join(f"- `{rule.name}`: {rule.reason}" for rule in RULES.values()),
        )
    ]
    for dataset in DATASETS.values():
        parts += [_columns(dataset), _codes(dataset), _history(dataset)]
    return "\n".join(filter(None, [*parts, _other_tables()]))


def _other_tables() -> str:
    return OTHER_TABLES.format(
        zones=zones.TABLE,
        zone_columns=_bare(zones.COLUMNS, zones.DESCRIPTIONS),
        loads=MARKERS,
        load_columns=_bare(markers.COLUMNS, markers.DESCRIPTIONS),
    )


def _bare(columns: Mapping[str, str], meanings: Mapping[str, str]) -> str:
    rows = (f"| `{name}` | {kind} | {meanings[name]} |" for name, kind in columns.items())
    return "\n".join(["| column | type | meaning |", "|---|---|---|", *rows])


def _columns(dataset: Dataset) -> str:
    lines = [
        f"## {dataset.table}\n",
        f"{dataset.meaning[0].upper()}{dataset.meaning[1:]}. TLC's files begin in {dataset.first_month}.\n",
        "| column | type | meaning | unit | in TLC's parquet | in TLC's csv |",
        "|---|---|---|---|---|---|",
    ]
    for column in dataset.columns:
        meaning = column.meaning + (" (**required**)" if column.required else "")
        names = [_names(column, form) for form in get_args(SourceForm)]
        lines.append(f"| `{column.name}` | {column.type} | {meaning} | {column.unit} | {names[0]} | {names[1]} |")
    return "\n".join(lines) + "\n"


def _names(column: Column, form: SourceForm) -> str:
    """What a column is called in one form's files, and when."""
    if column.name == FILE_MONTH:
        return "–"
    named = [(each.name, each.months(form)) for each in column.spellings]
    return "<br>".join(f"`{name}` {months}" for name, months in named if months is not None) or "–"


def _codes(dataset: Dataset) -> str:
    lines = []
    for column in dataset.columns:
        if column.value_map:
            by_code = groupby(sorted(column.value_map.items(), key=lambda item: str(item[1])), key=lambda item: item[1])
            meant = [
                f"{', '.join('nothing' if not text else f'`{text}`' for text, _ in texts)} → {code or 'null'}"
                for code, texts in by_code
            ]
            lines.append(f"- `{column.name}`, in any case and with blanks around it: {'; '.join(meant)}")
    return "\n".join(["Texts of codes:\n", *lines, ""]) if lines else ""


def _history(dataset: Dataset) -> str:
    lines = [
        f"### Layouts of {dataset.color}\n",
        "| months | form | columns | what changed |",
        "|---|---|---|---|",
    ]
    for form in get_args(SourceForm):
        before: Layout = {}
        for months, names in _layouts(dataset, form):
            lines.append(f"| {months} | {form} | {sum(map(len, names.values()))} | {_changes(before, names)} |")
            before = names
    return "\n".join(lines) + "\n"


Layout = dict[str, tuple[str, ...]]
"""canonical column → its names in a file"""


def _layouts(dataset: Dataset, form: SourceForm) -> Iterator[tuple[str, Layout]]:
    """Months with the same columns, one after the other; those without a known file are left out."""
    months = month_range(dataset.first_month, _LAST)
    for names, group in groupby(months, key=lambda month: _layout(dataset, month, form)):
        span = list(group)
        if names:
            end = "" if span[-1] == _LAST else f"{span[-1]}"
            yield (f"{span[0]}" if span[0] == span[-1] else f"{span[0]}..{end}"), names


def _layout(dataset: Dataset, month: Month, form: SourceForm) -> Layout:
    found = {
        column.name: tuple(
            each.name for each in column.spellings if (months := each.months(form)) is not None and months.covers(month)
        )
        for column in dataset.columns
    }
    return {name: names for name, names in found.items() if names}


def _changes(before: Layout, now: Layout) -> str:
    if not before:
        return ", ".join(f"`{name}`" for names in now.values() for name in names)
    new = [f"+ `{'`, `'.join(now[name])}`" for name in now if name not in before]
    gone = [f"− `{'`, `'.join(before[name])}`" for name in before if name not in now]
    other = [
        f"`{'`, `'.join(before[name])}` → `{'`, `'.join(now[name])}`"
        for name in now
        if name in before and before[name] != now[name]
    ]
    return ", ".join(new + gone + other)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
