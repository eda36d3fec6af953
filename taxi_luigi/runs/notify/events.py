"""The events of a run, of which `[notify] events` chooses. Pure.

An overdue month is an event of each run that looks for it: no run knows the messages of others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from taxi_luigi.config.notifications import DRIFT, FAILED, FEWER, FINISHED, NOT_PUBLISHED_FOR, REFRESHED
from taxi_luigi.history import MonthResult, Result, RunResult
from taxi_luigi.tlc.months import Month, Selection


@dataclass(frozen=True)
class Overdue:
    """A month without a file."""

    color: str
    month: str
    days: int
    """since its end"""


def overdue(result: RunResult, days: int) -> tuple[Overdue, ...]:
    """Return the months that ended more than `days` before the run, and are not published."""
    today = datetime.fromisoformat(result.ended).date()
    late = (
        Overdue(each.color, each.month, _days_since_end(each.month, today))
        for each in result.months
        if each.result is Result.NOT_PUBLISHED
    )
    return tuple(each for each in late if each.days > days)


def happened(result: RunResult, not_published_for: int) -> frozenset[str]:
    """Return the events of a run, chosen or not."""
    found = {
        FAILED: result.has_failed,
        FINISHED: not result.has_failed,
        NOT_PUBLISHED_FOR: bool(overdue(result, not_published_for)),
        DRIFT: bool(result.remarks),
        FEWER: bool(result.fewer),
        REFRESHED: _any(result.months, Result.REFRESHED) or any(each.replaced for each in result.months),
    }
    return frozenset(event for event, happens in found.items() if happens)


def of_color(result: RunResult, color: str) -> RunResult:
    """Return what happened to the months of one record type."""
    prefixes = (f"{color} ", f"{color}:")
    there = {name: months for name, months in result.there.items() if name == color}
    return replace(
        result,
        months=tuple(each for each in result.months if each.color == color),
        already_there=sum(len(Selection.parse(text).resolve(date.max)) for text in there.values()),
        there=there,
        zones="",
        error="",
        remarks=tuple(line for line in result.remarks if line.startswith(prefixes)),
        fewer=tuple(line for line in result.fewer if line.startswith(prefixes)),
    )


def _any(months: tuple[MonthResult, ...], kind: Result) -> bool:
    return any(each.result is kind for each in months)


def _days_since_end(month: str, today: date) -> int:
    return (today - Month.parse(month).plus(1).first_day).days
