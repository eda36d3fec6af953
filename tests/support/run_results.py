"""Runs that send a message, and months that they ended with."""

from __future__ import annotations

from typing import Any

from taxi_luigi.history import MonthResult, Result, RunResult

LOADED = MonthResult("green", "2026-08", Result.LOADED, rows=54_321, bytes=1_300_000, seconds=4.2)
REFRESHED = MonthResult("yellow", "2026-06", Result.REFRESHED, rows=3_054_321, bytes=58_300_000, seconds=74)
FAILED = MonthResult("fhv", "2026-07", Result.FAILED, why="DownloadMonth: the server answered 503")
MISSING = MonthResult("fhvhv", "2026-10", Result.NOT_PUBLISHED)


def run(*months: MonthResult, exit_code: int | None = 0, **fields: Any) -> RunResult:
    """A run of the morning of 2026-11-21."""
    values: dict[str, Any] = {
        "run": "20261121T060003-4f2a",
        "command": "LoadAllMonths --months latest",
        "host": "taxi-host",
        "began": "2026-11-21T06:00:03+00:00",
        "ended": "2026-11-21T06:14:43+00:00",
        "already_there": 571,
        "seconds": 880.0,
    }
    return RunResult(**{**values, **fields}, exit_code=exit_code, months=months)
