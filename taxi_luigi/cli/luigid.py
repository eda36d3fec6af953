"""`taxi-luigi luigid`: Luigi's scheduler and its pages, with this project's settings."""

from __future__ import annotations

import argparse
from pathlib import Path

from taxi_luigi.cli.output import add_json, print_json
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.runs import luigid_server, scheduler_client

_NOT_RUNNING = 1
"""exit code of `status`"""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options and help of the command."""
    parser.description = (
        "luigid with the settings of this project, on 127.0.0.1 only: in the background, with its pid, port, log and "
        "state in data/luigid. A running one is used. It has no password (SECURITY.md)."
    )
    verbs = parser.add_subparsers(required=True, metavar="start|stop|status|run", dest="verb")
    for verb, what, run in (
        ("start", "in the background; the next free port where this one is taken", _start),
        ("stop", "stop the one that was started here", _stop),
        ("status", f"whether one runs, and where; exit code {_NOT_RUNNING} where none does", _status),
        ("run", "in the foreground, as systemd and containers require", _run),
    ):
        added = verbs.add_parser(verb, help=what)
        added.add_argument("--port", type=parse_port, help="without it, [core] scheduler_port")
        if verb != "run":
            add_json(added)
        if verb == "start":
            added.add_argument("--own", action="store_true", help="leave alone one that was not started here")
        added.set_defaults(run=run)
    added.add_argument("--address", default=luigid_server.HOST, help="to listen on instead of 127.0.0.1")
    added.add_argument("--unix-socket", type=Path, metavar="FILE", help="to listen on instead of a port")
    added.add_argument("--state-path", type=Path, metavar="FILE", help="file that keeps its state over a restart")


def parse_port(text: str) -> int:
    """Parse an option. Raise ArgumentTypeError for anything but a number of a port."""
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port must be a number from 1 to 65535, not {text!r}")


def _port_of(arguments: argparse.Namespace) -> int:
    if arguments.port is not None:
        return int(arguments.port)
    try:
        return scheduler_client.local_port([]) or scheduler_client.PORT
    except ValueError as error:
        raise ConfigError(failure_line(error) or f"[core] in luigi.cfg cannot be read: {error}") from error


def _start(arguments: argparse.Namespace) -> int:
    _print(arguments, luigid_server.start(_port_of(arguments), arguments.own))
    return 0


def _stop(arguments: argparse.Namespace) -> int:
    _print(arguments, luigid_server.stop())
    return 0


def _status(arguments: argparse.Namespace) -> int:
    runs, _, line = luigid_server.status(_port_of(arguments))
    _print(arguments, line)
    return 0 if runs else _NOT_RUNNING


def _print(arguments: argparse.Namespace, line: str) -> None:
    """Print the line, or the object of --json."""
    if arguments.json:
        runs, address, _ = luigid_server.status(_port_of(arguments))
        print_json({"running": runs, "address": address, "message": line})
    else:
        print(line)


def _run(arguments: argparse.Namespace) -> int:
    luigid_server.serve(_port_of(arguments), arguments.address, arguments.unix_socket, arguments.state_path)
    return 0
