"""`taxi-luigi history`: list the runs of this machine, or show one in full."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from taxi_luigi import config, history
from taxi_luigi.cli.output import add_json, make_console, print_json
from taxi_luigi.core.logs import task_name
from taxi_luigi.core.units import duration, plural, size
from taxi_luigi.history import MonthResult, Result, RunResult, State, TaskResult
from taxi_luigi.runs.month_results import replacements
from taxi_luigi.tlc.months import Selection

_RIGHT = ("took", "loaded", "failed", "exit", "rows", "size")
"""columns that are aligned to the right"""
_FILLS = {"CleanMonth": "clean", "UploadMonth": "lake {}", "LoadMonth": "warehouse {}"}
"""task → the place that it fills, as in `taxi-luigi status --json`"""
_WIDE = 110
"""terminal width in characters that fits all columns"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "List the last runs of the luigi command on this machine, the newest first, or show one run with its months, "
        "tasks and errors. The newest 10,000 are kept. Times are UTC."
    )
    parser.add_argument("id", nargs="?", metavar="RUN", help="a run's id, or its beginning or end")
    parser.add_argument("--last", type=_count, default=20, metavar="N", help="number of runs to list (default: 20)")
    add_json(parser)
    parser.set_defaults(run=_history)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return count


def _history(arguments: argparse.Namespace) -> int:
    state = config.settings().state
    named = arguments.id is not None
    runs = [history.find(state, arguments.id)] if named else history.last_runs(state, arguments.last)
    if arguments.json:
        print_json({"runs": [_document(run, history.tasks_of(state, run)) for run in runs]})
    elif named:
        _print_run(runs[0], history.tasks_of(state, runs[0]))
    elif runs:
        _print_table(("run", "began", "took", "loaded", "failed", "exit", "host", "command"), map(_run_row, runs))
    else:
        print("no run is recorded yet")
    return 0


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
    code = "?" if run.exit_code is None else str(run.exit_code)
    return (
        run.run,
        _time(run.began),
        "" if run.seconds is None else duration(run.seconds),
        str(run.loaded) if ended else "",
        str(run.failed) if ended else "",
        code if ended else run.state.value,
        run.host,
        run.command,
    )


def _print_run(run: RunResult, tasks: Sequence[TaskResult]) -> None:
    made_by = f", taxi_luigi {run.version}" if run.version else ""
    print(f"{run.run} on {run.host}{made_by}: {run.command}")
    if run.state is State.ENDED:
        code = "unknown" if run.exit_code is None else run.exit_code
        print(f"{_time(run.began)} to {_time(run.ended)} UTC, {duration(run.seconds or 0)}, exit code {code}")
        loaded = f"{plural(run.loaded, 'month')} loaded ({plural(run.rows, 'row')})"
        print(f"{loaded}, {run.failed:,} failed, {run.already_there:,} already there")
    else:
        print(f"{_time(run.began)} UTC, {run.state.value}")
    for line in filter(None, (run.error, run.zones, *run.remarks, *run.fewer)):
        print(line)
    for month in run.months:
        if month.result not in (Result.LOADED, Result.REFRESHED):
            print(f"{month.color} {month.month} {month.result.value}")
    for line in replacements(run.months):
        print(line)
    if tasks:
        print()
        _print_table(("task", "began", "took", "rows", "size", "result"), map(_task_row, tasks))
    failed = [task for task in tasks if task.error]
    if failed:
        print()
    for task in failed:
        print(f"{task_name(asdict(task))}: {task.error}")


def _task_row(task: TaskResult) -> tuple[str, ...]:
    rows, bytes_ = f"{task.rows:,}" if task.rows else "", size(task.bytes) if task.bytes else ""
    return task_name(asdict(task)), _time(task.began)[11:], duration(task.seconds), rows, bytes_, task.result


def _print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a line per row; on a terminal, shorten what does not fit."""
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
    # A run's id contains its start, so a narrow terminal omits the column.
    left_out = heads.index("began") if console.width < _WIDE and heads[0] == "run" else None
    for column, head in enumerate(heads):
        if head == "command":
            table.add_column(head, no_wrap=True, ratio=1)
        elif column != left_out:
            table.add_column(head, no_wrap=True, justify="right" if head in _RIGHT else "left")
    table.expand = "command" in heads
    for row in rows:
        table.add_row(*(Text(cell) for column, cell in enumerate(row) if column != left_out))
    console.print(table)


def _time(iso: str) -> str:
    return iso[:19].replace("T", " ")
