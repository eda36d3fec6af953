"""Months that Google would delete: partitions have a lifetime in many datasets, and in every free sandbox.

Google counts it from the end of a partition, in UTC: with six hours, a day's partition goes at 06:00 on the day after
(cloud.google.com/bigquery/docs/managing-partitioned-tables, 2026). Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime

from taxi_luigi.tlc.months import Month

CURE = (
    "take the expiration off the dataset and its tables (bq update --default_partition_expiration 0 PROJECT:DATASET, "
    "bq update --time_partitioning_expiration 0 PROJECT:DATASET.TABLE); a sandbox needs billing switched on first"
)

_DAY = 24 * 3600 * 1000
"""milliseconds"""


def in_days(milliseconds: int) -> str:
    """`60 days`, `0.25 days`"""
    days = milliseconds / _DAY
    return f"{days:g} day{'s' * (days != 1)}"


def is_over(month: Month, lifetime: int | None, now: datetime) -> bool:
    """Whether a month's partition, loaded now, would be deleted at once; `lifetime` in milliseconds, None: for ever."""
    if lifetime is None:
        return False
    end = datetime.combine(month.plus(1).first_day, datetime.min.time(), UTC)
    return int(end.timestamp()) * 1000 + lifetime <= now.timestamp() * 1000
