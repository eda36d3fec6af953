"""The steps of one month: published, downloaded, cleaned, uploaded, loaded. As little logic as possible lives here."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import luigi

from taxi_luigi import config, files, holdings, summary
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import BadFile, StorageError
from taxi_luigi.logs import log
from taxi_luigi.months import Month
from taxi_luigi.parameters import ColorParameter, MonthParameter
from taxi_luigi.progress import Progress
from taxi_luigi.receipt import CleanReceipt, Edition, RawReceipt, Seen, source_digest
from taxi_luigi.remarks import Remark
from taxi_luigi.targets import (
    LakeTarget,
    MarkerTarget,
    PublishedTarget,
    RawTarget,
    clean_path,
    raw_edition,
    rejects_path,
)
from taxi_luigi.tasks.base import MonthTask


class PublishedMonth(luigi.ExternalTask):
    """The month's file at the source. A month that is not there yet is not complete, and never an error."""

    color = ColorParameter()
    month = MonthParameter()

    def output(self) -> PublishedTarget:
        return PublishedTarget(self.color, self.month)


class DownloadMonth(MonthTask):
    """The bytes as published, in the workspace's raw/."""

    resources = {"download": 1}  # noqa: RUF012 Luigi reads it as it is

    def requires(self) -> PublishedMonth:
        return PublishedMonth(color=self.color, month=self.month)

    def output(self) -> RawTarget:
        return RawTarget(self.color, self.month, self.edition)

    def work(self) -> int:
        from taxi_luigi.formats import check_whole

        target, started = self.output(), time.monotonic()
        with files.temporary(target.path) as part, Progress(self, "downloading", "B") as progress:
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
            target.publish(part, receipt)
        log.info(
            "Downloaded %s %s: %s bytes of %s in %.1f s from %s",
            self.color, self.month, f"{fetched.bytes:,}", form, time.monotonic() - started, fetched.url,
        )  # fmt: skip
        return 0


class CleanMonth(MonthTask):
    """The month in its color's canonical schema, in the workspace's clean/; rows taken out are in rejected/."""

    priority = 10
    store = "local"

    def requires(self) -> DownloadMonth:
        return DownloadMonth(color=self.color, month=self.month, edition=raw_edition(self.edition))

    def output(self) -> LakeTarget:
        return LakeTarget("local", self.color, self.month, self.edition)

    def work(self) -> int:
        from taxi_luigi.clean import clean_month

        raw, rules, started = self.input(), config.clean_rules(), time.monotonic()
        raw_receipt = raw.receipt()
        seen = Seen(raw_receipt.etag, raw_receipt.last_modified, raw_receipt.bytes)
        edition = self.edition or str(Edition(source_digest(seen), rules.recipe))
        clean, rejects = clean_path(self.color, self.month), rejects_path(self.color, self.month)
        with (
            files.temporary(clean) as part,
            files.temporary(rejects) as rejects_part,
            Progress(self, "cleaning", "rows") as progress,
        ):
            receipt = clean_month(
                DATASETS[self.color], self.month, raw.path, raw_receipt, edition, rules, part, rejects_part, progress
            )
            # Rejects first: the clean file's receipt is what says that the month is whole.
            if receipt.rows_rejected:
                files.publish(rejects_part, rejects)
            else:
                rejects.unlink(missing_ok=True)
            files.publish(part, clean)
        if receipt.left_out or receipt.unmapped:
            summary.note(Remark(self.color, str(self.month), receipt.left_out, receipt.unmapped))
        log.info(
            "Cleaned %s %s: %s rows in, %s kept, %s rejected, in %.1f s; %s bytes in %s",
            self.color, self.month, f"{receipt.rows_in:,}", f"{receipt.rows_kept:,}", f"{receipt.rows_rejected:,}",
            time.monotonic() - started, f"{clean.stat().st_size:,}", clean,
        )  # fmt: skip
        return receipt.rows_kept


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
        return LakeTarget(self.lake, self.color, self.month, self.edition)

    def work(self) -> int:
        started, target = time.monotonic(), self.output()
        lake = config.lake(self.lake)
        lake.put(clean_path(self.color, self.month), self.color, self.month)
        stored = lake.stat(self.color, self.month)
        if stored is None:
            raise StorageError(f"{target} was written and is not there")
        log.info("Uploaded %s %s: %s bytes in %.1f s to %s", self.color, self.month, f"{stored.bytes:,}",
                 time.monotonic() - started, target)  # fmt: skip
        drop_if_spent(self)
        return stored.receipt.rows_kept


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
        return _in_first_lake(self.color, self.month, self.edition)

    def output(self) -> MarkerTarget:
        return MarkerTarget(self.warehouse, self.color, self.month, self.edition)

    def work(self) -> int:
        started, dataset = time.monotonic(), DATASETS[self.color]
        source = self.input()
        stored = config.lake(source.lake).stat(self.color, self.month)
        if stored is None:
            raise StorageError(f"{source} has gone since it was made; run the same command again")
        path = _nearest_copy(source, stored.receipt)
        with Progress(self, f"loading {self.warehouse}", "rows") as progress:
            rows = config.warehouse(self.warehouse).replace_month(dataset, self.month, path, stored.receipt, progress)
        log.info(
            "Loaded %s %s: %s rows into %s of %s in %.1f s",
            self.color, self.month, f"{rows:,}", dataset.table, self.warehouse, time.monotonic() - started,
        )  # fmt: skip
        drop_if_spent(self)
        return rows


def _in_first_lake(color: str, month: Month, edition: str) -> CleanMonth | UploadMonth:
    first = config.settings().lakes[:1]
    if first in ((), ("local",)):
        return CleanMonth(color=color, month=month, edition=edition)
    return UploadMonth(lake=first[0], color=color, month=month, edition=edition)


def _nearest_copy(target: LakeTarget, receipt: CleanReceipt) -> Path:
    """The workspace's clean file when it is the one that the lake holds, else the lake's."""
    here = config.lake("local").stat(target.color, target.month)
    if here is not None and here.receipt == receipt:
        return clean_path(target.color, target.month)
    return config.lake(target.lake).read(target.color, target.month)


def drop_if_spent(task: MonthTask) -> None:
    """Removes what `keep_raw` and `keep_clean` do not keep, once the last store has the month."""
    settings = config.settings()
    if (settings.keep_raw and settings.keep_clean) or not holdings.held_everywhere(task.color, task.month):
        return
    holdings.drop_spent([(task.color, task.month)])
