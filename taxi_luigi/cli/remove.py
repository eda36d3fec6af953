"""`taxi-luigi remove`: takes months out of warehouses, lakes and workspace."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from functools import partial

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, complain
from taxi_luigi.core.errors import TaxiError, UsageError
from taxi_luigi.core.logs import one_line
from taxi_luigi.inventory.found import Stores, Workspace
from taxi_luigi.storage.lake import object_name
from taxi_luigi.storage.raw_month import rejects_name
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, Selection


def add(parser: argparse.ArgumentParser) -> None:
    """Options and help of the command."""
    parser.description = (
        "Takes months out of every warehouse and lake that luigi.cfg names, rows and marker together, and out of the "
        "workspace: raw, clean and rejected, and the record of a refusal. The next LoadAllMonths that asks for them "
        "loads them again."
    )
    parser.add_argument("--colors", required=True, help="record types, as yellow,green")
    parser.add_argument("--months", required=True, help="as for LoadAllMonths: 2021-01..2021-03")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=_remove)


def _remove(arguments: argparse.Namespace) -> int:
    wanted = Selection.parse(arguments.months).resolve(date.today())
    stores, workspace = Stores(), Workspace()
    held = [
        (color, month)
        for color in ColorsParameter().parse(arguments.colors)
        for month in wanted
        if _is_held(stores, workspace, color, month)
    ]
    silent = bool(stores.silent) or workspace.silent
    if not held:
        print("nothing is held of these months" + " in a place that answered" * silent)
        return FAILED if silent else 0
    where = ", ".join([*config.settings().lakes, *config.settings().warehouses, "workspace"])
    print(f"{', '.join(f'{color} {month}' for color, month in held)}: to be taken out of {where}")
    if not arguments.yes and not _agreed(len(held)):
        print("nothing was removed")
        return 0
    failed = [(color, month) for color, month in held if not _take_out(color, month, workspace)]
    return FAILED if failed or silent else 0


def _is_held(stores: Stores, workspace: Workspace, color: str, month: Month) -> bool:
    """Whether anything of it is there. A store that does not answer is told of, and may hold it."""
    if stores.find(color, month).held or workspace.has_clean(color, month) or workspace.has_raw(color, month):
        return True
    return bool(workspace.failure_names(color, month))


def _agreed(number: int) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to be asked: add --yes")
    months = "this month" if number == 1 else f"these {number} months"
    try:
        return input(f"Remove {months}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        print()
        return False


def _take_out(color: str, month: Month, workspace: Workspace) -> bool:
    """Warehouses first: a kill in between leaves files from which the next run loads the month again."""
    settings, steps = config.settings(), []
    for name in settings.warehouses:
        steps.append((f"warehouse {name}", partial(config.warehouse(name).remove_month, DATASETS[color], month)))
    for name in settings.lakes:
        steps.append((f"lake {name}", partial(config.lake(name).remove, color, month)))
    steps.append(("the workspace", partial(_take_out_of_workspace, color, month, workspace)))
    good = True
    for place, remove in steps:
        try:
            remove()
        except (TaxiError, OSError) as error:
            complain(f"{color} {month} is still in {place}: {one_line(error)}")
            good = False
    if good:
        print(f"removed {object_name(color, month)}")
    return good


def _take_out_of_workspace(color: str, month: Month, workspace: Workspace) -> None:
    config.clean_lake().remove(color, month)
    for name in (rejects_name(color, month), *workspace.failure_names(color, month)):
        config.workspace().remove(name)
    config.raw_month(color, month).remove()
