"""`taxi-luigi tidy`: remove the raw files that an earlier source left."""

from __future__ import annotations

import argparse

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, add_json, complain, confirm, print_json
from taxi_luigi.core.errors import TaxiError, UsageError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.units import plural, size


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Remove raw files, with their receipts, that have names of an earlier [taxi] source, as .csv.gz beside today's "
        ".parquet. They are listed first. Months in lakes and warehouses stay as they are."
    )
    parser.add_argument("--yes", action="store_true", help="remove without a question")
    add_json(parser)
    parser.set_defaults(run=_tidy)


def _tidy(arguments: argparse.Namespace) -> int:
    from taxi_luigi.inventory.leftovers import leftovers

    if arguments.json and not arguments.yes:
        raise UsageError("--json asks no question: add --yes")
    found = leftovers()
    total = f"{plural(len(found), 'file')}, {size(sum(found.values()))}"
    if not arguments.json:
        for name, bytes_ in sorted(found.items()):
            print(f"{size(bytes_):>12}  {config.workspace().url(name)}")
        if not found:
            print("nothing is left of an earlier source")
        elif not arguments.yes and not confirm(f"Remove {total}?"):
            print("nothing was removed")
            return 0
    removed, errors = {}, []
    for name, bytes_ in found.items():
        try:
            config.workspace().remove(name)
            removed[name] = bytes_
        except (TaxiError, OSError) as error:
            errors.append(str(failure_line(error)))
            complain(errors[-1])
    if arguments.json:
        print_json({"removed": removed}, errors)
    elif removed:
        print(f"removed {plural(len(removed), 'file')}, {size(sum(removed.values()))}")
    return FAILED if errors else 0
