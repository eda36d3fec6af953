"""`taxi-luigi doctor`: check everything that luigi.cfg names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace

from taxi_luigi import config
from taxi_luigi.cli.output import FAILED, add_json, complain, make_console, print_json
from taxi_luigi.core.health import Check
from taxi_luigi.core.redaction import redact
from taxi_luigi.runs import notify
from taxi_luigi.runs.task import families


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "List everything that is wrong in the settings; without such errors, check the workspace, the source, luigid, "
        "and each lake and warehouse that luigi.cfg names. Nothing is changed. "
        f"Exit code {FAILED} when something is wrong or does not answer."
    )
    add_json(parser)
    parser.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    faults = config.faults(families(), notify.check)
    for line in faults:
        complain(line)
    checks = []
    if not faults:
        from taxi_luigi.runs import preflight

        checks = [replace(check, message=redact(check.message)) for check in preflight.checks()]
    if arguments.json:
        print_json({"checks": [asdict(check) for check in checks]}, faults)
    elif checks:
        _print(checks)
    return FAILED if faults or any(check.failing for check in checks) else 0


def _print(checks: Iterable[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("place", "what", "verdict", "found", box=None, pad_edge=False)
    for check in checks:
        table.add_row(check.place, check.what, check.status.value, Text(check.message, overflow="fold"))
    make_console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
