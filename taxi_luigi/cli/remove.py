"""`taxi-luigi remove`: take months out of warehouses, lakes and workspace."""

from __future__ import annotations

import argparse
from datetime import date
from functools import partial
from itertools import chain

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, add_json, complain, confirm, print_json
from taxi_luigi.core.errors import TaxiError, UsageError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.units import plural
from taxi_luigi.inventory import Inventory
from taxi_luigi.storage.lake import object_name
from taxi_luigi.storage.raw_month import rejects_name
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, Selection


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Take months out of every warehouse and lake that luigi.cfg names, rows and marker together, and out of the "
        "workspace: raw, clean and rejected, and the record of a refusal. The next LoadAllMonths with these months "
        "loads them again."
    )
    parser.add_argument("--colors", required=True, help="record types, as yellow,green")
    parser.add_argument("--months", required=True, help="as for LoadAllMonths: 2021-01..2021-03")
    parser.add_argument("--yes", action="store_true", help="remove without a question")
    add_json(parser)
    parser.set_defaults(run=_remove)


def _remove(arguments: argparse.Namespace) -> int:
    if arguments.json and not arguments.yes:
        raise UsageError("--json asks no question: add --yes")
    selected = Selection.parse(arguments.months).resolve(date.today())
    colors = ColorsParameter().parse(arguments.colors)
    inventory = Inventory.ask(colors)
    errors = inventory.errors
    for line in errors:
        complain(line)
    held = [(color, month) for color in colors for month in selected if _is_held(inventory, color, month)]
    if arguments.json:
        removed = [_take_out(color, month, inventory) for color, month in held]
        months = [
            {"color": color, "month": str(month), "removed": not still_in}
            for (color, month), still_in in zip(held, removed, strict=True)
        ]
        print_json({"months": months}, [*errors, *chain.from_iterable(removed)])
        return FAILED if errors or any(removed) else 0
    if not held:
        print("nothing is held of these months" + " in a place that could be listed" * bool(errors))
        return FAILED if errors else 0
    where = ", ".join([*config.settings().lakes, *config.settings().warehouses, "workspace"])
    print(f"{', '.join(f'{color} {month}' for color, month in held)}: to be taken out of {where}")
    if not arguments.yes and not confirm(f"Remove {plural(len(held), 'month')}?"):
        print("nothing was removed")
        return 0
    failed = False
    for color, month in held:
        if _take_out(color, month, inventory):
            failed = True
        else:
            print(f"removed {object_name(color, month)}")
    return FAILED if failed or errors else 0


def _is_held(inventory: Inventory, color: str, month: Month) -> bool:
    """Return whether a place that could be listed has anything of the month, be it a record of a failure."""
    return (
        any(month in place.months(color) for place in inventory.places)
        or inventory.has_raw_file(color, month)
        or bool(inventory.failure_names(color, month))
    )


def _take_out(color: str, month: Month, inventory: Inventory) -> list[str]:
    """Remove a month everywhere; return a line, which is printed here, for each place that still has it.

    Warehouses are first: a kill in between leaves files from which the next run loads the month again.
    """
    settings, steps = config.settings(), []
    for name in settings.warehouses:
        steps.append((f"warehouse {name}", partial(config.warehouse(name).remove_month, DATASETS[color], month)))
    for name in settings.lakes:
        steps.append((f"lake {name}", partial(config.lake(name).remove, color, month)))
    steps.append(("the workspace", partial(_take_out_of_workspace, color, month, inventory)))
    failures = []
    for place, remove in steps:
        try:
            remove()
        except (TaxiError, OSError) as error:
            failures.append(f"{color} {month} is still in {place}: {failure_line(error)}")
            complain(failures[-1])
    return failures


def _take_out_of_workspace(color: str, month: Month, inventory: Inventory) -> None:
    config.clean_lake().remove(color, month)
    for name in (rejects_name(color, month), *inventory.failure_names(color, month)):
        config.workspace().remove(name)
    config.raw_month(color, month).remove()
