"""`taxi-luigi schedule`: entries of taxi_luigi in the user's crontab."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from luigi.cmdline_parser import CmdlineParser
from luigi.task_register import Register, TaskClassException

from taxi_luigi import config
from taxi_luigi.cli import cron_run, crontab
from taxi_luigi.cli.crontab import Entry
from taxi_luigi.cli.output import add_json, complain, print_json
from taxi_luigi.core import redaction, settings_files
from taxi_luigi.core.errors import ConfigError, UsageError
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.text import unwrapped

_CRONS = {"cron", "crond", "fcron"}


_PYTHONPATH = "PYTHONPATH"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.usage = (
        'taxi-luigi schedule\n       taxi-luigi schedule "0 6 * * *" [--name NAME] [-- LUIGI ARGUMENTS]\n'
        "       taxi-luigi schedule --remove NAME"
    )
    parser.description = (
        "Adds or changes an entry of the user's crontab that runs taxi-luigi cron-run, with this project folder and "
        "LUIGI_CONFIG_PATH; without arguments, lists them with the time when each is due next. Lines of others are "
        "left as they are."
    )
    when = parser.add_argument("when", metavar="WHEN", help="cron's five fields in quotes, or @daily")
    words = parser.add_argument("words", metavar="ARGUMENT", nargs="+", help="luigi's; without them, cron-run's own")
    # A positional that argparse takes for optional is matched, empty, before the options that stand between the two.
    when.required = words.required = False
    parser.add_argument("--name", default="nightly", help="of the entry, to change or remove it by")
    parser.add_argument("--env-file", type=Path, help="given to cron-run: KEY=value lines")
    parser.add_argument("--log-folder", type=Path, help="given to cron-run: where its log files go")
    parser.add_argument(
        "--wait",
        type=cron_run.minutes,
        metavar="MINUTES",
        help=f"given to cron-run: how long it waits for another one; without it, {cron_run.MINUTES:g}",
    )
    parser.add_argument("--remove", metavar="NAME", help="take the entry out")
    add_json(parser)
    parser.set_defaults(run=_schedule, words=[])


def _schedule(arguments: argparse.Namespace) -> int:
    if arguments.remove is not None:
        if arguments.when is not None:
            raise UsageError("--remove takes an entry's name and nothing else")
        tab = crontab.without_entry(crontab.read(), arguments.remove)
        crontab.write(tab)
        lines, warnings = [f"removed {arguments.remove}"], []
    elif arguments.when is not None:
        entry = crontab.new_entry(arguments.name, arguments.when, _command(arguments))
        tab = crontab.with_entry(crontab.read(), entry)
        crontab.write(tab)
        others = (each for each in crontab.entries(tab) if each.name != entry.name)
        meetings = _meetings((entry, each) for each in others)
        lines, warnings = [_line(entry)], [*_secrets(arguments.words), *_settings(), *meetings, *_no_cron()]
    else:
        tab = crontab.read()
        entries = crontab.entries(tab)
        lines = [*map(_line, entries)] or ["the crontab has no entry of taxi_luigi"]
        warnings = [*_meetings(itertools.combinations(entries, 2))]
    if arguments.json:
        print_json({"entries": [*map(_document, crontab.entries(tab))], "warnings": [*map(redact, warnings)]})
    else:
        print("\n".join(lines))
    for line in warnings:
        complain(line)
    return 0


def _command(arguments: argparse.Namespace) -> list[str]:
    _check(arguments.words)
    variables = [f"{settings_files.HOME}={config.project_folder()}"]
    named = os.environ.get(settings_files.NAMED)
    if named:
        path = Path(named).absolute()
        if not path.is_file():
            raise ConfigError(f"LUIGI_CONFIG_PATH names no file: {path}")
        variables.append(f"{settings_files.NAMED}={path}")
    if _has_module(arguments.words) and os.environ.get(_PYTHONPATH):
        folders = (str(Path(folder).absolute()) for folder in os.environ[_PYTHONPATH].split(os.pathsep) if folder)
        variables.append(f"{_PYTHONPATH}={os.pathsep.join(folders)}")
    options = {
        "--env-file": arguments.env_file and arguments.env_file.absolute(),
        "--log-folder": arguments.log_folder and arguments.log_folder.absolute(),
        "--wait": None if arguments.wait is None else f"{arguments.wait:g}",
    }
    given = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    return ["env", *variables, _installed(), "cron-run", *given, *(["--", *arguments.words] if arguments.words else [])]


def _installed() -> str:
    """Return the path of this command, which is not on cron's PATH."""
    started = Path(sys.argv[0]).absolute()
    path = started if started.name == "taxi-luigi" else Path(sys.executable).with_name("taxi-luigi")
    if not path.is_file():
        raise ConfigError(f"cron needs the installed command taxi-luigi; there is no {path}")
    return str(path)


def _check(words: Sequence[str]) -> None:
    """Raise UsageError for arguments that luigi would refuse each time that cron starts it."""
    from taxi_luigi import tasks

    if not words:
        return
    if not set(words) & set(tasks.__all__) and not _has_module(words):
        raise UsageError(f"{' '.join(redaction.masked_arguments(words))!r} names no task: {', '.join(tasks.__all__)}")
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            _parse(words)
    except SystemExit as error:  # argparse's, which has written its usage, or Luigi's own
        *_, last = printed.getvalue().splitlines() or [str(error)]
        raise UsageError(redact(last.partition(": error: ")[2] or "luigi would show its help")) from None
    except TaskClassException as error:
        raise UsageError(unwrapped(error)) from error
    except ImportError as error:
        raise UsageError(
            f"--module cannot be imported ({unwrapped(error)}): its folder must be on PYTHONPATH"
        ) from error


def _has_module(words: Sequence[str]) -> bool:
    """Whether the words name a module with tasks of the user's own."""
    return any(word.partition("=")[0] == "--module" for word in words)


def _parse(words: Sequence[str]) -> None:
    """Parse each value as its parameter would; the settings are not read, as they may need the environment file."""
    with CmdlineParser.global_instance(list(words)) as parser:
        known = vars(parser.known_args)
        for family, _, name, parameter in Register.get_all_params():
            own = [name] if family == known["root_task"] else []
            for text in (known.get(each) for each in (f"{family}_{name}", *own)):
                if not isinstance(text, str):
                    continue
                try:
                    parameter.parse(text)
                except ValueError as error:
                    raise UsageError(f"--{name.replace('_', '-')}: {redact(str(error))}") from error


def _document(entry: Entry) -> dict[str, str | None]:
    due = crontab.next_time(entry.when, datetime.now())
    return {
        "name": entry.name,
        "when": entry.when,
        "next": None if due is None else due.astimezone().isoformat(timespec="seconds"),
        "command": _shown(entry),
    }


def _line(entry: Entry) -> str:
    due = crontab.next_time(entry.when, datetime.now())
    text = f"next {due:%Y-%m-%d %H:%M}" if due else "at the next boot" if entry.when == crontab.AT_BOOT else "next ?"
    return f"{entry.name}: {entry.when} · {text} · {_shown(entry)}"


def _shown(entry: Entry) -> str:
    """Return its command as in the crontab, with secrets masked."""
    words = entry.words()
    masked = redaction.masked_arguments(words)
    return entry.command if masked == words else shlex.join(masked)


def _secrets(words: Sequence[str]) -> Iterator[str]:
    """Yield a warning about a secret on the command line."""
    if "***" in redaction.shown_command(words):
        yield (
            "this command line has a secret in it, which ps and the crontab show: write ${NAME} into luigi.cfg, "
            "and NAME=… into .env in the project folder"
        )


def _settings() -> Iterator[str]:
    """Yield a warning about each settings file in this folder that applies here but not where cron-run works."""
    project = config.project_folder()
    if Path.cwd().samefile(project):
        return
    layers = [layer for layer in settings_files.layers() if layer.path.is_file()]
    kept = {layer.path for layer in layers if layer.why == settings_files.NAMED}
    for path in (layer.path for layer in layers if layer.path.parent == Path.cwd()):
        if path not in kept:
            yield (f"WARNING: cron-run works in {project} and does not read {path}: name it by LUIGI_CONFIG_PATH")


def _meetings(pairs: Iterable[tuple[Entry, Entry]]) -> Iterator[str]:
    """Yield a warning about each pair of entries that are due at the same minute."""
    now = datetime.now()
    for one, other in pairs:
        when = crontab.meeting(one, other, now)
        if when is not None:
            yield (
                f"WARNING: {one.name} and {other.name} are both due at {when}: the second waits for the first, "
                f"{cron_run.MINUTES:g} minutes at most unless --wait is given"
            )


def _no_cron() -> Iterator[str]:
    """Yield a warning when cron does not run: in containers and under WSL it is often installed but not started."""
    if sys.platform != "linux":
        return
    import psutil

    if not _CRONS & {process.info["name"] for process in psutil.process_iter(["name"])}:
        yield ("no cron process is running here, so nothing will start; start it with sudo service cron start")
