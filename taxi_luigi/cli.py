"""The `taxi-luigi` command: parses and prints; the pipeline itself is `luigi --module taxi_luigi LoadAllMonths`."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from taxi_luigi import config
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import TaxiError
from taxi_luigi.logs import one_line
from taxi_luigi.months import Selection
from taxi_luigi.parameters import ColorsParameter

FAILED = 40
"""Exit code when a command could not do what it was asked; the same as `[retcode] unhandled_exception` in luigi.cfg."""


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, 2 for a malformed command line, 40 for a failure."""
    parser = argparse.ArgumentParser(prog="taxi-luigi", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_loaded(commands.add_parser("loaded", help="rows per table and month, counted in each warehouse"))
    _add_sample(commands.add_parser("sample", help="write made-up months in the shape of TLC's files"))
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except (TaxiError, OSError) as error:
        sys.stderr.write(f"taxi-luigi: {one_line(error)}\n")
        return FAILED
    return 0


def _add_loaded(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=_loaded)


def _loaded(_: argparse.Namespace) -> None:
    for name in config.settings().warehouses:
        warehouse = config.warehouse(name)
        for dataset in DATASETS.values():
            counts = warehouse.count(dataset)
            if counts:
                print(f"{dataset.table} in {name}: {sum(counts.values()):,} rows")
            for month, rows in sorted(counts.items()):
                print(f"  {month} {rows:>12,}")


def _add_sample(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--colors", default=",".join(DATASETS), help="record types, as yellow,green")
    parser.add_argument("--months", required=True, help="as for LoadAllMonths: 2021-01..2021-03")
    parser.add_argument("--rows", type=int, default=40_000, help="in each month")
    parser.add_argument("--seed", type=int, default=0, help="the same seed writes the same bytes")
    parser.add_argument("--form", choices=("parquet", "csv", "csv.gz"), default="parquet")
    parser.set_defaults(run=_sample)


def _sample(arguments: argparse.Namespace) -> None:
    from taxi_luigi.sample import write_samples

    colors = ColorsParameter().parse(arguments.colors)
    months = list(Selection.parse(arguments.months).resolve(date.today()))
    for path in write_samples(arguments.to, colors, months, arguments.rows, arguments.seed, arguments.form):
        print(f"wrote {path}")
