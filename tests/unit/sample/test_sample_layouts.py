"""The layouts of made-up months are TLC's: every month against the list of layouts, and against whole real files."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core.errors import UsageError
from taxi_luigi.sample import write_month
from taxi_luigi.sample.layouts import csv_layout, parquet_layout
from taxi_luigi.tlc.months import Month, Selection, month_range

LAST = Month(2026, 8)
COLORS = ("yellow", "green", "fhv", "fhvhv")
UNNAMED = {("green", "improvement_surcharge"): (2014, 8), ("green", "trip_type"): (2015, 1)}
"""Exceptions of which the list says only how many months of that year they hold in."""


def _months(text: str) -> set[Month]:
    selection = Selection.parse(text)
    return {month for month in month_range(Month(2009, 1), LAST) if selection.covers(month)}


def _eras(tlc_data: Path, color: str, form: str) -> Iterator[tuple[set[Month], dict]]:
    eras = json.loads((tlc_data / "schemas.json").read_text())[color]["eras"]
    for name, era in eras.items():
        if form in era:
            written = name.split(" (")[0].removeprefix("csv ")
            yield _months(written), era


def _exceptions(color: str, era: dict) -> Iterator[tuple[str, str, set[Month]]]:
    for exception in era.get("exceptions", []):
        if (color, exception["column"]) not in UNNAMED:
            months = exception["months"]
            text = months if isinstance(months, str) else ", ".join(months)
            yield exception["column"], exception["type"], _months(text)


@pytest.mark.parametrize("color", COLORS)
def test_every_parquet_month_has_the_columns_and_types_on_the_list(tlc_data: Path, color: str) -> None:
    listed = set()
    for months, era in _eras(tlc_data, color, "parquet"):
        for month in months:
            wanted = dict(era["parquet"])
            for column, kind, holds in _exceptions(color, era):
                if month in holds:
                    wanted[column] = kind
            found = parquet_layout(color, month)
            unnamed = {column for of, column in UNNAMED if of == color and month.year == UNNAMED[of, column][0]}
            assert list(found) == list(wanted), month
            assert {name: kind for name, kind in found.items() if name not in unnamed} == {
                name: kind for name, kind in wanted.items() if name not in unnamed
            }, month
        listed |= months
    assert min(listed) == min(month for month in month_range(Month(2009, 1), LAST) if _has_parquet(color, month))
    assert max(listed) == LAST


def _has_parquet(color: str, month: Month) -> bool:
    try:
        return bool(parquet_layout(color, month))
    except UsageError:
        return False


def test_as_many_months_of_green_are_exceptions_as_were_counted() -> None:
    for (color, column), (year, count) in UNNAMED.items():
        types = [parquet_layout(color, Month(year, month))[column] for month in range(1, 13)]
        usual = max(set(types), key=types.count)
        assert sum(kind != usual for kind in types) == min(count, 12 - count)


@pytest.mark.parametrize("color", COLORS)
def test_every_csv_header_is_the_one_on_the_list(tlc_data: Path, color: str) -> None:
    listed = set()
    for months, era in _eras(tlc_data, color, "csv"):
        for month in months:
            found = csv_layout(color, month, "csv.gz")
            names = [name for name, _ in era["csv"]]
            if color == "yellow" and Month(2015, 7) <= month <= Month(2016, 6):
                names[names.index("RateCodeID")] = "RatecodeID"  # as the era's note says
            assert [name.strip() for name in found.names] + [""] * found.extra_commas == names, month
        listed |= months
    last = max(listed)
    with pytest.raises(UsageError, match=f"{min(listed)}..{last}, parquet from"):
        csv_layout(color, last.plus(1), "csv")


def test_tlcs_own_fhv_csv_lacks_the_mirrors_last_column() -> None:
    for month in month_range(Month(2019, 1), Month(2020, 6)):
        own, mirror = (csv_layout("fhv", month, form).names for form in ("csv", "csv.gz"))
        assert (own[-1], mirror[-1], len(mirror) - len(own)) == ("SR_Flag", "Affiliated_base_number", 1), month


def test_a_written_file_has_the_layouts_schema(tmp_path: Path) -> None:
    """One month of every layout, and of every month with a type of its own."""
    seen = set()
    for color in COLORS:
        for month in month_range(Month(2009, 1), LAST):
            layout = tuple(parquet_layout(color, month).items()) if _has_parquet(color, month) else ()
            if layout and layout not in seen:
                table = pq.read_table(write_month(tmp_path, color, month, 60))
                assert [(field.name, field.type) for field in table.schema] == [
                    (name, pa.type_for_alias(kind)) for name, kind in layout
                ]
                for name, kind in layout:
                    assert kind != "null" or table.column(name).null_count == 60
                seen.add(layout)
    assert len(seen) == 31


def test_a_made_up_file_has_the_schema_of_the_real_one(tlc_data: Path, tmp_path: Path) -> None:
    real = sorted([*(tlc_data / "whole").glob("*.parquet"), *(tlc_data / "samples").glob("*.parquet")])
    assert len(real) >= 10
    for file in real:
        color, month = file.stem.split("_tripdata_")
        made = pq.read_schema(write_month(tmp_path, color, Month.parse(month), 10))
        assert made.equals(pq.read_schema(file), check_metadata=False), file.name


@pytest.mark.parametrize(
    ("color", "month", "form", "says"),
    [
        ("purple", Month(2021, 1), "parquet", "'purple'.*yellow, green, fhv, fhvhv"),
        ("purple", Month(2021, 1), "csv", "'purple'.*yellow, green, fhv, fhvhv"),
        ("yellow", Month(2008, 12), "parquet", "parquet of yellow 2008-12.*begin with 2009-01"),
        ("green", Month(2013, 8), "parquet", "parquet of green 2013-08.*begin with 2014-01"),
        ("green", Month(2021, 8), "csv.gz", r"csv.gz of green 2021-08.*2013-08..2021-07, parquet from 2014-01"),
        ("fhvhv", Month(2021, 7), "csv", r"csv of fhvhv 2021-07.*2019-02..2021-06, parquet from 2019-02"),
        ("fhv", Month(2014, 12), "csv", r"csv of fhv 2014-12.*2015-01..2021-07"),
    ],
)
def test_months_that_were_not_published_are_refused(tmp_path: Path, color: str, month: Month, form, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        write_month(tmp_path, color, month, 10, form=form)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
