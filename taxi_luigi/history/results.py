"""What a run did, as values: what the history keeps, and what people are told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Result(Enum):
    """How a month of a run ended. The names are what people read."""

    LOADED = "loaded"
    REFRESHED = "refreshed"
    """what was there was replaced: TLC or our rules had changed"""
    NOT_PUBLISHED = "not published"
    FAILED = "failed"
    NOT_FINISHED = "not finished"
    """the run ended before"""
    ELSEWHERE = "loaded by other workers"


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
    """months that were asked for and needed nothing"""
    months: tuple[MonthResult, ...]
    zones: str = ""
    """one line, or '' when nothing was done to the zones"""
    remarks: tuple[str, ...] = ()
    """what is odd in the published files: columns and codes that we do not know, missing columns; one line each"""
    fewer: tuple[str, ...] = ()
    """months loaded for the first time with fewer records than TLC published; one line each"""
    error: str = ""
    """why it failed, in one line, where no month says it"""
    version: str = ""
    """of taxi_luigi"""
