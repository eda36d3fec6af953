"""LoadAllMonths: every month given and the zones, fanned out over lakes and warehouses."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container
from datetime import date
from functools import cached_property
from typing import Any

import luigi
import luigi.interface

from taxi_luigi import config
from taxi_luigi.core.errors import TaxiError, replaced_meanwhile
from taxi_luigi.core.logs import log
from taxi_luigi.core.text import several
from taxi_luigi.core.units import plural
from taxi_luigi.history import TaskResult, now
from taxi_luigi.inventory import CLEAN, RAW, Plan, drop_spent, estimate, make_plan
from taxi_luigi.runs import current_run, preflight, signals
from taxi_luigi.runs.task import PipelineTask, PlainTask, check_settings
from taxi_luigi.tasks.month import CleanMonth, DownloadMonth, LoadMonth, MonthTask, UploadMonth
from taxi_luigi.tasks.parameters import (
    ColorsParameter,
    FlagParameter,
    MonthsParameter,
    RefreshParameter,
    ShardParameter,
)
from taxi_luigi.tasks.targets import raw_edition
from taxi_luigi.tasks.zones import LoadZones, UploadZones
from taxi_luigi.tlc.datasets import select_months
from taxi_luigi.tlc.months import LATEST, Month
from taxi_luigi.tlc.shards import Shard
from taxi_luigi.transform.staleness import Reason


class Idle(PlainTask, luigi.WrapperTask):
    """Nothing to do of its own: the task that a worker names which only helps others (`--assistant`)."""

    helps = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_settings()

    def complete(self) -> bool:
        return True


class LoadAllMonths(PlainTask, luigi.WrapperTask):
    """Every month given, of every color, in every lake and warehouse that luigi.cfg names; and the zones.

    `force` is about months: zones are loaded where there are none, and again by `LoadZones --force`
    or `UploadZones --force`.
    """

    plans = True
    _scheduled = _over = _done = False
    _planned_in: int | None = None
    """the process that made the plan; one of a task, which is forked later, asks the stores"""
    colors = ColorsParameter(default=("yellow", "green"), description="record types, as yellow,green")
    months = MonthsParameter(
        default="latest", description="2024-01, 2024, 2024-01..2024-06, 2024-01.., latest or all, separated by commas"
    )
    force = FlagParameter(default=False, description="load these months again, from the source on")
    refresh = RefreshParameter(
        default="",
        description="replace what TLC has rewritten, of the last 8 months or of `all`, and what our rules changed",
    )
    shard = ShardParameter(
        default="",
        description="of a back-fill by N processes, load the Ith share of the months, as 3/8; with auto or auto/N, the "
        "share of the index that AWS Batch, Cloud Run, Kubernetes or Slurm has given this process",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        check_settings()
        self._today = date.today()
        self._shard: Shard | None = self.shard or None
        config.check_shard(self._shard)
        self._selected = select_months(self.colors, self.months, self._today)
        self._wanted = {
            (color, month): named
            for (color, month), named in self._selected.items()
            if self._shard is None or self._shard.holds(color, month)
        }
        self._unlisted: list[PipelineTask] = []
        """tasks that need not look for their file while everything is scheduled; some are not scheduled themselves"""

    @property
    def log_fields(self) -> dict[str, str]:
        """As of the other tasks, for logs."""
        return {"task": type(self).__name__, "color": "", "month": "", "store": ""}

    @cached_property
    def plan(self) -> Plan:
        """What this run schedules, made once."""
        self._planned_in = os.getpid()
        return make_plan(self._wanted, self.force, self._recheck(), self._shard)

    def _recheck(self) -> Container[Month] | None:
        if not self.refresh:
            return None
        recent = Month.of(self._today).plus(1 - LATEST)
        return {month for _, month in self._wanted if self.refresh == "all" or month >= recent}

    def prepare(self) -> None:
        if self.share:
            log.info("%s", self.share)
        if not self.complete():
            preflight.check(self.plan.months)
            _log_full_disks(self.plan)
        current_run.begin(self.plan)
        _log_source_changes(self.plan)
        self._tidy()

    @property
    def share(self) -> str:
        """`shard 3 of 8: 74 of 589 months: 27 yellow, 19 green, 17 fhv, 11 fhvhv`; '' of a run of all months."""
        if self._shard is None:
            return ""
        counts = Counter(color for color, _ in self._wanted)
        months = f"{len(self._wanted)} of {plural(len(self._selected), 'month')}"
        of_colors = ", ".join(f"{number} {color}" for color, number in counts.items())
        zones = "; and the zones" if self._shard.has_zones and config.settings().zones else ""
        share = f"{months}: {of_colors}{zones}" if counts else f"{months}{zones or ', so there is nothing to do'}"
        return f"shard {self._shard.number} of {self._shard.count}: {share}"

    def complete(self) -> bool:
        """Whether all is held: by the plan until everything is scheduled, then by a new listing of the stores."""
        if self._over:
            self._forget_plan()
        with signals.stoppable():
            if self._done:
                return True
            if not self._scheduled and self._planned_in in (None, os.getpid()):
                return self.plan.done
            if self.force or self.refresh:
                return all(task.complete() for task in self.requires())
            return make_plan(self._wanted, shard=self._shard).done

    def scheduled(self) -> None:
        self._scheduled = True
        for task in self._unlisted:
            task.scheduled()

    def ended(self) -> None:
        self._over = True
        for task in self._unlisted:
            task.ended()

    def _forget_plan(self) -> None:
        """Luigi has one object for equal parameters: a second `luigi.build` of a process decides for itself."""
        self._scheduled = self._over = self._done = False
        self._unlisted.clear()
        for name in ("plan", "_tasks"):
            self.__dict__.pop(name, None)

    def run(self) -> None:
        """Check that all outputs are still there: a run at the same time may have replaced one."""
        self.scheduled()
        if not self.complete():
            replaced = self._replaced()
            self._note(replaced)
            raise replaced_meanwhile(several([f"{color} {month}" for color, month in replaced]) or self)
        self._done = True

    def on_failure(self, exception: BaseException) -> Any:
        """Add the months that are not there any more, where Luigi itself found that before `run`."""
        if not isinstance(exception, TaxiError):
            self.scheduled()
            self._note(self._replaced())
        return super().on_failure(exception)

    def _replaced(self) -> list[tuple[str, Month]]:
        """Return the months that a task of this run made and that another run has replaced."""
        if self.force or self.refresh:
            months = [task for task in self.requires() if isinstance(task, MonthTask) and not task.complete()]
            return list(dict.fromkeys((task.color, task.month) for task in months))
        return [(each.color, each.month) for each in make_plan(self._wanted, shard=self._shard).to_do]

    def _note(self, months: list[tuple[str, Month]]) -> None:
        for color, month in months:
            error = str(replaced_meanwhile(f"{color} {month}"))
            current_run.add(TaskResult(type(self).__name__, color, str(month), began=now(), ended=now(), error=error))

    def _tidy(self) -> None:
        settings = config.settings()
        if not (settings.keep_raw and settings.keep_clean):
            there = self.plan.already_there.items()
            pairs = ((color, month) for color, months in there for month in months)
            # A file that was refused stays: without it, the next run would download and clean it again.
            drop_spent(pair for pair in pairs if pair not in self.plan.refused)

    @cached_property
    def _tasks(self) -> list[PipelineTask]:
        tasks: list[PipelineTask] = []
        for each in self.plan.to_do:
            common = {"color": each.color, "month": each.month, "edition": each.edition}
            if CLEAN in each.unlisted:
                self._unlisted.append(CleanMonth(**common).with_known_status(complete=False))
            if RAW in each.unlisted:
                raw = DownloadMonth(**(common | {"edition": raw_edition(each.edition)}))
                self._unlisted.append(raw.with_known_status(complete=False))
            for name in each.lakes:
                task = CleanMonth(**common) if name == "local" else UploadMonth(lake=name, **common)
                tasks.append(task.with_known_status(complete=False))
            for name in each.warehouses:
                shard = self.shard if config.per_shard(name) else ""
                tasks.append(LoadMonth(warehouse=name, shard=shard, **common).with_known_status(complete=False))
                lake = config.lake_for(name)
                if lake is not None and lake not in each.lakes:
                    UploadMonth(lake=lake, **common).with_known_status(complete=True)
        for name in self.plan.zones:
            if config.settings().warehouses:
                zones: PipelineTask = LoadZones(warehouse=name, shard=self.shard if config.per_shard(name) else "")
            else:
                zones = UploadZones(lake=name)
            tasks.append(zones.with_known_status(complete=False))
        return tasks

    def requires(self) -> list[PipelineTask]:
        return self._tasks


def _log_full_disks(plan: Plan) -> None:
    """Log a warning for each disk of this machine on which the months of a plan will hardly find room."""
    for disk in estimate.disks(estimate.of_plan(plan, luigi.interface.core().workers)):
        if disk.too_small:
            log.warning(
                "the months of this run need %s: those that find no room will fail; taxi-luigi plan has the parts, and"
                " [taxi] keep_raw = false keeps no raw files", disk,
            )  # fmt: skip


def _log_source_changes(plan: Plan) -> None:
    """Log what the comparison with the source found that changes nothing in this run."""
    if plan.unchecked:
        number = len(plan.unchecked)
        whether = "1 month is still as it was" if number == 1 else f"{number} months are still as they were"
        log.warning("the source could not be asked whether %s: %s", whether, plan.unchecked[0])
    for (color, month), why in plan.refused.items():
        log.warning("%s %s: the published file was refused before, and what is held stays: %s", color, month, why)
    reverted = [f"{each.color} {each.month}" for each in plan.to_do if each.reason is Reason.RULES_CHANGED]
    if reverted:
        log.warning(
            "cleaned by other rules than [clean] has now, and to be cleaned again: %s; --clean-reject and"
            " --clean-fill-missing-passengers of an earlier command count only where they are given again",
            several(reverted),
        )
    for color, months in plan.withdrawn.items():
        log.warning("the source has no more: %s %s; what is held of it stays", color, several(map(str, months)))
