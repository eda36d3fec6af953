"""The steps of one month: published, downloaded, cleaned, uploaded, loaded. As little logic as possible lives here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial

import luigi

from taxi_luigi import config
from taxi_luigi.core.cloud import console_links
from taxi_luigi.core.errors import (
    AccountError,
    BadFile,
    DamagedCopy,
    Refusal,
    StorageError,
    WarehouseBusy,
    WarehouseError,
    force_command,
    replaced_meanwhile,
)
from taxi_luigi.core.logs import figures, log, one_line
from taxi_luigi.core.receipts import FILE, OTHER_FORM, CleanReceipt, Edition, Failure, RawReceipt, source_digest
from taxi_luigi.inventory import drop_spent, held_everywhere
from taxi_luigi.runs import current_run
from taxi_luigi.runs.drift import Remark
from taxi_luigi.runs.month_results import Made
from taxi_luigi.runs.progress import Progress, size
from taxi_luigi.runs.task import PipelineTask
from taxi_luigi.storage.lake import Stored, cause, damaged, gone
from taxi_luigi.storage.raw_month import RawMonth, rejects_name
from taxi_luigi.tasks import replacing
from taxi_luigi.tasks.parameters import ColorParameter, MonthParameter
from taxi_luigi.tasks.targets import (
    CleanTarget,
    LakeTarget,
    MarkerTarget,
    MonthTarget,
    PublishedTarget,
    RawTarget,
    lake_target,
    raw_edition,
)
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import guards
from taxi_luigi.warehouses import CleanFile


class MonthTask(PipelineTask):
    """One month of one color. `edition` is '' unless a certain edition is wanted in place of what is there."""

    color = ColorParameter(description=f"one of {', '.join(DATASETS)}")
    month = MonthParameter(description="the month in the name of TLC's file, as 2024-01")
    edition = luigi.Parameter(default="", description="set by LoadAllMonths --force")

    @property
    def label(self) -> str:
        return f"{self.color} {self.month}"

    def output(self) -> MonthTarget:
        raise NotImplementedError

    def complete(self) -> bool:
        """Once this run has made it, the same content serves that another run's `--force` put in its place."""
        if super().complete():
            return True
        target = self.output()
        if self._known is not None or not target.edition or not (self._made or current_run.did(**self.log_fields)):
            return False
        target.any_force = True
        return target.exists()


class PublishedMonth(luigi.ExternalTask):
    """The month's file at the source. A month that is not there yet is not complete, and never an error."""

    color = ColorParameter()
    month = MonthParameter()

    @property
    def log_fields(self) -> dict[str, str]:
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
    imports = ("taxi_luigi.transform.readers",)

    def requires(self) -> PublishedMonth:
        return PublishedMonth(color=self.color, month=self.month)

    def output(self) -> RawTarget:
        return RawTarget(self.color, self.month, self.edition)

    def work(self) -> Made:
        from taxi_luigi.transform.readers import check_whole

        target, started = self.output().raw, time.monotonic()
        with target.writing() as part, Progress(self, "downloading", "B") as progress:
            fetched = config.source().fetch(self.color, self.month, part, progress)
            try:
                form = check_whole(part)
            except BadFile as error:  # says where the file came from: the temporary file is about to go
                line = str(error).replace(str(part), fetched.url)
                recipe, settings = str(config.recipe(self.color, self.month)), config.check_version()
                target.failed(Failure(FILE, line, source_digest(fetched.seen), recipe, settings))
                raise BadFile(f"{line}; it was not kept, and the next run downloads it again") from error
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
    imports = ("taxi_luigi.transform.clean",)

    def requires(self) -> DownloadMonth:
        return DownloadMonth(color=self.color, month=self.month, edition=raw_edition(self.edition))

    def output(self) -> CleanTarget:
        return CleanTarget(self.color, self.month, self.edition)

    def work(self) -> Made:
        raw = self.input().raw
        raw_receipt = raw.receipt()
        if raw_receipt is None:
            raise StorageError(f"{raw} has gone since it was downloaded; run the same command again")
        if not self.input().has_content(raw_receipt.edition):
            raise replaced_meanwhile(raw)
        recipe = str(config.recipe(self.color, self.month))
        edition = self.edition or str(Edition(raw_receipt.source, recipe))
        before, settings = raw.failure(), config.check_version()
        held = replacing.receipt_in(config.clean_lake(), self.color, self.month)
        if before and guards.still_refused(before, Edition.parse(edition).source, recipe, settings):
            self._refuse_again(before, held)
        try:
            made = self._clean(raw, raw_receipt, edition, held)
        except (BadFile, AccountError) as error:
            if not _still_there(raw, raw_receipt):
                raise replaced_meanwhile(raw) from error
            raise self._failed(raw, error, Edition.parse(edition), settings, before) from error
        if before:
            raw.taken()
        return made

    def _refuse_again(self, before: Failure, held: CleanReceipt | None) -> None:
        """Spares the cleaning of a file that was refused, where the same refusal must follow."""
        records = None if held is None else held.records
        if replacing.is_forced(self.edition) and before.check == guards.FEWEST_ROWS:
            return
        if guards.stands_against(before, records, config.limits()):
            why = f"{self._gone(before)}{before.why} (the file, and how it is cleaned, are the same as then)"
            raise Refusal(why, before.check)

    def _failed(
        self, raw: RawMonth, error: BadFile | AccountError, edition: Edition, settings: str, before: Failure | None
    ) -> BadFile | AccountError:
        """Remembers why the file was not taken; returns the error with what to do about it."""
        why, check = one_line(error) or "", error.check if isinstance(error, Refusal) else FILE
        records = error.records if isinstance(error, Refusal) else None
        if isinstance(error, DamagedCopy):
            raw.distrust()
            return BadFile(f"{why}; the same command downloads it again")
        raw.failed(Failure(check, why, edition.source, edition.recipe, settings, records))
        if isinstance(error, Refusal):
            return error
        force = force_command(self.color, self.month)
        cure = f"the next run downloads it again when the source has another file; at once: {force}"
        return type(error)(f"{self._gone(before)}{why}; {cure}")

    def _gone(self, before: Failure | None) -> str:
        """What comes before the error of a month that failed before, where the source has its file no more."""
        published = self.requires().requires()
        return "failed before, and no longer published: " if before and not published.complete() else ""

    def _clean(self, raw: RawMonth, raw_receipt: RawReceipt, edition: str, held: CleanReceipt | None) -> Made:
        from taxi_luigi.transform.clean import clean_month, describe_rejects, find_layout

        rules, limits, started = config.clean_rules(), config.limits(), time.monotonic()
        workspace, clean, rejects = config.workspace(), config.clean_lake(), rejects_name(self.color, self.month)
        with (
            Progress(self, "cleaning", "rows") as progress,
            raw.reading() as raw_path,
            clean.writing(self.color, self.month) as part,
            workspace.writing(rejects) as rejects_part,
        ):
            raw.check_bytes(raw_path, raw_receipt)
            guards.check_columns(find_layout(DATASETS[self.color], self.month, raw_path), limits, raw)
            receipt = clean_month(
                DATASETS[self.color], self.month, raw_path, raw_receipt, edition, rules, part, rejects_part, progress,
                held,
            )  # fmt: skip
            guards.check_file(receipt, limits, lambda: describe_rejects(receipt, rejects_part), raw)
            if not _still_there(raw, raw_receipt):
                raise replaced_meanwhile(raw)
            odd = [*filter(None, [describe_rejects(receipt, rejects_part), *receipt.warnings])]
            if held is not None:
                holding = replacing.in_lake(clean, receipt)
                assert holding is not None, "its receipt was read a moment ago"
                guards.check_replacement(receipt, holding, limits, replacing.is_forced(edition), raw, "the workspace")
            size = part.stat().st_size
            # Rejects first: the clean file's receipt is what says that the month is whole.
            if receipt.rows_rejected:
                workspace.publish(rejects_part, rejects, receipt.summary.labels())
            else:
                workspace.remove(rejects)
            clean.publish(part, self.color, self.month, receipt.summary)
            progress.page(clean.page(self.color, self.month))
            progress.ended(f"{receipt.rows_kept:,} rows kept, {receipt.rows_rejected:,} rejected")
        fewer = guards.fewer_than_published(receipt, limits) if held is None else None
        missing = [name for name, kind in receipt.missing.items() if kind != OTHER_FORM]
        if receipt.left_out or receipt.unmapped or missing or odd or fewer:
            month = str(self.month)
            current_run.note(Remark(self.color, month, receipt.left_out, receipt.unmapped, missing, odd, fewer))
        before = None if held is None else guards.Holding.of(held)
        replaced = guards.change(before, guards.Holding.of(receipt), self.color)
        seconds = time.monotonic() - started
        log.info(
            "Cleaned %s %s: %s rows in, %s kept, %s rejected, in %.1f s; %s bytes in %s%s",
            self.color, self.month, f"{receipt.rows_in:,}", f"{receipt.rows_kept:,}", f"{receipt.rows_rejected:,}",
            seconds, f"{size:,}", self.output(), f"; {replaced}" if replaced else "",
            extra=figures(receipt.rows_kept, size, seconds),
        )  # fmt: skip
        return Made(receipt.rows_kept, size, replaced)


def _still_there(raw: RawMonth, receipt: RawReceipt) -> bool:
    """Whether the file that was read by this receipt has not been replaced since, by a file with other bytes."""
    now = raw.receipt()
    return now is not None and now.sha256 == receipt.sha256


class UploadMonth(MonthTask):
    """The clean month in the lake called `lake`."""

    lake = luigi.Parameter(description="the name of a lake in luigi.cfg")
    priority = 20
    imports = ("taxi_luigi.transform.readers",)

    @property
    def store(self) -> str:  # type: ignore[override]
        return str(self.lake)

    def check_store(self) -> None:
        config.lake(self.lake)
        _check_place(self.lake)

    def requires(self) -> CleanMonth:
        return CleanMonth(color=self.color, month=self.month, edition=self.edition)

    def output(self) -> LakeTarget:
        return lake_target(self.lake, self.color, self.month, self.edition)

    def work(self) -> Made:
        started, target = time.monotonic(), self.output()
        _seen(self.input())
        replaced = self._judge(target)
        with Progress(self, f"uploading to {self.lake}", "B") as progress:
            stored = target.held_in.take(self.input().held_in, self.color, self.month, progress)
            progress.page(target.held_in.page(self.color, self.month))
            progress.ended(f"{size(stored.entry.bytes, 'B')} in {self.lake}")
        seconds, made = time.monotonic() - started, Made(stored.summary.rows, stored.entry.bytes, replaced)
        log.info(
            "Uploaded %s %s: %s bytes in %.1f s to %s%s", self.color, self.month, f"{made.bytes:,}", seconds, target,
            f"; {replaced}" if replaced else "", extra=figures(made.rows, made.bytes, seconds),
        )  # fmt: skip
        drop_if_spent(self)
        return made

    def _judge(self, target: LakeTarget) -> str:
        """Records and money before → after; '' where the lake has nothing of the month. Raises Refusal."""
        if target.held_in.store.stat(target.held_in.name(self.color, self.month)) is None:
            config.raw_month(self.color, self.month).taken(f"lake {self.lake}")
            return ""
        new = replacing.full_receipt(self.input().held_in, self.color, self.month)
        held = replacing.in_lake(target.held_in, new)
        return replacing.put_in_place(new, held, f"lake {self.lake}", self.input())


@cache
def _check_place(lake: str) -> None:
    """Raises ConfigError for a lake that is another place too, of one that only the command line names."""
    config.check_overlap(lake)


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
    def imports(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("taxi_luigi.transform.readers", *config.warehouse(self.warehouse).imports)

    @property
    def resources(self) -> dict[str, int]:
        """DuckDB takes one writer at a time."""
        return {f"warehouse.{self.warehouse}": 1} if config.single_writer(self.warehouse) else {}

    def requires(self) -> CleanMonth | UploadMonth:
        common = {"color": self.color, "month": self.month, "edition": self.edition}
        lake = config.lake_for(self.warehouse)
        return CleanMonth(**common) if lake is None else UploadMonth(lake=lake, **common)

    def output(self) -> MarkerTarget:
        return MarkerTarget(self.warehouse, self.color, self.month, self.edition)

    def work(self) -> Made:
        started, dataset = time.monotonic(), DATASETS[self.color]
        where_it_is = bool(config.loads_from(self.warehouse))
        clean = _clean_file(self.input(), where_it_is)
        replaced = self._judge()
        with (
            Progress(self, f"loading {self.warehouse}", "rows") as progress,
            console_links.tracking_url_callback(progress.page),
        ):
            with _named_if_damaged(clean, where_it_is, self.color, self.month):
                rows = config.warehouse(self.warehouse).replace_month(dataset, self.month, clean, progress)
            progress.ended(f"{rows:,} rows in {dataset.table} of {self.warehouse}")
        seconds = time.monotonic() - started
        log.info(
            "Loaded %s %s: %s rows into %s of %s in %.1f s%s",
            self.color, self.month, f"{rows:,}", dataset.table, self.warehouse, seconds,
            f"; {replaced}" if replaced else "", extra=figures(rows=rows, seconds=seconds),
        )  # fmt: skip
        drop_if_spent(self)
        return Made(rows, replaced=replaced)

    def _judge(self) -> str:
        """Records before → after; '' where the warehouse has nothing of the month. Raises Refusal."""
        marker = config.warehouse(self.warehouse).loaded_months(DATASETS[self.color]).get(self.month)
        if marker is None:
            config.raw_month(self.color, self.month).taken(f"warehouse {self.warehouse}")
            return ""
        new = replacing.full_receipt(self.input().held_in, self.color, self.month)
        held = replacing.in_warehouse(self.warehouse, marker, new)
        return replacing.put_in_place(new, held, f"warehouse {self.warehouse}", self.input())


def _seen(source: LakeTarget) -> Stored:
    """What a task is to work on, as it is now. Raises Replaced when that is not what was wanted any more."""
    stored = source.held_in.stat(source.color, source.month)
    if stored is None:
        raise gone(str(source))
    if not source.has_content(stored.summary.edition):
        raise replaced_meanwhile(source)
    return stored


def _clean_file(source: LakeTarget, where_it_is: bool) -> CleanFile:
    """What a warehouse loads: the workspace's clean file when it is the one that the lake holds, else the lake's.

    With `where_it_is` the lake's in any case: the warehouse fetches it from there by itself.
    """
    color, month, lake = source.color, source.month, source.held_in
    stored = _seen(source)
    if not where_it_is and not isinstance(source, CleanTarget):
        here = config.clean_lake().stat(color, month)
        if here is not None and here.summary.same_content(stored.summary):
            lake, stored = config.clean_lake(), here
    lake.check(color, month, stored)
    entry, summary = stored.entry, stored.summary

    def unchanged() -> bool:
        now = lake.store.stat(lake.name(color, month))
        if now is not None and now.version != entry.version:
            other = lake.stat(color, month)
            return other is not None and other.summary.same_content(summary)
        return now is not None

    reading = partial(lake.reading, color, month)
    return CleanFile(lake.url(color, month), summary, reading, unchanged, entry.crc32c)


@contextmanager
def _named_if_damaged(clean: CleanFile, where_it_is: bool, color: str, month: Month) -> Iterator[None]:
    """Where a load fails as the file's pages are damaged, of which its footer shows nothing, the error says so.

    For that the file is read once more, whole. `where_it_is` as in `_clean_file`: then that is a download, and it is
    made only where Google's words are of the file.
    """
    try:
        yield
    except WarehouseBusy:
        raise
    except (WarehouseError, BadFile, AccountError) as error:
        why = "" if where_it_is and "reading data" not in str(error) else _damage_in(clean)
        if not why:
            raise
        raise damaged(clean.url, why, color, month) from error


def _damage_in(clean: CleanFile) -> str:
    """What is wrong with a clean file's bytes; '' when all of it can be read."""
    from taxi_luigi.transform.readers import open_raw

    with clean.reading() as path:
        try:
            with open_raw(path) as raw:
                for _ in raw.chunks():
                    pass
        except BadFile as error:
            return cause(error, path)
    return ""


def drop_if_spent(task: MonthTask) -> None:
    """Removes what `keep_raw` and `keep_clean` do not keep, once the last store has the month."""
    settings = config.settings()
    if (settings.keep_raw and settings.keep_clean) or not held_everywhere(task.color, task.month):
        return
    drop_spent([(task.color, task.month)])
