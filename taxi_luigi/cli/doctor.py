"""`taxi-luigi doctor`: everything that luigi.cfg names, looked at."""

from __future__ import annotations

import argparse
import sys

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, complain
from taxi_luigi.runs import notify
from taxi_luigi.runs.task import families


def add(parser: argparse.ArgumentParser) -> None:
    """Options and help of the command."""
    parser.description = (
        "Says all that is wrong in the settings. Where nothing is, looks at the workspace, the source, luigid, each "
        f"lake and warehouse that luigi.cfg names; changes nothing. Exit code {FAILED} when something is wrong or does "
        "not answer."
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

    from taxi_luigi.cli.console import Console
    from taxi_luigi.core.health import Status
    from taxi_luigi.core.redaction import redact
    from taxi_luigi.runs import preflight

    table = Table("place", "what", "verdict", "found", box=None, pad_edge=False)
    verdicts = set()
    for finding in preflight.look():
        verdicts.add(finding.verdict)
        table.add_row(finding.place, finding.what, finding.verdict.value, Text(redact(finding.line), overflow="fold"))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
    return FAILED if verdicts & {Status.ERROR, Status.UNREACHABLE} else 0
