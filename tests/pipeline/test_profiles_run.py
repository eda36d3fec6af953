"""The ready profiles at work: the `luigi` command with LUIGI_CONFIG_PATH, over real servers and Google's stand-ins."""

from __future__ import annotations

import json

import psycopg2

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.gcs import GcsServer
from tests.support.project import ROOT, Project, Run

MONTH = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")


def run(project: Project, profile: str, **variables: str) -> Run:
    """As the profile's own first lines say."""
    env = {"LUIGI_CONFIG_PATH": str(ROOT / "config" / f"{profile}.cfg"), **variables}
    return project.command("luigi", "--module", "taxi_luigi", *MONTH, env=env, timeout=240)


def test_local_needs_no_server(loading: Project) -> None:
    loading.configure({"core": {"scheduler_port": 1}, "taxi": {"lake": "s3", "warehouse": "postgres"}})
    done = run(loading, "local")
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": ROWS}


def test_postgres_takes_its_url_from_the_environment(loading: Project, postgres_url: str) -> None:
    loading.configure({"core": {"local_scheduler": "true"}})
    missing = run(loading, "postgres")
    assert missing.rc == 40
    line = "ERROR: [warehouse.postgres] url cannot be read: the environment variable POSTGRES_URL is not set"
    assert missing.out.splitlines() == [line]
    done = run(loading, "postgres", POSTGRES_URL=postgres_url)
    assert done.rc == 0, done.out
    with psycopg2.connect(postgres_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM green_tripdata")
        assert cursor.fetchone() == (ROWS,)
    assert not loading.warehouse.exists()


def test_gcp_takes_bucket_and_project_from_the_environment(
    loading: Project, fake_gcs: GcsServer, bigquery: BigQueryServer
) -> None:
    dataset, bucket = bigquery.fresh_dataset(location="US"), fake_gcs.fresh_bucket()
    loading.configure(
        {
            "core": {"local_scheduler": "true"},
            "lake.gcs": {"endpoint": fake_gcs.endpoint},
            "warehouse.bigquery": {"dataset": dataset, "endpoint": bigquery.endpoint, "patience": "2"},
        }
    )
    done = run(loading, "gcp", GCS_BUCKET=bucket, GOOGLE_CLOUD_PROJECT=PROJECT)
    assert done.rc == 0, done.out
    assert [blob.name for blob in fake_gcs.client.list_blobs(bucket)] == ["data/green/green_tripdata_2021-01.parquet"]
    assert bigquery.query(dataset, "SELECT count(*) FROM green_tripdata") == [(ROWS,)]


def test_a_profile_that_is_not_there_starts_nothing(loading: Project) -> None:
    """Luigi alone would warn, and load into what luigi.cfg names."""
    done = run(loading, "postgre")
    assert done.rc == 40
    assert done.out.splitlines()[-1] == f"ERROR: LUIGI_CONFIG_PATH names no file: {ROOT / 'config' / 'postgre.cfg'}"
    assert not loading.workspace.exists()


def test_settings_shows_the_files_and_what_each_of_them_sets(project: Project) -> None:
    project.configure({"notify": {"urls": "json://hunter2@host"}})
    profile = str(ROOT / "config" / "postgres.cfg")
    env = {"LUIGI_CONFIG_PATH": profile}  # of the variable that it wants, none is needed for looking
    done = project.command("taxi-luigi", "settings", "--json", env=env)
    assert done.rc == 0, done.out
    told = json.loads(done.out)
    read = [file["path"] for file in told["files"] if file["read"]]
    packaged, shipped, own, named = read[0], *read[-3:]
    assert packaged == str(ROOT / "taxi_luigi" / "config" / "luigi.cfg")
    assert [shipped, own, named] == [str(ROOT / "config" / "luigi.cfg"), str(project.folder / "luigi.cfg"), profile]
    settings = {(each["section"], each["key"]): (each["value"], each["source"]) for each in told["settings"]}
    assert settings["taxi", "warehouse"] == ("postgres", profile)
    assert settings["warehouse.postgres", "url"] == ("${POSTGRES_URL}", profile)
    assert settings["taxi", "workspace"] == (str(project.workspace), own)
    assert settings["retcode", "task_failed"] == ("30", shipped)
    people = project.command("taxi-luigi", "settings", env=env)
    assert people.rc == 0, people.out
    assert any(line.split() == ["[notify]", "urls", "json://***", own] for line in people.out.splitlines())
    assert "hunter2" not in done.out + people.out
