"""The command a person types: what it loads, what it says, and that it does nothing twice."""

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from taxi_luigi.tlc.datasets import DATASETS
from tests.pipeline.conftest import ROWS, After, duckdb_counts, markers
from tests.support.cdn import Cdn, Status
from tests.support.project import Project

ALL = {"2021-01": ROWS, "2021-02": ROWS, "2021-03": ROWS}
COMMAND = ("LoadAllMonths", "--colors", "yellow,green", "--months", "2021-01..2021-03")


def test_every_month_lands_once_and_a_second_run_does_nothing(loading: Project, cdn: Cdn) -> None:
    first = loading.run(*COMMAND, "--workers", 2)
    assert first.rc == 0, first.out
    assert "yellow: 3 months loaded (9,000 rows), 0 already there" in first.out
    assert "green: 3 months loaded (9,000 rows), 0 already there" in first.out
    assert duckdb_counts(loading, "yellow_tripdata") == ALL
    assert duckdb_counts(loading, "green_tripdata") == ALL
    assert set(markers(loading).values()) == {ROWS}
    assert cdn.count("HEAD") == 6
    assert cdn.count("GET") == 6
    assert loading.leftovers() == []

    again = loading.run(*COMMAND)
    assert again.rc == 0, again.out
    assert "yellow: 0 months loaded, 3 already there" in again.out
    assert (cdn.count("HEAD"), cdn.count("GET")) == (6, 6)
    assert duckdb_counts(loading, "yellow_tripdata") == ALL


def test_the_files_and_the_table_have_the_canonical_columns_in_order(after: After) -> None:
    loading = after("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    columns = [column.name for column in DATASETS["green"].columns]
    clean = loading.workspace / "clean" / "green" / "green_tripdata_2021-01.parquet"
    assert pq.read_schema(clean).names == columns
    with duckdb.connect(str(loading.warehouse), read_only=True) as connection:
        described = connection.execute("DESCRIBE green_tripdata").fetchall()
    assert [row[0] for row in described] == columns


def test_a_single_task_does_what_it_needs_and_no_more(loading: Project) -> None:
    done = loading.run("CleanMonth", "--color", "green", "--month", "2021-01")
    assert done.rc == 0, done.out
    assert (loading.workspace / "raw" / "green" / "green_tripdata_2021-01.parquet").exists()
    assert (loading.workspace / "clean" / "green" / "green_tripdata_2021-01.parquet").exists()
    assert not loading.warehouse.exists()


def test_a_loaded_month_needs_neither_source_nor_raw_file(after: After, cdn: Cdn) -> None:
    loading = after("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    (loading.workspace / "raw" / "green" / "green_tripdata_2021-01.parquet").unlink()
    loading.warehouse.unlink()
    heads = cdn.count("HEAD")
    again = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    assert again.rc == 0, again.out
    assert cdn.count("HEAD") == heads
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": ROWS}


def test_a_named_month_that_is_not_published_is_missing_data_and_the_rest_is_loaded(loading: Project) -> None:
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-03..2021-04")
    assert done.rc == 20, done.out
    assert "green: 1 month loaded (3,000 rows), 0 already there, 1 not published (2021-04)" in done.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-03": ROWS}


def test_a_run_that_has_no_luigid_waits_for_no_other_machine(loading: Project, cdn: Cdn) -> None:
    """By --worker-keep-alive, Luigi's own worker would try again what failed or is not published, after a day."""
    cdn.fault("green_tripdata_2021-02.parquet", *[Status(503)] * 99)
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-02..2021-04", "--worker-keep-alive")
    assert done.rc == 30, done.out
    assert "green: 1 month loaded (3,000 rows), 0 already there, 1 not published (2021-04), 1 failed" in done.out


def test_all_means_what_is_published_and_ends_well(loading: Project, cdn: Cdn) -> None:
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "all")
    assert done.rc == 0, done.out
    assert "green: 3 months loaded (9,000 rows)" in done.out
    assert "not published (2013-08 … 20" in done.out
    assert cdn.most_at_once <= 6
    assert duckdb_counts(loading, "green_tripdata") == ALL


def test_a_raw_file_from_another_source_is_not_reused(loading: Project, cdn: Cdn, samples: Path) -> None:
    assert loading.run("DownloadMonth", "--color", "green", "--month", "2021-01").rc == 0
    elsewhere = cdn.template.replace("/trip-data/", "/moved-here/")
    loading.configure({"taxi": {"source": elsewhere}})
    again = loading.run("DownloadMonth", "--color", "green", "--month", "2021-01")
    assert again.rc == 0, again.out
    assert "came from" in again.out
    receipt = loading.workspace / "raw" / "green" / "green_tripdata_2021-01.parquet.receipt.json"
    assert "/moved-here/" in json.loads(receipt.read_text())["url"]


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_is_a_source_too(project: Project, samples: Path, scheme: str) -> None:
    source = f"{scheme}{samples}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"
    project.configure({"taxi": {"source": source}})
    done = project.run("LoadAllMonths", "--colors", "yellow", "--months", "2021-01..2021-04")
    assert done.rc == 20, done.out
    assert duckdb_counts(project, "yellow_tripdata") == ALL


def test_both_warehouses_get_every_month(loading: Project, postgres_url: str) -> None:
    import psycopg2

    loading.configure({"taxi": {"warehouse": "duckdb, pg"}, "warehouse.pg": {"type": "postgres", "url": "${PG}"}})
    done = loading.run(*COMMAND, "--workers", 3, env={"PG": postgres_url})
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "yellow_tripdata") == ALL
    connection = psycopg2.connect(postgres_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_char(file_month, 'YYYY-MM'), count(*) FROM yellow_tripdata GROUP BY 1")
        assert dict(cursor.fetchall()) == ALL
    connection.close()


def test_a_warehouse_that_is_down_fails_in_its_own_name_and_the_others_go_on(loading: Project) -> None:
    loading.configure(
        {"taxi": {"warehouse": "duckdb, pg"}, "warehouse.pg": {"type": "postgres", "url": "postgresql://u:hush@127.0.0.1:1/x"}}
    )  # fmt: skip
    done = loading.run("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    assert "hush" not in done.out
    assert "green 2021-01 failed: LoadMonth pg: " in done.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": ROWS}


def test_cleaning_rules_take_rows_out_into_the_rejects(loading: Project) -> None:
    loading.configure({"clean": {"reject": "no_passengers, negative_total", "fill_missing_passengers": "0"}})
    done = loading.run("LoadAllMonths", "--colors", "yellow", "--months", "2021-01")
    assert done.rc == 0, done.out
    rejects = pq.read_table(loading.workspace / "rejected" / "yellow" / "yellow_tripdata_2021-01.parquet")
    kept = duckdb_counts(loading, "yellow_tripdata")["2021-01"]
    assert kept + rejects.num_rows == ROWS
    assert set(rejects["reason"].to_pylist()) == {"no_passengers", "negative_total"}


def test_read_trips_gives_what_is_in_the_lake(after: After) -> None:
    loading = after("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")
    code = (
        "from taxi_luigi import read_trips\n"
        "trips = read_trips('green', '2021-01..2021-02', columns=['file_month', 'total_amount'])\n"
        "print(list(trips.columns), len(trips))\n"
        "print(len(read_trips('green', 'all')), read_trips('green', ['2021-01']).shape)\n"
    )
    done = loading.command("python", "-c", code)
    assert done.rc == 0, done.out
    width = len(DATASETS["green"].columns)
    assert done.out.splitlines() == ["['file_month', 'total_amount'] 6000", f"6000 (3000, {width})"]


def test_loaded_prints_what_is_in_each_table(after: After) -> None:
    loading = after("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-02")
    done = loading.command("taxi-luigi", "loaded")
    assert done.rc == 0, done.out
    assert [line.split() for line in done.out.splitlines()] == [
        ["green_tripdata", "in", "duckdb:", "6,000", "rows"], ["2021-01", "3,000"], ["2021-02", "3,000"],
    ]  # fmt: skip


def test_before_the_first_load_a_line_has_the_reason(project: Project) -> None:
    done = project.command("taxi-luigi", "loaded")
    assert (done.rc, done.out) == (0, "nothing is loaded in duckdb\n")


def test_sample_begins_each_color_with_its_first_month(project: Project) -> None:
    common = ("sample", "--to", project.folder / "made", "--rows", 10, "--colors", "fhv,fhvhv", "--months")
    done = project.command("taxi-luigi", *common, "2018-12..2019-02")
    assert done.rc == 0, done.out
    names = ["fhv_tripdata_2018-12", "fhv_tripdata_2019-01", "fhv_tripdata_2019-02", "fhvhv_tripdata_2019-02"]
    assert sorted(path.stem for path in (project.folder / "made").glob("*.parquet")) == names
    none = project.command("taxi-luigi", *common, "2014-12")
    assert (none.rc, none.out) == (
        40, "taxi-luigi: no month of 2014-12: fhv begins in 2015-01, fhvhv begins in 2019-02\n",
    )  # fmt: skip


def test_an_empty_flag_takes_back_what_the_file_sets(loading: Project) -> None:
    loading.configure({"clean": {"reject": "no_passengers"}})
    month = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    done = loading.run(*month, "--clean-reject", "", "--taxi-zones", "", "--taxi-warehouse", "")
    assert done.rc == 0, done.out
    clean = loading.workspace / "clean" / "green" / "green_tripdata_2021-01.parquet"
    assert pq.read_metadata(clean).num_rows == ROWS
    assert not loading.warehouse.exists()
    assert loading.run(*month, "--force").rc == 0
    assert pq.read_metadata(clean).num_rows < ROWS
    for flag in ("--months", "--colors"):
        wrong = loading.run("LoadAllMonths", flag, "")
        assert wrong.rc == 40
        assert len(wrong.out.splitlines()) == 1
