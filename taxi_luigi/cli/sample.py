"""`taxi-luigi sample`: made-up months."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from taxi_luigi.cli.output import add_json, print_json
from taxi_luigi.core.errors import UsageError
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS, select_months
from taxi_luigi.tlc.months import Selection


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.add_argument("--to", required=True, metavar="FOLDER")
    parser.add_argument("--colors", default=",".join(DATASETS), help="record types, as yellow,green")
    parser.add_argument("--months", required=True, help="as for LoadAllMonths: 2021-01..2021-03")
    parser.add_argument("--rows", type=int, default=40_000, help="in each month")
    parser.add_argument("--seed", type=int, default=0, help="the same seed writes the same bytes")
    parser.add_argument("--form", choices=("parquet", "csv", "csv.gz"), default="parquet")
    add_json(parser)
    parser.set_defaults(run=_sample)


def _sample(arguments: argparse.Namespace) -> int:
    from taxi_luigi.sample import write_samples

    if "://" in arguments.to:
        raise UsageError(f"--to is a folder on this machine's disk, not {arguments.to}")
    if arguments.seed < 0 or arguments.rows < 1:
        key, least = ("seed", 0) if arguments.seed < 0 else ("rows", 1)
        raise UsageError(f"--{key} is a number from {least} on, not {getattr(arguments, key)}")
    colors, folder = ColorsParameter().parse(arguments.colors), Path(arguments.to)
    selected = select_months(colors, Selection.parse(arguments.months), date.today())
    written = []
    for color in colors:
        months = [month for of_color, month in selected if of_color == color]
        for path in write_samples(folder, [color], months, arguments.rows, arguments.seed, arguments.form):
            written.append(str(path))
            if not arguments.json:
                print(f"wrote {path}")
    if arguments.json:
        print_json({"files": written})
    return 0
