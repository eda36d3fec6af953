"""`taxi-luigi history`: list the runs of this machine, or show one in full."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from taxi_luigi import config, history
from taxi_luigi.cli.output import add_json, make_console, print_json, selection
from taxi_luigi.core.errors import UsageError
from taxi_luigi.core.logs import task_name
from taxi_luigi.core.units import duration, plural, size
from taxi_luigi.history import MonthResult, Result, RunResult, State, TaskResult
from taxi_luigi.reports.run_way import failures, ways
from taxi_luigi.runs.month_results import few, replacements
from taxi_luigi.tlc.months import Selection

if TYPE_CHECKING:
    from rich.text import Text

_RIGHT = ("took", "loaded", "failed", "rows", "size")
"""columns that are aligned to the right"""
_FILLS = {"CleanMonth": "clean", "UploadMonth": "lake {}", "LoadMonth": "warehouse {}"}
"""task → the place that it fills, as in `taxi-luigi status --json`"""
_RUNS = ("run", "began", "took", "loaded", "failed", "exit", "host", "command")
_TASKS = ("task", "began", "took", "rows", "size", "result")
_WIDE, _NARROW = 110, 60
"""terminal widths in characters: what fits all columns, and below which few are left"""
_FILE = 100
"""columns of a bar's line in a file or a pipe"""
_LISTED = 20

_AGO = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "List the last runs of the luigi command on this machine, the newest first, or show one run with the way of "
        "each month, its tasks, and its errors with their lines of the log. The newest 10,000 are kept. Times are UTC."
    )
    parser.add_argument("id", nargs="?", metavar="RUN", help="a run's id, or its beginning or end")
    parser.add_argument(
        "--last", type=_count, metavar="N", help=f"number of runs to list (default: {_LISTED}, with --since all)"
    )
    parser.add_argument("--failed", action="store_true", help="runs that failed or were killed, and why months did")
    parser.add_argument("--colors", "--color", help="runs that worked on a month of these record types")
    parser.add_argument("--months", "--month", help="runs that worked on one of these months: 2026-07, 2026")
    parser.add_argument(
        "--since", type=_since, metavar="WHEN", help="7d, 12h, 2w, today, yesterday, or a date, 2026-11-21"
    )
    add_json(parser)
    parser.add_argument("--html", action="store_true", help="write the page of the RUN, and print its path")
    parser.set_defaults(run=_history)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


def _since(text: str) -> str:
    """Return the time, UTC, ISO 8601. Raise argparse.ArgumentTypeError."""
    now = datetime.now(UTC)
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            when = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        elif text in ("today", "yesterday"):
            when = now.replace(hour=0, minute=0, second=0) - timedelta(days=text == "yesterday")
        else:
            when = datetime.fromisoformat(text)
            when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"must be like 7d, 12h, 2w, today, yesterday or 2026-11-21, not {text!r}"
        ) from None
    return when.isoformat(timespec="seconds")


def _history(arguments: argparse.Namespace) -> int:
    state = config.settings().state
    filters = any((arguments.failed, arguments.colors, arguments.months, arguments.since))
    if arguments.id is not None:
        if filters:
            raise UsageError("--failed, --colors, --months and --since select runs to list: leave them out with a RUN")
        run = history.find(state, arguments.id)
        tasks = history.tasks_of(state, run)
        if arguments.html:
            from taxi_luigi.reports.html import run_page

            print(run_page.write(state, run))
        elif arguments.json:
            print_json({"runs": [_document(run, tasks)]})
        else:
            _print_run(run, tasks)
        return 0
    if arguments.html:
        raise UsageError("--html writes the page of one run: name it, as in taxi-luigi history RUN --html")
    colors, selected = selection(arguments, date.today())
    months = [] if selected is None else sorted({str(month) for _, month in selected})
    named = colors if arguments.colors else ()
    count = arguments.last or (None if arguments.since else _LISTED)
    runs = history.last_runs(state, count, arguments.since or "", named, months, arguments.failed)
    if arguments.json:
        print_json({"runs": [_document(run, history.tasks_of(state, run)) for run in runs]})
    elif runs:
        _print_table(_RUNS, map(_run_row, runs))
        if arguments.failed:
            _print_reasons(runs, named, months)
    else:
        print("no run that is recorded is like that" if filters else "no run is recorded yet")
    return 0


def _print_reasons(runs: Iterable[RunResult], colors: Sequence[str], months: Sequence[str]) -> None:
    """Print why the months failed, each reason once with the newest run that has it."""
    found: dict[str, list[str]] = {}
    for run in runs:
        for each in run.months:
            if each.why and (not colors or each.color in colors) and (not months or each.month in months):
                found.setdefault(f"{each.color} {each.month}: {each.why}", []).append(run.run)
        if run.error:
            found.setdefault(run.error, []).append(run.run)
    lines = [f"{why} ({plural(len(of), 'run')}, the last {of[0]})" for why, of in found.items()]
    for line in ["", *few(lines, "RUN")] if lines else ():
        _say(line)


def _document(run: RunResult, tasks: list[TaskResult]) -> dict[str, Any]:
    """Return a run for --json: with each month that it was for, also those that needed nothing."""
    there = [
        MonthResult(color, str(month), Result.ALREADY_THERE)
        for color, text in run.there.items()
        for month in Selection.parse(text).resolve(date.max)
    ]
    stores = _stores(tasks)
    return run.as_row() | {
        "months": [
            asdict(each) | {"stores": stores.get((each.color, each.month), {})}
            for each in sorted((*run.months, *there), key=lambda each: (each.color, each.month))
        ],
        "tasks": [each.as_row() for each in tasks],
    }


def _stores(tasks: Iterable[TaskResult]) -> dict[tuple[str, str], dict[str, dict[str, Any]]]:
    """Return (color, month) → place → the last result of the task that fills the place."""
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for task in tasks:
        if task.task in _FILLS:
            result = {key: getattr(task, key) for key in ("result", "rows", "seconds", "error")}
            found.setdefault((task.color, task.month), {})[_FILLS[task.task].format(task.store)] = result
    return found


def _run_row(run: RunResult) -> tuple[str, ...]:
    ended = run.state is State.ENDED
    return (
        run.run,
        _time(run.began),
        "" if run.seconds is None else duration(run.seconds),
        str(run.loaded) if ended else "",
        str(run.failed) if ended else "",
        run.exit,
        run.host,
        run.command,
    )


def _print_run(run: RunResult, tasks: Sequence[TaskResult]) -> None:
    from taxi_luigi.reports import run_text

    made_by = f", taxi_luigi {run.version}" if run.version else ""
    _say(f"{run.run} on {run.host}{made_by}: {run.command}")
    if run.state is State.ENDED:
        code = "unknown" if run.exit_code is None else run.exit_code
        kind = f" ({run.exit_kind})" if run.exit_code and run.exit_kind else ""
        _say(f"{_time(run.began)} to {_time(run.ended)} UTC, {duration(run.seconds or 0)}, exit code {code}{kind}")
        loaded = f"{plural(run.loaded, 'month')} loaded ({plural(run.rows, 'row')})"
        _say(f"{loaded}, {run.failed:,} failed, {run.already_there:,} already there")
    else:
        _say(f"{_time(run.began)} UTC, {run.state.value}")
    for text in filter(None, (run.error, run.zones, *run.remarks, *run.fewer)):
        _say(text)
    width = make_console().width if sys.stdout.isatty() else _FILE
    found = ways(run, tasks)
    if found:
        print()
    for line in run_text.gantt(run, found, width):
        _say(line)
    for text in replacements(run.months):
        _say(text)
    if tasks and width >= _NARROW:
        print()
        _print_table(_TASKS, map(_task_row, tasks))
    failed, note = failures(config.settings().state, run, tasks)
    if failed:
        print()
    for line in run_text.failure_lines(failed, note):
        _say(line)


def _task_row(task: TaskResult) -> tuple[str, ...]:
    rows, bytes_ = f"{task.rows:,}" if task.rows else "", size(task.bytes) if task.bytes else ""
    return task_name(asdict(task)), _time(task.began)[11:], duration(task.seconds), rows, bytes_, task.result


def _say(line: str | Text) -> None:
    """Print a line; on a terminal, broken between words."""
    if not sys.stdout.isatty():
        print(line)
        return
    from rich.text import Text

    make_console(highlight=False).print(Text(line) if isinstance(line, str) else line)


def _print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a line per row; on a terminal, leave out columns and shorten what does not fit."""
    if not sys.stdout.isatty():
        lines = [heads, *rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
        for line in lines:
            cells = zip(heads, line, widths, strict=True)
            print("  ".join(c.rjust(w) if head in _RIGHT else c.ljust(w) for head, c, w in cells).rstrip())
        return
    from rich.table import Table
    from rich.text import Text

    console, table = make_console(highlight=False), Table(box=None, pad_edge=False)
    left_out = _left_out(heads, console.width)
    heads_shown = [head for head in heads if head not in left_out]
    for head in heads_shown:
        ratio = 1 if head == "command" else None
        table.add_column(head, no_wrap=True, ratio=ratio, justify="right" if head in _RIGHT else "left")
    table.expand = "command" in heads_shown
    for row in rows:
        shown = {head: cell for head, cell in zip(heads, row, strict=True) if head not in left_out}
        if "exit" in shown and left_out:
            shown["exit"] = shown["exit"].lstrip("0123456789 ") or shown["exit"]
        table.add_row(*map(Text, shown.values()))
    console.print(table)


def _left_out(heads: Sequence[str], width: int) -> Sequence[str]:
    """Return the columns for which a terminal has no room. A run's id contains its start."""
    if width >= _WIDE:
        return ()
    if "run" not in heads:
        return ("size",)
    return ("began", "host") if width >= _NARROW else ("began", "took", "loaded", "failed", "host", "command")


def _time(iso: str) -> str:
    return iso[:19].replace("T", " ")
