"""The page of one run: what became of each month and when, what failed and why. In `[taxi] state`, its owner's alone.

run.html is filled with values of the history and the log; `taxi-luigi history RUN --html` writes it, and a message or a
report that links to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from taxi_luigi import history
from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.units import duration, plural, size
from taxi_luigi.history import Result, RunResult, State, TaskResult
from taxi_luigi.reports import templates
from taxi_luigi.reports.html.parts import Table
from taxi_luigi.reports.run_way import MEANINGS, Failure, Way, clock, failures, length, ways

KEPT = 500
"""pages, a run each, that are kept; any other of the history can be made again"""

_TEMPLATE = Path(__file__).with_name("run.html")
_NAME = re.compile(r"\d{8}T\d{6}-[0-9a-f]{4}\.html")
_LEAST = 0.4
"""percent of the scale's width that a bar has at least, so that it is seen"""


@dataclass(frozen=True)
class Bar:
    """One step on the scale of the run."""

    letter: str
    left: float
    """percent of the scale, as `width`"""
    width: float
    failed: bool
    title: str
    """what a pointer on it shows"""


@dataclass(frozen=True)
class Content:
    """The values of run.html."""

    run: RunResult
    headline: str
    good: bool
    times: str
    tiles: Sequence[tuple[str, str]]
    """(label, number)"""
    notes: Sequence[str]
    bars: Sequence[tuple[Way, Sequence[Bar]]]
    legend: Sequence[tuple[str, str]]
    """(letter, meaning)"""
    scale: tuple[str, str]
    """times of day at both ends"""
    months: Table | None
    tasks: Table | None
    failures: Sequence[Failure]
    log: str
    """why lines of the log are missing"""


def path_of(folder: Path, run: RunResult) -> Path:
    """Return where the page of a run is; `folder` is `[taxi] state`, here and below."""
    return folder / "runs" / f"{run.run}.html"


def write(folder: Path, run: RunResult) -> Path:
    """Write the page of a run, and remove the oldest of more than KEPT.

    Returns: its path
    Raises: StorageError
    """
    path, tasks = path_of(folder, run), history.tasks_of(folder, run)
    text = templates.render(_TEMPLATE, page=_content(folder, run, tasks))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with atomic_files.temporary(path) as part:
            part.touch(mode=0o600)
            part.write_bytes(text.encode(errors="replace"))
            atomic_files.publish(part, path)
        pages = sorted(each for each in path.parent.glob("*.html") if _NAME.fullmatch(each.name) and each != path)
        for old in pages[: max(0, len(pages) + 1 - KEPT)]:
            old.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write the page of the run: {error.strerror or error}: {path}") from error
    return path


def _content(folder: Path, run: RunResult, tasks: Sequence[TaskResult]) -> Content:
    found = ways(run, tasks)
    seconds = length(run, found)
    failed, log = failures(folder, run, tasks)
    if run.state is State.ENDED:
        code = "exit code unknown" if run.exit_code is None else f"exit code {run.exit}"
        times = f"{_time(run.began)} to {_time(run.ended)} UTC, {duration(run.seconds or 0)}, {code}"
    else:
        times = f"{_time(run.began)} UTC, {run.state.value}"
    used = {step.letter for way in found for step in way.steps} & MEANINGS.keys()
    return Content(
        run=run,
        headline=_headline(run),
        good=not run.has_failed,
        times=times,
        tiles=(
            ("months loaded", f"{run.loaded:,}"),
            ("rows", f"{run.rows:,}"),
            ("downloaded", size(sum(each.bytes for each in run.months))),
            ("failed", f"{run.failed:,}"),
            ("already there", f"{run.already_there:,}"),
            ("took", "–" if run.seconds is None else duration(run.seconds)),
        ),
        notes=[line for line in (run.error, run.zones, *run.fewer, *run.remarks) if line],
        bars=[(way, _bars(way, seconds)) for way in found],
        legend=[(letter, meaning) for letter, meaning in MEANINGS.items() if letter in used],
        scale=(clock(run, 0), clock(run, seconds)),
        months=_months(run),
        tasks=_tasks(tasks),
        failures=failed,
        log=log,
    )


def _headline(run: RunResult) -> str:
    counts = Counter(each.result for each in run.months)
    parts = [(count, kind.value) for kind in Result if (count := counts[kind])]
    if run.state is not State.ENDED:
        return f"The run {run.state.value}" if run.state is State.DID_NOT_END else f"The run is {run.state.value}"
    if not parts:
        return f"Failed: {run.exit_kind or run.exit}" if run.has_failed else "Nothing to load"
    (first, what), *more = parts
    return ", ".join([f"{plural(first, 'month')} {what}", *(f"{count:,} {kind}" for count, kind in more)])


def _bars(way: Way, seconds: float) -> list[Bar]:
    bars = []
    for step in way.steps:
        task = step.task
        where = f" {task.store}" if task.store not in ("", "local") else ""
        left = min(100 * step.start / seconds, 100 - _LEAST)
        width = min(max(100 * task.seconds / seconds, _LEAST), 100 - left)
        title = f"{task.task}{where}: {duration(task.seconds)}{', failed' if task.error else ''}"
        bars.append(Bar(step.letter, round(left, 2), round(width, 2), bool(task.error), title))
    return bars


def _months(run: RunResult) -> Table | None:
    rows = [
        (
            f"{each.color} {each.month}",
            each.result.value,
            f"{each.rows:,}" if each.rows else "",
            size(each.bytes) if each.bytes else "",
            duration(each.seconds) if each.seconds else "",
            each.why or each.replaced,
        )
        for each in run.months
    ]
    heads = ("month", "result", "rows", "downloaded", "time", "before → after, or why it failed")
    return Table(heads, rows, words=(0, 1, 5)) if rows else None


def _tasks(tasks: Sequence[TaskResult]) -> Table | None:
    rows = [
        (
            f"{each.task} {each.color} {each.month}".rstrip(),
            "" if each.store == "local" else each.store,
            each.began[11:19],
            duration(each.seconds),
            f"{each.rows:,}" if each.rows else "",
            size(each.bytes) if each.bytes else "",
            each.result,
        )
        for each in tasks
    ]
    heads = ("task", "store", "began", "took", "rows", "size", "result")
    return Table(heads, rows, words=(0, 1, 6)) if rows else None


def _time(iso: str) -> str:
    return iso[:19].replace("T", " ")
