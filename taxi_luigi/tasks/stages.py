"""The steps of one month: published, downloaded, cleaned, uploaded, loaded. As little logic as possible lives here."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial

import luigi

from taxi_luigi import config, holdings, summary
from taxi_luigi.cloud import pages
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import BadFile, StorageError
from taxi_luigi.logs import figures, log
from taxi_luigi.outcomes import Made
from taxi_luigi.parameters import ColorParameter, MonthParameter
from taxi_luigi.progress import Progress, size
from taxi_luigi.receipt import Edition, RawReceipt, source_digest
from taxi_luigi.remarks import Remark
from taxi_luigi.targets import (
    CleanTarget,
    LakeTarget,
    MarkerTarget,
    PublishedTarget,
    RawTarget,
    lake_target,
    raw_edition,
    rejects_name,
)
from taxi_luigi.tasks.base import MonthTask
from taxi_luigi.warehouses import CleanFile


class PublishedMonth(luigi.ExternalTask):
    """The month's file at the source. A month that is not there yet is not complete, and never an error."""

    color = ColorParameter()
    month = MonthParameter()

    @property
    def facts(self) -> dict[str, str]:
        """As of the other tasks, for logs."""
        return {"task": type(self).__name__, "color": str(self.color), "month": str(self.month), "store": ""}

    @property
    def address(self) -> str:
        """Where the file is looked for, for logs."""
        return str(self.output())

    def output(self) -> PublishedTarget:
        return PublishedTarget(self.color, self.month)


class DownloadMonth(MonthTask):
    """The bytes as published, in the workspace's raw/."""

    resources = {"download": 1}  # noqa: RUF012 Luigi reads it as it is

    def requires(self) -> PublishedMonth:
        return PublishedMonth(color=self.color, month=self.month)

    def output(self) -> RawTarget:
        return RawTarget(self.color, self.month, self.edition)

    def work(self) -> Made:
        from taxi_luigi.formats import check_whole

        target, started = self.output(), time.monotonic()
        with target.writing() as part, Progress(self, "downloading", "B") as progress:
            fetched = config.source().fetch(self.color, self.month, part, progress)
            try:
                form = check_whole(part)
            except BadFile as error:  # says where the file came from: the temporary file is about to go
                raise BadFile(str(error).replace(str(part), fetched.url)) from error
            receipt = RawReceipt(
                url=fetched.url,
                etag=fetched.seen.etag,
                last_modified=fetched.seen.last_modified,
                bytes=fetched.bytes,
                sha256=fetched.sha256,
                edition=self.edition or source_digest(fetched.seen),
                downloaded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            progress.now("keeping the raw file")
            target.publish(part, receipt, progress)
            progress.page(config.workspace().page(target.name))
            progress.ended(f"{size(fetched.bytes, 'B')} of {form}")
        seconds = time.monotonic() - started
        log.info(
            "Downloaded %s %s: %s bytes of %s in %.1f s from %s",
            self.color, self.month, f"{fetched.bytes:,}", form, seconds, fetched.url,
            extra=figures(bytes=fetched.bytes, seconds=seconds),
        )  # fmt: skip
        return Made(bytes=fetched.bytes)


class CleanMonth(MonthTask):
    """The month in its color's canonical schema, in the workspace's clean/; rows taken out are in rejected/."""

    priority = 10
    store = "local"

    def requires(self) -> DownloadMonth:
        return DownloadMonth(color=self.color, month=self.month, edition=raw_edition(self.edition))

    def output(self) -> CleanTarget:
        return CleanTarget(self.color, self.month, self.edition)

    def work(self) -> Made:
        from taxi_luigi.clean import clean_month

        raw, rules, started = self.input(), config.clean_rules(), time.monotonic()
        raw_receipt = raw.receipt()
        if raw_receipt is None:
            raise StorageError(f"{raw} has gone since it was downloaded; run the same command again")
        # Of the file as the source has it, whose length is not this one's where it was sent packed or without a length.
        source = raw_receipt.edition.partition("-")[0]
        edition = self.edition or str(Edition(source, rules.recipe))
        workspace, clean, rejects = config.workspace(), config.clean_lake(), rejects_name(self.color, self.month)
        with (
            Progress(self, "cleaning", "rows") as progress,
            raw.reading() as raw_path,
            clean.writing(self.color, self.month) as part,
            workspace.writing(rejects) as rejects_part,
        ):
            receipt = clean_month(
                DATASETS[self.color], self.month, raw_path, raw_receipt, edition, rules, part, rejects_part, progress
            )
            size = part.stat().st_size
            # Rejects first: the clean file's receipt is what says that the month is whole.
            if receipt.rows_rejected:
                workspace.publish(rejects_part, rejects, receipt.essentials.labels())
            else:
                workspace.remove(rejects)
            clean.publish(part, self.color, self.month, receipt.essentials)
            progress.page(clean.page(self.color, self.month))
            progress.ended(f"{receipt.rows_kept:,} rows kept, {receipt.rows_rejected:,} rejected")
        if receipt.left_out or receipt.unmapped:
            summary.note(Remark(self.color, str(self.month), receipt.left_out, receipt.unmapped))
        seconds = time.monotonic() - started
        log.info(
            "Cleaned %s %s: %s rows in, %s kept, %s rejected, in %.1f s; %s bytes in %s",
            self.color, self.month, f"{receipt.rows_in:,}", f"{receipt.rows_kept:,}", f"{receipt.rows_rejected:,}",
            seconds, f"{size:,}", self.output(), extra=figures(receipt.rows_kept, size, seconds),
        )  # fmt: skip
        return Made(receipt.rows_kept, size)


class UploadMonth(MonthTask):
    """The clean month in the lake called `lake`."""

    lake = luigi.Parameter(description="the name of a lake in luigi.cfg")
    priority = 20

    @property
    def store(self) -> str:  # type: ignore[override]
        return str(self.lake)

    def check_store(self) -> None:
        config.lake(self.lake)

    def requires(self) -> CleanMonth:
        return CleanMonth(color=self.color, month=self.month, edition=self.edition)

    def output(self) -> LakeTarget:
        return lake_target(self.lake, self.color, self.month, self.edition)

    def work(self) -> Made:
        started, target = time.monotonic(), self.output()
        with Progress(self, f"uploading to {self.lake}", "B") as progress:
            stored = target.held_in.take(self.input().held_in, self.color, self.month, progress)
            progress.page(target.held_in.page(self.color, self.month))
            progress.ended(f"{size(stored.entry.bytes, 'B')} in {self.lake}")
        seconds, made = time.monotonic() - started, Made(stored.essentials.rows, stored.entry.bytes)
        log.info(
            "Uploaded %s %s: %s bytes in %.1f s to %s", self.color, self.month, f"{made.bytes:,}", seconds, target,
            extra=figures(made.rows, made.bytes, seconds),
        )  # fmt: skip
        drop_if_spent(self)
        return made


class LoadMonth(MonthTask):
    """The month's rows in the warehouse called `warehouse`, with their marker."""

    warehouse = luigi.Parameter(description="the name of a warehouse in luigi.cfg")
    priority = 30

    @property
    def store(self) -> str:  # type: ignore[override]
        return str(self.warehouse)

    def check_store(self) -> None:
        config.warehouse(self.warehouse)

    @property
    def resources(self) -> dict[str, int]:
        """DuckDB takes one writer at a time."""
        return {f"warehouse.{self.warehouse}": 1} if config.writes_alone(self.warehouse) else {}

    def requires(self) -> CleanMonth | UploadMonth:
        common = {"color": self.color, "month": self.month, "edition": self.edition}
        lake = config.lake_for(self.warehouse)
        return CleanMonth(**common) if lake is None else UploadMonth(lake=lake, **common)

    def output(self) -> MarkerTarget:
        return MarkerTarget(self.warehouse, self.color, self.month, self.edition)

    def work(self) -> Made:
        started, dataset = time.monotonic(), DATASETS[self.color]
        clean = _clean_file(self.input(), config.takes_from_gcs(self.warehouse))
        with Progress(self, f"loading {self.warehouse}", "rows") as progress, pages.heard_by(progress.page):
            rows = config.warehouse(self.warehouse).replace_month(dataset, self.month, clean, progress)
            progress.ended(f"{rows:,} rows in {dataset.table} of {self.warehouse}")
        seconds = time.monotonic() - started
        log.info(
            "Loaded %s %s: %s rows into %s of %s in %.1f s",
            self.color, self.month, f"{rows:,}", dataset.table, self.warehouse, seconds,
            extra=figures(rows=rows, seconds=seconds),
        )  # fmt: skip
        drop_if_spent(self)
        return Made(rows)


def _clean_file(source: LakeTarget, where_it_is: bool) -> CleanFile:
    """What a warehouse loads: the workspace's clean file when it is the one that the lake holds, else the lake's.

    With `where_it_is` the lake's in any case: the warehouse fetches it from there by itself.
    """
    color, month, lake = source.color, source.month, source.held_in
    stored = lake.stat(color, month)
    if stored is None:
        raise StorageError(f"{source} has gone since it was made; run the same command again")
    if not where_it_is and not isinstance(source, CleanTarget):
        here = config.clean_lake().stat(color, month)
        if here is not None and here.essentials == stored.essentials:
            lake, stored = config.clean_lake(), here
    entry = stored.entry

    def unchanged() -> bool:
        now = lake.store.stat(lake.name(color, month))
        return now is not None and now.version == entry.version

    reading = partial(lake.reading, color, month)
    return CleanFile(lake.url(color, month), stored.essentials, reading, unchanged, entry.crc32c)


def drop_if_spent(task: MonthTask) -> None:
    """Removes what `keep_raw` and `keep_clean` do not keep, once the last store has the month."""
    settings = config.settings()
    if (settings.keep_raw and settings.keep_clean) or not holdings.held_everywhere(task.color, task.month):
        return
    holdings.drop_spent([(task.color, task.month)])
