"""The `taxi-luigi` command: a file for each of its commands, which parse and print.

The pipeline itself is `luigi --module taxi_luigi LoadAllMonths`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any, NoReturn

import taxi_luigi
from taxi_luigi import interrupt
from taxi_luigi.cli import doctor, history, loaded, plan, remove, sample, schedule, settings, status, verify
from taxi_luigi.cli.ending import FAILED, MALFORMED, complain
from taxi_luigi.errors import TaxiError
from taxi_luigi.logs import one_line
from taxi_luigi.redaction import redact
from taxi_luigi.tasks.base import check_settings

_COMMANDS = {
    "status": (status.add, "how far every month is, from listings and markers alone"),
    "plan": (plan.add, "what LoadAllMonths would do with the same options, and why"),
    "loaded": (loaded.add, "rows per table and month, counted in each warehouse"),
    "verify": (verify.add, "count raw, clean and rejected rows, lakes and warehouses again"),
    "history": (history.add, "the last runs on this machine, or one of them with its tasks and errors"),
    "doctor": (doctor.add, "look at everything that luigi.cfg names, before a run does"),
    "settings": (settings.add, "every setting in force, and which file it comes from"),
    "schedule": (schedule.add, "runs at set times, by the user's crontab"),
    "remove": (remove.add, "take months out of warehouses, lakes and workspace"),
    "sample": (sample.add, "write made-up months in the shape of TLC's files"),
}

_ON_SETTINGS = {"status", "plan", "loaded", "verify", "remove"}
"""those that would ask, or empty, other places than were meant where the settings cannot be read"""


class _Parser(argparse.ArgumentParser):
    """Takes no abbreviated options, of which a later one may mean another, and says what is wrong in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(MALFORMED, f"{self.prog}: {redact(message)}; {self.prog} --help lists the options\n")


class _Version(argparse.Action):
    """As argparse's own `version`, whose text would be made for every command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"taxi_luigi {taxi_luigi.__version__}")
        parser.exit()


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0, FAILED, DIFFERENT, 2 for a malformed command line."""
    parser = _Parser(prog="taxi-luigi", description=__doc__)
    parser.add_argument("--version", action=_Version, nargs=0, help="show which version this is, and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (add, what) in _COMMANDS.items():
        add(commands.add_parser(name, help=what))
    arguments = parser.parse_args(argv)
    try:
        if arguments.command in _ON_SETTINGS:
            check_settings()
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return interrupt.CODE
    except BrokenPipeError:  # whoever read us has read enough, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except (TaxiError, OSError) as error:
        complain(one_line(error))
        return FAILED
    return code
