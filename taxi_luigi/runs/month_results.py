"""The result of each month of a run, from the results of its tasks; the lines of the run's summary. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from taxi_luigi.core.text import several
from taxi_luigi.core.units import duration, plural, size
from taxi_luigi.history import MonthResult, Result, TaskResult
from taxi_luigi.inventory import Plan, PlannedMonth
from taxi_luigi.runs import drift
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.published import counts_apply_to, expected_rows
from taxi_luigi.transform.staleness import Reason

ColorMonth = tuple[str, str]
Step = tuple[str, str]
"""a task of a month by its name and its store"""

SHOWN = 10
"""the most lines of one kind, such as replaced months, at a run's end; `taxi-luigi history RUN` has all"""

DOWNLOAD = "DownloadMonth"
"""the task that counts a month's bytes"""
CLEAN = "CleanMonth"
"""the task that counts the records of a month before and after"""
ZONES = ("LoadZones", "UploadZones")
"""the task that loads them"""
_REFRESHING = (Reason.REPUBLISHED, Reason.RULES_CHANGED, Reason.SCHEMA_CHANGED, Reason.MAPPING_CHANGED)
"""reasons to replace a held month; a forced one may not have been held"""


def results(
    plan: Plan | None,
    tasks: Iterable[TaskResult],
    elsewhere: bool = False,
    waited_for: Iterable[ColorMonth] = (),
) -> tuple[MonthResult, ...]:
    """Return how each month ended that was missing, not published or worked on; those already there are not in it.

    Args:
        plan: of all LoadAllMonths of the run; a month of single tasks, which no plan has, counts as loaded when a
            store got it
        tasks: of all tries; the last result of a task counts
        elsewhere: whether other workers have done what this one has not
        waited_for: the scheduled months that are not published
    """
    plan = plan or Plan()
    by_month: dict[ColorMonth, list[TaskResult]] = {}
    for each in _last(tasks):
        if each.color:
            by_month.setdefault((each.color, each.month), []).append(each)
    unpublished = {(color, str(month)) for color, months in plan.not_published.items() for month in months}
    unpublished |= {*waited_for}
    found = {}
    for missing in plan.to_do:
        key = (missing.color, str(missing.month))
        found[key] = _missing(missing, by_month.get(key, []), key in unpublished, elsewhere)
    for key in by_month.keys() - found.keys():
        alone = _alone(*key, by_month[key])
        if alone is not None:
            found[key] = alone
    for key in unpublished - found.keys():
        found[key] = MonthResult(*key, Result.NOT_PUBLISHED)
    return tuple(found[key] for key in sorted(found))


@dataclass(frozen=True)
class ColorCounts:
    """What became of the months of one record type in a run."""

    color: str
    already_there: int
    months: dict[Result, list[str]]
    """of each result, those that had it"""
    rows: dict[Result, int]

    @property
    def well(self) -> bool:
        """Whether no month failed, and none was left."""
        return not (self.months[Result.FAILED] or self.months[Result.NOT_FINISHED])

    def __str__(self) -> str:
        loaded, refreshed = len(self.months[Result.LOADED]), len(self.months[Result.REFRESHED])
        parts = [_loaded(loaded, "loaded", self.rows[Result.LOADED])]
        parts += [_loaded(refreshed, "refreshed", self.rows[Result.REFRESHED])] if refreshed else []
        parts.append(f"{self.already_there} already there")
        for kind in (Result.NOT_PUBLISHED, Result.NOT_FINISHED, Result.ELSEWHERE):
            if self.months[kind]:
                parts.append(f"{len(self.months[kind])} {kind.value} ({several(self.months[kind])})")
        if self.months[Result.FAILED]:
            parts.append(f"{len(self.months[Result.FAILED])} failed")
        return f"{self.color}: {', '.join(parts)}"


def counts(plan: Plan, months: Iterable[MonthResult]) -> list[ColorCounts]:
    """Return the counts of each record type of a run.

    Args:
        plan: of the run
        months: as `results` returns them
    """
    months = [*months]
    found = []
    colors = [*plan.already_there, *(each.color for each in plan.to_do), *plan.not_published]
    for color in dict.fromkeys([*colors, *(each.color for each in months)]):
        of_color = {kind: [each for each in months if (each.color, each.result) == (color, kind)] for kind in Result}
        named = {kind: [each.month for each in of_kind] for kind, of_kind in of_color.items()}
        rows = {kind: sum(each.rows for each in of_kind) for kind, of_kind in of_color.items()}
        found.append(ColorCounts(color, len(plan.already_there.get(color, [])), named, rows))
    return found


def replacements(months: Iterable[MonthResult]) -> list[str]:
    """Return a line for each month that was replaced: records and money before → after."""
    return [f"{each.color} {each.month}: {each.replaced}" for each in months if each.replaced]


def few(lines: list[str], run: str) -> list[str]:
    """Return the first SHOWN lines, and where to find the others."""
    more = len(lines) - SHOWN
    return lines if more <= 0 else [*lines[:SHOWN], f"and {more:,} more: taxi-luigi history {run}".rstrip()]


def failures(months: Iterable[MonthResult]) -> list[str]:
    """Return a line for each month that failed."""
    return [f"{each.color} {each.month} failed: {each.why}" for each in months if each.result is Result.FAILED]


def zones(tasks: Iterable[TaskResult]) -> list[str]:
    """Return the line about the taxi zones that were loaded; none where there was nothing to do."""
    done = [each for each in _of_zones(tasks) if not each.error]
    stores = ", ".join(f"{each.store} ({each.replaced})" if each.replaced else each.store for each in done)
    return [f"zones: {done[0].rows:,} rows loaded into {stores}"] if done else []


def zone_failures(tasks: Iterable[TaskResult]) -> list[str]:
    """Return a line for each place that did not get the zones."""
    return [f"zones failed: {each.task} {each.store}: {each.error}" for each in _of_zones(tasks) if each.error]


def _of_zones(tasks: Iterable[TaskResult]) -> list[TaskResult]:
    return [each for each in _last(tasks) if each.task in ZONES]


class ScheduledMonths:
    """The results of a run's tasks by month, as they arrive.

    Tasks that nothing was scheduled for, as an `--assistant` does them, are months with a step for each store.
    """

    def __init__(self, tasks: Iterable[Mapping[str, str]]) -> None:
        """`tasks`: the `log_fields` of those that were scheduled; tasks without a month are left out."""
        self.steps: dict[ColorMonth, set[Step]] = {}
        self.results: dict[ColorMonth, dict[Step, TaskResult]] = {}
        for each in tasks:
            if each["color"]:
                self.steps.setdefault((each["color"], each["month"]), set()).add((each["task"], each["store"]))

    def add(self, result: TaskResult) -> bool:
        """Add the result of a task; of two tries, the last one counts. Return whether its month is loaded by it."""
        key, step = (result.color, result.month), (result.task, result.store)
        if not result.color:
            return False
        before = self.loaded(key)
        self.results.setdefault(key, {})[step] = result
        if key not in self.steps:
            return bool(result.store) and not result.error
        return self.loaded(key) and not before

    def loaded(self, key: ColorMonth) -> bool:
        """Whether the last steps of a month have succeeded."""
        done = {step for step, result in self.results.get(key, {}).items() if not result.error}
        return bool(done) and _last_steps(self.steps.get(key, done)) <= done

    def failure(self, key: ColorMonth) -> str:
        """Return the error of a month, with the task that has it; '' of a month that has not failed."""
        return _first_failure([*self.results.get(key, {}).values()])


def _last_steps(steps: set[Step]) -> set[Step]:
    """Return those that no other step of the month waits for; what comes before them may be another machine's."""
    for names in (("LoadMonth", "UploadMonth"), (CLEAN,), (DOWNLOAD,)):
        found = {step for step in steps if step[0] in names}
        if found:
            return found
    return steps


def sizes(months: Iterable[ColorMonth], plan: Plan | None, source: str) -> tuple[dict[ColorMonth, int], str]:
    """Return how large months are, and in which unit: `rows` as published, else `B` to download, else `months`.

    Args:
        months: of a run; yellow months differ 30-fold
        plan: of the run, which has the bytes where all of them are downloaded
        source: the template of its addresses
    """
    months = [*months]
    if counts_apply_to(source):
        rows = {key: expected_rows(key[0], Month.parse(key[1])) for key in months}
        if None not in rows.values():
            return {key: count or 0 for key, count in rows.items()}, "rows"
    planned = {} if plan is None else {(each.color, str(each.month)): each.bytes for each in plan.to_do}
    found = {key: planned.get(key) or 0 for key in months}
    return (found, "B") if all(found.values()) else (dict.fromkeys(months, 1), "months")


def month_line(tasks: Iterable[TaskResult]) -> str:
    """Return the line of a month that has been loaded: what it took, and what is remarkable in it.

    `green 2021-01: 3,000 rows in duckdb, 43.9 kB downloaded, 1.9 s; 2 rows rejected: …`

    Args:
        tasks: the results of its tasks
    """
    tasks = [*tasks]
    first, done = tasks[0], [each for each in tasks if not (each.error or each.elsewhere)]
    loaded = [each for each in done if each.store]
    stores = ", ".join(dict.fromkeys(each.store for each in loaded if each.task != CLEAN))
    place = f"in {stores}" if stores else "cleaned"
    parts = [f"{plural(max(each.rows for each in loaded), 'row')} {place}"] if loaded else []
    downloaded = sum(each.bytes for each in done if each.task == DOWNLOAD)
    parts += [f"{size(downloaded)} downloaded"] if downloaded else []
    parts += [duration(sum(each.seconds for each in done))] if done else ["done by another run"]
    remarks = [
        _replaced(tasks),
        *(text for each in done if each.drift is not None for text in drift.phrases(each.drift)),
    ]
    return f"{first.color} {first.month}: {'; '.join(filter(None, [', '.join(parts), *remarks]))}"


def _last(tasks: Iterable[TaskResult]) -> list[TaskResult]:
    return list({(each.color, each.month, each.task, each.store): each for each in tasks}.values())


def _missing(missing: PlannedMonth, tasks: list[TaskResult], unpublished: bool, elsewhere: bool) -> MonthResult:
    done = {each.store: each.elsewhere for each in tasks if each.store and not each.error}
    wanted = {*missing.lakes, *missing.warehouses}
    why = _first_failure(tasks)
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
    return _month(missing.color, str(missing.month), kind, tasks, why)


def _alone(color: str, month: str, tasks: list[TaskResult]) -> MonthResult | None:
    why = _first_failure(tasks)
    if why:
        return _month(color, month, Result.FAILED, tasks, why)
    stored = any(each.store and not each.elsewhere for each in tasks)
    return _month(color, month, Result.LOADED, tasks) if stored else None


def _month(color: str, month: str, kind: Result, tasks: list[TaskResult], why: str = "") -> MonthResult:
    return MonthResult(
        color,
        month,
        kind,
        rows=max((each.rows for each in tasks if each.store and not each.error), default=0),
        bytes=sum(each.bytes for each in tasks if each.task == DOWNLOAD),
        seconds=round(sum(each.seconds for each in tasks), 3),
        why=why,
        replaced=_replaced(tasks),
    )


def _replaced(tasks: list[TaskResult]) -> str:
    """Of the clean file, which knows the money too, where all places held as many records; else of each place."""
    found = [each for each in tasks if each.replaced and not each.error]
    if len({each.replaced.partition(",")[0] for each in found}) > 1:
        return "; ".join(f"{'clean' if each.task == CLEAN else each.store}: {each.replaced}" for each in found)
    return next((each.replaced for each in found if each.task == CLEAN), found[0].replaced if found else "")


def _first_failure(tasks: list[TaskResult]) -> str:
    for each in tasks:
        if each.error:
            store = f" {each.store}" if each.store not in ("", "local") else ""
            return f"{each.task}{store}: {each.error}"
    return ""


def _loaded(count: int, how: str, rows: int) -> str:
    return f"{plural(count, 'month')} {how}" + (f" ({plural(rows, 'row')})" if count else "")
