"""`taxi-luigi status`: how far every month is."""

from __future__ import annotations

import argparse
import json
from datetime import date

from taxi_luigi.cli.output import FAILED, complain
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    from taxi_luigi.reports.status_json import KEYS

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "How far every month is: published (as known when this version was made), downloaded, cleaned, in the lakes,\n"
        "in the warehouses; which would be cleaned to other rows today, and which were refused. From listings and\n"
        "markers alone: no month's file is opened, nothing is requested of TLC; `taxi-luigi verify` counts.\n"
        f"Exit code {FAILED} when a store cannot be listed; the others are shown."
    )
    parser.epilog = KEYS
    parser.add_argument("--colors", help="record types, as yellow,green; by default, all of which anything is here")
    parser.add_argument("--rows", action="store_true", help="numbers of rows instead of signs")
    parser.add_argument("--json", action="store_true", help="for programs, of all colors unless --colors names some")
    parser.set_defaults(run=_status)


def _status(arguments: argparse.Namespace) -> int:
    from taxi_luigi import config, history
    from taxi_luigi.inventory import status

    colors = tuple(DATASETS) if arguments.colors is None else ColorsParameter().parse(arguments.colors)
    try:
        state = config.settings().state
        withdrawn, runs = history.withdrawn(state), history.last_runs(state, 5)
    except StorageError as error:
        complain(failure_line(error))
        withdrawn, runs = {}, []
    found = status(colors, date.today(), withdrawn)
    if arguments.json:
        from taxi_luigi.reports.status_json import account

        print(json.dumps(account(found, runs), indent=1))
    else:
        from taxi_luigi.reports import status_text

        status_text.show(found, arguments.rows, arguments.colors is not None, runs)
    return FAILED if found.errors else 0
