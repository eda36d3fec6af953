"""`taxi-luigi loaded`: rows per table and month."""

from __future__ import annotations

import argparse

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, complain
from taxi_luigi.core.errors import ForeignTable, WarehouseError
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.zones import TABLE


def add(parser: argparse.ArgumentParser) -> None:
    """Options and help of the command."""
    parser.set_defaults(run=_loaded)


def _loaded(_: argparse.Namespace) -> int:
    answered = [_print(name) for name in config.settings().warehouses]
    return 0 if all(answered) else FAILED


def _print(name: str) -> bool:
    """One warehouse; False when it could not be asked for everything, which is then said."""
    lines: dict[str, None] = {}  # a set in order: the markers are somebody else's for every color
    tables: dict[str, dict[Month, int]] = {}
    zones = 0
    try:
        warehouse = config.warehouse(name)
        lines |= dict.fromkeys(warehouse.foreign())
        for dataset in DATASETS.values():
            try:
                tables[dataset.table] = warehouse.count(dataset)
            except ForeignTable as error:
                lines[str(error)] = None
        zones = warehouse.zones()
    except WarehouseError as error:
        lines[str(error)] = None
    for table, counts in tables.items():
        if counts:
            print(f"{table} in {name}: {sum(counts.values()):,} rows")
        for month, rows in sorted(counts.items()):
            print(f"  {month} {rows:>12,}")
    if zones:
        print(f"{TABLE} in {name}: {zones:,} rows")
    for line in lines:
        complain(line)
    if not any(tables.values()) and not zones and not lines:
        print(f"nothing is loaded in {name}")
    return not lines
