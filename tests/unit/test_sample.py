"""The made-up months: their layouts are TLC's, a seed decides every byte, and TLC's defects are in them."""

import csv
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.errors import UsageError
from taxi_luigi.months import Month, month_range
from taxi_luigi.sample import write_month, write_samples, write_zones
from taxi_luigi.sample.layouts import layout
from taxi_luigi.sample.trips import CHUNK

LAST = Month(2026, 8)


@pytest.fixture(scope="module")
def tlc() -> Path:
    if "TLC_DATA" not in os.environ:
        pytest.skip("set TLC_DATA to a folder with TLC's layouts (schemas.json) and some of its months (whole/)")
    return Path(os.environ["TLC_DATA"])


def _months(text: str) -> Iterator[Month]:
    for part in text.split(", "):
        first, _, last = part.partition("..")
        yield from month_range(Month.parse(first), Month.parse(last or first))


def _published(eras: dict, form: str, month: Month) -> dict[str, str]:
    """Column → type of one month, by the list of TLC's layouts."""
    [era] = [
        era
        for era in eras.values()
        if form in era and Month.parse(era["first_month"]) <= month <= Month.parse(era["last_month"] or str(LAST))
    ]
    columns = dict(era[form])
    for exception in era.get("exceptions", []):
        if month in set(_months(exception["months"])):
            columns[exception["column"]] = exception["type"]
    return columns


@pytest.mark.parametrize("color", ["yellow", "green"])
def test_parquet_layouts_are_those_that_tlc_published(tlc: Path, color: str) -> None:
    eras = json.loads((tlc / "schemas.json").read_text())[color]["eras"]
    for month in month_range(Month(2019, 1), LAST):
        found = layout(color, month, "parquet")
        assert list(found.items()) == list(_published(eras, "parquet", month).items()), month


@pytest.mark.parametrize("color", ["yellow", "green"])
def test_csv_headers_are_the_mirrors(tlc: Path, color: str) -> None:
    eras = json.loads((tlc / "schemas.json").read_text())[color]["eras"]
    for month in month_range(Month(2019, 1), Month(2021, 7)):
        assert list(layout(color, month, "csv.gz")) == list(_published(eras, "csv", month)), month


def test_a_made_up_file_has_the_schema_of_the_real_one(tlc: Path, tmp_path: Path) -> None:
    real = sorted((tlc / "whole").glob("*.parquet"))
    assert len(real) >= 8
    for file in real:
        color, month = file.stem.split("_tripdata_")
        made = pq.read_schema(write_month(tmp_path, color, Month.parse(month), 10))
        assert made.equals(pq.read_schema(file), check_metadata=False), file.name


def test_a_made_up_csv_begins_as_the_real_one(tlc: Path, tmp_path: Path) -> None:
    with gzip.open(tlc / "whole" / "green_tripdata_2020-11.csv.gz") as real:
        header = real.readline()
    with gzip.open(write_month(tmp_path, "green", Month(2020, 11), 10, form="csv.gz")) as made:
        assert made.readline() == header


@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz"])
def test_the_seed_decides_every_byte(tmp_path: Path, form: str) -> None:
    def made(folder: str, seed: int) -> bytes:
        return write_month(tmp_path / folder, "yellow", Month(2021, 1), 2_000, seed, form).read_bytes()  # type: ignore[arg-type]

    assert made("a", 7) == made("b", 7)
    assert made("a", 7) != made("a", 8)


def test_colors_and_months_differ(tmp_path: Path) -> None:
    columns = ["PULocationID", "trip_distance"]
    tables = [
        pq.read_table(write_month(tmp_path, color, month, 500), columns=columns)
        for color, month in [("yellow", Month(2021, 1)), ("yellow", Month(2021, 2)), ("green", Month(2021, 1))]
    ]
    assert not tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


def test_rows_are_exact_across_chunks_and_row_groups(tmp_path: Path) -> None:
    rows = CHUNK + 1_001
    metadata = pq.read_metadata(write_month(tmp_path, "green", Month(2024, 1), rows, row_group_rows=50_000))
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert groups == [50_000, 50_000, rows - 100_000]


def test_row_groups_do_not_change_the_trips(tmp_path: Path) -> None:
    few = pq.read_table(write_month(tmp_path / "few", "yellow", Month(2024, 1), 5_000))
    many = pq.read_table(write_month(tmp_path / "many", "yellow", Month(2024, 1), 5_000, row_group_rows=600))
    assert few.equals(many)


@pytest.mark.parametrize(("form", "opens"), [("csv", open), ("csv.gz", gzip.open)])
def test_csv_says_what_parquet_says(tmp_path: Path, form: str, opens) -> None:
    month = Month(2021, 1)
    trips = pq.read_table(write_month(tmp_path, "yellow", month, 3_000)).to_pandas()
    file = write_month(tmp_path, "yellow", month, 3_000, form=form)  # type: ignore[arg-type]
    with opens(file, "rt", newline="") as text:
        header, *rows = csv.reader(text)
    assert header == list(trips.columns.drop("airport_fee"))
    assert len(rows) == 3_000
    total = header.index("total_amount")
    assert round(sum(float(row[total]) for row in rows), 2) == round(trips.total_amount.sum(), 2)
    block = [row for row in rows if row[header.index("passenger_count")] == ""]
    assert len(block) == trips.passenger_count.isna().sum()
    assert {row[header.index(name)] for row in block for name in ("VendorID", "payment_type")} == {""}


@pytest.fixture(scope="module")
def yellow(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return pd.read_parquet(write_month(tmp_path_factory.mktemp("made"), "yellow", Month(2025, 11), 60_000))


def test_the_null_block_ends_the_file_with_payment_type_0(yellow: pd.DataFrame) -> None:
    block = yellow.iloc[48_000:]
    together = ["passenger_count", "RatecodeID", "store_and_fwd_flag", "congestion_surcharge", "Airport_fee"]
    assert block[together].isna().all(axis=None)
    assert set(block.payment_type) == {0}
    assert yellow.iloc[:48_000][together].notna().all(axis=None)
    assert 0 not in set(yellow.iloc[:48_000].payment_type)


def test_a_refund_is_the_trip_before_it_with_negative_charges(yellow: pd.DataFrame) -> None:
    refunds = yellow.index[yellow.total_amount < 0]
    assert 0.015 < len(refunds) / len(yellow) < 0.035
    same = ["VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID", "DOLocationID"]
    before = yellow.loc[refunds - 1]
    assert (yellow.loc[refunds, same].to_numpy() == before[same].to_numpy()).all()
    assert (yellow.loc[refunds, "total_amount"].to_numpy() == -before.total_amount.to_numpy()).all()


def test_defects_come_at_about_their_known_rates(yellow: pd.DataFrame) -> None:
    instant = yellow.tpep_dropoff_datetime == yellow.tpep_pickup_datetime
    assert set(yellow.VendorID) >= {1, 2, 7}
    assert instant[yellow.VendorID == 7].mean() > 0.99
    assert 0.008 < instant.mean() < 0.02
    assert (yellow.tpep_dropoff_datetime < yellow.tpep_pickup_datetime).any()
    assert 0.01 < (yellow.trip_distance == 0).mean() < 0.025
    assert 0.005 < (yellow.passenger_count == 0).mean() < 0.025
    assert {264, 265} <= set(yellow.PULocationID) & set(yellow.DOLocationID)


def test_some_pickups_are_outside_the_files_month(yellow: pd.DataFrame) -> None:
    pickups = yellow.tpep_pickup_datetime
    outside = pickups[(pickups < "2025-11-01") | (pickups >= "2025-12-01")]
    near = outside[(outside >= "2025-10-31 23:00") & (outside < "2025-12-01 01:00")]
    assert len(near) >= 1
    assert len(outside) > len(near)
    assert len(outside) < 10


def test_even_a_short_month_has_a_stray_pickup(tmp_path: Path) -> None:
    pickups = pd.read_parquet(write_month(tmp_path, "green", Month(2021, 1), 30)).lpep_pickup_datetime
    assert (pickups.dt.year != 2021).any()


def test_the_total_is_the_sum_of_the_charges(yellow: pd.DataFrame) -> None:
    charges = ["fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge"]
    charges += ["congestion_surcharge", "Airport_fee", "cbd_congestion_fee"]
    known = yellow.iloc[:48_000]
    assert np.allclose(known[charges].sum(axis=1), known.total_amount, atol=0.001)
    assert np.array_equal(np.round(yellow.total_amount, 2), yellow.total_amount)


@pytest.mark.parametrize(
    ("color", "month", "form", "says"),
    [
        ("purple", Month(2021, 1), "parquet", "'purple'"),
        ("yellow", Month(2018, 12), "parquet", "2018-12"),
        ("green", Month(2021, 8), "csv.gz", "2021-08"),
    ],
)
def test_months_without_a_known_layout_are_refused(tmp_path: Path, color: str, month: Month, form, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        write_month(tmp_path, color, month, 10, form=form)
    assert list(tmp_path.iterdir()) == []


def test_a_month_has_one_row_at_least(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not 0"):
        write_month(tmp_path, "yellow", Month(2021, 1), 0)
    assert pq.read_table(write_month(tmp_path, "yellow", Month(2021, 1), 1)).num_rows == 1


def test_zones_have_tlcs_shape_and_none_of_its_names(tlc: Path, tmp_path: Path) -> None:
    made, real = (
        pd.read_csv(path, keep_default_na=False)
        for path in (write_zones(tmp_path / "zones.csv"), tlc / "zones" / "taxi_zone_lookup.csv")
    )
    assert list(made.columns) == list(real.columns)
    assert list(made.LocationID) == list(range(1, 266))
    assert made.Zone[:264].is_unique
    assert set(made.Zone) & set(real.Zone) == {"N/A", "Outside of NYC"}
    assert set(made.Borough) == set(real.Borough)
    assert set(made.service_zone) == set(real.service_zone)
    assert (tmp_path / "zones.csv").read_bytes().startswith(b'"LocationID","Borough","Zone","service_zone"\r\n1,"EWR",')


def test_samples_are_written_once(tmp_path: Path) -> None:
    months = list(month_range(Month(2021, 1), Month(2021, 2)))
    names = {path.name for path in write_samples(tmp_path, ["yellow", "green"], months, 100)}
    assert names == {f"{color}_tripdata_{month}.parquet" for color in ("yellow", "green") for month in months} | {
        "taxi_zone_lookup.csv"
    }
    assert {path.name for path in tmp_path.iterdir()} == names
    assert write_samples(tmp_path, ["yellow", "green"], months, 100) == []
    (tmp_path / "green_tripdata_2021-02.parquet").unlink()
    assert [path.name for path in write_samples(tmp_path, ["yellow", "green"], months, 100)] == [
        "green_tripdata_2021-02.parquet"
    ]


def test_null_columns_are_all_null(tmp_path: Path) -> None:
    table = pq.read_table(write_month(tmp_path, "yellow", Month(2020, 7), 100))
    assert table.schema.field("airport_fee").type == pa.null()
    assert table.column("airport_fee").null_count == 100
