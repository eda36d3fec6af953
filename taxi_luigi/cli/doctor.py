"""`taxi-luigi doctor`: check everything that luigi.cfg names."""

from __future__ import annotations

import argparse
import sys

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, complain, make_console
from taxi_luigi.runs import notify
from taxi_luigi.runs.task import families


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "List everything that is wrong in the settings; without such errors, check the workspace, the source, luigid, "
        "and each lake and warehouse that luigi.cfg names. Nothing is changed. "
        f"Exit code {FAILED} when something is wrong or does not answer."
    )
    parser.set_defaults(run=_doctor)


def _doctor(_: argparse.Namespace) -> int:
    wrong = config.faults(families(), notify.check)
    for line in wrong:
        complain(line)
    if wrong:
        return FAILED
    from rich.table import Table
    from rich.text import Text

    from taxi_luigi.core.redaction import redact
    from taxi_luigi.runs import preflight

    table = Table("place", "what", "verdict", "found", box=None, pad_edge=False)
    failed = False
    for check in preflight.checks():
        failed = failed or check.failing
        table.add_row(check.place, check.what, check.status.value, Text(redact(check.message), overflow="fold"))
    make_console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
    return FAILED if failed else 0
