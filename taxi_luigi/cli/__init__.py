"""The `taxi-luigi` command: a file for each of its commands, which parse and print.

The pipeline itself is `luigi --module taxi_luigi LoadAllMonths`.
"""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Any, NoReturn

import taxi_luigi
from taxi_luigi.cli import (
    cron_run,
    dbt_sources,
    doctor,
    history,
    loaded,
    luigid,
    plan,
    quickstart,
    remove,
    run,
    sample,
    schedule,
    settings,
    show,
    status,
    verify,
)
from taxi_luigi.cli.output import FAILED, MALFORMED, complain
from taxi_luigi.core import console
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.redaction import redact
from taxi_luigi.runs.task import check_settings

_COMMANDS = {
    "quickstart": (quickstart.add, "made-up months into DuckDB, for a first look"),
    "run": (run.add, "a task of the pipeline: luigi --module taxi_luigi with the same words"),
    "status": (status.add, "how far every month is, from listings and markers alone"),
    "plan": (plan.add, "what LoadAllMonths would do with the same options, and why"),
    "show": (show.add, "the account of one month: by rule counted, rejected and changed"),
    "loaded": (loaded.add, "rows per table and month, counted in each warehouse"),
    "verify": (verify.add, "count raw, clean and rejected rows, lakes and warehouses again"),
    "history": (history.add, "the last runs on this machine, or one of them with its tasks and errors"),
    "doctor": (doctor.add, "look at everything that luigi.cfg names, before a run does"),
    "settings": (settings.add, "every setting in force, and which file it comes from"),
    "dbt-sources": (dbt_sources.add, "the tables as sources.yml for dbt, with types and meanings"),
    "schedule": (schedule.add, "runs at set times, by the user's crontab"),
    "cron-run": (cron_run.add, "what an entry of the crontab calls: luigi once, its output in a log file"),
    "luigid": (luigid.add, "start, stop or look for Luigi's scheduler with its pages, with these settings"),
    "remove": (remove.add, "take months out of warehouses, lakes and workspace"),
    "sample": (sample.add, "write made-up months in the shape of TLC's files"),
}

_ON_SETTINGS = {"status", "plan", "show", "loaded", "verify", "remove"}
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
    """Runs one command and returns its exit code: 0, FAILED, DIFFERENT, 2 for a malformed command line.

    141 is a command whose reader had read enough, as `| head` has, and 130 one that Ctrl-C ended.
    """
    console.repair_streams()
    try:
        return _run(argv)
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    finally:
        console.flush_streams()


def _run(argv: list[str] | None) -> int:
    parser = _Parser(prog="taxi-luigi", description=__doc__)
    parser.add_argument("--version", action=_Version, nargs=0, help="show which version this is, and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for name, (add, what) in _COMMANDS.items():
        add(commands.add_parser(name, help=what))
    try:
        arguments = parser.parse_args(argv)
        if arguments.command in _ON_SETTINGS:
            check_settings()
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return console.INTERRUPT_CODE
    except BrokenPipeError:
        raise
    except Exception as error:
        if console.was_interrupted():
            return console.INTERRUPT_CODE
        if not isinstance(error, TaxiError | OSError):
            raise
        complain(failure_line(error))
        return FAILED
    return code
