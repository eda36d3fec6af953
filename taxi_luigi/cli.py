"""The `taxi-luigi` command: parses and prints; the pipeline itself is `luigi --module taxi_luigi LoadAllMonths`."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from taxi_luigi import config
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import TaxiError, UsageError
from taxi_luigi.logs import one_line
from taxi_luigi.months import Selection
from taxi_luigi.parameters import ColorsParameter
from taxi_luigi.zones import TABLE

FAILED = 40
"""Exit code when a command could not do what it was asked; the same as `[retcode] unhandled_exception` in luigi.cfg."""

DIFFERENT = 50
"""Exit code of `verify` when counts disagree."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, FAILED, DIFFERENT, or 2 for a malformed command line."""
    parser = argparse.ArgumentParser(prog="taxi-luigi", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_loaded(commands.add_parser("loaded", help="rows per table and month, counted in each warehouse"))
    _add_verify(commands.add_parser("verify", help="count raw, clean and rejected rows, lakes and warehouses again"))
    _add_doctor(commands.add_parser("doctor", help="look at everything that luigi.cfg names, before a run does"))
    _add_sample(commands.add_parser("sample", help="write made-up months in the shape of TLC's files"))
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except (TaxiError, OSError) as error:
        _complain(one_line(error))
        return FAILED
    return code


def _complain(line: str | None) -> None:
    sys.stderr.write(f"taxi-luigi: {line}\n")


def _add_loaded(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_loaded)


def _loaded(_: argparse.Namespace) -> int:
    for name in config.settings().warehouses:
        warehouse = config.warehouse(name)
        tables = {dataset.table: warehouse.count(dataset) for dataset in DATASETS.values()}
        for table, counts in tables.items():
            if counts:
                print(f"{table} in {name}: {sum(counts.values()):,} rows")
            for month, rows in sorted(counts.items()):
                print(f"  {month} {rows:>12,}")
        zones = warehouse.zones()
        if zones:
            print(f"{TABLE} in {name}: {zones:,} rows")
        if not any(tables.values()) and not zones:
            print(f"nothing is loaded in {name}")
    return 0


def _add_verify(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Counts every month again and says where raw = clean + rejected, clean = lakes = warehouses does not hold; "
        f"exit code {DIFFERENT} when they disagree, {FAILED} when a store cannot be asked."
    )
    parser.add_argument("--colors", help="record types, as yellow,green; without it, all that are held anywhere")
    parser.add_argument(
        "--months", help="as for LoadAllMonths: 2021-01..2021-03; without it, all that are held anywhere"
    )
    parser.add_argument("--published", action="store_true", help="other rows than TLC published are a difference, too")
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from taxi_luigi import verify
    from taxi_luigi.verify import report

    silent: list[str] = []

    def tell(line: str) -> None:
        silent.append(line)
        _complain(line)

    colors = () if arguments.colors is None else ColorsParameter().parse(arguments.colors)
    selection = None if arguments.months is None else Selection.parse(arguments.months)
    widest, lines = max(map(len, colors or DATASETS)), []
    for line in verify.months(colors, selection, date.today(), arguments.published, tell):
        print(report.text(line, widest), flush=True)
        lines.append(line)
    print(report.closing(lines, all_asked=not silent))
    if any(line.differences for line in lines):
        return DIFFERENT
    return FAILED if silent else 0


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Looks at the workspace, the source, luigid, each lake and warehouse that luigi.cfg names; changes nothing. "
        f"Exit code {FAILED} when something is wrong or does not answer."
    )
    parser.set_defaults(run=_doctor)


def _doctor(_: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxi_luigi import preflight
    from taxi_luigi.checks import Verdict
    from taxi_luigi.tasks.base import check_settings

    check_settings()
    table = Table("place", "what", "verdict", "found", box=None, pad_edge=False)
    verdicts = set()
    for finding in preflight.look():
        verdicts.add(finding.verdict)
        table.add_row(finding.place, finding.what, finding.verdict.value, Text(finding.line, overflow="fold"))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
    return FAILED if verdicts & {Verdict.WRONG, Verdict.SILENT} else 0


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--colors", default=",".join(DATASETS), help="record types, as yellow,green")
    parser.add_argument("--months", required=True, help="as for LoadAllMonths: 2021-01..2021-03")
    parser.add_argument("--rows", type=int, default=40_000, help="in each month")
    parser.add_argument("--seed", type=int, default=0, help="the same seed writes the same bytes")
    parser.add_argument("--form", choices=("parquet", "csv", "csv.gz"), default="parquet")
    parser.set_defaults(run=_sample)


def _sample(arguments: argparse.Namespace) -> int:
    from taxi_luigi.sample import write_samples

    months = Selection.parse(arguments.months).resolve(date.today())
    wanted = {  # as LoadAllMonths has it, a color begins with its first month
        color: [month for month in months if month >= DATASETS[color].first_month]
        for color in ColorsParameter().parse(arguments.colors)
    }
    if not any(wanted.values()):
        first = ", ".join(f"{color} begins in {DATASETS[color].first_month}" for color in wanted)
        raise UsageError(f"no month of {arguments.months}: {first}")
    for color, of_color in wanted.items():
        for path in write_samples(arguments.to, [color], of_color, arguments.rows, arguments.seed, arguments.form):
            print(f"wrote {path}")
    return 0
