"""From the source over a bucket or not into BigQuery, by the `luigi` command, beside the other warehouses."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import ROWS, cents_in_duckdb, duckdb_counts
from tests.support.at_once import ALL, at_once
from tests.support.azure import AzureServer, lake_section
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.cdn import Cdn
from tests.support.gcs import GcsServer
from tests.support.project import Project
from tests.support.s3 import S3Server

REAL = {"2021-01": 76_518, "2021-02": 64_572, "2023-01": 68_211, "2024-01": 56_551}
"""rows in TLC's files of green"""

CENTS = """
    SELECT FORMAT_DATE('%Y-%m', file_month), count(*), CAST(sum(CAST(round(total_amount * 100) AS INT64)) AS INT64)
    FROM green_tripdata GROUP BY 1
"""
COUNTS = "SELECT FORMAT_DATE('%Y-%m', file_month), count(*) FROM green_tripdata GROUP BY 1"
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03")
MONTHS = ("2021-01", "2021-02", "2021-03")


@pytest.fixture
def bucket(fake_gcs: GcsServer) -> str:
    """The one in the lake."""
    return fake_gcs.fresh_bucket()


@pytest.fixture
def dataset(project: Project, bigquery: BigQueryServer, fake_gcs: GcsServer, bucket: str) -> str:
    """A dataset, which with a bucket is where the project's months go; BigQuery comes after DuckDB."""
    name = bigquery.fresh_dataset(location="US")
    project.configure(
        {
            "taxi": {"lake": "gcs", "warehouse": "duckdb, bigquery"},
            "lake.gcs": {"bucket": bucket, "endpoint": fake_gcs.endpoint},
            "warehouse.bigquery": {"project": PROJECT, "dataset": name, "endpoint": bigquery.endpoint, "patience": "2"},
        }
    )
    return name


@pytest.fixture
def publisher(tlc_data: Path, tmp_path: Path) -> Iterator[Cdn]:
    """TLC's own files of four months, which can be replaced."""
    folder = tmp_path / "published"
    folder.mkdir()
    for month in REAL:
        shutil.copy(tlc_data / "whole" / f"green_tripdata_{month}.parquet", folder)
    with Cdn(folder) as cdn:
        yield cdn


def test_tlcs_own_months_are_in_bigquery_as_they_are_in_duckdb_to_the_cent(
    project: Project, dataset: str, publisher: Cdn, bigquery: BigQueryServer, tmp_path: Path
) -> None:
    project.configure({"taxi": {"source": publisher.template}})
    command = ("LoadAllMonths", "--colors", "green", "--months", ",".join(REAL), "--workers", "2")
    first = project.run(*command, timeout=240)
    assert first.rc == 0, first.out
    cents = {month: (rows, amount) for month, rows, amount in bigquery.query(dataset, CENTS)}
    assert {month: rows for month, (rows, _) in cents.items()} == REAL
    assert cents == cents_in_duckdb(project.warehouse)
    assert sorted(loads(bigquery)) == sorted(REAL)
    asked = len(publisher.log), len(bigquery.shim.requests)
    again = project.run(*command)
    assert again.rc == 0, again.out
    assert "green: 0 months loaded, 4 already there" in again.out
    assert len(publisher.log) == asked[0]
    assert [request.method for request in bigquery.shim.requests[asked[1] :]] == ["GET"]
    _replace(publisher, tmp_path)
    forced = project.run("LoadAllMonths", "--colors", "green", "--months", "2021-02", "--force")
    assert forced.rc == 0, forced.out
    expected = REAL | {"2021-02": 1_234}
    assert dict(bigquery.query(dataset, COUNTS)) == expected
    assert duckdb_counts(project, "green_tripdata") == expected
    after = {month: (rows, amount) for month, rows, amount in bigquery.query(dataset, CENTS)}
    assert [month for month in REAL if after[month] != cents[month]] == ["2021-02"]
    verified = project.command("taxi-luigi", "verify")
    assert verified.rc == 0, verified.out


def loads(bigquery: BigQueryServer) -> dict[str, list[str] | None]:
    """The load jobs that were begun: month → URIs, None where the file was sent. No month was begun twice."""
    tables = [
        (request, request.load["destinationTable"]["tableId"]) for request in bigquery.shim.requests if request.load
    ]
    begun = [(request, table.partition("$")[2]) for request, table in tables if table.startswith("green_tripdata$")]
    assert len(begun) == len({partition for _, partition in begun})
    return {f"{partition[:4]}-{partition[4:]}": request.load.get("sourceUris") for request, partition in begun}


def _replace(publisher: Cdn, folder: Path) -> None:
    """The publisher rewrites a month with other rows."""
    made = write_month(folder / "rewritten", "green", Month(2021, 2), 1_234, seed=9)
    shutil.copy(made, publisher.folders[0] / "green_tripdata_2021-02.parquet")


def test_one_run_fills_three_warehouses_and_three_lakes(
    loading: Project,
    dataset: str,
    bucket: str,
    bigquery: BigQueryServer,
    moto_server: S3Server,
    aws_variables: None,
    azurite: AzureServer,
    postgres_url: str,
    cdn: Cdn,
) -> None:
    """A download and a cleaning for each month. BigQuery loads from the bucket, the others from the clean file here."""
    loading.configure(
        {
            "taxi": {"lake": "azure, s3, gcs", "warehouse": "duckdb, postgres, bigquery"},
            "lake.azure": lake_section(azurite, azurite.fresh_container()),
            "lake.s3": {"bucket": moto_server.bucket(), "endpoint_url": moto_server.url, "region": "us-east-1"},
            "warehouse.postgres": {"url": postgres_url},
        }
    )
    done = loading.run(*COMMAND, "--workers", "4", timeout=240)
    assert done.rc == 0, done.out
    assert (cdn.count("GET"), loading.logged().count("Cleaned green")) == (3, 3)
    assert (loading.logged().count("Uploaded green"), loading.logged().count("Loaded green")) == (9, 9)
    expected = dict.fromkeys(MONTHS, ROWS)
    assert duckdb_counts(loading, "green_tripdata") == expected
    assert dict(bigquery.query(dataset, COUNTS)) == expected
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_char(file_month, 'YYYY-MM'), count(*) FROM green_tripdata GROUP BY 1")
        assert dict(cursor.fetchall()) == expected
    assert loads(bigquery) == {month: [f"gs://{bucket}/data/green/green_tripdata_{month}.parquet"] for month in MONTHS}
    assert loading.command("taxi-luigi", "verify").rc == 0


@pytest.mark.parametrize("lake", ["local", "azure"])
def test_without_a_bucket_bigquery_is_sent_the_file(
    loading: Project, dataset: str, bigquery: BigQueryServer, azurite: AzureServer, lake: str
) -> None:
    section = lake_section(azurite, azurite.fresh_container())
    loading.configure({"taxi": {"lake": lake, "warehouse": "bigquery"}, "lake.azure": section})
    done = loading.run(*COMMAND, "--workers", "2", timeout=240)
    assert done.rc == 0, done.out
    assert dict(bigquery.query(dataset, COUNTS)) == dict.fromkeys(MONTHS, ROWS)
    assert loading.logged().count("Uploaded") == (len(MONTHS) if lake == "azure" else 0)
    assert loads(bigquery) == dict.fromkeys(MONTHS)


def test_a_warehouse_that_is_down_fails_what_needs_it_alone_and_the_rerun_does_only_that(
    loading: Project, dataset: str, bigquery: BigQueryServer, cdn: Cdn
) -> None:
    bigquery.shim.refuse(lambda request: True, 503, "backendError", times=1_000_000)
    down = loading.run(*COMMAND, "--workers", "2", timeout=280)
    assert down.rc == 30, down.out
    assert "cannot list warehouse bigquery" in down.out
    assert re.search(r"green 2021-01 failed: LoadMonth bigquery: .*503", down.out)
    assert "Traceback" not in down.out
    assert duckdb_counts(loading, "green_tripdata") == dict.fromkeys(MONTHS, ROWS)
    bigquery.shim.reset()
    asked = cdn.count("GET")
    up = loading.run(*COMMAND, timeout=240)
    assert up.rc == 0, up.out
    assert (cdn.count("GET"), loading.logged().count("Uploaded green"), loading.logged().count("Loaded green")) == (
        asked,
        0,
        3,
    )
    assert dict(bigquery.query(dataset, COUNTS)) == dict.fromkeys(MONTHS, ROWS)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"location": "EU"}, "EU"),
        ({"location": "US", "defaultPartitionExpirationMs": str(60 * 24 * 3600 * 1000)}, "would vanish at once"),
    ],
)
def test_a_dataset_that_cannot_take_the_months_stops_the_run_before_the_first_byte(
    loading: Project, dataset: str, bigquery: BigQueryServer, cdn: Cdn, settings: dict[str, str], says: str
) -> None:
    """fake-gcs-server's buckets are in US-CENTRAL1; a sandbox's partitions are kept for 60 days."""
    loading.configure({"warehouse.bigquery": {"dataset": bigquery.fresh_dataset(**settings)}})
    done = loading.run(*COMMAND)
    assert done.rc == 40, done.out
    [line] = [line for line in done.out.splitlines() if line.startswith("ERROR")]
    assert says in line
    assert cdn.count("GET") == 0
    assert not (loading.workspace / "raw").exists()


def test_runs_of_one_month_at_once_all_end_well(
    loading: Project, dataset: str, bucket: str, bigquery: BigQueryServer
) -> None:
    """From this machine's file, and from the bucket, where others replace the file that is loaded."""
    for lake in ("local", "gcs"):
        loading.configure({"taxi": {"lake": lake, "warehouse": "bigquery"}})
        for run in at_once(loading, [(*ALL, "--force"), ALL, (*ALL, "--force")]):
            assert run.rc == 0, run.out
            assert "Traceback" not in run.out
        assert dict(bigquery.query(dataset, COUNTS)) == {"2021-01": 3_000}
