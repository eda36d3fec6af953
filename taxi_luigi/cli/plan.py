"""`taxi-luigi plan`: what LoadAllMonths would do with these options, and why, without doing it."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import luigi.interface
from luigi.cmdline_parser import CmdlineParser

from taxi_luigi import config
from taxi_luigi.cli.output import make_console, print_json
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.units import duration, plural, size
from taxi_luigi.inventory import Plan, estimate
from taxi_luigi.tasks import LoadAllMonths
from taxi_luigi.tlc.months import Month

UP_TO_DATE, NOT_PUBLISHED, WITHDRAWN = "up to date", "not published", "withdrawn"
REFUSED, FAILED, GONE = "refused", "failed last time", "failed before, and no longer published"
"""beside `staleness.Reason`, what a month can be; the last three have a reason"""

_TASK = LoadAllMonths.__name__
_STEPS = {
    estimate.DOWNLOAD: "downloads",
    estimate.CLEAN: "cleaning",
    estimate.UPLOAD: "uploads",
    estimate.LOAD: "loads",
}

_LEAST = 30
"""columns that a reason gets on the narrowest terminal"""
_WIDE = 200
"""columns of a table in a file or a pipe"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.usage = "taxi-luigi plan [OPTIONS OF LoadAllMonths] [--json]"
    parser.description = (
        "Show what `luigi --module taxi_luigi LoadAllMonths` would do with the same options, why, and what it needs: "
        "bytes, room on the disks, time. Nothing is done. Lists lakes, reads the markers of warehouses and the history "
        "of this machine, and sends HEAD requests to the source. It takes every option that a run takes, as --colors, "
        "--months, --refresh, --force, --workers, --taxi-lake; `taxi-luigi run LoadAllMonths --help` shows them. "
        "--json prints one JSON object, for programs; docs/json.md has its keys."
    )
    parser.prefix_chars = ""  # every word but --json is luigi's
    words: Any = parser.add_argument("words", metavar="OPTION", nargs=argparse.REMAINDER, help="as for LoadAllMonths")
    words.completer = lambda **_: ["--json", *sorted(config.known_flags([_TASK]))]  # of argcomplete
    parser.set_defaults(run=partial(_plan, parser))


def _plan(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    words = [word for word in arguments.words if word != "--json"]
    arguments.json = len(words) < len(arguments.words)  # main() reports errors by it, too
    if {"-h", "--help"} & {*words}:
        parser.print_help()
        return 0
    unknown = config.unknown_flag([_TASK, *words])
    if unknown:
        parser.error(f"unrecognized arguments: {unknown}")
    with _parsed(parser, words) as luigis:
        task = luigis.get_task_obj()
        plan, share = task.plan, task.share
        workers = luigi.interface.core().workers
        needs = estimate.of_plan(plan, workers)
        rooms = estimate.disks(needs)
    lines = sorted(months_of(plan), key=lambda line: (line["color"], line["month"]))
    if arguments.json:
        shown = {
            **asdict(needs),
            "measured": sorted(needs.measured),
            "guessed": sorted(needs.guessed),
            "disks": {redact(str(each.folder)): {"needed": each.needed, "free": each.free} for each in rooms},
        }
        shard = str(task.shard) or None
        print_json({"months": lines, "zones": plan.zones, "shard": shard, "estimate": shown}, plan.unchecked)
    else:
        if share:
            print(share)
        _print(lines, plan)
        _print_needs(needs, rooms, workers)
    return 0


@contextmanager
def _parsed(parser: argparse.ArgumentParser, words: list[str]) -> Iterator[CmdlineParser]:
    """Yield Luigi's parser of the words; its errors, which have a long usage, are shown in one line."""
    said = io.StringIO()
    with ExitStack() as stack:
        try:
            with contextlib.redirect_stderr(said):
                luigis = stack.enter_context(CmdlineParser.global_instance([_TASK, *words]))
        except SystemExit:
            parser.error(said.getvalue().strip().rpartition("error: ")[2])
        yield luigis


def months_of(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield what is to be done with each month of the plan, and why, as --json has it."""
    todo = set()
    for each in plan.to_do:
        gone = each.month in plan.not_published.get(each.color, [])
        todo.add((each.color, each.month))
        yield {
            "color": each.color,
            "month": str(each.month),
            **_why(plan, each.color, each.month, NOT_PUBLISHED if gone else each.reason.value),
            "lakes": list(each.lakes),
            "warehouses": list(each.warehouses),
            "bytes": 0 if gone else each.bytes,
        }
    others = {UP_TO_DATE: plan.already_there, NOT_PUBLISHED: plan.not_published}
    for why, months_of in others.items():
        for color, months in months_of.items():
            for month in months:
                if (color, month) not in todo:
                    withdrawn = month in plan.withdrawn.get(color, [])
                    why_and_reason = _why(plan, color, month, WITHDRAWN if withdrawn else why)
                    yield {
                        "color": color,
                        "month": str(month),
                        **why_and_reason,
                        "lakes": [],
                        "warehouses": [],
                        "bytes": 0,
                    }


def _why(plan: Plan, color: str, month: Month, why: str) -> dict[str, str | None]:
    """Return the `why` of a month, and the reason where its last attempt failed."""
    refused, failed = plan.refused.get((color, month)), plan.failed.get((color, month))
    if refused is not None:
        return {"why": REFUSED, "reason": refused}
    if failed is not None:
        return {"why": GONE if why == NOT_PUBLISHED else FAILED, "reason": failed}
    return {"why": why, "reason": None}


def _print(lines: list[dict[str, Any]], plan: Plan) -> None:
    from rich.table import Table
    from rich.text import Text

    console = make_console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    table = Table("color", "month", "why", "to", box=None, pad_edge=False)
    table.add_column("to download", justify="right")
    shown = [line for line in lines if line["why"] != UP_TO_DATE]
    rows = [
        (line["color"], line["month"], ", ".join(line["lakes"] + line["warehouses"]), _size(line)) for line in shown
    ]
    heads = ("color", "month", "to", "to download")
    widest = sum(max(map(len, column)) for column in zip(heads, *rows, strict=True))
    for (color, month, places, bytes_), line in zip(rows, shown, strict=True):
        why = Text(_why_text(line))
        why.truncate(max(_LEAST, console.width - widest - 2 * len(heads)), overflow="ellipsis")
        table.add_row(color, month, why, places, bytes_)
    if shown:
        console.print(table)
    for name in plan.zones:
        console.print(f"zones: missing in {name}", markup=False)
    console.print(_closing(lines))
    for error in plan.unchecked[:1]:
        console.print(f"the source could not be checked for {len(plan.unchecked)} of them: {error}", markup=False)


def _print_needs(needs: estimate.Estimate, rooms: list[estimate.Disk], workers: int) -> None:
    """Print the room and the time that the months need; nothing where there are none."""
    from taxi_luigi.reports.status_text import short

    if not needs.months:
        return
    parts = {"raw": needs.raw, "clean": needs.clean}
    parts |= {f"lake {name}": bytes_ for name, bytes_ in needs.lakes.items()}
    parts |= {f"warehouse {name}": bytes_ for name, bytes_ in needs.warehouses.items()}
    console = make_console(highlight=False, width=None if sys.stdout.isatty() else _WIDE)
    total = ", ".join(f"{size(bytes_)} {name}" for name, bytes_ in parts.items() if bytes_)
    console.print(f"about {short(needs.rows)} rows: {total}", markup=False)
    for room in rooms:
        style = "red" if room.too_small else None
        console.print(f"{'not enough room: ' if room.too_small else ''}{room}", style=style, markup=False)
    guessed = ", ".join(_STEPS[task] for task in _STEPS if task in needs.guessed)
    by = "at this machine's own speeds" if needs.measured else "by guessed speeds"
    by += f"; guessed for {guessed}" if guessed and needs.measured else ""
    console.print(f"about {duration(needs.seconds)} with {plural(workers, 'worker')}, {by}", markup=False)


def _why_text(line: dict[str, Any]) -> str:
    """Return `refused: 60 records, where …`."""
    from taxi_luigi.reports.status_text import without_address

    if line["reason"] is None:
        return str(line["why"])
    return f"{line['why']}: {without_address(line['reason'], Month.parse(line['month']))}"


def _size(line: dict[str, Any]) -> str:
    if line["why"] in (NOT_PUBLISHED, WITHDRAWN, GONE) or (line["why"] == REFUSED and not line["bytes"]):
        return ""
    return "?" if line["bytes"] is None else size(line["bytes"])


def _closing(lines: list[dict[str, Any]]) -> str:
    """Return `3 missing, 1 republished, 586 up to date; 61.0 MB to download`."""
    counts: dict[str, int] = {}
    for line in lines:
        counts[line["why"]] = counts.get(line["why"], 0) + 1
    known = sum(line["bytes"] or 0 for line in lines)
    unknown = sum(line["bytes"] is None for line in lines)
    more = f", and {plural(unknown, 'file')} of unknown size" if unknown else ""
    return ", ".join(f"{number} {why}" for why, number in counts.items()) + f"; {size(known)} to download{more}"
