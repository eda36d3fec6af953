"""What a run's summary says of columns and texts that the package does not know."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.support.project import Project


@pytest.fixture
def loading(project: Project, tmp_path: Path) -> Project:
    """A project whose source is the test's folder."""
    project.configure({"taxi": {"source": tmp_path / "{color}_tripdata_{year}-{month:02}.parquet"}})
    return project


def test_unknown_columns_are_named_once_at_the_end(loading: Project, tmp_path: Path) -> None:
    for month in (Month(2024, 1), Month(2024, 2)):
        path = write_month(tmp_path, "green", month, 100)
        trips = pq.read_table(path)
        pq.write_table(trips.append_column("surcharge2", pa.array([None] * 3 + [1.5] * 97)), path)
    command = ("LoadAllMonths", "--colors", "green", "--months", "2024-01..2024-02", "--workers", 2)
    done = loading.run(*command)
    assert done.rc == 0, done.out
    assert (
        "WARNING: green: left out columns that taxi_luigi does not know: surcharge2 (double, 3 % null) in 2024-01, "
        "2024-02; the raw files keep them"
    ) in done.out.splitlines()
    assert "surcharge2 (" not in loading.run(*command).out
    gone = loading.run(*command, "--force", "--taxi-keep-raw", "false")
    assert "2024-02; keep_raw = false removes the raw files, which have them" in gone.out


def test_unknown_texts_are_named_once_at_the_end(loading: Project, tmp_path: Path) -> None:
    path = write_month(tmp_path, "yellow", Month(2009, 3), 100)
    trips = pq.read_table(path)
    place = trips.schema.get_field_index("Payment_Type")
    trips = trips.set_column(place, "Payment_Type", pa.array(["XYZ"] * 12 + ["Credit"] * 88))
    pq.write_table(trips, path)
    done = loading.run("LoadAllMonths", "--colors", "yellow", "--months", "2009-03")
    assert done.rc == 0, done.out
    assert (
        "WARNING: yellow: payment_type has texts that taxi_luigi does not know, kept as null: "
        "'XYZ' in 2009-03 (12 rows)"
    ) in done.out.splitlines()


def test_a_long_text_is_cut_with_its_length_wherever_it_is_shown(loading: Project, tmp_path: Path) -> None:
    path = write_month(tmp_path, "green", Month(2021, 1), 200)
    trips = pq.read_table(path)
    place = trips.schema.get_field_index("store_and_fwd_flag")
    flags = pa.array(["A" * (5 << 20)] + [None] * 199)
    pq.write_table(trips.set_column(place, "store_and_fwd_flag", flags), path)
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    assert done.rc == 0, done.out
    assert (
        "WARNING: green: store_and_fwd_flag has texts that taxi_luigi does not know, kept as null: "
        f"'{'A' * 36}… (5,242,880 characters)' in 2021-01 (1 row)"
    ) in done.out.splitlines()
    assert len(done.out) < 10_000


def test_a_month_unlike_those_before_it_is_named_and_kept_in_the_history(loading: Project, tmp_path: Path) -> None:
    before = [Month(2019, 3), Month(2020, 3), Month(2021, 1), Month(2021, 2)]
    for month in before:
        write_month(tmp_path, "green", month, 400)
    usual = loading.run("LoadAllMonths", "--colors", "green", "--months", ",".join(map(str, before)))
    assert usual.rc == 0, usual.out
    assert "unusual" not in usual.out
    write_month(tmp_path, "green", Month(2021, 3), 90)
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-03")
    assert done.rc == 0, done.out
    line = "green 2021-03 is unusual: 90 records, where about 400 are usual"
    assert f"WARNING: {line}" in done.out.splitlines()
    assert line in loading.command("taxi-luigi", "history", "--last", "1", "--json").out
