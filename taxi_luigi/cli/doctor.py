"""`taxi-luigi doctor`: everything that luigi.cfg names, looked at."""

from __future__ import annotations

import argparse
import sys

from taxi_luigi.cli.ending import FAILED


def add(parser: argparse.ArgumentParser) -> None:
    """Options and help of the command."""
    parser.description = (
        "Looks at the workspace, the source, luigid, each lake and warehouse that luigi.cfg names; changes nothing. "
        f"Exit code {FAILED} when something is wrong or does not answer."
    )
    parser.set_defaults(run=_doctor)


def _doctor(_: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from taxi_luigi import preflight
    from taxi_luigi.checks import Verdict
    from taxi_luigi.redaction import redact

    table = Table("place", "what", "verdict", "found", box=None, pad_edge=False)
    verdicts = set()
    for finding in preflight.look():
        verdicts.add(finding.verdict)
        table.add_row(finding.place, finding.what, finding.verdict.value, Text(redact(finding.line), overflow="fold"))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
    return FAILED if verdicts & {Verdict.WRONG, Verdict.SILENT} else 0
