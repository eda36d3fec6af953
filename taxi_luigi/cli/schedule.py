"""`taxi-luigi schedule`: our entries in the user's crontab."""

from __future__ import annotations

import argparse
import shlex
import sys
from datetime import datetime
from pathlib import Path

from taxi_luigi import command, config, schedule
from taxi_luigi.cli.ending import complain
from taxi_luigi.errors import ConfigError, UsageError

_CRONS = {"cron", "crond", "fcron"}


def add(parser: argparse.ArgumentParser) -> None:
    """Options and help of the command."""
    parser.usage = (
        'taxi-luigi schedule\n       taxi-luigi schedule "0 6 * * *" [--name NAME] [-- LUIGI ARGUMENTS]\n'
        "       taxi-luigi schedule --remove NAME"
    )
    parser.description = (
        "Adds or changes an entry of the user's crontab that runs scripts/cron-run; without arguments, lists them with "
        "the time when each is due next. Lines of others are left as they are."
    )
    when = parser.add_argument("when", metavar="WHEN", help="cron's five fields in quotes, or @daily")
    words = parser.add_argument("words", metavar="ARGUMENT", nargs="+", help="luigi's; without them, cron-run's own")
    # A positional that argparse takes for optional is matched, empty, before the options that stand between the two.
    when.required = words.required = False
    parser.add_argument("--name", default="nightly", help="of the entry, to change or remove it by")
    parser.add_argument("--env-file", type=Path, help="given to cron-run: KEY=value lines")
    parser.add_argument("--log-folder", type=Path, help="given to cron-run: where its log files go")
    parser.add_argument("--remove", metavar="NAME", help="take the entry out")
    parser.set_defaults(run=_schedule, words=[])


def _schedule(arguments: argparse.Namespace) -> int:
    if arguments.remove is not None:
        if arguments.when is not None:
            raise UsageError("--remove takes an entry's name and nothing else")
        schedule.write(schedule.without_entry(schedule.read(), arguments.remove))
        print(f"removed {arguments.remove}")
    elif arguments.when is not None:
        entry = schedule.new_entry(arguments.name, arguments.when, _command(arguments))
        schedule.write(schedule.with_entry(schedule.read(), entry))
        print(_line(entry))
        if "***" in command.shown(arguments.words):
            complain(
                "this command line has a secret in it, which ps and the crontab show: write ${NAME} into luigi.cfg, "
                "and NAME=… into .env in the project folder"
            )
        _say_where_no_cron_runs()
    else:
        ours = schedule.entries(schedule.read())
        print("\n".join(map(_line, ours)) or "no entry of ours is in the crontab")
    return 0


def _command(arguments: argparse.Namespace) -> list[str]:
    from taxi_luigi import tasks

    if arguments.words and not set(arguments.words) & set(tasks.__all__):
        raise UsageError(f"{' '.join(arguments.words)!r} names no task: {', '.join(tasks.__all__)}")
    script = config.project_folder() / "scripts" / "cron-run"
    if not script.is_file():
        raise ConfigError(f"cron needs the project's own folder, with its scripts; there is no {script}")
    options = [("--env-file", arguments.env_file), ("--log-folder", arguments.log_folder)]
    given = [word for option, path in options if path is not None for word in (option, str(path.absolute()))]
    return [str(script), *given, *(["--", *arguments.words] if arguments.words else [])]


def _line(entry: schedule.Entry) -> str:
    due = schedule.next_time(entry.when, datetime.now())
    text = f"next {due:%Y-%m-%d %H:%M}" if due else "at the next boot" if entry.when == schedule.AT_BOOT else "next ?"
    return f"{entry.name}: {entry.when} · {text} · {_shown(entry.command)}"


def _shown(text: str) -> str:
    """A command as the crontab has it, its secrets masked; what a person wrote there may be no words of a shell."""
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    masked = command.masked(words)
    return text if masked == words else shlex.join(masked)


def _say_where_no_cron_runs() -> None:
    """In a container or under WSL, cron is often installed and not started. Elsewhere than in Linux it is not seen."""
    if sys.platform != "linux":
        return
    import psutil

    if not _CRONS & {process.info["name"] for process in psutil.process_iter(["name"])}:
        complain("no cron is seen at work here, so nothing will start; start it with sudo service cron start")
