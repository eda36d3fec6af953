"""What the months of a plan need: rows, bytes on disk, time.

Rows are TLC's published counts where they apply to the source, else they follow from the size of the file. Speeds and
sizes are those of the last tasks on this machine; where it has done too little of a kind, they are guesses. `estimate`
is pure; `of_plan` gives it the settings and the history, and `disks` compares with the free space of this machine.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from taxi_luigi import config, history
from taxi_luigi.core.disks import disk_of
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.logs import log
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.units import size
from taxi_luigi.history import WorkDone
from taxi_luigi.inventory.plan import Plan, PlannedMonth
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.tlc.published import counts_apply_to, expected_rows
from taxi_luigi.transform.staleness import Reason

DOWNLOAD, CLEAN, UPLOAD, LOAD = "DownloadMonth", "CleanMonth", "UploadMonth", "LoadMonth"
"""the steps of a month, by their tasks' names"""

_BYTES_PER_ROW = defaultdict(lambda: 15.0) | {"yellow": 15.0, "green": 17.0, "fhv": 9.0, "fhvhv": 25.0}
"""of TLC's parquet files since 2011: the means of those whose sizes are known; of a new record type, a guess"""
_CLEAN_BYTES_PER_ROW = defaultdict(lambda: 15.0) | {"yellow": 16.5, "green": 16.0, "fhv": 12.5, "fhvhv": 29.0}
"""measured with made-up months of 400,000 rows (Nov 2026)"""
_SPEEDS = {DOWNLOAD: 6e6, CLEAN: 2.5e6, UPLOAD: 50e6}
"""guesses: bytes a second of a download from TLC's servers and of an upload, rows a second of cleaning on one core"""
_OVERHEAD = 0.1
"""seconds of a task beside its work, as 48 months of 1,000 rows took them (Nov 2026)"""
_ENOUGH_ROWS, _ENOUGH_BYTES = 1_000_000, 20_000_000
"""what this machine has to have done of a step before its own speed is used: less measures the overhead"""


@dataclass(frozen=True)
class MonthNeeds:
    """What one month of a plan needs."""

    color: str
    rows: int
    download: int
    """bytes; 0 where the file is here"""
    clean: bool
    """whether it has to be cleaned"""
    lakes: tuple[str, ...] = ()
    """those that get a copy of the clean file"""
    warehouses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loading:
    """What a load into a warehouse costs."""

    growth: float
    """bytes that it stores for each byte of a clean file"""
    speed: float
    """rows a second, guessed"""
    one_at_a_time: bool
    """whether loads wait for each other"""


@dataclass(frozen=True)
class Estimate:
    """What the months of a plan need."""

    months: int
    rows: int
    download: int
    """bytes; as `raw` to `warehouses`"""
    raw: int
    """in the workspace at the end; where raw files are not kept, those of the months in work"""
    clean: int
    """the same of clean files"""
    lakes: Mapping[str, int]
    """name → what it gets"""
    warehouses: Mapping[str, int]
    """name → by how much it grows"""
    seconds: float
    """with all workers"""
    measured: frozenset[str]
    """the steps whose speed is this machine's own"""
    guessed: frozenset[str]


@dataclass(frozen=True)
class Disk:
    """A disk of this machine, and the bytes of it that the months of a plan need."""

    folder: Path
    needed: int
    free: int

    @property
    def too_small(self) -> bool:
        return self.needed > self.free

    def __str__(self) -> str:
        return f"about {size(self.needed)} of the {size(self.free)} that are free in {redact(str(self.folder))}"


def estimate(
    months: Sequence[MonthNeeds],
    loading: Mapping[str, Loading],
    done: Iterable[WorkDone],
    workers: int,
    keep_raw: bool = True,
    keep_clean: bool = True,
) -> Estimate:
    """Return what these months need.

    Args:
        months: those that a plan has to do
        loading: warehouse → what a load into it costs
        done: what this machine has done of each step
        workers: tasks that run at a time
        keep_raw: whether raw files stay
        keep_clean: whether clean files stay in the workspace
    """
    speeds = _Speeds(list(done))
    total, waiting, longest = 0.0, dict.fromkeys(loading, 0.0), 0.0
    sizes = [round(each.rows * _CLEAN_BYTES_PER_ROW[each.color]) for each in months]
    for each, size_ in zip(months, sizes, strict=True):
        steps = [speeds.seconds(DOWNLOAD, each, each.download, _SPEEDS[DOWNLOAD])] if each.download else []
        if each.clean:
            steps.append(speeds.seconds(CLEAN, each, each.rows, _SPEEDS[CLEAN]))
        steps += [speeds.seconds(UPLOAD, each, size_, _SPEEDS[UPLOAD], lake) for lake in each.lakes]
        loads = {name: speeds.seconds(LOAD, each, each.rows, loading[name].speed, name) for name in each.warehouses}
        for name, seconds in loads.items():
            waiting[name] += seconds
        chain = sum(steps) + sum(loads.values())
        total, longest = total + chain, max(longest, chain)
    queues = [seconds for name, seconds in waiting.items() if loading[name].one_at_a_time]
    return Estimate(
        months=len(months),
        rows=sum(each.rows for each in months),
        download=sum(each.download for each in months),
        raw=_kept([each.download for each in months], keep_raw, workers),
        clean=_kept([size_ for size_, each in zip(sizes, months, strict=True) if each.clean], keep_clean, workers),
        lakes=_sums((name, size_) for size_, each in zip(sizes, months, strict=True) for name in each.lakes),
        warehouses=_sums(
            (name, round(size_ * loading[name].growth))
            for size_, each in zip(sizes, months, strict=True)
            for name in each.warehouses
        ),
        seconds=max([total / workers, longest, *queues]),
        measured=frozenset(speeds.measured),
        guessed=frozenset(speeds.guessed),
    )


def of_plan(plan: Plan, workers: int) -> Estimate:
    """Return what a plan needs by luigi.cfg and this machine's history; `workers` is as in `estimate`."""
    settings = config.settings()
    try:
        done = history.work_done(settings.state)
    except StorageError as error:
        log.debug("all speeds are guessed: %s", error)
        done = []
    counts = counts_apply_to(settings.source)
    gone = {(color, month) for color, months in plan.not_published.items() for month in months}
    months = [_needs(each, counts) for each in plan.to_do if (each.color, each.month) not in gone]
    loading = {
        name: Loading(store.growth, store.speed, store.single_writer)
        for name, store in ((name, config.warehouse(name)) for name in settings.warehouses)
    }
    return estimate(months, loading, done, workers, settings.keep_raw, settings.keep_clean)


def disks(found: Estimate) -> list[Disk]:
    """Return the disks of this machine that the months need, each with the folder that was found on it first.

    One that cannot be looked at is left out: a task that writes there has the error.
    """
    store, files = config.workspace(), config.warehouse_files()
    places = [(store.root, found.raw + found.clean)] if isinstance(store, FolderStore) else []
    for name, needed in found.lakes.items():
        lake = config.lake(name).store
        places += [(lake.root, needed)] if isinstance(lake, FolderStore) else []
    places += [(files[name].parent, needed) for name, needed in found.warehouses.items() if name in files]
    by_device: dict[int, Disk] = {}
    for folder, needed in places:
        try:
            device, there = disk_of(folder)
            before = by_device.get(device) or Disk(folder, 0, shutil.disk_usage(there).free)
        except OSError as error:
            log.debug("the room in %s is not known: %s", folder, error)
        else:
            by_device[device] = replace(before, needed=before.needed + needed)
    return [*by_device.values()]


def _needs(each: PlannedMonth, counts: bool) -> MonthNeeds:
    rows = expected_rows(each.color, each.month) if counts else None
    if rows is None:
        rows = round((each.bytes or 0) / _BYTES_PER_ROW[each.color])
    download = round(rows * _BYTES_PER_ROW[each.color]) if each.bytes is None else each.bytes
    return MonthNeeds(
        each.color,
        rows,
        download,
        clean=bool(download) or "local" in each.lakes or each.reason is not Reason.MISSING,
        lakes=tuple(name for name in each.lakes if name != "local"),
        warehouses=each.warehouses,
    )


class _Speeds:
    """The speed of each step: this machine's, where it has done enough of it, else a guess."""

    def __init__(self, done: Sequence[WorkDone]) -> None:
        self._done = done
        self._known: dict[tuple[str, str, str], float | None] = {}
        self.measured: set[str] = set()
        self.guessed: set[str] = set()

    def seconds(self, task: str, month: MonthNeeds, amount: int, guess: float, store: str = "") -> float:
        """Return the seconds of one task with so many rows, or bytes of a download or upload."""
        key = (task, store, month.color)
        if key not in self._known:
            self._known[key] = self._own(task, store, month.color)
        own = self._known[key]
        (self.guessed if own is None else self.measured).add(task)
        return _OVERHEAD + amount / (own or guess)

    def _own(self, task: str, store: str, color: str) -> float | None:
        """The rows a second of this record type, or of all where it is new here; the bytes a second of all."""
        of_step = [
            each for each in self._done if (each.task, each.store) == (task, store) or task == CLEAN == each.task
        ]
        if task in (DOWNLOAD, UPLOAD):
            return _speed(of_step, sum(each.bytes for each in of_step), _ENOUGH_BYTES)
        of_color = [each for each in of_step if each.color == color]
        return _speed(of_color, sum(each.rows for each in of_color), _ENOUGH_ROWS) or _speed(
            of_step, sum(each.rows for each in of_step), _ENOUGH_ROWS
        )


def _speed(done: Sequence[WorkDone], amount: int, enough: int) -> float | None:
    if amount < enough:
        return None
    seconds, tasks = sum(each.seconds for each in done), sum(each.tasks for each in done)
    return amount / max(seconds - tasks * _OVERHEAD, seconds / 10)


def _kept(sizes: Sequence[int], keep: bool, workers: int) -> int:
    """The bytes that stay, or those of the largest files that are there at a time."""
    return sum(sizes if keep else sorted(sizes)[-workers:])


def _sums(sizes: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, size_ in sizes:
        found[name] = found.get(name, 0) + size_
    return found
