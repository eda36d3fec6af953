"""`taxi-luigi loaded`: rows per table and month."""

from __future__ import annotations

import argparse

from taxi_luigi import config
from taxi_luigi.datasets import DATASETS
from taxi_luigi.zones import TABLE


def add(parser: argparse.ArgumentParser) -> None:
    """Options and help of the command."""
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
