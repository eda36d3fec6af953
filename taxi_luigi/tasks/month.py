"""The steps of one month: published, downloaded, cleaned, uploaded, loaded. As little logic as possible lives here."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache

from taxi_luigi import config
from taxi_luigi.core.cloud import console_links
from taxi_luigi.core.errors import (
    AccountError,
    BadFile,
    StorageError,
    UsageError,
    made_later,
    replaced_meanwhile,
)
from taxi_luigi.core.logs import detail, log
from taxi_luigi.core.receipts import FILE, OTHER_FORM, CleanReceipt, Edition, Failure, RawReceipt, source_digest
from taxi_luigi.core.units import duration, size
from taxi_luigi.history import Drift, TaskResult
from taxi_luigi.inventory import drop_spent, held_everywhere
from taxi_luigi.runs import current_run
from taxi_luigi.runs.progress import Progress
from taxi_luigi.runs.task import AwaitedTask, PipelineTask
from taxi_luigi.storage.raw_month import RawMonth, rejects_name
from taxi_luigi.tasks import replacing
from taxi_luigi.tasks.clean_file import clean_file, explain_damage, stored_now
from taxi_luigi.tasks.parameters import ColorParameter, MonthParameter, ShardParameter, TextParameter
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
from taxi_luigi.tlc.shards import Shard, shard_of
from taxi_luigi.transform import guards
from taxi_luigi.warehouses import Warehouse


class MonthTask(PipelineTask):
    """One month of one color. `edition` is '' unless a certain edition is wanted in place of what is there."""

    color = ColorParameter(description=f"one of {', '.join(DATASETS)}")
    month = MonthParameter(description="the month in the name of TLC's file, as 2024-01")
    edition = TextParameter(default="", description="set by LoadAllMonths --force")

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
        if (
            self.known_status is not None
            or not target.edition
            or not (self._made or current_run.did(**self.log_fields))
        ):
            return False
        target.any_force = True
        return target.exists()


class PublishedMonth(AwaitedTask):
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

    @property
    def waits_for(self) -> str:
        return f"not published: {self.address}\nA later run looks again; what requires it stays pending until then."

    def output(self) -> PublishedTarget:
        return PublishedTarget(self.color, self.month)


class DownloadMonth(MonthTask):
    """The bytes as published, in the workspace's raw/."""

    resources = {"download": 1}  # noqa: RUF012 Luigi reads it as it is
    imports = ("taxi_luigi.transform.readers", "rich.filesize")

    def requires(self) -> PublishedMonth:
        return PublishedMonth(color=self.color, month=self.month)

    def output(self) -> RawTarget:
        return RawTarget(self.color, self.month, self.edition)

    def work(self) -> TaskResult:
        from taxi_luigi.transform.readers import check_whole

        target, started = self.output().raw, time.monotonic()
        target.check_replaceable()
        with target.writing() as part, Progress(self, "downloading", "B") as progress:
            fetched = config.source().fetch(self.color, self.month, part, progress)
            try:
                form = check_whole(part, fetched.url)
            except BadFile as error:
                recipe, settings = str(config.recipe(self.color, self.month)), config.check_version()
                target.remember_failure(Failure(FILE, str(error), source_digest(fetched.seen), recipe, settings))
                raise BadFile(f"{error}; it was not kept, and the next run downloads it again") from error
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
            progress.ended(f"{size(fetched.bytes)} of {form}")
        seconds = time.monotonic() - started
        log.info(
            "Downloaded %s %s: %s bytes of %s in %s from %s",
            self.color, self.month, f"{fetched.bytes:,}", form, duration(seconds), fetched.url,
            extra=detail(bytes=fetched.bytes, seconds=seconds),
        )  # fmt: skip
        return self.result(bytes=fetched.bytes)


class CleanMonth(MonthTask):
    """The month in its color's canonical schema, in the workspace's clean/; rows taken out are in rejected/."""

    priority = 10
    store = "local"
    imports = ("taxi_luigi.inventory.accounts", "taxi_luigi.transform.clean")

    def requires(self) -> DownloadMonth:
        return DownloadMonth(color=self.color, month=self.month, edition=raw_edition(self.edition))

    def output(self) -> CleanTarget:
        return CleanTarget(self.color, self.month, self.edition)

    def work(self) -> TaskResult:
        raw = self.input().raw
        raw_receipt = raw.receipt()
        if raw_receipt is None:
            raise StorageError(f"{raw} has gone since it was downloaded; run the same command again")
        if not self.input().has_content(raw_receipt.edition):
            raise replaced_meanwhile(raw)
        recipe = str(config.recipe(self.color, self.month))
        edition = Edition.parse(self.edition or str(Edition(raw_receipt.source, recipe)))
        held = replacing.replaceable_in(config.clean_lake(), self.color, self.month)
        before = raw.failure()
        published = self.requires().requires().output()
        if before:
            replacing.refuse_again(before, edition, recipe, held, published)
        try:
            result = self._clean(raw, raw_receipt, edition, held)
        except (BadFile, AccountError) as error:
            if not _same_file(raw, raw_receipt):
                raise replaced_meanwhile(raw) from error
            raise replacing.remember(error, raw, edition, before, published) from error
        if before:
            raw.forget_failure()
        return result

    def _clean(self, raw: RawMonth, raw_receipt: RawReceipt, edition: Edition, held: CleanReceipt | None) -> TaskResult:
        """Clean the raw file, check the result against what is held, and publish it."""
        from taxi_luigi.inventory.accounts import unlike_before
        from taxi_luigi.transform.clean import clean_month, describe_rejects, find_layout

        dataset, limits, started = DATASETS[self.color], config.limits(), time.monotonic()
        workspace, clean, rejects = config.workspace(), config.clean_lake(), rejects_name(self.color, self.month)
        with (
            Progress(self, "cleaning", "rows") as progress,
            raw.reading() as raw_path,
            clean.writing(self.color, self.month) as part,
            workspace.writing(rejects) as rejects_part,
        ):
            raw.check_bytes(raw_path, raw_receipt)
            guards.check_columns(find_layout(dataset, self.month, raw_path, raw), limits, raw)
            receipt = clean_month(
                dataset, self.month, raw_path, raw_receipt, str(edition), config.clean_rules(), part, rejects_part,
                progress, held, raw,
            )  # fmt: skip
            guards.check_file(receipt, limits, lambda: describe_rejects(receipt, rejects_part), raw)
            if not _same_file(raw, raw_receipt):
                raise replaced_meanwhile(raw)
            drift = _drift(receipt, describe_rejects(receipt, rejects_part), held, unlike_before(receipt, part))
            if held is not None:
                holding = replacing.in_lake(clean, receipt)
                assert holding is not None, "its receipt was read a moment ago"
                guards.check_replacement(
                    receipt, holding, limits, replacing.is_forced(str(edition)), raw, "the workspace"
                )
            written = part.stat().st_size
            # Rejects first: the clean file's receipt is what says that the month is whole.
            if receipt.rows_rejected:
                workspace.publish(rejects_part, rejects, receipt.summary.labels())
            else:
                workspace.remove(rejects)
            clean.publish(part, self.color, self.month, receipt.summary)
            progress.page(clean.page(self.color, self.month))
            progress.ended(f"{receipt.rows_kept:,} rows kept, {receipt.rows_rejected:,} rejected")
        before = None if held is None else guards.HeldCounts.of(held)
        replaced = guards.change(before, guards.HeldCounts.of(receipt), self.color)
        seconds = time.monotonic() - started
        log.info(
            "Cleaned %s %s: %s rows in, %s kept, %s rejected, in %s; %s bytes in %s%s",
            self.color, self.month, f"{receipt.rows_in:,}", f"{receipt.rows_kept:,}", f"{receipt.rows_rejected:,}",
            duration(seconds), f"{written:,}", self.output(), f"; {replaced}" if replaced else "",
            extra=detail(receipt.rows_kept, written, seconds),
        )  # fmt: skip
        return self.result(receipt.rows_kept, written, replaced, drift=drift)


def _drift(receipt: CleanReceipt, rejects: str | None, held: CleanReceipt | None, unusual: list[str]) -> Drift | None:
    """Return what is unexpected in a cleaned month; None where nothing is."""
    drift = Drift(
        receipt.left_out,
        receipt.unmapped,
        missing=[name for name, kind in receipt.missing.items() if kind != OTHER_FORM],
        warnings=[*filter(None, [rejects, *receipt.warnings])],
        fewer=guards.fewer_than_published(receipt, config.limits()) if held is None else None,
        unusual=unusual,
    )
    return None if drift == Drift() else drift


def _same_file(raw: RawMonth, receipt: RawReceipt) -> bool:
    """Whether the raw file still has the bytes of this receipt; a run at the same time may have replaced it."""
    now = raw.receipt()
    return now is not None and now.sha256 == receipt.sha256


class UploadMonth(MonthTask):
    """The clean month in the lake called `lake`."""

    lake = TextParameter(description="the name of a lake in luigi.cfg")
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

    def work(self) -> TaskResult:
        started, target = time.monotonic(), self.output()
        stored_now(self.input())
        replaced = self._check_replacement(target)
        with Progress(self, f"uploading to {self.lake}", "B") as progress:
            stored = target.held_in.take(self.input().held_in, self.color, self.month, progress)
            progress.page(target.held_in.page(self.color, self.month))
            progress.ended(f"{size(stored.entry.bytes)} in {self.lake}")
        seconds, rows, sent = time.monotonic() - started, stored.summary.rows, stored.entry.bytes
        log.info(
            "Uploaded %s %s: %s bytes in %s to %s%s", self.color, self.month, f"{sent:,}", duration(seconds), target,
            f"; {replaced}" if replaced else "", extra=detail(rows, sent, seconds),
        )  # fmt: skip
        drop_if_spent(self)
        return self.result(rows, sent, replaced)

    def _check_replacement(self, target: LakeTarget) -> str:
        """Records and money before → after; '' where the lake has nothing of the month. Raises Refusal."""
        if target.held_in.store.stat(target.held_in.name(self.color, self.month)) is None:
            config.raw_month(self.color, self.month).forget_failure(f"lake {self.lake}")
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

    warehouse = TextParameter(description="the name of a warehouse in luigi.cfg")
    shard = ShardParameter(
        default="", description="the shard that loads it, as 3/8: of a warehouse with a file for each"
    )
    priority = 30

    @property
    def store(self) -> str:  # type: ignore[override]
        return str(self.warehouse)

    def check_store(self) -> None:
        config.check_shard(self._shard, [self.warehouse])
        if self._shard is not None and not self._shard.holds(self.color, self.month):
            its = shard_of(self.color, self.month, self._shard.count)
            raise UsageError(f"{self.color} {self.month} is of shard {its}/{self._shard.count}, not {self._shard}")

    @property
    def _shard(self) -> Shard | None:
        return self.shard or None

    @property
    def _opened(self) -> Warehouse:
        return config.warehouse(self.warehouse, self._shard)

    @property
    def imports(self) -> tuple[str, ...]:  # type: ignore[override]
        return ("taxi_luigi.transform.readers", *config.warehouse(self.warehouse).imports)

    @property
    def resources(self) -> dict[str, int]:
        """A DuckDB file takes one writer at a time."""
        file = f".{self.shard}" if self.shard else ""
        return {f"warehouse.{self.warehouse}{file}": 1} if config.single_writer(self.warehouse) else {}

    def requires(self) -> CleanMonth | UploadMonth:
        common = {"color": self.color, "month": self.month, "edition": self.edition}
        lake = config.lake_for(self.warehouse)
        return CleanMonth(**common) if lake is None else UploadMonth(lake=lake, **common)

    def output(self) -> MarkerTarget:
        return MarkerTarget(self.warehouse, self.color, self.month, self.edition, self._shard)

    def work(self) -> TaskResult:
        started, dataset = time.monotonic(), DATASETS[self.color]
        in_lake = bool(config.loads_from(self.warehouse))
        clean = clean_file(self.input(), in_lake)
        replaced = self._check_replacement()
        with (
            Progress(self, f"loading {self.warehouse}", "rows") as progress,
            console_links.tracking_url_callback(progress.page),
        ):
            with explain_damage(clean, in_lake, self.color, self.month):
                rows = self._opened.replace_month(dataset, self.month, clean, progress)
            progress.ended(f"{rows:,} rows in {dataset.table} of {self.warehouse}")
        seconds = time.monotonic() - started
        log.info(
            "Loaded %s %s: %s rows into %s of %s in %s%s",
            self.color, self.month, f"{rows:,}", dataset.table, self.warehouse, duration(seconds),
            f"; {replaced}" if replaced else "", extra=detail(rows=rows, seconds=seconds),
        )  # fmt: skip
        drop_if_spent(self)
        return self.result(rows, replaced=replaced)

    def _check_replacement(self) -> str:
        """Records before → after; '' where the warehouse has nothing of the month. Raises Refusal."""
        marker = self._opened.loaded_months(DATASETS[self.color]).get(self.month)
        if marker is None:
            config.raw_month(self.color, self.month).forget_failure(f"warehouse {self.warehouse}")
            return ""
        if config.recipe(self.color, self.month).is_later(marker.edition):
            raise made_later(self.output(), "by a later schema")
        new = replacing.full_receipt(self.input().held_in, self.color, self.month)
        held = replacing.in_warehouse(self.warehouse, marker, new)
        return replacing.put_in_place(new, held, f"warehouse {self.warehouse}", self.input())


def drop_if_spent(task: MonthTask) -> None:
    """Removes what `keep_raw` and `keep_clean` do not keep, once the last store has the month."""
    settings = config.settings()
    if (settings.keep_raw and settings.keep_clean) or not held_everywhere(task.color, task.month):
        return
    drop_spent([(task.color, task.month)])
