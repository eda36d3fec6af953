"""Debian's own cron and crontab, in a mount namespace where no crontab of this machine is seen.

    with Cron(folder) as cron:
        cron.crontab(b"* * * * * true\\n")                # of root, in the namespace
        cron.command(["taxi-luigi", "schedule"])          # any command there
        cron.start()                                      # cron itself, which looks at crontabs on each full minute

Needs root for the mounts. Nothing outside is touched: the spool, /etc/crontab, /etc/cron.d and cron's pid file are
others here, and gone with the last process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.project import Run, environment

_MOUNTS = """
mount -t tmpfs -o mode=1730,gid=crontab none /var/spool/cron/crontabs
mount -t tmpfs none /etc/cron.d
mount -t tmpfs none /run
mount --bind /dev/null /etc/crontab
echo ready
exec cat
"""


class Cron:
    """The namespace, from `with` to the end of its block, and what runs in it."""

    def __init__(self, folder: Path) -> None:
        if os.getuid() != 0 or not all(map(shutil.which, ("cron", "crontab", "unshare", "nsenter"))):
            pytest.skip("needs root, and Debian's packages cron and util-linux: sudo apt-get install cron")
        self._log = folder / "cron.log"
        self._cron: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-e", "-c", _MOUNTS]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n", "no namespace could be made"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cron is not None:
            self._cron.kill()
            self._cron.wait()
        self._holder.communicate(timeout=10)

    def command(
        self, words: Sequence[object], given: bytes = b"", cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> Run:
        """Runs a command there to its end."""
        done = subprocess.run(
            self._inside(words), input=given, cwd=cwd, env=environment(env),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
        )  # fmt: skip
        return Run(done.returncode, done.stdout.decode(errors="surrogateescape"))

    def crontab(self, tab: bytes | None = None) -> bytes:
        """Root's crontab there; with `tab`, sets it first."""
        if tab is not None:
            assert self.command(["crontab", "-"], tab) == Run(0, "")
        return os.fsencode(self.command(["crontab", "-l"]).out)

    def start(self) -> None:
        """From now on, what is due is run."""
        with self._log.open("wb") as log:
            self._cron = subprocess.Popen(
                self._inside(["cron", "-f", "-L", "15"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait(self, path: Path, text: str, timeout: float) -> None:
        """Until the file has the text (seconds)."""
        deadline = time.monotonic() + timeout
        while not (path.exists() and text in path.read_text()):
            assert self._cron is not None
            assert self._cron.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, path.read_text() if path.exists() else f"there is no {path}"
            time.sleep(0.2)

    def _inside(self, words: Sequence[object]) -> list[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--mount", "--wd=.", "--", *map(str, words)]
