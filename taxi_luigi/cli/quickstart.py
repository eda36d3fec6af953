"""`taxi-luigi quickstart`: made-up months into DuckDB, for a first look; no account, no server, no network."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from luigi.interface import core

from taxi_luigi import config
from taxi_luigi.cli.luigid import parse_port
from taxi_luigi.cli.output import complain
from taxi_luigi.cli.run import program
from taxi_luigi.core import console, settings_files
from taxi_luigi.runs import luigid_server, scheduler_client
from taxi_luigi.storage import is_remote

SETTINGS = settings_files.PACKAGED.with_name("quickstart.cfg")
"""config/quickstart.cfg in the wheel"""
REAL = ("LoadAllMonths", "--colors", "green", "--months", "2024-01")
"""a first run over TLC's own files"""

_MADE_UP = ("--colors", "yellow,green", "--months", "2021-01..2021-03")
_OURS = (sys.executable, "-P", "-m", "taxi_luigi.cli")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Ended(Exception):
    """A step failed with an exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "Load made-up months, in the shape of TLC's files, into data/quickstart/warehouse.duckdb: no account, no "
        "server, no network. Completed steps are not repeated. Exit code: luigi's."
    )
    parser.add_argument("--folder", type=Path, help="to work in, made where it is missing; else the project folder")
    parser.add_argument("--port", type=parse_port, help="of luigid; without it [core] scheduler_port, or the next free")
    parser.set_defaults(run=_quickstart)


def _quickstart(arguments: argparse.Namespace) -> int:
    folder = (arguments.folder or settings_files.project_folder()).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    home = {**os.environ, settings_files.HOME: str(folder)}
    env = {**home, settings_files.NAMED: str(SETTINGS)}
    try:
        _sample(folder, env)
        port = None if core().local_scheduler else _luigid(folder, home, arguments.port)
        where = ["--local-scheduler"] if port is None else ["--scheduler-url", f"http://{luigid_server.HOST}:{port}"]
        _load(folder, env, where)
        _say("== In data/quickstart/warehouse.duckdb")
        _step([*_OURS, "loaded"], folder, env)
        _say("== luigi --module taxi_luigi Report")
        _step([*program(), "--module", "taxi_luigi", "Report", *where], folder, env)
    except _Ended as ended:
        return ended.code
    _say("\n" + "\n".join(_what_next(folder, port)))
    return 0


def show_instead(words: list[str]) -> None:
    """Become the same command on the quickstart's months, where they are all that is here.

    They are so when none of the places in luigi.cfg exists yet, and all would be on this machine. So the commands of
    later show what the quickstart has loaded.

    Args:
        words: of the command line, after `taxi-luigi`
    """
    quickstart = settings_files.project_folder() / "data" / "quickstart"
    if settings_files.NAMED in os.environ or not (quickstart / "state").is_dir() or _own_places():
        return
    complain(f"the made-up months of the quickstart, in {quickstart}, as nothing else is loaded yet")
    console.flush_streams()
    command = [*_OURS, *words]
    os.execve(command[0], command, {**os.environ, settings_files.NAMED: str(SETTINGS)})  # noqa: S606 no shell


def _own_places() -> bool:
    """Whether a place in luigi.cfg exists, or may exist elsewhere."""
    settings, files = config.settings(), config.warehouse_files()
    elsewhere = is_remote(settings.workspace) or {*settings.lakes} != {"local"} or {*settings.warehouses} != {*files}
    elsewhere = elsewhere or any(map(config.per_shard, files))
    held = [Path(settings.workspace) / part for part in ("raw", "clean")]
    return elsewhere or any(path.exists() for path in (*held, *files.values()))


def _sample(folder: Path, env: Mapping[str, str]) -> None:
    _say("== Sample months in data/sample")
    words = ("sample", "--to", "data/sample", *_MADE_UP, "--rows", "40000", "--seed", "1")
    made = subprocess.run([*_OURS, *words], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)  # noqa: S603
    if made.returncode:
        raise _Ended(made.returncode)
    _say(made.stdout.strip() or "all there already")


def _luigid(folder: Path, env: Mapping[str, str], port: int | None) -> int:
    """Start luigid with the user's own settings, because other runs will use it; return its port.

    One that another project runs is left alone: this run would be among its tasks, by its settings.
    """
    _say("== luigid")
    _step([*_OURS, "luigid", "start", "--own", *(["--port", str(port)] if port else [])], folder, env)
    return luigid_server.running_port(folder)


def _load(folder: Path, env: Mapping[str, str], where: list[str]) -> None:
    words = ["--module", "taxi_luigi", "LoadAllMonths", *_MADE_UP]
    _say(f"== luigi {' '.join(words)}")
    try:
        _step([*program(), *words, *where], folder, env)
    except _Ended as ended:
        complain(f"the run ended with exit code {ended.code}; the lines above have the reason")
        raise


def _step(command: list[str], folder: Path, env: Mapping[str, str]) -> None:
    """Run a command and pass signals on to it. Raise _Ended when it fails."""
    process = subprocess.Popen(command, cwd=folder, env=env)  # noqa: S603 no shell

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    before = {each: signal.signal(each, pass_on) for each in _SIGNALS}
    try:
        code = process.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if code:
        raise _Ended(128 - code if code < 0 else code)


def _say(line: str) -> None:
    """Print a line before the output of the next step."""
    print(line, flush=True)


def _what_next(folder: Path, port: int | None) -> list[str]:
    """Return the last lines, with commands and paths that work in the current folder."""
    here = "" if folder == Path.cwd() else f"{folder}/"
    command = _command_name()
    if settings_files.project_folder().absolute() != folder:
        command = f"{settings_files.HOME}={shlex.quote(str(folder))} {command}"
    usual = scheduler_client.local_port([])  # None where runs look for luigid on another machine
    other = "" if port is None or usual in (port, None) else f" --scheduler-port {port}"
    page = "" if port is None else f"The run is on the page http://{luigid_server.HOST}:{port}, which luigid serves; "
    return [
        *([page + f"{command} luigid stop ends it."] if page else []),
        f"What was loaded, with charts, is on the page {here}data/quickstart/report.html: open it in a browser.",
        "Next:",
        f"    {command} status     how far every month is; until you load your own, the made-up ones",
        f"    {command} run {' '.join(REAL)}{other}",
        f"               a month of TLC's real files, into {here}data/ and {here}data/warehouse.duckdb",
        f"    {command} --help     everything else",
    ]


def _command_name() -> str:
    """Return how to type this command here: by its name where it is on the PATH."""
    script = Path(sys.executable).parent / "taxi-luigi"
    found = shutil.which("taxi-luigi")
    if found and (not script.is_file() or Path(found).samefile(script)):
        return "taxi-luigi"
    if not script.is_file():
        return shlex.join(_OURS)
    here = script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script
    return shlex.quote(str(here))
