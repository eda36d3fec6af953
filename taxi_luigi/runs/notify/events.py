"""What in a run is worth telling people, of what they chose to be told. Pure.

An overdue month is told again by each run that asks for it: no run knows what others told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from taxi_luigi.config.notifications import DRIFT, FAILED, FEWER, FINISHED, NOT_PUBLISHED_FOR, REFRESHED
from taxi_luigi.history.results import MonthResult, Result, RunResult
from taxi_luigi.tlc.months import Month

_WELL = (0, 20)
"""Exit codes of a run that went well; 20: a month that was named is not published, and may never be."""


@dataclass(frozen=True)
class Overdue:
    """A month without a file."""

    color: str
    month: str
    days: int
    """since its end"""


def overdue(result: RunResult, days: int) -> tuple[Overdue, ...]:
    """The months that ended more than so many days before the run, and are not published."""
    today = datetime.fromisoformat(result.ended).date()
    late = (
        Overdue(each.color, each.month, _days_since_end(each.month, today))
        for each in result.months
        if each.result is Result.NOT_PUBLISHED
    )
    return tuple(each for each in late if each.days > days)


def failed(result: RunResult) -> bool:
    """Whether a month failed or the run did; of a run whose exit code is not known, whether it left months undone."""
    if _any(result.months, Result.FAILED):
        return True
    if result.exit_code is None:
        return _any(result.months, Result.NOT_FINISHED)
    return result.exit_code not in _WELL


def happened(result: RunResult, not_published_for: int) -> frozenset[str]:
    """The events of a run, chosen or not."""
    found = {
        FAILED: failed(result),
        FINISHED: not failed(result),
        NOT_PUBLISHED_FOR: bool(overdue(result, not_published_for)),
        DRIFT: bool(result.remarks),
        FEWER: bool(result.fewer),
        REFRESHED: _any(result.months, Result.REFRESHED) or any(each.replaced for each in result.months),
    }
    return frozenset(event for event, is_so in found.items() if is_so)


def _any(months: tuple[MonthResult, ...], kind: Result) -> bool:
    return any(each.result is kind for each in months)


def _days_since_end(month: str, today: date) -> int:
    return (today - Month.parse(month).plus(1).first_day).days
