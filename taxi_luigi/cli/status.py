"""`taxi-luigi status`: how far every month is."""

from __future__ import annotations

import argparse
from datetime import date

from taxi_luigi.cli.output import FAILED, add_json, add_selection, complain, print_json, selection
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.logs import failure_line


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "How far every month is: published (as known when this version was made), downloaded, cleaned, in the lakes, "
        "in the warehouses; which would be cleaned to other rows today, and which were refused. From listings and "
        "markers alone: no month's file is opened, nothing is requested of TLC; `taxi-luigi verify` counts. "
        f"Exit code {FAILED} when a store cannot be listed; the others are shown."
    )
    add_selection(parser, "all of which anything is here")
    parser.add_argument("--rows", action="store_true", help="numbers of rows instead of signs")
    add_json(parser)
    parser.set_defaults(run=_status)


def _status(arguments: argparse.Namespace) -> int:
    from taxi_luigi import config, history
    from taxi_luigi.inventory import status

    today, errors = date.today(), []
    colors, selected = selection(arguments, today)
    try:
        state = config.settings().state
        withdrawn, runs = history.withdrawn(state), history.last_runs(state, 5)
    except StorageError as error:
        errors = [str(failure_line(error))]
        withdrawn, runs = {}, []
    for line in errors:
        complain(line)
    found = status(colors, today, withdrawn, selected)
    if arguments.json:
        from taxi_luigi.reports.status_json import account

        print_json(account(found, runs), errors + found.errors)
    else:
        from taxi_luigi.reports import status_text

        status_text.show(found, arguments.rows, arguments.colors is not None, runs)
    return FAILED if found.errors else 0
