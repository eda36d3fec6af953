"""The table of published counts: complete, whole numbers, and what is known of TLC's files from elsewhere."""

from __future__ import annotations

import csv
from collections import Counter
from configparser import ConfigParser
from pathlib import Path

import pytest

import taxi_luigi.tlc.published
from taxi_luigi.tlc.datasets import DATASETS, SourceForm
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import counts_apply_to, published_rows
from taxi_luigi.transform.readers import count_records

TABLE = Path(taxi_luigi.tlc.published.__file__).with_name("row_counts.csv")
ROOT = Path(__file__).resolve().parents[3]


def total(color: str, first: str, last: str) -> int:
    months = month_range(Month.parse(first), Month.parse(last))
    return sum(published_rows(color, month, "parquet") or 0 for month in months)


@pytest.mark.parametrize(
    ("color", "first", "last", "rows"),
    [
        # the sums of 487 files' footers, as one listing gave them in August 2024
        ("yellow", "2009-01", "2024-05", 1_753_861_220),
        ("green", "2014-01", "2024-05", 83_109_529),
        ("fhv", "2015-01", "2024-05", 758_801_924),
        ("fhvhv", "2019-02", "2024-05", 1_098_184_332),
        # what another, of October 2026, gave in one number per color
        ("yellow", "2019-01", "2026-08", 337_713_845),
        ("green", "2019-01", "2026-08", 12_320_085),
    ],
)
def test_the_months_add_up_to_the_totals_known_of_each_color(color: str, first: str, last: str, rows: int) -> None:
    assert total(color, first, last) == rows


def test_every_line_is_one_month_of_one_form() -> None:
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["color"], row["month"], row["form"]) for row in rows}) == len(rows)
    assert Counter((row["color"], row["form"]) for row in rows) == {
        ("yellow", "parquet"): 212, ("green", "parquet"): 152, ("fhv", "parquet"): 136, ("fhvhv", "parquet"): 89,
        ("yellow", "csv"): 1, ("green", "csv"): 4,
    }  # fmt: skip
    for row in rows:
        dataset, form = DATASETS[row["color"]], "csv" if row["form"] == "csv" else "parquet"
        assert Month.parse(row["month"]) >= dataset.first_month
        assert published_rows(dataset.color, Month.parse(row["month"]), form) == int(row["rows"])  # type: ignore[arg-type]


def test_the_two_forms_are_never_mixed() -> None:
    april = Month(2019, 4)
    assert published_rows("green", april, "parquet") == 567_852
    assert published_rows("green", april, "csv") == 514_392
    assert published_rows("green", Month(2013, 8), "csv") == 7_623
    assert published_rows("green", Month(2013, 8), "parquet") is None
    assert published_rows("yellow", Month(2021, 1), "csv") is None


def test_the_table_is_part_of_the_package() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["options.package_data"]["taxi_luigi.tlc.published"] == TABLE.name


def test_tlcs_own_files_have_as_many_rows(tlc_data: Path) -> None:
    checked = 0
    for path in sorted((tlc_data / "whole").iterdir()):
        stem, _, ending = path.name.partition(".")
        color, _, month = stem.partition("_tripdata_")
        form: SourceForm = "parquet" if ending == "parquet" else "csv"
        rows = published_rows(color, Month.parse(month), form)
        if rows is not None:
            assert count_records(path) == rows, path.name
            checked += 1
    assert checked >= 8


@pytest.mark.parametrize(
    ("address", "applies"),
    [
        ("https://d37ci6vzurychx.cloudfront.net/trip-data/{color}_tripdata_{year}-{month:02}.parquet", True),
        ("https://D37CI6VZURYCHX.cloudfront.net:443/trip-data/green_tripdata_2024-01.parquet", True),
        ("https://github.com/DataTalksClub/nyc-tlc-data/releases/download/green/green_tripdata_2020-01.csv.gz", True),
        ("https://s3.amazonaws.com/nyc-tlc/trip+data/green_tripdata_2020-01.csv", True),
        ("https://github.com/someone/nyc-tlc-data/releases/download/green/green_tripdata_2020-01.csv.gz", False),
        ("https://d37ci6vzurychx.cloudfront.net.example.com/trip-data/green_tripdata_2024-01.parquet", False),
        ("http://localhost:8000/d37ci6vzurychx.cloudfront.net/green_tripdata_2024-01.parquet", False),
        ("/srv/d37ci6vzurychx.cloudfront.net/green_tripdata_2024-01.parquet", False),
        ("file:///srv/green_tripdata_2024-01.parquet", False),
    ],
)
def test_the_counts_apply_to_tlc_and_its_mirror_alone(address: str, applies: bool) -> None:
    assert counts_apply_to(address) is applies
