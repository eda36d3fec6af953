"""Check a BigQuery dataset before a run: credentials, location, partition lifetime and permissions.

Google deletes a partition at its end, in UTC, plus the partition expiration: with six hours, a day's partition goes at
06:00 on the day after (cloud.google.com/bigquery/docs/managing-partitioned-tables, 2026). Many datasets, and every free
sandbox, have an expiration. The location rules are those of cloud.google.com/bigquery/docs:
loading-data-cloud-storage-parquet and locations; storage/docs/locations (2026).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import MARKERS
from taxi_luigi.warehouses.bigquery.connection import ROLES, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import Dataset

_PERMISSIONS = [
    *("bigquery.tables.get", "bigquery.tables.getData"),
    *("bigquery.tables.update", "bigquery.tables.updateData", "bigquery.tables.delete"),
]

CURE = (
    "take the expiration off the dataset and its tables (bq update --default_partition_expiration 0 PROJECT:DATASET, "
    "bq update --time_partitioning_expiration 0 PROJECT:DATASET.TABLE); a sandbox needs billing switched on first"
)

_DAY = 24 * 3600 * 1000
"""milliseconds"""

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


def checks(connection: Connection) -> list[Check]:
    """Run the checks, up to the first failure. Never raises."""
    found: list[Check] = []
    place = f"warehouse {connection.name}"
    what = "credentials"

    def add(status: Status, message: str) -> None:
        found.append(Check(place, what, status, message))

    try:
        add(Status.OK, gcp.found(connection.credentials_file, connection.server, connection.where).line)
        what = "dataset"
        with connection.translating_errors():
            home = connection.home()
        add(Status.OK, f"{connection.project}.{connection.dataset} is in {str(home.location).upper()}")
        what = "lifetime"
        add(Status.OK, _lifetime(home))
        what = "permissions"
        with connection.translating_errors():
            add(*_permissions(connection))
    except TaxiError as error:
        found.append(Check.failed(place, what, error))
    return found


def _lifetime(home: Dataset) -> str:
    """Describe what the dataset's expirations delete; not an error, as newer months are kept."""
    partition, table = home.default_partition_expiration_ms, home.default_table_expiration_ms
    lines = []
    if partition:
        lines.append(f"new tables lose each month {in_days(int(partition))} after its end")
    if table:
        # With the first, a partitioned table ignores the second; the markers and zones do not
        which = f"{MARKERS} and the zones vanish" if partition else "new tables vanish"
        lines.append(f"{which} {in_days(int(table))} after they were made")
    return f"{', and '.join(lines)}; to keep them, {CURE}" if lines else "what is loaded stays"


def _permissions(connection: Connection) -> tuple[Status, str]:
    from google.api_core.exceptions import NotFound

    try:
        answer = connection.client().test_iam_permissions(
            connection.table(MARKERS), _PERMISSIONS, retry=connection.retry, timeout=connection.request
        )
    except NotFound:
        return Status.UNKNOWN, "cannot be checked before the first load has created the tables"
    missing = sorted(set(_PERMISSIONS) - set(answer.get("permissions", [])))
    if missing:
        return Status.ERROR, f"{connection.where}: {', '.join(missing)} missing: grant the account {ROLES}"
    return Status.OK, f"{', '.join(each.rpartition('.')[2] for each in _PERMISSIONS)} on {MARKERS}"


def in_days(milliseconds: int) -> str:
    """Format milliseconds as days: `60 days`, `0.25 days`."""
    days = milliseconds / _DAY
    return f"{days:g} day{'s' * (days != 1)}"


def is_over(month: Month, lifetime: int | None, now: datetime) -> bool:
    """Return whether a month's partition, loaded now, would be deleted at once.

    Args:
        month: the month of the partition.
        lifetime: the partition expiration in milliseconds; None: partitions are kept.
        now: the time of the load, with a time zone.
    """
    if lifetime is None:
        return False
    end = datetime.combine(month.plus(1).first_day, datetime.min.time(), UTC)
    return int(end.timestamp()) * 1000 + lifetime <= now.timestamp() * 1000


def compatible(bucket: str, dataset: str) -> bool:
    """Return whether a load job into a dataset may read a bucket; locations as Google writes them, in any case.

    A dataset in the US reads from everywhere, one in the EU from buckets in the EU, one in a region from that region.
    The documentation does not cover a dual region that includes the dataset's own region: it passes here.
    """
    bucket, dataset = bucket.upper(), dataset.upper()
    if dataset in ("US", bucket):
        return True
    regions = _PAIRS.get(bucket, {bucket})
    if dataset == "EU":
        return all(each.startswith("EUROPE-") and each not in _NOT_IN_EU for each in regions)
    return dataset in regions
