"""What the commands share: exit codes, the one line of an error on standard error, and rich's console."""

from __future__ import annotations

from taxi_luigi.core import console
from taxi_luigi.core.redaction import redact

FAILED = 40
"""Exit code of a command that failed; the same as `[retcode] unhandled_exception` in luigi.cfg."""

MALFORMED = 2
"""Exit code for an option that does not exist, or has no value: argparse's own, as `luigi` has it."""

DIFFERENT = 50
"""Exit code of `verify` when counts disagree."""


def complain(line: str | None) -> None:
    """Print one line of an error on standard error, without its secrets."""
    console.write_error_line(f"taxi-luigi: {redact(str(line))}")
