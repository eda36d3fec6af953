"""BigQuery's tables and datasets: what we make, what we leave alone, and what is seen before a run."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi.core.errors import ConfigError, ForeignTable, TaxiError, WarehouseError
from taxi_luigi.core.health import Status
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import MARKERS
from taxi_luigi.warehouses.bigquery import BigQuery, health
from taxi_luigi.warehouses.bigquery.tables import TYPES
from tests.support.bigquery import LOCATION, PROJECT, BigQueryServer, fresh_bigquery
from tests.support.bigquery_months import JANUARY, YELLOW, local

TABLE = YELLOW.table
COLUMNS = {column.name: TYPES[column.type] for column in YELLOW.columns}
OURS = {"timePartitioning": {"type": "MONTH", "field": "file_month"}}
DAY = 24 * 3600 * 1000


def one_line(error: pytest.ExceptionInfo[TaxiError]) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


NOT_OURS: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "another type": ({**COLUMNS, "vendorid": "STRING"}, OURS, "has vendorid as STRING, not INTEGER"),
    "a time with a zone": (
        {**COLUMNS, "tpep_pickup_datetime": "TIMESTAMP"},
        OURS,
        "has tpep_pickup_datetime as TIMESTAMP, not DATETIME",
    ),
    "no partitions": (COLUMNS, {}, "is not partitioned by time, not by MONTH of file_month, so taxi_luigi did not"),
    "partitions of days": (
        COLUMNS,
        {"timePartitioning": {"type": "DAY", "field": "file_month"}},
        "is partitioned by DAY of file_month, not by MONTH of file_month",
    ),
    "partitions of another column": (
        COLUMNS,
        {"timePartitioning": {"type": "MONTH", "field": "tpep_pickup_datetime"}},
        "is partitioned by MONTH of tpep_pickup_datetime, not by MONTH of file_month",
    ),
    "partitions of the time of loading": (
        COLUMNS,
        {"timePartitioning": {"type": "MONTH"}},
        "is partitioned by MONTH of the time of loading, not",
    ),
}


@pytest.mark.parametrize("case", NOT_OURS)
def test_a_table_that_does_not_take_our_rows_is_left_alone(bigquery: BigQueryServer, tmp_path: Path, case: str) -> None:
    columns, settings, why = NOT_OURS[case]
    dataset = bigquery.fresh_dataset()
    bigquery.make_table(dataset, TABLE, columns, **settings)
    before = bigquery.table(dataset, TABLE).json
    with pytest.raises(WarehouseError) as error:
        local(tmp_path).into(fresh_bigquery(bigquery, dataset=dataset))
    assert why in one_line(error)
    assert "rename it or set another dataset" in str(error.value)
    assert bigquery.table(dataset, TABLE).json == before
    assert bigquery.shim.inserted(f"{TABLE}$202401") == []


def test_a_view_is_left_alone(bigquery: BigQueryServer, tmp_path: Path) -> None:
    dataset = bigquery.fresh_dataset()
    bigquery.query(dataset, f"CREATE VIEW {TABLE} AS SELECT 1 AS vendorid")
    with pytest.raises(WarehouseError, match="is a VIEW, so taxi_luigi did not make it") as error:
        local(tmp_path).into(fresh_bigquery(bigquery, dataset=dataset))
    one_line(error)


def test_columns_that_are_missing_are_added_and_others_stay(bigquery: BigQueryServer, tmp_path: Path) -> None:
    dataset = bigquery.fresh_dataset()
    fewer = {name: kind for name, kind in COLUMNS.items() if name not in ("airport_fee", "cbd_congestion_fee")}
    bigquery.make_table(dataset, TABLE, {**fewer, "my_own_note": "STRING"}, **OURS)
    local(tmp_path).into(fresh_bigquery(bigquery, dataset=dataset))
    fields = bigquery.table(dataset, TABLE).json["schema"]["fields"]
    assert {field["name"]: field["type"] for field in fields} == {**COLUMNS, "my_own_note": "STRING"}
    assert [field["name"] for field in fields][-3:] == ["my_own_note", "airport_fee", "cbd_congestion_fee"]
    assert bigquery.query(dataset, f"SELECT count(*), count(my_own_note) FROM {TABLE}") == [(100, 0)]


def test_a_table_that_is_widened_by_somebody_else_meanwhile_is_looked_at_again(
    bigquery: BigQueryServer, tmp_path: Path
) -> None:
    dataset = bigquery.fresh_dataset()
    fewer = {name: kind for name, kind in COLUMNS.items() if name != "cbd_congestion_fee"}
    bigquery.make_table(dataset, TABLE, fewer, **OURS)
    add = f"ALTER TABLE {TABLE} ADD COLUMN cbd_congestion_fee FLOAT64"
    bigquery.shim.first(lambda request: request.method == "PATCH", lambda: bigquery.query(dataset, add))
    bigquery.shim.refuse(lambda request: request.method == "PATCH", 412, "conditionNotMet")
    assert local(tmp_path).into(fresh_bigquery(bigquery, dataset=dataset)) == 100
    assert sum(request.method == "PATCH" for request in bigquery.shim.requests) == 1


@pytest.mark.parametrize("answer", ["left out", "400", "404"])
def test_markers_of_before_are_read_whatever_google_answers_for_a_column_that_is_not_there(
    bigquery: BigQueryServer, tmp_path: Path, answer: str
) -> None:
    """Its documentation does not say. The emulator leaves the column out."""
    dataset = bigquery.fresh_dataset()
    warehouse = fresh_bigquery(bigquery, dataset=dataset)
    clean = local(tmp_path)
    clean.into(warehouse)
    before = f"CREATE OR REPLACE TABLE {MARKERS} AS SELECT * EXCEPT (records) FROM {MARKERS}"
    bigquery.query(dataset, before)
    if answer != "left out":
        reason = {"400": "invalid", "404": "notFound"}[answer]
        bigquery.shim.refuse(
            lambda request: "records" in request.query.get("selectedFields", ""), int(answer), reason, times=99
        )
    marker = warehouse.loaded_months(YELLOW)[JANUARY]
    assert (marker.edition, marker.rows, marker.records) == (clean.given.edition, 100, None)


def test_a_table_of_markers_that_is_not_ours_is_named(bigquery: BigQueryServer) -> None:
    dataset = bigquery.fresh_dataset()
    bigquery.query(dataset, f"CREATE VIEW {MARKERS} AS SELECT 1 AS mine")
    bigquery.shim.refuse(lambda request: request.path.endswith(f"{MARKERS}/data"), 400, "invalid", times=99)
    with pytest.raises(ForeignTable, match=f"the table {MARKERS} is a VIEW, so taxi_luigi did not make it") as error:
        fresh_bigquery(bigquery, dataset=dataset).loaded_months(YELLOW)
    one_line(error)


def test_a_missing_dataset_is_an_error_with_the_way_to_make_it(bigquery: BigQueryServer, tmp_path: Path) -> None:
    warehouse = fresh_bigquery(bigquery, dataset="no_such_dataset", location="EU")
    for ask in (
        lambda: warehouse.loaded_months(YELLOW),
        lambda: warehouse.count(YELLOW),
        lambda: local(tmp_path).into(warehouse),
        warehouse.zones,
        warehouse.location,
        lambda: warehouse.refused(YELLOW, [JANUARY]),
    ):
        with pytest.raises(ConfigError) as error:
            ask()
        assert f"bq mk --dataset --location=EU {PROJECT}:no_such_dataset" in one_line(error)
    assert [check.status for check in warehouse.checks()] == [Status.OK, Status.ERROR]


def test_a_dataset_that_is_elsewhere_than_configured_is_refused(bigquery: BigQueryServer) -> None:
    warehouse = fresh_bigquery(bigquery, location="us-east1")
    with pytest.raises(ConfigError, match="location is us-east1, but the dataset is in EU"):
        warehouse.location()
    assert fresh_bigquery(bigquery, location="eu").location() == LOCATION


def test_a_month_that_would_vanish_is_refused_before_anything_is_loaded(
    bigquery: BigQueryServer, tmp_path: Path
) -> None:
    """A sandbox. That Google then deletes the partition is its documentation's word: the emulator keeps it."""
    recent = Month.of(datetime.now(UTC).date())
    dataset = bigquery.fresh_dataset(defaultPartitionExpirationMs=str(60 * DAY))
    warehouse = fresh_bigquery(bigquery, dataset=dataset)
    refused = warehouse.refused(YELLOW, [JANUARY, recent])
    assert refused.keys() == {JANUARY}
    assert "2024-01 would vanish at once, as partitions are deleted 60 days after their end: " in refused[JANUARY]
    assert "\n" not in refused[JANUARY]
    # The emulator's tables do not inherit what the dataset says, as Google's do
    bigquery.make_table(
        dataset, TABLE, COLUMNS, timePartitioning={**OURS["timePartitioning"], "expirationMs": str(60 * DAY)}
    )
    assert warehouse.refused(YELLOW, [JANUARY, recent]) == refused
    with pytest.raises(ConfigError) as error:
        local(tmp_path).into(warehouse)
    assert one_line(error) == refused[JANUARY]
    assert bigquery.shim.inserted(f"{TABLE}$202401") == []
    assert local(tmp_path, month=recent).into(warehouse) == 100


def test_a_table_that_keeps_its_months_is_not_refused_for_its_dataset(bigquery: BigQueryServer) -> None:
    dataset = bigquery.fresh_dataset(defaultPartitionExpirationMs=str(60 * DAY))
    bigquery.make_table(dataset, TABLE, COLUMNS, **OURS)
    assert fresh_bigquery(bigquery, dataset=dataset).refused(YELLOW, [JANUARY]) == {}


@pytest.mark.parametrize(
    ("month", "lifetime", "over"),
    [
        (Month(2021, 1), None, False),
        (Month(2021, 1), 60 * DAY, True),
        (Month(2026, 8), 60 * DAY, True),  # ends on 1 September, goes on 31 October
        (Month(2026, 9), 60 * DAY, False),  # ends on 1 October, goes on 30 November
        (Month(2026, 12), 1, False),
        (Month(2021, 1), 10**18, False),
    ],
)
def test_a_lifetime_counts_from_the_end_of_the_month(month: Month, lifetime: int | None, over: bool) -> None:
    assert health.is_over(month, lifetime, datetime(2026, 11, 21, tzinfo=UTC)) is over


def seen(warehouse: BigQuery) -> dict[str, tuple[Status, str]]:
    found = warehouse.checks()
    assert all("\n" not in each.message and each.place == "warehouse bigquery" for each in found)
    return {each.what: (each.status, each.message) for each in found}


def test_what_is_seen_before_the_first_run(bigquery: BigQueryServer) -> None:
    dataset = bigquery.fresh_dataset()
    found = seen(fresh_bigquery(bigquery, dataset=dataset))
    assert found["credentials"] == (Status.OK, f"none needed: {bigquery.endpoint} is an emulator")
    assert found["dataset"] == (Status.OK, f"{PROJECT}.{dataset} is in EU")
    assert found["lifetime"] == (Status.OK, "what is loaded stays")
    assert found["permissions"] == (Status.UNKNOWN, "cannot be checked before the first load has created the tables")


def test_permissions_that_are_missing_are_seen(bigquery: BigQueryServer, tmp_path: Path) -> None:
    """The emulator grants everything; the answer is the shim's, as the reference describes it."""
    warehouse = fresh_bigquery(bigquery)
    local(tmp_path).into(warehouse)
    assert seen(warehouse)["permissions"][0] is Status.OK
    bigquery.shim.permissions = ["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.delete"]
    status, line = seen(warehouse)["permissions"]
    assert status is Status.ERROR
    assert "bigquery.tables.update, bigquery.tables.updateData missing: grant the account roles/" in line
    assert MARKERS not in line


def test_what_a_sandbox_does_not_keep_is_seen(bigquery: BigQueryServer) -> None:
    both = {"defaultPartitionExpirationMs": str(60 * DAY), "defaultTableExpirationMs": str(30 * DAY)}
    status, line = seen(fresh_bigquery(bigquery, dataset=bigquery.fresh_dataset(**both)))["lifetime"]
    assert status is Status.OK
    assert line.startswith("new tables lose each month 60 days after its end, and taxi_luigi_loads and the zones")
    assert "30 days after they were made; to keep them, take the expiration off" in line


def test_a_missing_key_file_and_a_server_without_an_answer_are_seen(tmp_path: Path) -> None:
    [found] = BigQuery("bigquery", BigQuery.Settings(PROJECT, credentials_file=tmp_path / "key.json")).checks()
    assert (found.what, found.status) == ("credentials", Status.ERROR)
    assert "key.json does not exist" in found.message
    silent = BigQuery("bigquery", BigQuery.Settings(PROJECT, endpoint="http://127.0.0.1:9", patience=0.3))
    assert [each.status for each in silent.checks()] == [Status.OK, Status.UNREACHABLE]


@pytest.mark.parametrize("folder", ["a*b", "a//b", "100%", "with space"])
def test_an_object_whose_uri_may_mean_others_is_sent_from_here(
    bigquery: BigQueryServer, tmp_path: Path, folder: str
) -> None:
    clean = local(tmp_path, rows=30)
    there = dataclasses.replace(clean, file=dataclasses.replace(clean.file, url=f"gs://bucket/{folder}/month.parquet"))
    dataset = bigquery.fresh_dataset()
    assert there.into(fresh_bigquery(bigquery, dataset=dataset)) == 30
    assert bigquery.query(dataset, f"SELECT count(*) FROM {TABLE}") == [(30,)]
