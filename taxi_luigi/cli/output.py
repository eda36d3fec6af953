"""Shared by the commands: exit codes, the one line of an error on standard error, and rich's console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from taxi_luigi.core import console
from taxi_luigi.core.redaction import redact

if TYPE_CHECKING:
    import rich.console

FAILED = 40
"""Exit code of a command that failed; the same as `[retcode] unhandled_exception` in luigi.cfg."""

MALFORMED = 2
"""Exit code for an unknown option or a missing value: that of argparse and `luigi`."""

DIFFERENT = 50
"""Exit code of `verify` when counts disagree."""


def complain(line: str | None) -> None:
    """Print one line of an error on standard error, without its secrets."""
    console.write_error_line(f"taxi-luigi: {redact(str(line))}")


def make_console(**options: Any) -> rich.console.Console:
    """Return rich's console, which raises BrokenPipeError where its own would end the process with 1.

    Args:
        options: as `rich.console.Console` has them
    """
    import rich.console

    class Console(rich.console.Console):
        def on_broken_pipe(self) -> NoReturn:
            raise BrokenPipeError

    return Console(**options)
