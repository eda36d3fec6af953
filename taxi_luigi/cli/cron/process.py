"""Luigi's process as cron-run starts it, and the luigid that it may need."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl(2)"""


def start_luigi(arguments: Sequence[str], lock: int, more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts it, with its output in one pipe and `more` variables. Raises OSError.

    Its main process and those of its tasks hold the lock as well: where cron-run alone is killed, the next one waits
    until they have ended. Luigi gets SIGTERM then (Linux).
    """
    return subprocess.Popen(  # noqa: S603 no shell; the words are the user's own
        [Path(sys.executable).with_name("luigi"), "--module", "taxi_luigi", *arguments],
        env={**os.environ, **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        pass_fds=[lock],
        preexec_fn=_ending_with(os.getpid()),
    )


def _ending_with(parent: int) -> Callable[[], None] | None:
    """What a child does before it becomes luigi: it wants SIGTERM when its parent dies, and ends if it has."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # before the fork

    def arrange() -> None:
        prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(128 + signal.SIGTERM)

    return arrange


def start_luigid(root: Path, port: int) -> tuple[int, str]:
    """Starts one, unless there is one.

    Returns: the port where it is, another one where something else has this one; and what to log of it
    """
    command: list[str | Path] = [Path(sys.executable).with_name("taxi-luigi"), "luigid", "start", "--port", str(port)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)  # noqa: S603 a command of ours
        line = " ".join((done.stdout + done.stderr).decode(errors="replace").split())
        return port if done.returncode else int((root / "data" / "luigid" / "port").read_text()), line
    except (OSError, ValueError) as error:  # it has just been stopped: luigi says so
        return port, f"luigid was not found: {error}"
