"""The results of a task, a month and a run, as values that history, logs and messages show. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

WELL = (0, 20)
"""exit codes of a run that ended well; 20: a month that was named is not published, and may never be"""

_EXITS = {
    0: "done",
    10: "already running",
    20: "missing data",
    25: "not run",
    30: "task failed",
    35: "scheduling error",
    40: "error",
    129: "stopped",
    130: "stopped",
    143: "stopped",
}
"""exit code → its kind: `[retcode]` as config/luigi.cfg has it, and signals"""

_WITHOUT_MONTHS = {"Idle", "LoadZones", "Report", "UploadZones"}
"""tasks that load no month: a run of one of them does not show that months are looked for"""


@dataclass(frozen=True)
class Drift:
    """What is unexpected in one cleaned month, from its receipt."""

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
    """The result of one task: what its process passes to the main one, and a row of the history.

    A run whose task was tried again has a result for each try; the last one counts.
    """

    task: str
    """the name of its class"""
    color: str = ""
    month: str = ""
    """2024-01; '', as `color`, of a task without a month"""
    store: str = ""
    """the lake or warehouse that the task fills; '' where it fills none"""
    began: str = ""
    """UTC, ISO 8601, whole seconds; as `ended`"""
    ended: str = ""
    seconds: float = 0.0
    rows: int = 0
    """in the output, if it has rows"""
    bytes: int = 0
    """downloaded, written or uploaded"""
    error: str = ""
    """one line; '' of a task that succeeded"""
    replaced: str = ""
    """records and money before → after, if the output replaced another one"""
    elsewhere: bool = False
    """another run did it at the same time, and this one found it done"""
    drift: Drift | None = None

    @property
    def result(self) -> str:
        """`done` or `failed`, as in the history."""
        return "failed" if self.error else "done"

    def as_row(self) -> dict[str, str | int | float]:
        """Return column → value of the history's table of tasks, in its order; `history --json` shows the same."""
        names = ("task", "color", "month", "store", "began", "ended", "seconds", "rows", "bytes", "result", "error")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class WorkDone:
    """What the last tasks of one kind did together: those of one class, store and record type that succeeded."""

    task: str
    store: str
    color: str
    tasks: int
    """their number"""
    rows: int
    bytes: int
    seconds: float


class Result(Enum):
    """The result of a month. The values are shown to users."""

    LOADED = "loaded"
    REFRESHED = "refreshed"
    """the held month was replaced: TLC's file or our rules had changed"""
    NOT_PUBLISHED = "not published"
    FAILED = "failed"
    NOT_FINISHED = "not finished"
    """the run ended before"""
    ELSEWHERE = "loaded by other workers"
    ALREADY_THERE = "already there"
    """wanted, and needed nothing"""


@dataclass(frozen=True)
class MonthResult:
    """The result of one month of one record type, from those of its tasks and the plan.

    Not a TaskResult: it adds up several tasks, and most of its results are of no task (not published, not finished).
    """

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
    """the first error of a month that failed, in one line"""
    replaced: str = ""
    """of a month that was replaced: `5,000 → 5,003 records, total_amount 81,234.50 → 81,300.00`"""


class State(Enum):
    """Where a run stands. The values are shown to users."""

    ENDED = "ended"
    RUNNING = "running"
    DID_NOT_END = "did not end"
    """it was killed, or the machine went down"""
    UNKNOWN = "unknown"
    """it began on another machine, and its end is not recorded"""


@dataclass(frozen=True)
class RunResult:
    """A run: what its message shows when it ends, and what the history has of it, also while it goes on."""

    run: str
    """its id: when it began, UTC, and a few letters: `20261121T060003-4f2a`"""
    command: str
    """as typed, without secrets: `LoadAllMonths --months latest`"""
    host: str
    began: str
    """UTC, ISO 8601, whole seconds; as `ended`"""
    ended: str
    """'' of a run that has not"""
    exit_code: int | None
    """None when it is not known"""
    already_there: int
    """requested months that needed nothing"""
    months: tuple[MonthResult, ...]
    """recorded when it ends"""
    zones: str = ""
    """one line; '' when the zones were not loaded"""
    remarks: tuple[str, ...] = ()
    """drift in the published files: unknown columns and codes, missing columns; one line each"""
    fewer: tuple[str, ...] = ()
    """months loaded for the first time with fewer records than TLC published; one line each"""
    error: str = ""
    """why it failed, in one line, where no month has the reason"""
    version: str = ""
    """of taxi_luigi; '' of a run that was recorded before this was kept"""
    seconds: float | None = None
    """None of a run that has not ended"""
    there: Mapping[str, str] = field(default_factory=dict)
    """color → the months of `already_there`, as typed after --months; empty of a run recorded before this was kept"""
    state: State = State.ENDED

    @property
    def loaded(self) -> int:
        """Months that were loaded or refreshed."""
        return len(self._loaded)

    @property
    def failed(self) -> int:
        """Months that failed."""
        return sum(each.result is Result.FAILED for each in self.months)

    @property
    def rows(self) -> int:
        """Rows of the months that were loaded or refreshed."""
        return sum(each.rows for each in self._loaded)

    @property
    def exit_kind(self) -> str:
        """The kind of the exit code, `missing data`; of a run that has not ended, its state. '' for other codes."""
        return _EXITS.get(self.exit_code or 0, "") if self._known else self.state.value

    @property
    def exit(self) -> str:
        """The exit code with its kind, `20 missing data`; `?` where it is not known."""
        if self.state is State.ENDED and self.exit_code is None:
            return "?"
        return f"{self.exit_code} {self.exit_kind}".rstrip() if self._known else self.exit_kind

    @property
    def has_failed(self) -> bool:
        """Whether a month or the run failed; of one whose exit code is not known, whether it left months undone."""
        if self.failed or self.state is State.DID_NOT_END:
            return True
        if self.exit_code is None:
            return any(each.result is Result.NOT_FINISHED for each in self.months)
        return self.exit_code not in WELL

    @property
    def is_good(self) -> bool:
        """Whether the run ended well, and was for months: not for the zones or the report alone."""
        return self.exit_code in WELL and not _WITHOUT_MONTHS & {*self.command.split()}

    @property
    def _known(self) -> bool:
        return self.state is State.ENDED and self.exit_code is not None

    @property
    def _loaded(self) -> list[MonthResult]:
        return [each for each in self.months if each.result in (Result.LOADED, Result.REFRESHED)]

    def as_row(self) -> dict[str, Any]:
        """Return what `taxi-luigi history --json` shows of a run, without its months and tasks."""
        names = (
            *(
                "run",
                "command",
                "host",
                "began",
                "ended",
                "seconds",
                "exit_code",
                "exit_kind",
                "state",
                "already_there",
            ),
            *("loaded", "failed", "rows", "zones", "remarks", "fewer", "error", "version"),
        )
        return {name: getattr(self, name) for name in names}
