"""The warehouse in BigQuery: a load job replaces a month's rows, they are counted, and then a marker is added.

There are no locks, and rows and marker cannot commit together. A loader that finds another one's marker in place of its
own starts again, so the last marker and the rows agree once all loaders are done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.errors import ConfigError, WarehouseBusy, WarehouseError, replaced_meanwhile
from taxi_luigi.core.health import Check
from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.core.settings import number, optional, optional_path, setting
from taxi_luigi.tlc.datasets import DATASETS, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import COLUMNS as ZONE_COLUMNS
from taxi_luigi.tlc.zones import DESCRIPTIONS as ZONE_DESCRIPTIONS
from taxi_luigi.tlc.zones import TABLE as ZONES
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import CleanFile, Marker, Progress, check_zone_columns, foreign_of, markers
from taxi_luigi.warehouses.bigquery import health, jobs, load_log, replace_partition, tables
from taxi_luigi.warehouses.bigquery.connection import REQUEST, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import LoadJob, Table

_ROUNDS = 5
"""attempts at a month while other loaders add markers of it"""

_ZONES = tables.Layout(ZONES, ZONE_COLUMNS, ZONE_DESCRIPTIONS)
_ZONE_TYPES = {column: tables.TYPES[kind] for column, kind in ZONE_COLUMNS.items()}


def _project(text: str) -> str:
    if not text:
        raise ValueError("is missing: the project that the tables are in")
    return text


class BigQuery:
    """The warehouse in the dataset `project`.`dataset`, called `name` in luigi.cfg."""

    imports: tuple[str, ...] = ("google.cloud.bigquery", "google.resumable_media.requests", "pyarrow.parquet")

    in_a_file = False
    single_writer = False
    growth = 10.0
    speed = 1e6
    loads_from = "gcs"

    @dataclass(frozen=True)
    class Settings:
        """`[warehouse.NAME]` of the type `bigquery`."""

        project: str = setting(
            "",
            "The project that the dataset is in, and that is not billed for anything: loading is free (docs/gcp.md).",
            _project,
        )
        dataset: str = setting(
            "trips_data_all", "It must exist: `bq mk --location=US --dataset PROJECT:trips_data_all`"
        )
        location: str | None = setting("", "Where the dataset must be; empty: wherever it is.", optional)
        credentials_file: Path | None = setting(
            "",
            "A service account's key file. Empty: Application Default Credentials (`gcloud auth application-default "
            "login`).",
            optional_path,
        )
        endpoint: str | None = setting(
            "",
            "Another server than Google's; one of `http://` is taken for an emulator, which gets no credentials.",
            gcp.endpoint,
        )
        wait: float = setting(
            "1800", "Seconds to wait for a load job before the month fails; the next run attaches to the job.", number
        )
        patience: float = setting("60", "Seconds for which a request that fails is repeated.", number)

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.wait = settings.wait
        self._connection = Connection(
            name,
            settings.project,
            settings.dataset,
            settings.location,
            settings.credentials_file,
            settings.endpoint,
            settings.patience,
        )

    @property
    def address(self) -> str:
        """The address of the warehouse for messages."""
        return self._connection.address

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        target = replace_partition.Target(self._connection, dataset, month)
        with self._connection.translating_errors(), replace_partition.bytes_of(clean) as local:
            if local is not None:
                replace_partition.check_footer(dataset, month, clean, local)
            table = tables.prepare(self._connection, tables.Layout.of(dataset))
            self._check_lifetime(table, month)
            load_log.prepare(self._connection)
            crc32c = replace_partition.checksum(clean, local)
            for _ in range(_ROUNDS):
                if self._load_and_mark(target, clean, local, crc32c):
                    break
            else:
                raise self._busy(dataset, month)
        progress(clean.summary.rows, clean.summary.rows)
        return clean.summary.rows

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        with self._connection.querying() as connection:
            return load_log.loaded(connection, dataset)

    def count(self, dataset: Dataset) -> dict[Month, int]:
        with self._connection.translating_errors():
            table = tables.find(self._connection, dataset.table)
            if table is None:
                return {}
            tables.check_kind(self._connection, tables.Layout.of(dataset), table)
            counts = tables.count(self._connection, dataset.table)
        days = [(month.first_day if month else None, rows) for month, rows in counts]
        return markers.rows_by_month(self._connection.where, dataset, days)

    def filled(self, dataset: Dataset, month: Month, columns: Sequence[str]) -> frozenset[str]:
        with self._connection.translating_errors():
            table = tables.find(self._connection, dataset.table) if columns else None
            if table is None:
                return frozenset()
            tables.check_kind(self._connection, tables.Layout.of(dataset), table)
            return tables.filled(self._connection, table, month, columns)

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        with self._connection.translating_errors():
            table = tables.find(self._connection, dataset.table)
            if table is not None:
                tables.check_kind(self._connection, tables.Layout.of(dataset), table)
                load_log.check_version(self._connection)
            for _ in range(_ROUNDS):
                if self._remove(replace_partition.Target(self._connection, dataset, month)):
                    return
        raise self._busy(dataset, month)

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        with self._connection.translating_errors():
            self._check_zones()
            job = jobs.run(
                self._connection,
                jobs.Wanted(
                    prefix="taxi_luigi_zones",
                    key=(uuid4().hex,),  # zones have no receipt by which two loads could be compared
                    what="loading the zones",
                    start=lambda job_id: self._load_zones(zones, job_id),
                    undone=lambda job: jobs.rows(job) != len(zones),
                ),
                self.wait,
            ).job
        if jobs.rows(job) != len(zones):
            raise WarehouseError(
                f"{self._connection.where}: the job {job.job_id} loaded {jobs.rows(job)} of {len(zones)} zones; "
                "run the same command again"
            )
        return len(zones)

    def zones(self) -> int:
        with self._connection.querying() as connection:
            table = tables.find(connection, ZONES)
        ours = table is not None and table.table_type == "TABLE" and tables.types(table) == _ZONE_TYPES
        return int(table.num_rows or 0) if table is not None and ours else 0

    def foreign(self) -> list[str]:
        layouts = [tables.Layout.of(dataset) for dataset in DATASETS.values()]
        checks: list[Callable[[], object]] = [partial(load_log.check_version, self._connection), self._check_zones]
        with self._connection.translating_errors():
            return [*tables.foreign(self._connection, layouts), *foreign_of(checks)]

    def location(self) -> str | None:
        """Return the location of the dataset in capitals: `EU`, `US-EAST1`."""
        with self._connection.translating_errors():
            return self._connection.place().upper()

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        """Return the months that Google would delete as soon as they are loaded, each with the reason in one line."""
        with self._connection.querying() as connection:
            table = tables.find(connection, dataset.table)
            lifetime = self._lifetime(table)
        now = datetime.now(UTC)
        return {each: self._too_old(each, lifetime) for each in months if health.is_over(each, lifetime, now)}

    def checks(self) -> list[Check]:
        """Check before a run whether the warehouse can be used. Never raises."""
        with self._connection.querying() as connection:
            return health.checks(connection)

    def _check_zones(self) -> None:
        existing = tables.find(self._connection, ZONES)
        if existing is not None:
            tables.check_kind(self._connection, _ZONES, existing)
            check_zone_columns(self._connection.where, tables.types(existing), _ZONE_TYPES)

    def _load_and_mark(
        self, target: replace_partition.Target, clean: CleanFile, local: Path | None, crc32c: str
    ) -> bool:
        """Load the month once and add its marker; return False when another loader interfered."""
        dataset, given = target.dataset, clean.summary
        before = load_log.last(self._connection, dataset).get(target.month)
        sequence = before.sequence if before else 0
        job = target.load(clean, local, crc32c, sequence, self.wait)
        if jobs.rows(job) != given.rows:
            self.remove_month(dataset, target.month)  # the old rows are gone, and the new ones are not verified
            markers.check_count(self.address, dataset, target.month, clean, jobs.rows(job))
        if target.rows() != given.rows:
            return False
        rows: int | None = given.rows
        if local is None and not clean.unchanged():
            rows = None  # the rows may be of either file, so no marker describes them
        marked = self._mark(target, sequence + 1, given, rows, job.job_id)
        if rows is None:
            raise replaced_meanwhile(clean.url)
        return marked

    def _remove(self, target: replace_partition.Target) -> bool:
        target.delete()
        before = load_log.last(self._connection, target.dataset).get(target.month)
        if before is None or before.rows is None:
            return True
        # An older version's table lacks a column that our marker has
        tables.prepare(self._connection, load_log.LAYOUT)
        gone = ReceiptSummary(before.edition, before.sha256, 0, "")
        return self._mark(target, before.sequence + 1, gone, None, "")

    def _mark(
        self, target: replace_partition.Target, sequence: int, clean: ReceiptSummary, rows: int | None, job_id: str
    ) -> bool:
        new = load_log.NewMarker(target.dataset, target.month, sequence, clean, rows, job_id)
        return load_log.append(self._connection, new, self.wait)

    def _load_zones(self, zones: Sequence[Zone], job_id: str) -> LoadJob:
        from google.cloud.bigquery import LoadJobConfig, WriteDisposition

        connection = self._connection
        config = LoadJobConfig(schema=_ZONES.fields(), write_disposition=WriteDisposition.WRITE_TRUNCATE)
        return connection.client().load_table_from_json(
            [zone._asdict() for zone in zones],
            connection.table(ZONES),
            job_id=job_id,
            location=connection.place(),
            job_config=config,
            timeout=REQUEST,
        )

    def _lifetime(self, table: Table | None) -> int | None:
        """Return how long a partition is kept, in ms: the table's expiration, or the one that a new table inherits."""
        if table is None:
            inherited = self._connection.home().default_partition_expiration_ms
            return int(inherited) if inherited else None
        own = table.time_partitioning.expiration_ms if table.time_partitioning else None
        return int(own) if own else None

    def _check_lifetime(self, table: Table, month: Month) -> None:
        lifetime = self._lifetime(table)
        if health.is_over(month, lifetime, datetime.now(UTC)):
            raise ConfigError(self._too_old(month, lifetime))

    def _too_old(self, month: Month, lifetime: int | None) -> str:
        return (
            f"{self._connection.where}: {month} would vanish at once, as partitions are deleted "
            f"{health.in_days(lifetime or 0)} after their end: {health.CURE}"
        )

    def _busy(self, dataset: Dataset, month: Month) -> WarehouseBusy:
        return WarehouseBusy(
            f"{self._connection.where}: {dataset.color} {month} is being loaded by other processes; run the same "
            "command again once they are done"
        )
