"""`taxi-luigi verify`: every month counted again in every place."""

from __future__ import annotations

import argparse
from datetime import date

from taxi_luigi.cli.output import DIFFERENT, FAILED, complain
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Selection


def add(parser: argparse.ArgumentParser) -> None:
    """Options and help of the command."""
    parser.description = (
        "Counts every month again and says where raw = clean + rejected, clean = lakes = warehouses does not hold, "
        "which raw files are not what was downloaded, and which months of TLC's have other rows than it published; "
        f"exit code {DIFFERENT} when they disagree, {FAILED} when a store cannot be asked."
    )
    parser.add_argument("--colors", help="record types, as yellow,green; without it, all that are held anywhere")
    parser.add_argument(
        "--months", help="as for LoadAllMonths: 2021-01..2021-03; without it, all that are held anywhere"
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="other rows than TLC published are a difference, too, whatever the source",
    )
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from taxi_luigi.inventory import verify
    from taxi_luigi.reports import verify_text

    silent: list[str] = []

    def tell(line: str) -> None:
        silent.append(line)
        complain(line)

    colors = () if arguments.colors is None else ColorsParameter().parse(arguments.colors)
    selection = None if arguments.months is None else Selection.parse(arguments.months)
    widest, lines = max(map(len, colors or DATASETS)), []
    for line in verify.months(colors, selection, date.today(), arguments.published, tell):
        print(verify_text.text(line, widest), flush=True)
        lines.append(line)
    print(verify_text.closing(lines, all_asked=not silent))
    if any(line.differences for line in lines):
        return DIFFERENT
    return FAILED if silent else 0
