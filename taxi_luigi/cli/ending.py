"""How a command ends: its exit codes, and the one line on standard error."""

from __future__ import annotations

from taxi_luigi.core import streams
from taxi_luigi.core.redaction import redact

FAILED = 40
"""Exit code when a command could not do what it was asked; the same as `[retcode] unhandled_exception` in luigi.cfg."""

MALFORMED = 2
"""Exit code for an option that does not exist, or has no value: argparse's own, as `luigi` has it."""

DIFFERENT = 50
"""Exit code of `verify` when counts disagree."""


def complain(line: str | None) -> None:
    """Says what went wrong."""
    streams.say(f"taxi-luigi: {redact(str(line))}")
