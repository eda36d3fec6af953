"""`taxi-luigi sample`: made-up months."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from taxi_luigi.core.errors import UsageError
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Selection


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.add_argument("--to", required=True, metavar="FOLDER")
    parser.add_argument("--colors", default=",".join(DATASETS), help="record types, as yellow,green")
    parser.add_argument("--months", required=True, help="as for LoadAllMonths: 2021-01..2021-03")
    parser.add_argument("--rows", type=int, default=40_000, help="in each month")
    parser.add_argument("--seed", type=int, default=0, help="the same seed writes the same bytes")
    parser.add_argument("--form", choices=("parquet", "csv", "csv.gz"), default="parquet")
    parser.set_defaults(run=_sample)


def _sample(arguments: argparse.Namespace) -> int:
    from taxi_luigi.sample import write_samples

    if "://" in arguments.to:
        raise UsageError(f"--to is a folder on this machine's disk, not {arguments.to}")
    if arguments.seed < 0 or arguments.rows < 1:
        key, least = ("seed", 0) if arguments.seed < 0 else ("rows", 1)
        raise UsageError(f"--{key} is a number from {least} on, not {getattr(arguments, key)}")
    months = Selection.parse(arguments.months).resolve(date.today())
    requested = {  # as in LoadAllMonths, months before the first of a record type are left out
        color: [month for month in months if month >= DATASETS[color].first_month]
        for color in ColorsParameter().parse(arguments.colors)
    }
    if not any(requested.values()):
        first = ", ".join(f"{color} begins in {DATASETS[color].first_month}" for color in requested)
        raise UsageError(f"no month of {arguments.months}: {first}")
    for color, of_color in requested.items():
        for path in write_samples(
            Path(arguments.to), [color], of_color, arguments.rows, arguments.seed, arguments.form
        ):
            print(f"wrote {path}")
    return 0
