"""Start commands of this environment in processes that have imported their libraries: 0.3 s of CPU each, not 0.7.

A process of this file's own imports libraries, not Luigi and not the package, and forks for each command. The fork gets
the command's working folder, environment, streams, session, umask and command line, and runs its script in
`.venv-test/bin`: that imports Luigi and the package, reads its settings, and ends as an interpreter ends. It shares
with the other commands of one process of pytest the seed of hashes, and what importing a library finds.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import io
import json
import os
import re
import runpy
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_LIBRARIES = (
    *("requests", "jsonschema", "tenacity", "dateutil.relativedelta", "urllib.request", "logging.config"),  # Luigi's
    *("psutil", "rich.console", "rich.table", "pyarrow"),
)
"""Of pyarrow, which has no types, no submodule: mypy would not see that the package uses one without importing it."""

_LONGEST = 8_192
"""bytes of a command line, which takes the place of the first process's own"""
_READ_ONCE = ("LANG", "LC_", "LD_", "MALLOC_", "OMP_", "PYTHON", "TZ")
"""how the variables begin that an interpreter reads when it starts"""


class Warm:
    """The process that forks, with its environment; commands with other variables of `_READ_ONCE` are refused."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._read_once = _read_once(env)
        self._channel, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(other.fileno()), "x" * _LONGEST],
                env=env,
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        atexit.register(self._end)

    def start(self, command: list[str], folder: Path, env: Mapping[str, str]) -> Started | None:
        """Start a script of this environment in a session of its own, with nothing to read.

        Args:
            command: the script's path and its arguments.
            folder: the working folder.
            env: the whole environment.

        Returns:
            None where an interpreter has to start for it.
        """
        if len(_line(command)) > _LONGEST or _read_once(env) != self._read_once:
            return None
        [umask] = re.findall(r"^Umask:\s(\d+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
        request = json.dumps([command, str(folder), dict(env), int(umask, 8)]).encode()
        out, written = os.pipe()
        answers, answered = socket.socketpair()
        with answered:
            socket.send_fds(self._channel, [request], [written, answered.fileno()])
            os.close(written)
        return Started(command, out, answers)

    def _end(self) -> None:
        self._channel.close()
        self._process.communicate()


class Started:
    """A running command, as `subprocess.Popen` has it."""

    def __init__(self, args: list[str], out: int, answers: socket.socket) -> None:
        self.args, self._out, self._answers, self._read = args, out, answers, b""
        self.pid, self.returncode = self._answer(), 0

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Return what it wrote, when its streams are closed and it has ended. Raise TimeoutExpired."""
        until = None if timeout is None else time.monotonic() + timeout

        def wait(descriptor: int) -> None:
            left = None if until is None else max(0.0, until - time.monotonic())
            if not select.select([descriptor], [], [], left)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)

        wait(self._out)
        while read := os.read(self._out, 65_536):
            self._read += read
            wait(self._out)
        wait(self._answers.fileno())
        self.returncode = self._answer()
        os.close(self._out)
        self._answers.close()
        return io.TextIOWrapper(io.BytesIO(self._read)).read(), None

    def _answer(self) -> int:
        answer = self._answers.recv(8)
        assert answer, f"no process for {self.args}"
        return int.from_bytes(answer, "little", signed=True)


def _read_once(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_READ_ONCE)}


def _line(command: list[str]) -> bytes:
    return b"".join(os.fsencode(part) + b"\0" for part in (sys.executable, *command))


def _fork(channel: socket.socket) -> list[str]:
    """Fork for each request; return, in the fork, the command, whose folder, environment and streams are in place."""
    while True:
        request, descriptors, *_ = socket.recv_fds(channel, 1 << 20, 2)
        if not request:
            sys.exit()
        with contextlib.suppress(ChildProcessError):  # there is none
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not os.fork():
            break
        for each in descriptors:
            os.close(each)
    out, answers = descriptors
    if pid := os.fork():  # here is its parent, which says how it ends
        os.close(out)
        os.write(answers, pid.to_bytes(8, "little"))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(BrokenPipeError):
            os.write(answers, code.to_bytes(8, "little", signed=True))
        os._exit(0)
    os.setsid()
    os.dup2(out, 1)
    os.dup2(out, 2)
    channel.detach()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    command, folder, env, umask = json.loads(request)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    os.umask(umask)
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])  # arg_start and arg_end in proc_pid_stat(5)
    ctypes.memset(begin, 0, end - begin)
    ctypes.memmove(begin, _line(command), len(_line(command)))
    assert isinstance(command, list)
    return command


if __name__ == "__main__":
    sys.path[0] = str(Path(sys.executable).parent)  # where the scripts are
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}  # as in a run
    for library in _LIBRARIES:
        importlib.import_module(library)
    gc.collect()
    gc.freeze()  # at its end a fork looks through its own objects alone, which takes half as long
    importlib.import_module("duckdb")  # not frozen: nanobind would report its objects as leaked
    sys.argv = _fork(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_path(sys.argv[0], run_name="__main__")
