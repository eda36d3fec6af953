"""What it costs to find out that everything is there: 200 months of four colors, in buckets and in BigQuery."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
from luigi.configuration import LuigiConfigParser

from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.inventory import make_plan
from taxi_luigi.storage.lake import object_name
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses.bigquery.load_log import LAYOUT
from taxi_luigi.warehouses.bigquery.tables import TYPES
from tests.support.azure import AzureServer, lake_section
from tests.support.between import Between, between
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.gcs import GcsServer

__all__ = ["between"]

COLORS = ("yellow", "green", "fhv", "fhvhv")
MONTHS = [Month(2010, 1).plus(number) for number in range(200)]
HELD = ReceiptSummary("edition", "0" * 64, 5, "https://tlc.example/x")


@pytest.fixture
def full_bucket(fake_gcs: GcsServer) -> str:
    """A bucket with 800 months; a listing tells nothing of what is in their files."""
    name = fake_gcs.fresh_bucket()
    bucket = fake_gcs.bucket(name)

    def upload(key: str) -> None:
        blob = bucket.blob(key)
        blob.metadata = HELD.labels()
        blob.upload_from_string(b"PAR1")

    fill(upload)
    return name


@pytest.fixture
def full_container(azurite: AzureServer) -> str:
    """The same in Azure."""
    name = azurite.fresh_container()
    container = azurite.container(name)
    fill(lambda key: container.upload_blob(key, b"PAR1", metadata=HELD.labels()))
    return name


def fill(upload: Callable[[str], object]) -> None:
    """Uploads all months, four at a time."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: upload(f"data/{object_name(*one)}"), [(c, m) for c in COLORS for m in MONTHS]))


@pytest.fixture
def full_dataset(bigquery: BigQueryServer) -> str:
    """A dataset with the markers of 800 months."""
    name = bigquery.fresh_dataset(location="US")
    bigquery.make_table(name, LAYOUT.name, {column: TYPES[kind] for column, kind in LAYOUT.columns.items()})
    rows = ", ".join(
        f"('{color}', DATE '{month.first_day}', 'edition', 'sha', 5, DATETIME '2026-01-01 00:00:00', 1, 'job')"
        for color in COLORS
        for month in MONTHS
    )
    columns = "color, file_month, edition, sha256, rows, loaded_at, sequence, job_id"
    bigquery.query(name, f"INSERT INTO {LAYOUT.name} ({columns}) VALUES {rows}")
    return name


def test_a_run_sends_one_listing_per_color_and_one_reading_of_the_markers_per_table(
    full_bucket: str,
    full_container: str,
    full_dataset: str,
    between: Between,
    azure_between: Between,
    bigquery: BigQueryServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parser = LuigiConfigParser()
    parser.read_dict(
        {
            "taxi": {"lake": "gcs, azure", "warehouse": "bigquery", "zones": ""},
            "lake.azure": lake_section(azure_between, full_container),
            "lake.gcs": {"bucket": full_bucket, "endpoint": between.endpoint},
            "warehouse.bigquery": {"project": PROJECT, "dataset": full_dataset, "endpoint": bigquery.endpoint},
        }
    )
    monkeypatch.setattr(LuigiConfigParser, "_instance", parser)
    plan = make_plan({(color, month): True for color in COLORS for month in MONTHS}, force=False)
    assert plan.done
    assert {color: len(months) for color, months in plan.already_there.items()} == dict.fromkeys(COLORS, 200)
    for proxy in (between, azure_between):
        prefixes = [parse_qs(urlsplit(asked.path).query)["prefix"] for asked in proxy.asked]
        assert sorted(prefixes) == sorted([f"data/{color}/"] for color in COLORS)  # asked at the same time
    asked = [(request.method, request.path.rpartition("/tables/")[2]) for request in bigquery.shim.requests]
    assert asked == [("GET", f"{LAYOUT.name}/data")] * len(COLORS)
