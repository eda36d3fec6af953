"""Trips per day and zone, as a task of one's own on top of LoadMonth and LoadZones. docs/library.md explains it.

PYTHONPATH=examples luigi --module trips_by_zone TripsByZone --month 2024-01 --local-scheduler
PYTHONPATH=examples luigi --module trips_by_zone RecentTripsByZone --local-scheduler
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import duckdb
import luigi

from taxi_luigi import LoadMonth, LoadZones

QUERY = """
    SELECT CAST(lpep_pickup_datetime AS DATE) AS day, borough, zone, count(*) AS trips
    FROM green_tripdata LEFT JOIN taxi_zones ON locationid = pulocationid
    WHERE file_month = CAST($month AS DATE)
    GROUP BY ALL ORDER BY ALL
"""


class TripsByZone(luigi.Task):
    """The green trips of one month's file, counted by the day and zone of the pickup, as csv."""

    month = luigi.MonthParameter()
    database = luigi.Parameter(default="data/warehouse.duckdb", significant=False)
    resources = {"warehouse.duckdb": 1}  # noqa: RUF012 LoadMonth takes it, too: DuckDB has one writer, or readers

    def requires(self) -> list[luigi.Task]:
        return [LoadMonth(color="green", month=self.month, warehouse="duckdb"), LoadZones(warehouse="duckdb")]

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"daily/green_{self.month:%Y-%m}.csv")

    def run(self) -> None:
        with duckdb.connect(self.database, read_only=True) as connection, self.output().temporary_path() as path:
            connection.sql(QUERY, params={"month": self.month}).write_csv(path)


class RecentTripsByZone(luigi.WrapperTask):
    """The counts of the last `back` months, as far as they are in the warehouse."""

    back = luigi.IntParameter(default=8)
    today = luigi.DateParameter(default=datetime.date.today())

    def requires(self) -> Iterator[luigi.Task]:
        month = self.today.replace(day=1)
        for _ in range(self.back):
            if LoadMonth(color="green", month=month, warehouse="duckdb").complete():
                yield TripsByZone(month=month)
            month = (month - datetime.timedelta(days=1)).replace(day=1)


@LoadMonth.event_handler(luigi.Event.SUCCESS)
def count_again(task: LoadMonth) -> None:
    """Remove the counts of a month that was loaded, as they are of the rows that it replaced."""
    if task.color == "green":
        Path(TripsByZone(month=task.month).output().path).unlink(missing_ok=True)
