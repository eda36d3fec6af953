"""`taxi-luigi loaded`: rows per table and month."""

from __future__ import annotations

import argparse

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, complain
from taxi_luigi.core.errors import ForeignTable, WarehouseError
from taxi_luigi.inventory import Inventory, Place, warehouse_key
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.zones import TABLE


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser.set_defaults(run=_loaded)


def _loaded(_: argparse.Namespace) -> int:
    keys = [warehouse_key(name) for name in config.settings().warehouses]
    inventory = Inventory.ask(DATASETS, keys, counted=True, zones=True)
    complete = [_print(place) for place in inventory.places]
    return 0 if all(complete) else FAILED


def _print(warehouse: Place) -> bool:
    """Print one warehouse; return False when a table of it could not be counted, which is then an error line."""
    counts = {
        color: {month: held.counted for month, held in sorted(warehouse.months(color).items()) if held.counted}
        for color in DATASETS
    }
    for color, rows in counts.items():
        if rows:
            print(f"{DATASETS[color].table} in {warehouse.name}: {sum(rows.values()):,} rows")
        for month, number in rows.items():
            print(f"  {month} {number:>12,}")
    if warehouse.zones:
        print(f"{TABLE} in {warehouse.name}: {warehouse.zones:,} rows")
    errors = dict.fromkeys(map(str, warehouse.errors.values()))
    if all(isinstance(error, ForeignTable) for error in warehouse.errors.values()):
        try:
            errors = dict.fromkeys([*config.warehouse(warehouse.name).foreign(), *errors])
        except WarehouseError as error:
            errors[str(error)] = None
    for line in errors:
        complain(line)
    if not any(counts.values()) and not warehouse.zones and not errors:
        print(f"nothing is loaded in {warehouse.name}")
    return not errors
