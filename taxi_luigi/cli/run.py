"""`taxi-luigi run`: `luigi --module taxi_luigi` with the same arguments, where `luigi` is not on the PATH."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from luigi.cmdline_parser import CmdlineParser
from luigi.task_register import TaskClassException

from taxi_luigi import config, tasks
from taxi_luigi.cli.output import MALFORMED
from taxi_luigi.core.errors import UsageError
from taxi_luigi.core.text import unwrapped

_HELP = (["-h"], ["--help"])


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.usage = "taxi-luigi run TASK [LUIGI ARGUMENTS]"
    parser.description = (
        "Becomes luigi --module taxi_luigi with these words, in the environment that this command is installed in. "
        "taxi-luigi run LoadAllMonths --help shows the task's options."
    )
    parser.prefix_chars = ""  # every word is luigi's
    words: Any = parser.add_argument("words", metavar="WORD", nargs=argparse.REMAINDER, help="a task and its options")

    words.completer = lambda **_: [*tasks.__all__, *sorted(config.known_flags(tasks.__all__))]
    parser.set_defaults(run=partial(_run, parser))


def program() -> list[str]:
    """Return the command for the luigi of this environment; the one on the PATH may be another.

    Its script where there is one: two runs are the same to Luigi when their command lines are.
    """
    script = Path(sys.executable).parent / "luigi"
    return [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "luigi"]


def _run(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    if arguments.words in _HELP:
        parser.print_help()
        return 0
    if not arguments.words:
        parser.print_usage(sys.stderr)
        return MALFORMED
    words = ["--module", "taxi_luigi", *arguments.words]
    _check(words)
    command = [*program(), *words]
    sys.stdout.flush()
    return os.execv(command[0], command)  # noqa: S606 no shell; it does not return


def _check(words: list[str]) -> None:
    """Parse the arguments as luigi does, but raise a short UsageError for a missing task."""
    if not {*tasks.__all__}.isdisjoint(words):  # else the task is what is wrong
        config.check_flags(words)
    missing = UsageError(f"a task is missing; the tasks are: {', '.join(tasks.__all__)}")
    try:
        CmdlineParser(words)
    except SystemExit as stopped:
        if isinstance(stopped.code, str):  # in luigi's own words
            raise missing from stopped
        raise
    except TaskClassException as error:
        message = unwrapped(error)
        # Without a task, luigi takes the first value of an option for its name.
        raise UsageError(message) if "Did you mean" in message else missing from error
