"""The made-up months as files: a seed decides every byte, rows are exact, memory stays the same; and the zones."""

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core.errors import UsageError
from taxi_luigi.sample import write_month, write_samples, write_zones
from taxi_luigi.sample.chunk import CHUNK
from taxi_luigi.tlc.months import Month, month_range


@pytest.mark.parametrize("form", ["parquet", "csv", "csv.gz"])
@pytest.mark.parametrize(("color", "month"), [("yellow", "2010-02"), ("green", "2021-01"), ("fhv", "2020-03")])
def test_the_seed_decides_every_byte(tmp_path: Path, color: str, month: str, form) -> None:
    def made(folder: str, seed: int) -> bytes:
        return write_month(tmp_path / folder, color, Month.parse(month), 2_000, seed, form).read_bytes()

    assert made("a", 7) == made("b", 7)
    assert made("a", 7) != made("a", 8)


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    code = """import sys; from pathlib import Path; from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month; write_month(Path(sys.argv[1]), "fhvhv", Month(2021, 1), 500)"""
    subprocess.run([sys.executable, "-c", code, tmp_path / "other"], check=True, timeout=60)
    here = write_month(tmp_path / "here", "fhvhv", Month(2021, 1), 500)
    assert here.read_bytes() == (tmp_path / "other" / here.name).read_bytes()


def test_colors_and_months_differ(tmp_path: Path) -> None:
    columns = ["PULocationID", "trip_distance"]
    tables = [
        pq.read_table(write_month(tmp_path, color, month, 500), columns=columns)
        for color, month in [("yellow", Month(2021, 1)), ("yellow", Month(2021, 2)), ("green", Month(2021, 1))]
    ]
    assert not tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


@pytest.mark.parametrize("color", ["green", "fhvhv"])
def test_rows_are_exact_across_chunks_and_row_groups(tmp_path: Path, color: str) -> None:
    rows = CHUNK + 1_001
    metadata = pq.read_metadata(write_month(tmp_path, color, Month(2024, 1), rows, row_group_rows=50_000))
    groups = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert groups == [50_000, 50_000, rows - 100_000]


def test_csv_rows_are_exact_across_chunks(tmp_path: Path) -> None:
    data = write_month(tmp_path, "fhv", Month(2018, 1), CHUNK + 1_001, form="csv").read_bytes()
    assert data.count(b"\r\n") == CHUNK + 1_002
    assert data.endswith(b'""\r\n')


def test_row_groups_do_not_change_the_trips(tmp_path: Path) -> None:
    few = pq.read_table(write_month(tmp_path / "few", "yellow", Month(2024, 1), 5_000))
    many = pq.read_table(write_month(tmp_path / "many", "yellow", Month(2024, 1), 5_000, row_group_rows=600))
    assert few.equals(many)


PEAK = """
import resource, sys
from pathlib import Path
from taxi_luigi.tlc.months import Month
from taxi_luigi.sample import write_month
folder, form, rows = sys.argv[1:]
write_month(Path(folder), "fhv", Month(2020, 1), int(rows), 0, form, 131_072)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, form: str) -> None:
    def peak(chunks: int) -> int:
        """Megabytes."""
        command = [sys.executable, "-c", PEAK, str(tmp_path), form, str(chunks * CHUNK)]
        return int(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)

    # Five chunks more, of 131,072 rows and 7 columns, would be 40 MB more if they were kept.
    assert peak(7) - peak(2) < 25


@pytest.mark.parametrize(("form", "opens"), [("csv", open), ("csv.gz", gzip.open)])
def test_csv_and_parquet_have_the_same_values(tmp_path: Path, form, opens) -> None:
    month = Month(2021, 1)
    trips = pq.read_table(write_month(tmp_path, "yellow", month, 3_000)).to_pandas()
    with opens(write_month(tmp_path, "yellow", month, 3_000, form=form), "rt", newline="") as text:
        header, *rows = csv.reader(text)
    assert header == list(trips.columns.drop("airport_fee"))
    assert len(rows) == 3_000
    total = header.index("total_amount")
    assert round(sum(float(row[total]) for row in rows), 2) == round(trips.total_amount.sum(), 2)
    block = [row for row in rows if row[header.index("passenger_count")] == ""]
    assert len(block) == trips.passenger_count.isna().sum()
    assert {row[header.index(name)] for row in block for name in ("VendorID", "payment_type")} == {""}


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_month_has_one_row_at_least(tmp_path: Path, form) -> None:
    with pytest.raises(UsageError, match="not 0"):
        write_month(tmp_path, "yellow", Month(2021, 1), 0, form=form)
    assert list(tmp_path.iterdir()) == []
    for color in ("yellow", "green", "fhv", "fhvhv"):
        path = write_month(tmp_path, color, Month(2021, 1), 1, form=form)
        rows = pq.read_table(path).num_rows if form == "parquet" else path.read_bytes().count(b"\r\n") - 1
        assert rows == 1


def test_zones_have_tlcs_shape_and_none_of_its_names(tlc_data: Path, tmp_path: Path) -> None:
    made, real = (
        pd.read_csv(path, keep_default_na=False)
        for path in (write_zones(tmp_path / "zones.csv"), tlc_data / "zones" / "taxi_zone_lookup.csv")
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
    colors = ["yellow", "green", "fhv", "fhvhv"]
    names = {path.name for path in write_samples(tmp_path, colors, months, 100)}
    assert names == {f"{color}_tripdata_{month}.parquet" for color in colors for month in months} | {
        "taxi_zone_lookup.csv"
    }
    assert {path.name for path in tmp_path.iterdir()} == names
    assert write_samples(tmp_path, colors, months, 100) == []
    (tmp_path / "green_tripdata_2021-02.parquet").unlink()
    assert [path.name for path in write_samples(tmp_path, colors, months, 100)] == ["green_tripdata_2021-02.parquet"]
