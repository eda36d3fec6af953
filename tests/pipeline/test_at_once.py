"""Runs of one month at the same time: all of them end well where the month is there as they wanted it.

Short form of `python -m tests.support.at_once`, which runs eight of each. Three on two cores take turns as four do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg2
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import ROWS, duckdb_counts, markers
from tests.support.at_once import ALL, LOAD, at_once
from tests.support.azure import AzureServer, lake_section
from tests.support.cdn import Cdn
from tests.support.gcs import GcsServer
from tests.support.project import Project, Run
from tests.support.s3 import S3Server

FORCE = (*ALL, "--force")


def check(runs: list[Run]) -> None:
    """All ended well, without a word of Luigi's own, and none says that it left something undone."""
    for run in runs:
        assert run.rc == 0, run.out
        assert "Traceback" not in run.out
        assert "not finished" not in run.out


@pytest.mark.parametrize(
    "commands",
    [
        [(*LOAD, "duckdb")] * 3,
        [ALL] * 3,
        [FORCE, ALL, (*ALL, "--refresh")],
        [("CleanMonth", "--color", "green", "--month", "2021-01"), FORCE, FORCE],
    ],
    ids=["single", "plain", "mixed", "clean"],
)
def test_runs_of_one_month_at_once_all_end_well_in_duckdb(loading: Project, commands: list[tuple[str, ...]]) -> None:
    for _ in range(2):  # with nothing there, and with the month there
        check(at_once(loading, commands))
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": ROWS}
    assert markers(loading) == {("green", "2021-01"): ROWS}
    assert loading.leftovers() == []
    assert "failed" not in loading.command("taxi-luigi", "history", "--last", "1").out.splitlines()[-1]


@pytest.mark.parametrize("commands", [[(*LOAD, "pg")] * 3, [FORCE, ALL, FORCE]], ids=["single", "forced"])
def test_runs_of_one_month_at_once_all_end_well_in_postgres(
    loading: Project, commands: list[tuple[str, ...]], postgres_url: str
) -> None:
    loading.configure({"taxi": {"warehouse": "pg"}, "warehouse.pg": {"type": "postgres", "url": "${PG}"}})
    for _ in range(2):
        check(at_once(loading, commands, {"PG": postgres_url}))
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), (SELECT sum(rows) FROM taxi_luigi_loads) FROM green_tripdata")
        assert cursor.fetchall() == [(ROWS, ROWS)]


def test_runs_of_one_month_at_once_all_end_well_in_gcs(loading: Project, fake_gcs: GcsServer) -> None:
    bucket = fake_gcs.fresh_bucket()
    loading.configure(
        {"taxi": {"lake": "gcs", "warehouse": ""}, "lake.gcs": {"bucket": bucket, "endpoint": fake_gcs.endpoint}}
    )
    check(at_once(loading, [FORCE, ALL, FORCE]))
    loading.configure({"taxi": {"workspace": f"gs://{bucket}/work"}})
    check(at_once(loading, [FORCE, ALL, FORCE]))


def test_runs_of_one_month_at_once_all_end_well_in_azure(loading: Project, azurite: AzureServer) -> None:
    section = lake_section(azurite, azurite.fresh_container())
    loading.configure({"taxi": {"lake": "azure", "warehouse": ""}, "lake.azure": section})
    check(at_once(loading, [FORCE, ALL, FORCE, FORCE]))


@pytest.mark.usefixtures("aws_variables")
def test_runs_of_one_month_at_once_all_end_well_in_s3(loading: Project, seaweed_server: S3Server) -> None:
    settings = {"bucket": seaweed_server.bucket(), "endpoint_url": seaweed_server.url, "region": "us-east-1"}
    loading.configure({"taxi": {"lake": "s3", "warehouse": ""}, "lake.s3": settings})
    check(at_once(loading, [FORCE, ALL, FORCE]))


def test_runs_that_replace_a_rewritten_month_at_once_all_end_well(
    loading: Project, samples: Path, tmp_path: Path
) -> None:
    """The new raw file is another one, of which no reader may meet half."""
    published = tmp_path / "published"
    published.mkdir()
    shutil.copy(samples / "green_tripdata_2021-01.parquet", published)
    with Cdn(published) as cdn:
        loading.configure({"taxi": {"source": cdn.template}})
        assert loading.run(*ALL).rc == 0
        rewritten = write_month(tmp_path / "rewritten", "green", Month(2021, 1), ROWS + 100, seed=9)
        rewritten.replace(published / "green_tripdata_2021-01.parquet")
        check(at_once(loading, [FORCE, (*ALL, "--refresh", "all"), FORCE]))
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": ROWS + 100}
    assert markers(loading) == {("green", "2021-01"): ROWS + 100}
    assert loading.command("taxi-luigi", "verify").rc == 0


MEANWHILE = """
import sys, duckdb, luigi.cmdline, taxi_luigi.warehouses.duckdb as own
real = own.DuckDB.replace_month
def replace_month(self, *args):
    rows = real(self, *args)
    with duckdb.connect(str(self.path)) as connection:
        connection.execute("UPDATE taxi_luigi_loads SET edition = 'aaaaaaaaaa-bbbbbbbbbb_cccccccccc'")
    return rows
own.DuckDB.replace_month = replace_month
luigi.cmdline.luigi_run(sys.argv[1:])
"""
"""The luigi command, and another run that puts other content in the month's place as soon as it is loaded."""


def test_a_month_in_whose_place_another_run_put_other_content_fails_with_one_line(loading: Project) -> None:
    done = loading.command("python", "-c", MEANWHILE, "--module", "taxi_luigi", *FORCE, "--local-scheduler")
    assert done.rc == 30, done.out
    line = "LoadMonth duckdb: duckdb:green_tripdata/2021-01: another run replaced it meanwhile; run the same command"
    assert f"green 2021-01 failed: {line} again" in done.out
    assert "Traceback" not in done.out
    assert "still returning false" not in done.out


OTHER_FILE = """
import os, sys, luigi.cmdline, taxi_luigi.warehouses.duckdb as own
real, turns = own._insert, []
def insert(connection, dataset, month, path, *more):
    if not turns:
        turns.append(os.replace(os.environ["OTHER"], os.environ["CLEAN"]))
    return real(connection, dataset, month, path, *more)
own._insert = insert
luigi.cmdline.luigi_run(sys.argv[1:])
"""
"""The luigi command, and another run that replaces the clean file while it is loaded for the first time."""


def test_a_clean_file_that_is_replaced_while_it_is_loaded_is_loaded_as_it_is_then(
    loading: Project, cdn: Cdn, tmp_path: Path
) -> None:
    other = Project(tmp_path / "other")
    other.configure({"taxi": {"source": cdn.template}, "clean": {"fill_missing_passengers": "0"}})
    assert other.run("CleanMonth", "--color", "green", "--month", "2021-01").rc == 0
    clean = Path("clean", "green", "green_tripdata_2021-01.parquet")
    done = loading.command(
        "python", "-c", OTHER_FILE, "--module", "taxi_luigi", *LOAD, "duckdb", "--local-scheduler",
        env={"OTHER": str(other.workspace / clean), "CLEAN": str(loading.workspace / clean)},
    )  # fmt: skip
    assert done.rc == 0, done.out
    assert "another run replaced it meanwhile; trying again" in done.out
    again = loading.command("taxi-luigi", "verify")
    assert again.rc == 0, again.out
