"""Run luigid with this project's settings: in the foreground, or in the background with its files in data/luigid.

A plain `luigid` reads /etc/luigi, ./luigi.cfg and LUIGI_CONFIG_PATH, but neither the packaged settings nor the
project's. Requests to luigid are in scheduler_client.py.
"""

from __future__ import annotations

import configparser
import fcntl
import http.client
import os
import socket
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

import luigi.scheduler
from luigi.parameter import ParameterException
from luigi.scheduler import rpc_method
from luigi.setup_logging import DaemonLogging

from taxi_luigi import config
from taxi_luigi.core.errors import ConfigError, StorageError, TaxiError
from taxi_luigi.runs import scheduler_client

if TYPE_CHECKING:
    import psutil

HOST = "127.0.0.1"
"""luigid has no password, so it listens on this machine only"""

_LIMIT = 15
"""seconds for luigid to answer after its start, and to end when it is stopped; it takes 1 to 2 (November 2026)"""
_PAUSE = 0.1
"""seconds between two checks"""
_MORE_PORTS = 20
"""the number of ports to try when the first is taken"""
_PAGE, _TITLE = "/static/visualiser/index.html", b"<title>Luigi Task Visualiser</title>"
"""of luigi 3.8.1"""


class Scheduler(luigi.scheduler.Scheduler):
    """Luigi's scheduler, with a request that returns its settings."""

    def __init__(self, settings: luigi.scheduler.scheduler) -> None:
        super().__init__(config=settings)
        self._in_force = scheduler_client.texts(settings)

    @rpc_method()  # type: ignore[untyped-decorator]
    def taxi_luigi_settings(self) -> dict[str, str]:
        """Return the keys of `[scheduler]` and their values as text; scheduler_client.SETTINGS has this name."""
        return self._in_force


class _Port(Enum):
    """The state of a port of this machine."""

    LUIGID = auto()
    FREE = auto()
    TAKEN = auto()
    """by another program"""


def serve(port: int, address: str, unix_socket: Path | None, state: Path | None) -> None:
    """Run luigid until it is stopped.

    Args:
        port: to listen on
        address: to listen on
        unix_socket: to listen on instead of address and port
        state: the file that keeps its state over a restart; None: the one in data/luigid
    Raises:
        ConfigError: the settings cannot be read, or it cannot listen there
    """
    import luigi.server  # 0.1 s, for tornado

    if state is None:
        _make_folder()
        state = _state()
    os.umask(0o077)
    DaemonLogging.setup(Namespace(background=False, logdir=None))
    try:
        scheduler = Scheduler(luigi.scheduler.scheduler(state_path=str(state)))
    except (ValueError, ParameterException, configparser.Error) as error:
        raise scheduler_client.unreadable(error) from error
    try:
        luigi.server.run(port, address, None if unix_socket is None else str(unix_socket), scheduler)
    except OSError as error:
        where = unix_socket or f"{address}:{port}"
        raise ConfigError(f"luigid cannot listen on {where}: {error.strerror}") from error


def start(port: int, own: bool = False) -> str:
    """Start luigid in the background on this port or the next free one, unless one answers there already.

    Args:
        port: the first to try
        own: whether one that was not started here is left alone, and the next port is tried
    Returns:
        its address, in one line; before it, a line for each luigid that was left alone
    Raises:
        ConfigError: no port is free
        StorageError: its folder cannot be made
    """
    _make_folder()
    with _alone():
        if _ours() is not None:
            return f"luigid is running already: {_recorded()}"
        last, others = min(port + _MORE_PORTS, 65535), ""
        for number in range(port, last + 1):
            found = _probe(number)
            if found is _Port.LUIGID and own:
                others += f"{_url(number)} is a luigid that was not started here, and is not used{_owner(number)}\n"
            elif found is _Port.LUIGID:
                _write("port", number)
                return f"A luigid that was not started here answers, and is used: {_url(number)}"
            if found is _Port.FREE:
                _launch(number)
                return f"{others}luigid is running: {_url(number)}"
    raise ConfigError(f"the ports up to {last} are all taken: name another with --port")


def stop() -> str:
    """Stop the luigid that `start` started, and no other; return the outcome in one line. Raise TaxiError."""
    import psutil

    process = _ours()
    if process is not None:
        with suppress(psutil.NoSuchProcess):  # it has just ended by itself
            process.terminate()
        deadline = time.monotonic() + _LIMIT
        while _ours() is not None:
            if time.monotonic() > deadline:
                raise TaxiError(f"luigid (process {process.pid}) has not ended after {_LIMIT} seconds: see {_log()}")
            time.sleep(_PAUSE)
    for name in ("pid", "port"):
        (_folder() / name).unlink(missing_ok=True)
    return "luigid was not running, or not started here" if process is None else "luigid has ended"


def status(port: int) -> tuple[bool, str | None, str]:
    """Check whether luigid runs, started here or otherwise on this port.

    Returns:
        whether it runs; its address, None where it is not known; and both in one line
    """
    if _ours() is not None:
        where = _recorded()
        return True, where if where.startswith("http") else None, f"luigid is running: {where}"
    if _probe(port) is _Port.LUIGID:
        return True, _url(port), f"A luigid that was not started here answers: {_url(port)}"
    return False, None, "luigid is not running; taxi-luigi luigid start starts it"


def running_port(project: Path) -> int:
    """Return the port recorded by `start`. Raise OSError or ValueError when luigid was stopped in the meantime."""
    return int((_folder(project) / "port").read_text())


def _folder(project: Path | None = None) -> Path:
    """Return the folder of luigid's pid, port, log and state."""
    return (project or config.project_folder()) / "data" / "luigid"


def _state() -> Path:
    return _folder() / "state.pickle"


def _log() -> Path:
    return _folder() / "log"


def _make_folder() -> None:
    """Make the folder for its owner only, but data/ by the umask, since other users may read trips."""
    try:
        _folder().parent.mkdir(parents=True, exist_ok=True)
        _folder().mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StorageError(f"luigid's folder cannot be made: {error.strerror}: {_folder()}") from error


@contextmanager
def _alone() -> Iterator[None]:
    """Hold a lock, so that two concurrent runs start one luigid: the second waits for the first."""
    descriptor = os.open(_folder(), os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _ours() -> psutil.Process | None:
    """Return the luigid that was started here, if it is alive. Its command line is checked, as pids are reused."""
    import psutil

    try:
        process = psutil.Process(int((_folder() / "pid").read_text()))
        words = process.cmdline()
    except (OSError, ValueError, psutil.Error):
        return None
    return process if "luigid" in words and str(_state()) in words else None


def _recorded() -> str:
    try:
        return _url(running_port(config.project_folder()))
    except (OSError, ValueError):  # the file was removed by hand
        return f"see {_log()} for its port"


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _write(name: str, number: int) -> None:
    """Write a file of the folder, readable by its owner only."""
    descriptor = os.open(_folder() / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        file.write(f"{number}\n")


def _launch(port: int) -> None:
    log = _log()
    if log.exists():
        log.replace(log.with_name("log.1"))
    words = ["luigid", "run", "--port", str(port), "--state-path", str(_state())]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as output:
        process = subprocess.Popen(  # noqa: S603 no shell
            [sys.executable, "-P", "-m", "taxi_luigi.cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it ignores Ctrl-C in this terminal, and its end
        )
    _write("pid", process.pid)
    _write("port", port)
    deadline = time.monotonic() + _LIMIT
    while _probe(port) is not _Port.LUIGID:
        if process.poll() is not None:
            last = log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise TaxiError(f"luigid ended at once: {last} (all of it: {log})")
        if time.monotonic() > deadline:
            raise TaxiError(f"luigid does not answer on port {port} after {_LIMIT} seconds: see {log}")
        time.sleep(_PAUSE)


def _probe(port: int) -> _Port:
    # Not by requests, which would use a proxy of the environment.
    try:
        with closing(http.client.HTTPConnection(HOST, port, timeout=3)) as connection:
            connection.request("GET", _PAGE)
            return _Port.LUIGID if _TITLE in connection.getresponse().read() else _Port.TAKEN
    except ConnectionRefusedError:
        return _Port.FREE if _can_listen(port) else _Port.TAKEN
    except (OSError, http.client.HTTPException):
        return _Port.TAKEN


def _owner(port: int) -> str:
    """Return `: process 123 of anna in /home/anna/taxi`, or nothing of a process that this user may not look at."""
    import psutil

    try:
        found = [each for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN and each.pid]
        process = psutil.Process(next(each.pid for each in found if each.laddr[1:2] == (port,) and each.pid))
        return f": process {process.pid} of {process.username()} in {process.cwd()}"
    except (StopIteration, psutil.Error):
        return ""


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
