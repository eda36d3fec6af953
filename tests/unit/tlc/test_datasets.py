"""The canonical schemas against what is known of every layout that TLC published."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest

from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, JUNK, Column, Dataset, SourceForm
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.column_mapping import match
from taxi_luigi.transform.readers.csv_header import read_header
from tests.support.schemas import COLORS, LAST, eras
from tests.support.schemas import published as published_layouts


def known(dataset: Dataset, month: Month, form: SourceForm) -> set[str]:
    """The names that datasets/ says this month's file has."""
    return {
        spelling.name
        for column in dataset.columns
        for spelling in column.spellings
        if (months := spelling.months(form)) is not None and months.covers(month)
    }


def lower(names: set[str]) -> set[str]:
    return {name.lower() for name in names}


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("form", get_args(SourceForm))
def test_every_layout_is_known_name_by_name(tlc_data: Path, color: str, form: SourceForm) -> None:
    """By letters: where schemas.json is too coarse for their case, the real headers below are not."""
    published: dict[Month, set[str]] = {}
    for each in published_layouts(tlc_data, color):
        if each.form == form:
            published.setdefault(each.month, set()).update(each.names)
    assert len(published) > 20
    for month, names in published.items():
        assert lower(known(DATASETS[color], month, form)) == lower(names - JUNK), month


@pytest.mark.parametrize("color", COLORS)
def test_no_layout_leaves_a_column_out_or_has_a_type_that_cannot_be(tlc_data: Path, color: str) -> None:
    tried = 0
    for name, era in eras(tlc_data, color):
        for form in get_args(SourceForm):
            if era.get(form):
                named = [(column, kind) for column, kind in era[form] if column]
                schema = pa.schema([(column, pa.type_for_alias(kind)) for column, kind in named])
                layout = match(DATASETS[color], Month.parse(era["first_month"]), form, schema, name)
                assert not layout.unknown
                tried += 1
    assert tried >= 5


@pytest.mark.parametrize("color", COLORS)
def test_real_headers_have_the_names_that_are_known(tlc_data: Path, color: str) -> None:
    files = sorted(tlc_data.glob(f"samples/{color}_tripdata_*.csv")) + sorted(tlc_data.glob(f"heads/{color}_*.csv"))
    assert len(files) >= 4
    for path in files:
        month = Month.parse(path.name.removeprefix(f"{color}_tripdata_")[:7])
        names = {name.strip() for name in read_header(path.read_bytes(), path).names}
        if "2020-04" in path.name:  # csv that somebody made of the later parquet
            assert names == known(DATASETS[color], month, "parquet")
        else:
            assert names <= known(DATASETS[color], month, "csv"), path.name


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_a_record_type_is_sound(dataset: Dataset) -> None:
    names = [column.name for column in dataset.columns]
    assert names[0] == FILE_MONTH
    assert len(set(names)) == len(names)
    assert all(name == name.lower() for name in names)
    assert {dataset.pickup, dataset.dropoff} < set(names)
    assert dataset.distance is None or dataset.has(dataset.distance)
    assert dataset.meaning
    for column in dataset.columns:
        assert column.meaning
        assert column.name == FILE_MONTH or column.spellings
        assert all(text == text.strip().lower() for text in column.value_map)
        if column.type in ("double", "timestamp[us]"):
            assert column.unit, column.name


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_the_canonical_name_is_tlcs_newest_in_lower_case(dataset: Dataset) -> None:
    for column in dataset.columns[1:]:
        assert column.name in {spelling.name.lower() for spelling in column.spellings}
        assert newest(column).lower() == column.name


def newest(column: Column) -> str:
    """The spelling of the last month, of parquet if both forms have one."""
    for form in ("parquet", "csv"):
        for spelling in reversed(column.spellings):
            months = spelling.months(form)  # type: ignore[arg-type]
            if months is not None and (form == "csv" or months.covers(LAST) or not has_open_end(column)):
                return spelling.name
    raise AssertionError(column.name)


def has_open_end(column: Column) -> bool:
    return any(spelling.parquet is not None and spelling.parquet.covers(LAST) for spelling in column.spellings)


def test_only_the_columns_that_every_trip_has_are_required() -> None:
    required = {
        color: {column.name for column in dataset.columns if column.required} for color, dataset in DATASETS.items()
    }
    assert required == {
        "yellow": {"vendorid", "tpep_pickup_datetime", "tpep_dropoff_datetime"},
        "green": {"vendorid", "lpep_pickup_datetime", "lpep_dropoff_datetime"},
        "fhv": {"dispatching_base_num", "pickup_datetime"},
        "fhvhv": {"hvfhs_license_num", "dispatching_base_num", "pickup_datetime", "dropoff_datetime"},
    }


def test_only_columns_that_files_of_one_layout_may_lack_are_optional() -> None:
    optional = {
        color: {column.name for column in dataset.columns if column.optional} for color, dataset in DATASETS.items()
    }
    assert optional == {
        "yellow": {"request_source"},
        "green": {"ehail_fee", "request_source"},
        "fhv": {"affiliated_base_number"},
        "fhvhv": {"sr_flag", "affiliated_base_number"},
    }


def test_the_last_months_that_a_published_table_names_have_begun(tlc_data: Path) -> None:
    with (tlc_data / "row_counts.csv").open() as file:
        months = [(row["dataset"], row["month"]) for row in csv.DictReader(file) if row["form"] == "parquet"]
    assert len(months) > 500
    for color, month in months:
        assert DATASETS[color].first_month <= Month.parse(month)
