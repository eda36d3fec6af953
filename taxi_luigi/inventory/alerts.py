"""What a monitor reports: no good run for too long; months overdue, failed or short of rows; a full disk; no answer.

Pure but for `free_disk`. `taxi-luigi status --check` prints the alerts.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path

from taxi_luigi import config
from taxi_luigi.core.disks import disk_of
from taxi_luigi.core.text import unwrapped
from taxi_luigi.core.units import duration, size
from taxi_luigi.history import MonthResult, Result, RunResult
from taxi_luigi.inventory.month_state import Cell, State, Status
from taxi_luigi.tlc.months import Month, spans
from taxi_luigi.tlc.published import counts_apply_to, published_rows

_GB = 1_000_000_000


class Kind(Enum):
    """What an alert is about. The values are those of `status --check --json`."""

    NO_GOOD_RUN = "no good run"
    FAILED = "failed"
    OVERDUE = "overdue"
    MISSING = "missing"
    FEWER = "fewer rows"
    DISK = "disk"
    NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Alert:
    """One finding."""

    kind: Kind
    message: str
    """one line"""
    color: str = ""
    """'' of one that is not about months"""
    months: tuple[str, ...] = ()


def free_disk() -> dict[Path, int]:
    """Return the free bytes of each disk that runs write to, by the first folder of ours on it.

    Raises: OSError
    """
    found: dict[int, Path] = {}
    for folder in (*config.written_folders(), config.settings().state):
        found.setdefault(*disk_of(folder))
    return {folder: shutil.disk_usage(folder).free for folder in found.values()}


def of_machine(good: RunResult | None, now: datetime, hours: float, free: Mapping[Path, int]) -> Iterator[Alert]:
    """Yield the alerts that are not about months.

    Args:
        good: the last run that ended well
        now: with a time zone
        hours: after which a good run is too old
        free: disk → free bytes
    """
    limit = f"more than {hours:g} hours ([monitor] hours)"
    if good is None:
        yield Alert(Kind.NO_GOOD_RUN, "no run that ended well is recorded on this machine")
    elif now - datetime.fromisoformat(good.ended) > timedelta(hours=hours):
        ago = duration((now - datetime.fromisoformat(good.ended)).total_seconds())
        yield Alert(Kind.NO_GOOD_RUN, f"no run ended well for {ago}, {limit}: the last one is {good.run}")
    least = config.monitor().free_disk
    for folder, number in free.items():
        if number < least * _GB:
            yield Alert(Kind.DISK, f"{size(number)} are free at {folder}: less than {least:g} GB ([monitor] free_disk)")


def of_months(
    status: Status, results: Iterable[MonthResult], now: datetime, named: Mapping[tuple[str, Month], bool] | None
) -> Iterator[Alert]:
    """Yield the alerts about months, and about places that could not be listed.

    Args:
        status: of the months that are looked at
        results: the last result of each month, of this machine's history
        now: with a time zone
        named: (color, month) of those that must all be there → whether it must be where TLC is not known to have
            published it; None: only what runs worked on is looked at
    """
    yield from (Alert(Kind.NO_ANSWER, line) for line in status.errors)
    last = {(each.color, Month.parse(each.month)): each for each in results}
    for color in status.colors:
        of_color = {month: last.get((color.color, month)) for month in color.cells}
        failed = {month: why for month, cell in color.cells.items() if (why := _failure(cell, of_color[month]))}
        late = [month for month, cell in color.cells.items() if _is_overdue(cell, of_color[month], month, now)]
        if failed:
            first = min(failed)
            others = f"{spans(failed)}; {first}" if len(failed) > 1 else str(first)
            yield _about(Kind.FAILED, color.color, failed, f"failed: {others}: {unwrapped(failed[first])}")
        if late:
            days = config.notices().not_published_for
            text = f"not published {days} days after its month ([notify] not_published_for): {spans(late)}"
            yield _about(Kind.OVERDUE, color.color, late, text)
        if named is not None:
            yield from _missing(color.color, color.cells, {*failed, *late}, named)
        yield from _fewer(color.color, color.cells)


def _failure(cell: Cell, last: MonthResult | None) -> str:
    """Return why the month is not as it should be since its last attempt; '' where it is."""
    if cell.refused or cell.failure:
        return cell.refused or cell.failure
    if cell.state is not State.EVERYWHERE and last is not None and last.result in (Result.FAILED, Result.NOT_FINISHED):
        return last.why or last.result.value
    return ""


def _is_overdue(cell: Cell, last: MonthResult | None, month: Month, now: datetime) -> bool:
    """A month that a run looked for in vain, and that no place holds."""
    wanted = last is not None and last.result is Result.NOT_PUBLISHED and not cell.held
    return wanted and (now.date() - month.plus(1).first_day).days > config.notices().not_published_for


def _missing(
    color: str, cells: Mapping[Month, Cell], known: set[Month], named: Mapping[tuple[str, Month], bool]
) -> Iterator[Alert]:
    found: dict[str, list[Month]] = {}
    for month, cell in cells.items():
        waits = cell.state is State.NOT_PUBLISHED and not named[color, month]
        if cell.state is State.EVERYWHERE or month in known or waits:
            continue
        if cell.state is State.DIFFERENT:
            text = f"not the same in {' and '.join(cell.differing)}"
        else:
            text = f"not in {' and '.join(cell.lacking)}" if cell.lacking else "in no place that could be listed"
        found.setdefault(text, []).append(month)
    for text, months in found.items():
        yield _about(Kind.MISSING, color, months, f"{text}: {spans(months)}")


def _fewer(color: str, cells: Mapping[Month, Cell]) -> Iterator[Alert]:
    """Months of which TLC published more, as the event `fewer` counts them: records, whatever rules took out."""
    source = config.settings().source
    if not counts_apply_to(source):
        return
    found: dict[Month, tuple[int, int]] = {}
    for month, cell in cells.items():
        published = published_rows(color, month, "csv" if ".csv" in source else "parquet")
        records = next((each.records for each in cell.held.values() if each.records is not None), None)
        if published is not None and records is not None and records < config.limits().fewest_rows * published:
            found[month] = records, published
    if found:
        first = min(found)
        records, published = found[first]
        text = f"fewer records than TLC published: {spans(found)}; {first} has {records:,} of {published:,}"
        yield _about(Kind.FEWER, color, found, text)


def _about(kind: Kind, color: str, months: Iterable[Month], text: str) -> Alert:
    return Alert(kind, f"{color} {text}", color, tuple(map(str, sorted(months))))
