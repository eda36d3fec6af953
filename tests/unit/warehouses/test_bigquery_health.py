"""Which bucket a load job may read, by the rules that Google's documentation gives."""

from __future__ import annotations

import pytest

from taxi_luigi.warehouses.bigquery.health import compatible


@pytest.mark.parametrize("bucket", ["US", "EU", "us-east1", "EUROPE-WEST2", "ASIA", "NAM4", "ASIA-NORTHEAST1"])
def test_a_dataset_in_the_us_takes_from_everywhere(bucket: str) -> None:
    assert compatible(bucket, "US")
    assert compatible(bucket, "us")


@pytest.mark.parametrize(
    ("bucket", "may"),
    [
        ("EU", True),
        ("eu", True),
        ("EUROPE-WEST1", True),
        ("europe-north1", True),
        ("EUR4", True),
        ("EUROPE-WEST2", False),
        ("EUROPE-WEST6", False),
        ("EUR5", False),
        ("EUR7", False),
        ("EUR8", False),
        ("US", False),
        ("US-EAST1", False),
        ("ASIA", False),
    ],
)
def test_a_dataset_in_the_eu_takes_from_buckets_in_the_eu(bucket: str, may: bool) -> None:
    assert compatible(bucket, "EU") is may


@pytest.mark.parametrize(
    ("bucket", "dataset", "may"),
    [
        ("US-EAST1", "us-east1", True),
        ("us-east1", "US-EAST4", False),
        ("US", "us-central1", False),
        ("NAM4", "us-central1", True),
        ("NAM4", "us-west1", False),
        ("EU", "europe-west1", False),
        ("EUROPE-WEST2", "europe-west2", True),
        ("ASIA", "asia-northeast1", False),
        ("ASIA1", "asia-northeast1", True),
    ],
)
def test_a_dataset_in_a_region_takes_from_that_region(bucket: str, dataset: str, may: bool) -> None:
    assert compatible(bucket, dataset) is may
