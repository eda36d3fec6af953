"""Months to several lakes and warehouses in one run, by the `luigi` command, over stand-ins for clouds."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import boto3
import pytest

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.azure import AzureServer, lake_section
from tests.support.between import Answered, Between, between
from tests.support.cdn import Cdn
from tests.support.gcs import GcsServer
from tests.support.project import Project
from tests.support.s3 import S3Server

__all__ = ["between"]

MONTHS = ("2021-01", "2021-02", "2021-03")
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03")


@pytest.fixture
def bucket(loading: Project, between: Between, fake_gcs: GcsServer) -> str:
    """The bucket that is the project's only lake."""
    name = fake_gcs.fresh_bucket()
    loading.configure(
        {"taxi": {"lake": "gcs"}, "lake.gcs": {"bucket": name, "endpoint": between.endpoint, "timeout": "3"}}
    )
    return name


@pytest.fixture
def s3_bucket(loading: Project, moto_server: S3Server, aws_variables: None) -> str:
    """A bucket in S3, as a second lake."""
    name = moto_server.bucket()
    loading.configure(
        {
            "taxi": {"lake": "gcs, s3"},
            "lake.s3": {"bucket": name, "endpoint_url": moto_server.url, "region": "us-east-1", "timeout": "3"},
        }
    )
    return name


def objects(server: GcsServer, bucket: str) -> dict[str, dict[str, str]]:
    """Name → metadata of all that is in a bucket."""
    return {blob.name: blob.metadata for blob in server.client.list_blobs(bucket)}


def test_objects_are_named_as_in_the_course_and_say_which_month_they_are(
    loading: Project, bucket: str, fake_gcs: GcsServer
) -> None:
    done = loading.run(*COMMAND)
    assert done.rc == 0, done.out
    found = objects(fake_gcs, bucket)
    assert sorted(found) == [f"data/green/green_tripdata_{month}.parquet" for month in MONTHS]
    for labels in found.values():
        assert labels.keys() == {"color", "month", "edition", "sha256", "rows", "records", "source"}
        assert int(labels["rows"]) == ROWS
    assert f"to gs://{bucket}/data/green/green_tripdata_2021-01.parquet" in loading.logged()
    assert duckdb_counts(loading, "green_tripdata") == dict.fromkeys(MONTHS, ROWS)


def test_no_connection_to_the_cloud_is_used_by_two_tasks(loading: Project, bucket: str, between: Between) -> None:
    """Every task is a process of its own: two months on one connection would mean that a client was forked."""
    done = loading.run(*COMMAND, "--workers", "4")
    assert done.rc == 0, done.out
    months = defaultdict(set)
    for asked in between.asked:
        months[asked.connection] |= set(
            re.findall(r"tripdata_(\d{4}-\d{2})", asked.path + asked.body[:500].decode("latin1"))
        )
    assert {month for found in months.values() for month in found} == set(MONTHS)
    assert max(len(found) for found in months.values()) == 1


def test_each_month_goes_to_every_lake_from_one_download_and_one_cleaning(
    loading: Project, bucket: str, s3_bucket: str, cdn: Cdn, fake_gcs: GcsServer, moto_server: S3Server
) -> None:
    done = loading.run(*COMMAND, "--workers", "2")
    assert done.rc == 0, done.out
    assert cdn.count("GET") == len(MONTHS)
    assert loading.logged().count("Cleaned green") == len(MONTHS)
    client = boto3.client("s3", endpoint_url=moto_server.url, region_name="us-east-1")
    in_s3 = {each["Key"]: each["Size"] for each in client.list_objects_v2(Bucket=s3_bucket)["Contents"]}
    in_gcs = {blob.name: blob.size for blob in fake_gcs.client.list_blobs(bucket)}
    assert in_s3 == in_gcs
    assert len(in_s3) == len(MONTHS)
    assert loading.command("taxi-luigi", "verify").rc == 0
    asked = cdn.count("HEAD"), cdn.count("GET")
    again = loading.run(*COMMAND)
    assert again.rc == 0
    assert "3 already there" in again.out
    assert (cdn.count("HEAD"), cdn.count("GET")) == asked


def test_a_lake_that_is_down_fails_what_needs_it_alone_and_the_rerun_does_only_that(
    loading: Project, bucket: str, s3_bucket: str, between: Between, cdn: Cdn
) -> None:
    """BigQuery apart, warehouses are loaded from the first lake: here S3, while Google does not answer."""
    loading.configure({"taxi": {"lake": "s3, gcs"}, "lake.gcs": {"timeout": "0.5"}})
    between.rule = lambda _asked: Answered(503)
    down = loading.run(*COMMAND, "--workers", "3", timeout=240)
    assert down.rc == 30, down.out
    assert "cannot list lake gcs" in down.out
    assert re.search(r"green 2021-01 failed: UploadMonth gcs: .*503", down.out)
    assert "Traceback" not in down.out
    assert duckdb_counts(loading, "green_tripdata") == dict.fromkeys(MONTHS, ROWS)
    between.rule = lambda _asked: None
    asked = cdn.count("GET")
    up = loading.run(*COMMAND)
    assert up.rc == 0, up.out
    assert cdn.count("GET") == asked
    assert loading.logged().count("Uploaded green") == len(MONTHS)
    assert "Loaded green" not in loading.logged()
    assert "Cleaned green" not in loading.logged()


def test_a_wrong_setting_stops_the_run_before_the_first_byte(
    loading: Project, bucket: str, between: Between, cdn: Cdn
) -> None:
    """fake-gcs-server has no word for a missing bucket: the proxy answers with Google's."""
    body = {"error": {"code": 404, "message": "The specified bucket does not exist."}}
    between.rule = lambda _asked: Answered(404, body)
    done = loading.run(*COMMAND)
    assert done.rc == 40, done.out
    assert [line for line in done.out.splitlines() if "ERROR" in line and bucket in line]
    assert "Traceback" not in done.out
    assert cdn.count("GET") == 0
    assert not (loading.workspace / "raw").exists()


def test_credentials_that_are_not_there_stop_the_run_in_one_line(
    loading: Project, bucket: str, cdn: Cdn, tmp_path: Path
) -> None:
    loading.configure({"lake.gcs": {"endpoint": "https://127.0.0.1:1", "credentials_file": tmp_path / "no.json"}})
    done = loading.run(*COMMAND)
    assert done.rc == 40, done.out
    assert str(tmp_path / "no.json") in done.out
    assert "Traceback" not in done.out
    assert cdn.count("GET") == 0


def test_the_doctor_looks_at_everything_and_changes_nothing(
    loading: Project, bucket: str, s3_bucket: str, fake_gcs: GcsServer, azurite: AzureServer
) -> None:
    container = azurite.fresh_container()
    loading.configure(
        {
            "taxi": {"lake": "gcs, s3, azure", "warehouse": "duckdb, postgres"},
            "lake.azure": lake_section(azurite, container),
            "warehouse.postgres": {"url": "postgresql://127.0.0.1:1/x"},
        }
    )
    said = loading.command("taxi-luigi", "doctor")
    assert said.rc == 40
    verdicts = {tuple(line.split()[:3]): line for line in said.out.splitlines()}
    assert ("workspace", "folder", "ok") in verdicts
    assert ("source", "file", "ok") in verdicts or ("source", "file", "unknown") in verdicts
    assert ("warehouse", "duckdb", "file") in verdicts
    buckets = (("lake", "gcs", "bucket"), ("lake", "s3", "bucket"), ("lake", "azure", "container"))
    for place in (*buckets, ("warehouse", "postgres", "server")):
        assert place in verdicts
    assert "no answer" in verdicts["warehouse", "postgres", "server"]
    assert "Traceback" not in said.out
    assert not loading.workspace.exists()
    assert objects(fake_gcs, bucket) == {}
    assert list(azurite.container(container).list_blobs()) == []


def test_the_target_of_a_month_is_of_its_lakes_kind(loading: Project, bucket: str, s3_bucket: str) -> None:
    code = (
        "import json; from taxi_luigi.tasks import targets; from taxi_luigi.tlc.months import Month\n"
        "made = [targets.lake_target(name, 'green', Month(2021, 1)) for name in ('gcs', 's3', 'local')]\n"
        "made.append(targets.CleanTarget('green', Month(2021, 1)))\n"
        "print(json.dumps([[type(target).__name__, target.path] for target in made if target.path == str(target)]))"
    )
    name = "green/green_tripdata_2021-01.parquet"
    said = json.loads(loading.command("python", "-c", code).out)
    clean = str(loading.workspace / "clean" / name)
    assert said == [
        ["GCSTarget", f"gs://{bucket}/data/{name}"],
        ["S3Target", f"s3://{s3_bucket}/data/{name}"],
        ["LakeTarget", clean],
        ["CleanTarget", clean],
    ]
