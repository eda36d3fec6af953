"""Shared by the commands: exit codes, the one line of an error on standard error, JSON, and rich's console."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn

from taxi_luigi.core import console
from taxi_luigi.core.errors import UsageError
from taxi_luigi.core.redaction import redact
from taxi_luigi.tasks.parameters import ColorsParameter
from taxi_luigi.tlc.datasets import DATASETS, select_months
from taxi_luigi.tlc.months import Month, Selection

if TYPE_CHECKING:
    import rich.console

FAILED = 40
"""Exit code of a command that failed; the same as `[retcode] unhandled_exception` in luigi.cfg."""

MALFORMED = 2
"""Exit code for an unknown option or a missing value: that of argparse and `luigi`."""

DIFFERENT = 50
"""Exit code of `verify` when counts disagree."""

ATTENTION = 60
"""Exit code of `status --check` when there is something to look at."""

_JSON_VERSION = 1
"""of all shapes of --json; raised when a key goes or changes its meaning, not when one is added"""


def complain(line: str | None) -> None:
    """Print one line of an error on standard error, without its secrets."""
    console.write_error_line(f"taxi-luigi: {redact(str(line))}")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option --json."""
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs; docs/json.md has its keys")


def add_selection(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the options --colors and --months of commands that show what is held.

    Args:
        parser: of the command
        default: what is shown without them
    """
    parser.add_argument("--colors", help=f"record types, as yellow,green; by default, {default}")
    parser.add_argument("--months", help=f"as for LoadAllMonths: 2021-01..2021-03; by default, {default}")


def selection(
    arguments: argparse.Namespace, today: date
) -> tuple[tuple[str, ...], dict[tuple[str, Month], bool] | None]:
    """Parse --colors and --months.

    Returns:
        the record types, those that have one of the months; and (color, month) → whether it was named, None for all
    Raises:
        UsageError: an option is invalid, or selects no month of these record types
    """
    colors = tuple(DATASETS) if arguments.colors is None else ColorsParameter().parse(arguments.colors)
    if arguments.months is None:
        return colors, None
    selected = select_months(colors, Selection.parse(arguments.months), today)
    return tuple(dict.fromkeys(color for color, _ in selected)), selected


def print_json(value: Mapping[str, Any], errors: Iterable[str] = ()) -> None:
    """Print the object of --json: `version`, the keys of `value`, and `errors`.

    Args:
        value: of texts, numbers, lists, mappings and enums, whose values are written
        errors: one line each, as on standard error; secrets are masked here
    """

    def plain(other: object) -> object:
        if isinstance(other, Enum):
            return other.value
        raise TypeError(f"{other!r} cannot be written as JSON")

    document = {"version": _JSON_VERSION, **value, "errors": [redact(line) for line in errors]}
    sys.stdout.write(json.dumps(document, indent=1, default=plain) + "\n")


def confirm(question: str) -> bool:
    """Return whether the answer on the terminal is yes. Raise UsageError where there is no terminal."""
    if not sys.stdin.isatty():
        raise UsageError("no terminal to confirm on: add --yes")
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        print()
        return False


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
