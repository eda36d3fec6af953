"""The way of each month through one run, step by step with times, and the log lines of what failed.

Of the history and the log that runs leave on this machine; `taxi-luigi history RUN` and the page of a run show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from taxi_luigi.core.logs import lines_of, task_name
from taxi_luigi.core.text import one_line
from taxi_luigi.history import MonthResult, RunResult, TaskResult

LETTERS = {"DownloadMonth": "D", "CleanMonth": "C", "UploadMonth": "U", "LoadMonth": "L"}
"""task → the letter of its bar"""
FAILED = "x"
"""the letter at the end of the bar of a task that failed"""
MEANINGS = {"D": "download", "C": "clean", "U": "upload", "L": "load", FAILED: "failed"}

_WARNINGS = ("WARNING", "ERROR", "CRITICAL")
_LAST_LINES, _TRACEBACK, _LONGEST = 8, 12, 400
"""lines of the log that are shown of a failure, lines of its traceback, and characters of each"""


@dataclass(frozen=True)
class Step:
    """One try of one task."""

    task: TaskResult
    start: float
    """seconds after the run began"""

    @property
    def letter(self) -> str:
        """Return the letter of its bar; `?` of a task that is not ours."""
        return LETTERS.get(self.task.task, "?")

    @property
    def end(self) -> float:
        """Return the seconds after the run began."""
        return self.start + self.task.seconds


@dataclass(frozen=True)
class Way:
    """One month of one record type in a run."""

    color: str
    month: str
    result: MonthResult | None
    """None in a run without a recorded end"""
    steps: tuple[Step, ...]
    """by their start"""

    @property
    def label(self) -> str:
        """Return `green 2024-01`."""
        return f"{self.color} {self.month}"


@dataclass(frozen=True)
class Failure:
    """A task that failed, or the run itself."""

    name: str
    """`LoadMonth green 2024-01 duckdb`; '' of the run"""
    error: str
    lines: tuple[str, ...]
    """of the log: `06:00:03 WARNING …`"""


def ways(run: RunResult, tasks: Iterable[TaskResult]) -> list[Way]:
    """Return the way of each month that the run worked on, or looked for, by record type and month."""
    results = {(each.color, each.month): each for each in run.months}
    of_month: dict[tuple[str, str], list[TaskResult]] = {key: [] for key in results}
    for task in tasks:
        if task.color:
            of_month.setdefault((task.color, task.month), []).append(task)
    return [Way(*key, results.get(key), _steps(run, of_month[key])) for key in sorted(of_month)]


def length(run: RunResult, found: Iterable[Way]) -> float:
    """Return the seconds that a scale of the run has: those of the run, or of its last step; at least 1."""
    return max([1.0, run.seconds or 0.0, *(step.end for way in found for step in way.steps)])


def failures(folder: Path, run: RunResult, tasks: Sequence[TaskResult]) -> tuple[list[Failure], str]:
    """Return what failed in a run with the lines of its log.

    Args:
        folder: `[taxi] state`
        run: the run
        tasks: its tasks
    Returns: the failures, and why lines of the log are missing, in one line; '' where none are
    """
    failed = [task for task in tasks if task.error]
    if not failed and not run.has_failed:
        return [], ""
    ends = [run.began, *(task.ended for task in tasks if task.ended), *filter(None, [run.ended])]
    logged, note = lines_of(folder / "logs", run.run, run.began[:10], max(ends)[:10])
    if not failed:
        lines = [line for line in logged if line.get("level") in _WARNINGS]
        return [Failure("", run.error, _shown(lines, run.error))], note
    by_task: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in logged:
        if line.get("level") in _WARNINGS or (line.get("level") == "INFO" and line.get("by") != "luigi"):
            by_task.setdefault(_task_of(line), []).append(line)
    found = {_task_of(asdict(task)): task for task in failed}  # of several tries, the last
    return [
        Failure(task_name(asdict(task)), task.error, _shown(by_task.get(key, []), task.error))
        for key, task in found.items()
    ], note


def _task_of(fields: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(fields.get(name, "")) for name in ("task", "color", "month", "store"))


def _shown(lines: Sequence[dict[str, Any]], error: str) -> tuple[str, ...]:
    """Return the last lines as text, but for the one that has the error itself."""
    found = []
    for line in lines[-_LAST_LINES:]:
        message = str(line.get("message"))
        if not error or error not in message:
            found.append(f"{str(line.get('time'))[11:19]} {line.get('level')} {one_line(message, _LONGEST)}")
        traceback = str(line.get("traceback", "")).rstrip().split("\n")[-_TRACEBACK:]
        found += [f"  {one_line(each, _LONGEST)}" for each in traceback if each.strip()]
    return tuple(found)


def _steps(run: RunResult, tasks: Sequence[TaskResult]) -> tuple[Step, ...]:
    """Place the tasks of a month, which ended in this order.

    Their begin is recorded in whole seconds, so that of a step which follows another may be up to a second too early.
    """
    began = datetime.fromisoformat(run.began)
    found: list[Step] = []
    for task in tasks:
        start = (datetime.fromisoformat(task.began) - began).total_seconds() if task.began else 0.0
        before = found[-1].end if found else 0.0
        found.append(Step(task, max(0.0, before if start < before < start + 1 else start)))
    return tuple(sorted(found, key=lambda step: step.start))


def clock(run: RunResult, seconds: float) -> str:
    """Return the time of day, UTC, so many seconds after the run began: `06:00:03`."""
    return f"{datetime.fromisoformat(run.began) + timedelta(seconds=seconds):%H:%M:%S}"
