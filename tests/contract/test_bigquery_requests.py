"""Each request to BigQuery is one that Google's own description allows, and that Google does not bill.

What no emulator shows: that Google's servers do what their description says. scripts/check-gcp asks the real ones.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from taxi_luigi.tlc.zones import Zone
from tests.support.bigquery import LOCATION, PROJECT, BigQueryServer, fresh_bigquery
from tests.support.bigquery_months import FEBRUARY, JANUARY, PARTITION, YELLOW, in_bucket, local
from tests.support.bigquery_reference import Reference, check_table
from tests.support.bigquery_shim import Emulator, Request
from tests.support.gcs import GcsServer


@pytest.fixture(scope="session")
def reference(bigquery_server: BigQueryServer) -> Reference:
    return Reference(bigquery_server.emulator)


def test_a_warehouse_s_life_asks_only_what_is_free_and_described(
    bigquery: BigQueryServer, fake_gcs: GcsServer, tmp_path: Path, reference: Reference
) -> None:
    warehouse = fresh_bigquery(bigquery)
    assert warehouse.loaded_months(YELLOW) == {}
    columns = tuple(column for column in YELLOW.columns if column.name != "cbd_congestion_fee")
    older = local(tmp_path, rows=10)
    dataclasses.replace(older, dataset=dataclasses.replace(YELLOW, columns=columns)).into(warehouse)
    in_bucket(fake_gcs, tmp_path, rows=20, seed=1).into(warehouse)
    local(tmp_path, rows=30, seed=2, month=FEBRUARY).into(warehouse)
    assert warehouse.count(YELLOW) == {JANUARY: 20, FEBRUARY: 30}
    assert warehouse.filled(YELLOW, JANUARY, ["fare_amount", "file_month"]) == {"fare_amount", "file_month"}
    warehouse.remove_month(YELLOW, FEBRUARY)
    warehouse.replace_zones([Zone(1, "EWR", "Newark Airport", "EWR")])
    assert warehouse.zones() == 1
    assert warehouse.refused(YELLOW, [JANUARY]) == {}
    assert warehouse.location() == LOCATION
    assert all(check.message for check in warehouse.checks())
    asked = Counter(reference.check(request) for request in bigquery.shim.requests)
    assert asked.keys() == {
        *("datasets.get", "jobs.get", "jobs.insert", "jobs.list", "tabledata.list"),
        *("tables.get", "tables.insert", "tables.patch", "tables.delete", "tables.testIamPermissions"),
    }
    made = [each.body for each in bigquery.shim.requests if each.method == "POST" and each.path.endswith("/tables")]
    for table in filter(None, made):
        check_table(table)
    trips, marks = made
    assert trips is not None
    assert trips["timePartitioning"] == {"type": "MONTH", "field": "file_month"}
    assert trips["clustering"] == {"fields": ["tpep_pickup_datetime", "pulocationid"]}
    assert all(field["description"] for field in trips["schema"]["fields"])
    types = {field["name"]: field["type"] for field in trips["schema"]["fields"]}
    assert (types["file_month"], types["tpep_pickup_datetime"], types["vendorid"]) == ("DATE", "DATETIME", "INTEGER")
    assert marks is not None
    assert "timePartitioning" not in marks


def test_a_month_from_a_bucket_is_loaded_by_google_alone(
    bigquery: BigQueryServer, fake_gcs: GcsServer, tmp_path: Path
) -> None:
    warehouse = fresh_bigquery(bigquery)
    clean = in_bucket(fake_gcs, tmp_path, rows=123)
    assert clean.into(warehouse) == 123
    assert warehouse.count(YELLOW) == {JANUARY: 123}
    [request] = bigquery.shim.inserted(PARTITION)
    assert request.load is not None
    assert request.load["sourceUris"] == [clean.file.url]
    assert request.load["sourceFormat"] == "PARQUET"
    assert request.path == f"/bigquery/v2/projects/{PROJECT}/jobs"
    assert request.body is not None
    assert request.body["configuration"]["labels"] == {
        "tool": "taxi_luigi",
        "color": "yellow",
        "month": "2024-01",
        "edition": clean.given.edition.lower(),
    }


def test_what_is_loaded_is_one_request(bigquery: BigQueryServer, tmp_path: Path) -> None:
    warehouse = fresh_bigquery(bigquery)
    for seed in range(3):
        local(tmp_path, seed=seed).into(warehouse)
    bigquery.shim.requests.clear()
    assert len(warehouse.loaded_months(YELLOW)) == 1
    assert [each.path.rpartition("/tables/")[2] for each in bigquery.shim.requests] == ["taxi_luigi_loads/data"]


def test_a_month_is_read_until_each_column_had_a_value(bigquery: BigQueryServer, tmp_path: Path) -> None:
    """The rows of a partition come in no order, so one value among 95 rows is on any of the ten pages."""
    warehouse = fresh_bigquery(bigquery)
    late = [0.5 if number == 35 else None for number in range(95)]
    local(tmp_path, rows=95, fare_amount=[1.0] * 95, tip_amount=late, extra=[None] * 95).into(warehouse)
    bigquery.shim.largest_page = 10

    def filled(*columns: str) -> tuple[set[str], int]:
        bigquery.shim.requests.clear()
        found = set(warehouse.filled(YELLOW, JANUARY, columns))
        return found, sum(request.path.endswith(f"{PARTITION}/data") for request in bigquery.shim.requests)

    assert filled("fare_amount") == ({"fare_amount"}, 1)
    assert filled("fare_amount", "tip_amount")[0] == {"fare_amount", "tip_amount"}
    assert filled("fare_amount", "extra") == ({"fare_amount"}, 10)


JOB = {"projectId": "p", "jobId": "j", "location": "EU"}
LOAD = {
    "destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t$202401"},
    "writeDisposition": "WRITE_TRUNCATE",
    "createDisposition": "CREATE_NEVER",
}


def insert(load: dict[str, object], **others: object) -> Request:
    body = {"jobReference": JOB, "configuration": {"load": {**LOAD, **load}, **others}}
    return Request("POST", "/bigquery/v2/projects/p/jobs", {}, body)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (Request("POST", "/bigquery/v2/projects/p/queries", {}, {"query": "SELECT 1"}), "jobs.query is not free"),
        (Request("POST", "/bigquery/v2/projects/p/datasets/d/tables/t/insertAll", {}, {}), "insertAll is not free"),
        (insert({}, query={"query": "SELECT 1"}), "only load jobs are free"),
        (insert({"writeDisposition": "WRITE_REPLACE"}), "WRITE_REPLACE"),
        (insert({"tableSchema": {}}), "no field tableSchema"),
        (insert({"sourceUris": "gs://b/o"}), "must be a list"),
        (insert({"sourceUris": ["gs://b/*.parquet"]}), "no wildcard"),
        (insert({"createDisposition": "CREATE_IF_NEEDED"}), "CREATE_NEVER"),
        (insert({"sourceColumnMatch": "ANY"}), "not one of"),
        (insert({}, labels={"color": "Yellow"}), "Yellow"),
        (insert({}, jobType="LOAD"), "Google's to write"),
        (Request("GET", "/bigquery/v2/projects/p/datasets/d", {"where": "x"}, None), "no parameter"),
        (Request("GET", "/bigquery/v2/nonsense", {}, None), "nothing in Google's description"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_reference_tells_what_is_wrong(reference: Reference, wrong: Request, why: str) -> None:
    reference.check(insert({}))
    with pytest.raises(AssertionError, match=why):
        reference.check(wrong)


def test_the_emulator_alone_takes_a_partition_for_a_table(bigquery: BigQueryServer) -> None:
    """Why the shim is there: if this fails, local-bigquery has learnt partitions, and the shim may go."""
    dataset = bigquery.fresh_dataset()
    bigquery.make_table(dataset, "t", {"file_month": "DATE"})
    alone: Emulator = bigquery.emulator
    answer = alone.ask("GET", f"/bigquery/v2/projects/{PROJECT}/datasets/{dataset}/tables/t$202401/data")
    assert answer.status == 404
