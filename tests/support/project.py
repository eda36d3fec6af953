"""A project folder of its own for one test, and the real `luigi` command run in it, as a person or cron runs it.

Nothing here imports the pipeline: what is tested is the command, its exit code and what it leaves on disk.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.warm import Started, Warm

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]

_FROM_OUTSIDE = ("LUIGI_", "TAXI_", "PG", "COLUMNS", "LINES")
"""a developer's own settings, which must not reach a test"""

_TEMPORARY = re.compile(r"^(?!(?:INFO: )?Removed ).*-\d+\.part\b", re.MULTILINE)
"""a line with a temporary file, but for the one about a file that a killed run left"""

Sections = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Run:
    """A finished command. `out` is what it wrote on both streams, in the order written."""

    rc: int
    out: str


class Project:
    """A working folder with its own settings, workspace and DuckDB file; the checkout's config/luigi.cfg lies below.

    No zones are loaded unless a test names a list of them: the shipped settings name TLC's. No download waits for one
    of another test, unless a test sets `[download] at_once`.
    `sections` is section → key → value, written as ./luigi.cfg. Give paths in it as absolute ones: relative paths are
    relative to the checkout.
    """

    cold = False
    """whether each command is started by its interpreter, as a shell does: pytest's option --cold"""

    def __init__(self, folder: Path, sections: Sections | None = None) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.workspace = folder / "data"
        self.warehouse = self.workspace / "warehouse.duckdb"
        self.state = folder / "state"
        self._sections: dict[str, dict[str, str]] = {}
        self.configure(
            {
                "taxi": {"workspace": self.workspace, "zones": "", "state": self.state},
                "warehouse.duckdb": {"path": self.warehouse},
                "core": {"lock_pid_dir": folder / "locks"},
                "download": {"at_once": 1_000},
            }
        )
        self.configure(sections or {})

    def configure(self, sections: Sections) -> None:
        """Adds settings to those already given and writes them; the next command reads them."""
        for section, keys in sections.items():
            self._sections.setdefault(section, {}).update({key: str(value) for key, value in keys.items()})
        parser = ConfigParser(interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case, as luigi reads them
        parser.read_dict(self._sections)
        with (self.folder / "luigi.cfg").open("w") as file:
            parser.write(file)

    def run(
        self, *args: object, env: Mapping[str, str] | None = None, timeout: float = 120, scheduler: str | None = None
    ) -> Run:
        """Runs `luigi --module taxi_luigi ARGS` to its end; `scheduler` is a luigid's URL, None the local scheduler.

        A command that outlives `timeout` seconds is killed with its children and fails the test with what it wrote.
        """
        return self._finish(self._start_warm(self._luigi(args, scheduler), env), timeout)

    def command(self, name: str, *args: object, env: Mapping[str, str] | None = None, timeout: float = 120) -> Run:
        """Runs another command of this environment in the project folder: `taxi-luigi`, `luigi-deps-tree`, `python`."""
        return self._finish(self._start_warm([BIN / name, *args], env), timeout)

    def start_command(self, name: str, *args: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The same, still running."""
        return self._start([BIN / name, *args], env)

    def start(
        self, *args: object, env: Mapping[str, str] | None = None, scheduler: str | None = None
    ) -> subprocess.Popen[str]:
        """The same command, still running, in a session of its own: `os.killpg(process.pid, …)` reaches all of it."""
        return self._start(self._luigi(args, scheduler), env)

    def logged(self) -> str:
        """The messages of the last run in the log, which has more than a stream: a line each, without their levels."""
        newest = max(self.state.glob("logs/*.jsonl"), key=lambda path: path.stat().st_mtime)
        lines = [json.loads(line) for line in newest.read_text().splitlines()]
        return "\n".join(line["message"] for line in lines if line["run"] == lines[-1]["run"])

    def processes(self) -> list[psutil.Process]:
        """Live processes that work in this folder, orphans too: whatever a command started and did not end."""
        return [process for process in psutil.process_iter() if self._ours(process)]

    def end(self) -> None:
        """Kills whatever still works in this folder; for a test's teardown, after a failure."""
        left = self.processes()
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):  # it can end by itself meanwhile
                process.kill()
        psutil.wait_procs(left, timeout=10)

    def leftovers(self) -> list[Path]:
        """Temporary files of ours and of Luigi's below this folder, which no finished run may leave."""
        patterns = ("*.part", "*.partial", "*-luigi-tmp-*", "*.tmp")
        return sorted({path for pattern in patterns for path in self.folder.rglob(pattern)})

    def _luigi(self, args: Sequence[object], scheduler: str | None) -> list[object]:
        where = ["--scheduler-url", scheduler] if scheduler else ["--local-scheduler"]
        return [BIN / "luigi", "--module", "taxi_luigi", *args, *where]

    def _start_warm(self, command: list[object], env: Mapping[str, str] | None) -> subprocess.Popen[str] | Started:
        """Start what a test waits for: without an interpreter's start, where that can make no difference."""
        started = None
        if not Project.cold and Path(str(command[0])).name in ("luigi", "taxi-luigi"):
            started = _warm().start([str(part) for part in command], self.folder, environment(env))
        return started or self._start(command, env)

    def _start(self, command: list[object], env: Mapping[str, str] | None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=self.folder,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _finish(self, process: subprocess.Popen[str] | Started, timeout: float) -> Run:
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            self.end()
            out, _ = process.communicate()
            raise AssertionError(
                f"{process.args} was still running after {timeout} s and had written:\n{out}"
            ) from None
        # No line names a temporary file, which is gone when the line is read; but for one that a killed run left
        named = [line for line in out.splitlines() if _TEMPORARY.search(line)]
        assert all("Removed " in line and line.endswith("left by a run that was killed") for line in named), out
        return Run(process.returncode, out)

    def _ours(self, process: psutil.Process) -> bool:
        try:
            here = Path(process.cwd())
            return process.status() != psutil.STATUS_ZOMBIE and here.is_relative_to(self.folder.resolve())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False


@functools.cache
def _warm() -> Warm:
    return Warm(environment())


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without a developer's settings of Luigi, the pipeline and libpq, and with `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FROM_OUTSIDE)}
    return kept | {"PYTHONUNBUFFERED": "1"} | dict(more or {})
