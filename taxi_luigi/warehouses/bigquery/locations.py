"""Whether BigQuery loads from a bucket that is somewhere else than the dataset, by its documented rules. Pure.

From cloud.google.com/bigquery/docs: loading-data-cloud-storage-parquet and locations; storage/docs/locations (2026).
"""

from __future__ import annotations

_NOT_IN_EU = {"EUROPE-WEST2", "EUROPE-WEST6"}
"""London and Zurich, which are in Europe"""

_PAIRS = {
    "ASIA1": {"ASIA-NORTHEAST1", "ASIA-NORTHEAST2"},
    "EUR4": {"EUROPE-NORTH1", "EUROPE-WEST4"},
    "EUR5": {"EUROPE-WEST1", "EUROPE-WEST2"},
    "EUR7": {"EUROPE-WEST2", "EUROPE-WEST3"},
    "EUR8": {"EUROPE-WEST3", "EUROPE-WEST6"},
    "NAM4": {"US-CENTRAL1", "US-EAST1"},
}
"""Dual regions that Google named; those that a customer put together have the name of their continent."""


def compatible(bucket: str, dataset: str) -> bool:
    """Whether a load job into a dataset there may read a bucket here; locations as Google writes them, in any case.

    A dataset in the US takes from everywhere, one in the EU from all that lies in the EU, one in a region from that
    region. Of a dual region of which one half is the dataset's own, the documentation says nothing: it passes here.
    """
    bucket, dataset = bucket.upper(), dataset.upper()
    if dataset in ("US", bucket):
        return True
    regions = _PAIRS.get(bucket, {bucket})
    if dataset == "EU":
        return all(each.startswith("EUROPE-") and each not in _NOT_IN_EU for each in regions)
    return dataset in regions
