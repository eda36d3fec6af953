"""`taxi-luigi loaded`: rows per table and month."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import date
from typing import Any

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, add_json, add_selection, complain, print_json, selection
from taxi_luigi.core.errors import ForeignTable, WarehouseError
from taxi_luigi.core.units import plural
from taxi_luigi.inventory import Inventory, Place, warehouse_key
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import TABLE

Counts = Mapping[str, Mapping[Month, int]]
"""color → month → rows"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Count the rows of every month in the tables of every warehouse, and of the taxi zones. "
        f"Exit code {FAILED} when a warehouse cannot be reached; the others are shown."
    )
    add_selection(parser, "all that are loaded")
    add_json(parser)
    parser.set_defaults(run=_loaded)


def _loaded(arguments: argparse.Namespace) -> int:
    colors, selected = selection(arguments, date.today())
    keys = [warehouse_key(name) for name in config.settings().warehouses]
    document: dict[str, Any] = {}
    errors = []
    for place in Inventory.ask(colors, keys, counted=True, zones=True).places:
        counts = {
            color: {
                month: held.counted
                for month, held in sorted(place.months(color).items())
                if held.counted and (selected is None or (color, month) in selected)
            }
            for color in colors
        }
        of_place = _errors(place)
        document[place.name] = _document(place, counts)
        if not arguments.json:
            _print(place, counts, complete=not of_place)
        for line in of_place:
            complain(line)
        errors += of_place
    if arguments.json:
        print_json({"warehouses": document}, errors)
    return FAILED if errors else 0


def _errors(warehouse: Place) -> list[str]:
    """Return a line for each table that could not be counted, and for each object of others with a name of ours."""
    errors = dict.fromkeys(map(str, warehouse.errors.values()))
    if all(isinstance(error, ForeignTable) for error in warehouse.errors.values()):
        try:
            errors = dict.fromkeys([*config.warehouse(warehouse.name).foreign(), *errors])
        except WarehouseError as error:
            errors[str(error)] = None
    return list(errors)


def _document(warehouse: Place, counts: Counts) -> dict[str, Any]:
    tables = {
        DATASETS[color].table: {
            "color": color,
            "rows": sum(months.values()),
            "months": {str(month): rows for month, rows in months.items()},
        }
        for color, months in counts.items()
        if color not in warehouse.errors
    }
    return {"tables": tables, "zones": warehouse.zones}


def _print(warehouse: Place, counts: Counts, complete: bool) -> None:
    for color, months in counts.items():
        if months:
            print(f"{DATASETS[color].table} in {warehouse.name}: {plural(sum(months.values()), 'row')}")
        for month, rows in months.items():
            print(f"  {month} {rows:>12,}")
    if warehouse.zones:
        print(f"{TABLE} in {warehouse.name}: {plural(warehouse.zones, 'row')}")
    if complete and not any(counts.values()) and not warehouse.zones:
        print(f"nothing is loaded in {warehouse.name}")
