"""How a task, a month and a run ended: the values that tasks return, and that history, logs and messages show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


@dataclass(frozen=True)
class Drift:
    """What is unexpected in one cleaned month, as in its receipt."""

    left_out: dict[str, dict[str, Any]] = field(default_factory=dict)
    """column → {"type": Arrow type, "nulls": null share from 0 to 1}"""
    unmapped: dict[str, dict[str, int]] = field(default_factory=dict)
    """`unknown_code:COLUMN` → text → rows"""
    missing: list[str] = field(default_factory=list)
    """columns that the month's layout has and the file lacks"""
    warnings: list[str] = field(default_factory=list)
    """phrases"""
    fewer: tuple[int, int] | None = None
    """(records, published) of a month with fewer records than TLC published"""


@dataclass(frozen=True)
class TaskResult:
    """How one task ended: what its process hands to the main one, and a row of the history.

    A run whose task was tried again has a result for each try; the last one counts.
    """

    task: str
    """the name of its class"""
    color: str = ""
    month: str = ""
    """2024-01; '' as `color` where the task is about no month"""
    store: str = ""
    """the lake or warehouse that the task fills; '' where it fills none"""
    began: str = ""
    """UTC, ISO 8601, whole seconds; as `ended`"""
    ended: str = ""
    seconds: float = 0.0
    rows: int = 0
    """in the output, where rows count"""
    bytes: int = 0
    """downloaded, written or uploaded"""
    error: str = ""
    """one line; '' of a task that succeeded"""
    replaced: str = ""
    """where the output took another one's place: records and money before → after"""
    elsewhere: bool = False
    """another run did it at the same time, and this one found it done"""
    drift: Drift | None = None

    @property
    def result(self) -> str:
        """`done` or `failed`, as the history has it."""
        return "failed" if self.error else "done"

    def as_row(self) -> dict[str, str | int | float]:
        """Column → value of the history's table of tasks, in its order; `taxi-luigi history --json` shows the same."""
        names = ("task", "color", "month", "store", "began", "ended", "seconds", "rows", "bytes", "result", "error")
        return {name: getattr(self, name) for name in names}


class Result(Enum):
    """How a month of a run ended. The values are shown to users."""

    LOADED = "loaded"
    REFRESHED = "refreshed"
    """what was there was replaced: TLC or our rules had changed"""
    NOT_PUBLISHED = "not published"
    FAILED = "failed"
    NOT_FINISHED = "not finished"
    """the run ended before"""
    ELSEWHERE = "loaded by other workers"
    ALREADY_THERE = "already there"
    """wanted, and needed nothing"""


@dataclass(frozen=True)
class MonthResult:
    """One month of one color."""

    color: str
    month: str
    """2024-01"""
    result: Result
    rows: int = 0
    bytes: int = 0
    """of the file as downloaded in this run; 0 when it was not"""
    seconds: float = 0.0
    """that its tasks took, added up"""
    why: str = ""
    """of a month that failed, the first error, in one line"""
    replaced: str = ""
    """of a month in whose place another was put: `5,000 → 5,003 records, total_amount 81,234.50 → 81,300.00`"""


@dataclass(frozen=True)
class RunResult:
    """A whole run."""

    run: str
    """its id: when it began, UTC, and a few letters: `20261121T060003-4f2a`"""
    command: str
    """as typed, without secrets: `LoadAllMonths --months latest`"""
    host: str
    began: str
    """UTC, ISO 8601, whole seconds"""
    ended: str
    exit_code: int | None
    """None when it is not known yet"""
    already_there: int
    """months that were wanted and needed nothing"""
    months: tuple[MonthResult, ...]
    zones: str = ""
    """one line, or '' when nothing was done to the zones"""
    remarks: tuple[str, ...] = ()
    """what is odd in the published files: columns and codes that we do not know, missing columns; one line each"""
    fewer: tuple[str, ...] = ()
    """months loaded for the first time with fewer records than TLC published; one line each"""
    error: str = ""
    """why it failed, in one line, where no month has the reason"""
    version: str = ""
    """of taxi_luigi"""
    there: Mapping[str, str] = field(default_factory=dict)
    """color → the months that were wanted and needed nothing, as typed after --months"""
