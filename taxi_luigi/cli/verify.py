"""`taxi-luigi verify`: every month counted again in every place."""

from __future__ import annotations

import argparse
from datetime import date

from taxi_luigi.cli.output import DIFFERENT, FAILED, complain
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Selection


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Count every month again, and show where raw = clean + rejected, clean = lakes = warehouses does not hold, "
        "which raw files are not what was downloaded, and which months of TLC's have other rows than it published; "
        f"exit code {DIFFERENT} when counts disagree, {FAILED} when a store cannot be listed."
    )
    parser.add_argument("--colors", help="record types, as yellow,green; by default, all that are held anywhere")
    parser.add_argument(
        "--months", help="as for LoadAllMonths: 2021-01..2021-03; by default, all that are held anywhere"
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="other rows than TLC published are a difference, too, whatever the source",
    )
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from taxi_luigi.inventory import Inventory
    from taxi_luigi.inventory.verify import held_months, selected_months, verified_months
    from taxi_luigi.reports import verify_text

    today = date.today()
    colors = tuple(DATASETS) if arguments.colors is None else ColorsParameter().parse(arguments.colors)
    selection = None if arguments.months is None else Selection.parse(arguments.months)
    selected = selected_months(colors, selection, today)
    inventory = Inventory.ask(colors, counted=True)
    for line in inventory.errors:
        complain(line)
    if arguments.colors is None:
        colors = tuple(color for color in colors if held_months(inventory, color, today)) or colors
    widest, months = max(map(len, colors)), []
    for month in verified_months(inventory, colors, selected, today, arguments.published):
        print(verify_text.text(month, widest), flush=True)
        months.append(month)
    print(verify_text.closing(months, all_listed=not inventory.errors))
    if any(month.differences for month in months):
        return DIFFERENT
    return FAILED if inventory.errors else 0
