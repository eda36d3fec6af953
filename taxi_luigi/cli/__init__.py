"""The `taxi-luigi` command, with one module per subcommand for its arguments and output.

The pipeline itself is `luigi --module taxi_luigi LoadAllMonths`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
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
    report,
    run,
    sample,
    schedule,
    settings,
    show,
    status,
    tidy,
    verify,
)
from taxi_luigi.cli.output import FAILED, MALFORMED, complain, print_json
from taxi_luigi.core import atomic_files, console
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.redaction import redact
from taxi_luigi.runs.task import check_settings

_GROUPS = {
    "Run": {
        "run": (run.add, "a task of the pipeline: luigi --module taxi_luigi with the same words"),
        "plan": (plan.add, "what LoadAllMonths would do with the same options, why, and what it needs"),
        "cron-run": (cron_run.add, "run luigi once for an entry of the crontab, with its output in a log file"),
    },
    "Look": {
        "status": (status.add, "how far every month is, from listings and markers alone"),
        "history": (history.add, "the last runs on this machine, or one of them with its tasks and errors"),
        "report": (report.add, "one page of all that is held, with charts"),
        "loaded": (loaded.add, "rows per table and month, counted in each warehouse"),
        "show": (show.add, "the account of one month: by rule counted, rejected and changed"),
        "verify": (verify.add, "count raw, clean and rejected rows, lakes and warehouses again"),
    },
    "Mend": {
        "doctor": (doctor.add, "check everything that luigi.cfg names, before a run"),
        "remove": (remove.add, "take months out of warehouses, lakes and workspace"),
        "tidy": (tidy.add, "remove the raw files that an earlier source left"),
    },
    "Set up": {
        "quickstart": (quickstart.add, "made-up months into DuckDB, for a first look"),
        "settings": (settings.add, "every setting in force, and which file it comes from"),
        "schedule": (schedule.add, "runs at set times, by the user's crontab"),
        "luigid": (luigid.add, "start, stop or find Luigi's scheduler and its pages, with these settings"),
        "dbt-sources": (dbt_sources.add, "the tables as sources.yml for dbt, with types and meanings"),
        "sample": (sample.add, "write made-up months in the shape of TLC's files"),
    },
}
"""heading of `taxi-luigi --help` → command → what adds its options, what it does"""

_COMMANDS = {name: command for group in _GROUPS.values() for name, command in group.items()}

_ON_SETTINGS = {"status", "show", "loaded", "verify", "remove", "tidy"}
"""commands that need readable settings: without them they would query, or empty, the wrong places"""

_FIRST_LOOK = {"status", "history", "report", "loaded", "show", "verify"}
"""commands that show the quickstart's months where nothing else is loaded yet"""


class _Parser(argparse.ArgumentParser):
    """A parser with one-line errors; it refuses abbreviated options, which later options may make ambiguous."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(MALFORMED, f"{self.prog}: {redact(message)}; {self.prog} --help lists the options\n")


class _Version(argparse.Action):
    """An option that prints the version; argparse's `version` needs the text at the start of every command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        print(f"taxi_luigi {taxi_luigi.__version__}")
        parser.exit()


def main(argv: list[str] | None = None) -> int:
    """Run one command.

    Returns:
        the exit code: 0, FAILED, DIFFERENT, 2 for a malformed command line, 141 when the reader of the output has
        ended, as `| head` does, and 130 after Ctrl-C
    """
    console.repair_streams()
    try:
        code = _run(argv)
    except BrokenPipeError:
        code = 128 + signal.SIGPIPE
    finally:
        console.flush_streams()
    if code == console.INTERRUPT_CODE and threading.active_count() > 1:
        # A driver at work in another thread would crash the interpreter's end: DuckDB 1.5 aborts the process
        atomic_files.remove_being_written()
        os._exit(code)
    return code


def _help() -> str:
    """Return the commands, each with what it does, below the headings of their groups."""
    width = max(map(len, _COMMANDS))
    groups = [
        "\n".join([f"{heading}:", *(f"  {name:<{width}}  {what}" for name, (_, what) in commands.items())])
        for heading, commands in _GROUPS.items()
    ]
    return "\n\n".join(groups)


def _make_parser() -> _Parser:
    parser = _Parser(
        prog="taxi-luigi",
        usage="taxi-luigi COMMAND [OPTIONS]",
        description="New York's taxi trips, from TLC's files to a lake and warehouses. COMMAND --help has its options.",
        epilog=_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show which version this is, and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command", help=argparse.SUPPRESS)
    for name, (add, _) in _COMMANDS.items():
        add(commands.add_parser(name, prog=f"taxi-luigi {name}"))
    if "_ARGCOMPLETE" in os.environ:  # a shell requests what may follow, as docs/operating.md sets it up
        import argcomplete

        argcomplete.autocomplete(parser)
    return parser


def _run(argv: list[str] | None) -> int:
    parser = _make_parser()
    try:
        arguments = parser.parse_args(argv)
        if arguments.command in _ON_SETTINGS:
            check_settings()
        if arguments.command in _FIRST_LOOK:
            with contextlib.suppress(TaxiError):  # of the settings, which the command itself reports
                quickstart.show_instead(sys.argv[1:] if argv is None else argv)
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
        line = str(failure_line(error))
        complain(line)
        if getattr(arguments, "json", False):
            with contextlib.suppress(OSError):  # standard output itself can be what failed
                print_json({}, [line])
        return FAILED
    return code
