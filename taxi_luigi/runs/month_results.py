"""How the tasks of a run ended, put together: what became of each month, and the lines that say so at its end. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from taxi_luigi.core.text import several
from taxi_luigi.history.results import MonthResult, Result
from taxi_luigi.inventory import Plan, PlannedMonth
from taxi_luigi.transform.staleness import Reason

SHOWN = 10
"""replaced months, or other lines of one kind, that a run names at its end; `taxi-luigi history RUN` has all"""


@dataclass(frozen=True)
class Made:
    """What a task made: rows where rows count, and the bytes that it fetched, wrote or sent."""

    rows: int = 0
    bytes: int = 0
    replaced: str = ""
    """of a month that was put in another one's place: records and money before → after"""


@dataclass(frozen=True)
class Outcome:
    """How one task ended; `why` is '' when it succeeded, color and month are '' when it is about no month."""

    color: str
    month: str
    task: str
    store: str = ""
    rows: int = 0
    why: str = ""
    bytes: int = 0
    seconds: float = 0.0
    began: str = ""
    """UTC, ISO 8601"""
    replaced: str = ""
    """as in Made"""
    elsewhere: bool = False
    """another run did it at the same time, and this one found it done"""


DOWNLOAD = "DownloadMonth"
"""the task whose bytes are a month's"""
CLEAN = "CleanMonth"
"""the task that knows the records of a month before and after"""
ZONES = "LoadZones"
"""the task that loads them"""
_REFRESHING = (Reason.REPUBLISHED, Reason.RULES_CHANGED, Reason.SCHEMA_CHANGED, Reason.MAPPING_CHANGED)
"""why a month is done that was there before; one that was forced may not have been"""


def results(backlog: Plan | None, outcomes: Iterable[Outcome], elsewhere: bool = False) -> tuple[MonthResult, ...]:
    """What became of every month that was missing, not published or worked on; those already there are not in it.

    A task's last outcome counts. With `elsewhere`, other workers have done what this one has not. Without a backlog, in
    a run of single tasks, a month counts as loaded when a store got it.
    """
    by_month: dict[tuple[str, str], list[Outcome]] = {}
    for each in _last(outcomes):
        if each.color:
            by_month.setdefault((each.color, each.month), []).append(each)
    if backlog is None:
        alone = (_alone(color, month, of_month) for (color, month), of_month in by_month.items())
        return tuple(each for each in alone if each is not None)
    unpublished = {(color, str(month)) for color, months in backlog.not_published.items() for month in months}
    told = {}
    for missing in backlog.missing:
        key = (missing.color, str(missing.month))
        told[key] = _missing(missing, by_month.get(key, []), key in unpublished, elsewhere)
    for key in unpublished - told.keys():
        told[key] = MonthResult(*key, Result.NOT_PUBLISHED)
    return tuple(told[key] for key in sorted(told))


def lines(backlog: Plan, outcomes: Iterable[Outcome], elsewhere: bool = False, run: str = "") -> list[str]:
    """The summary of the run with that id: a line per color, per month that was replaced or failed, and the zones'."""
    outcomes = list(outcomes)
    months = results(backlog, outcomes, elsewhere)
    colors = dict.fromkeys([*backlog.already_there, *(each.color for each in backlog.missing), *backlog.not_published])
    told = []
    for color in colors:
        there = len(backlog.already_there.get(color, []))
        told.append(f"{color}: {_counts([each for each in months if each.color == color], there)}")
    return told + few(replacements(months), run) + failures(months) + zones(outcomes)


def replacements(months: Iterable[MonthResult]) -> list[str]:
    """A line per month in whose place another was put, with what was there before."""
    return [f"{each.color} {each.month}: {each.replaced}" for each in months if each.replaced]


def few(lines: list[str], run: str) -> list[str]:
    """The first SHOWN lines, and where to find the others."""
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], f"and {more:,} more: taxi-luigi history {run}".rstrip()]


def failures(months: Iterable[MonthResult]) -> list[str]:
    """A line per month that failed."""
    return [f"{each.color} {each.month} failed: {each.why}" for each in months if each.result is Result.FAILED]


def zones(outcomes: Iterable[Outcome]) -> list[str]:
    """Nothing where there was nothing to do."""
    about = [each for each in _last(outcomes) if each.task == ZONES]
    done = [each for each in about if not each.why]
    stores = ", ".join(f"{each.store} ({each.replaced})" if each.replaced else each.store for each in done)
    told = [f"zones: {done[0].rows:,} rows loaded into {stores}"] if done else []
    return told + [f"zones failed: {each.task} {each.store}: {each.why}" for each in about if each.why]


class Countdown:
    """How many months of a backlog are through, told as outcomes come in."""

    def __init__(self, backlog: Plan) -> None:
        self._left = {
            (each.color, str(each.month)): {*each.lakes, *each.warehouses} for each in backlog.missing
        }  # fmt: skip
        self.all = len(self._left)

    @property
    def through(self) -> int:
        """Months that every store has got, or that failed."""
        return self.all - len(self._left)

    def count(self, outcome: Outcome) -> None:
        """Takes one more into account."""
        key = (outcome.color, outcome.month)
        stores = self._left.get(key)
        if stores is None:
            return
        stores.discard(outcome.store)
        if outcome.why or not stores:
            del self._left[key]


def _last(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return list({(each.color, each.month, each.task, each.store): each for each in outcomes}.values())


def _missing(missing: PlannedMonth, outcomes: list[Outcome], unpublished: bool, elsewhere: bool) -> MonthResult:
    done = {each.store: each.elsewhere for each in outcomes if each.store and not each.why}
    wanted = {*missing.lakes, *missing.warehouses}
    why = _first_failure(outcomes)
    if why:
        kind = Result.FAILED
    elif done.keys() >= wanted and all(done[store] for store in wanted):
        kind = Result.ELSEWHERE
    elif done.keys() >= wanted:
        kind = Result.REFRESHED if missing.reason in _REFRESHING else Result.LOADED
    elif unpublished:
        kind = Result.NOT_PUBLISHED
    else:
        kind = Result.ELSEWHERE if elsewhere else Result.NOT_FINISHED
    return _month(missing.color, str(missing.month), kind, outcomes, why)


def _alone(color: str, month: str, outcomes: list[Outcome]) -> MonthResult | None:
    why = _first_failure(outcomes)
    if why:
        return _month(color, month, Result.FAILED, outcomes, why)
    stored = any(each.store and not each.elsewhere for each in outcomes)
    return _month(color, month, Result.LOADED, outcomes) if stored else None


def _month(color: str, month: str, kind: Result, outcomes: list[Outcome], why: str = "") -> MonthResult:
    return MonthResult(
        color,
        month,
        kind,
        rows=max((each.rows for each in outcomes if each.store and not each.why), default=0),
        bytes=sum(each.bytes for each in outcomes if each.task == DOWNLOAD),
        seconds=round(sum(each.seconds for each in outcomes), 3),
        why=why,
        replaced=_replaced(outcomes),
    )


def _replaced(outcomes: list[Outcome]) -> str:
    """Of the clean file, which knows the money too, where all places held as many records; else of each place."""
    found = [each for each in outcomes if each.replaced and not each.why]
    if len({each.replaced.partition(",")[0] for each in found}) > 1:
        return "; ".join(f"{'clean' if each.task == CLEAN else each.store}: {each.replaced}" for each in found)
    return next((each.replaced for each in found if each.task == CLEAN), found[0].replaced if found else "")


def _first_failure(outcomes: list[Outcome]) -> str:
    for each in outcomes:
        if each.why:
            store = f" {each.store}" if each.store not in ("", "local") else ""
            return f"{each.task}{store}: {each.why}"
    return ""


def _counts(months: list[MonthResult], there: int) -> str:
    """Of one color."""
    named = {kind: [each.month for each in months if each.result is kind] for kind in Result}
    rows = {kind: sum(each.rows for each in months if each.result is kind) for kind in Result}
    parts = [_loaded(len(named[Result.LOADED]), "loaded", rows[Result.LOADED])]
    if named[Result.REFRESHED]:
        parts.append(_loaded(len(named[Result.REFRESHED]), "refreshed", rows[Result.REFRESHED]))
    parts.append(f"{there} already there")
    for kind in (Result.NOT_PUBLISHED, Result.NOT_FINISHED, Result.ELSEWHERE):
        if named[kind]:
            parts.append(f"{len(named[kind])} {kind.value} ({several(named[kind])})")
    if named[Result.FAILED]:
        parts.append(f"{len(named[Result.FAILED])} failed")
    return ", ".join(parts)


def _loaded(count: int, how: str, rows: int) -> str:
    months = f"{count} month" if count == 1 else f"{count} months"
    return f"{months} {how}" + (f" ({rows:,} rows)" if count else "")
