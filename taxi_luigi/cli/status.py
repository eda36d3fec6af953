"""`taxi-luigi status`: how far every month is."""

from __future__ import annotations

import argparse
from datetime import UTC, date, datetime

from taxi_luigi.cli.output import ATTENTION, FAILED, add_json, add_selection, complain, print_json, selection
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.units import duration, plural


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "How far every month is: published (as known when this version was made), downloaded, cleaned, in the lakes, "
        "in the warehouses; which would be cleaned to other rows today, and which were refused. From listings and "
        "markers alone: no month's file is opened, nothing is requested of TLC; `taxi-luigi verify` counts. "
        f"Exit code {FAILED} when a store cannot be listed; the others are shown. With --check, for a monitor, a line "
        f"for each thing to look at and exit code {ATTENTION}, or one line and 0."
    )
    add_selection(parser, "all of which anything is here")
    parser.add_argument("--rows", action="store_true", help="numbers of rows instead of signs")
    parser.add_argument(
        "--check",
        action="store_true",
        help="print only what to look at: no good run for too long; months overdue, failed or with too few rows; a "
        "full disk; a store that does not answer. With --months, whether all of these are there",
    )
    add_json(parser)
    parser.set_defaults(run=_status)


def _status(arguments: argparse.Namespace) -> int:
    if arguments.check:
        return _check(arguments)
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


def _check(arguments: argparse.Namespace) -> int:
    from taxi_luigi import config, history
    from taxi_luigi.inventory import State, alerts, status

    now, today, state = datetime.now(UTC), date.today(), config.settings().state
    colors, named = selection(arguments, today)
    found = status(colors, today, history.withdrawn(state), named)
    lines = [*alerts.of_months(found, history.last_results(state), now, named)]
    good = None
    if named is None:
        good = history.last_good_run(state, now.isoformat(timespec="seconds"))
        lines[:0] = alerts.of_machine(good, now, config.monitor().hours, alerts.free_disk())
    if arguments.json:
        from taxi_luigi.reports.status_json import account

        alerts_ = [vars(each) for each in lines]
        print_json(account(found, history.last_runs(state, 5), alerts_), found.errors)
    elif lines:
        for each in lines:
            print(each.message)
    elif good is not None:
        ago = duration((now - datetime.fromisoformat(good.ended)).total_seconds())
        print(f"all is well: {good.run} ended {ago} ago")
    else:
        print(f"all is well: {plural(sum(color.counts[State.EVERYWHERE] for color in found.colors), 'month')} there")
    return ATTENTION if lines else 0
