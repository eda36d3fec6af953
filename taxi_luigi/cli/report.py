"""`taxi-luigi report`: the page of all that is held, made by the task Report."""

from __future__ import annotations

import argparse
import os
import sys

from taxi_luigi.cli.run import program


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Make data/report.html, one page of all that is held, unless it shows just that already: becomes "
        "luigi --module taxi_luigi Report --local-scheduler."
    )
    parser.add_argument("--path", help="of the page; without it, [Report] path")
    parser.set_defaults(run=_report)


def _report(arguments: argparse.Namespace) -> int:
    words = ["--module", "taxi_luigi", "Report", "--local-scheduler"]
    command = [*program(), *words, *([] if arguments.path is None else ["--path", arguments.path])]
    sys.stdout.flush()
    return os.execv(command[0], command)  # noqa: S606 no shell; it does not return
