"""Commands whose reader goes away, or that were begun without standard streams: they do their work, or say so by code.

What is asserted of a code is that the history has the same.
"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from taxi_luigi.history import last_runs
from tests.pipeline.conftest import duckdb_counts
from tests.support.project import BIN, ROOT, Project, environment

RUN = (BIN / "luigi", "--module", "taxi_luigi", "LoadAllMonths", "--colors", "green", "--months", "2021-01",
       "--local-scheduler")  # fmt: skip


def shell(project: Project, script: str, *command: object) -> subprocess.CompletedProcess[str]:
    """Runs a script of sh, in which "$@" is the command."""
    words = ["bash", "-c", script, "bash", *map(str, command)]
    return subprocess.run(
        words, cwd=project.folder, env=environment(), capture_output=True, text=True, check=False, timeout=120
    )


def recorded(project: Project) -> int | None:
    """The exit code of the last run."""
    [run] = last_runs(project.state, 1)
    return run.exit_code


@pytest.mark.parametrize(
    "closed", ["2>&-", ">&-", ">&- 2>&- <&-", ">/dev/full 2>&1"], ids=["stderr", "stdout", "all", "full"]
)
def test_a_run_without_its_streams_does_its_work(loading: Project, closed: str) -> None:
    done = shell(loading, f'"$@" {closed}', *RUN)
    assert (done.returncode, recorded(loading)) == (0, 0), done.stderr
    assert "Traceback" not in done.stderr
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": 3_000}
    wrong = shell(loading, f'"$@" {closed}', *RUN[:3], "LoadMonths")
    assert wrong.returncode == 40
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("more", [(), ("--workers", "2"), ("--log-level", "DEBUG")], ids=["one", "two", "debug"])
def test_a_run_whose_reader_has_read_enough_does_its_work(loading: Project, more: tuple[str, ...]) -> None:
    done = shell(loading, 'set -o pipefail; "$@" 2>&1 | head -1', *RUN, *more)
    assert (done.returncode, recorded(loading)) == (0, 0)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def on_a_terminal_that_is_closed(project: Project, prepare: Callable[[], object]) -> int:
    """The exit code of a run whose terminal is closed after its first words."""
    pid, terminal = pty.fork()
    if pid == 0:
        prepare()
        os.chdir(project.folder)
        os.execve(RUN[0], [str(word) for word in RUN], environment())
    os.read(terminal, 10)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_run_whose_terminal_is_closed_ends_as_stopped_by_sighup(loading: Project) -> None:
    assert (
        on_a_terminal_that_is_closed(loading, lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL))
        == 128 + signal.SIGHUP
    )
    assert recorded(loading) == 128 + signal.SIGHUP


def test_a_run_under_nohup_outlives_its_terminal(loading: Project) -> None:
    assert on_a_terminal_that_is_closed(loading, lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) == 0
    assert recorded(loading) == 0
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": 3_000}


@pytest.mark.parametrize("words", ["status", "history --json", "settings", "doctor", "plan --months 2021", "--help"])
def test_a_command_whose_reader_is_gone_or_never_was_makes_no_noise(project: Project, words: str) -> None:
    """141, as of any program that SIGPIPE ends; or its own code, where what it wrote fitted into the pipe."""
    project.configure({"taxi": {"source": f"{ROOT}/{{color}}_{{year}}-{{month:02}}.parquet"}})
    command = (BIN / "taxi-luigi", *words.split())
    own = shell(project, '"$@" >/dev/null', *command).returncode
    scripts = {'set -o pipefail; "$@" | true': {own, 141}, '"$@" >&- 2>&- <&-': {own}}
    if words == "status":
        scripts |= {'set -o pipefail; "$@" | head -1': {own, 141}, '"$@" >&-': {own}}
    for script, codes in scripts.items():
        done = shell(project, script, *command)
        assert done.returncode in codes, done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
    full = shell(project, '"$@" >/dev/full', *command)
    assert full.returncode in ({40, own} if words.startswith("--") else {40}), full.stderr
    assert "Traceback" not in full.stderr


def test_what_a_library_opens_first_is_not_taken_for_stderr(loading: Project, tmp_path: Path) -> None:
    """A file that gets the number of a closed stderr would get whatever is written there."""
    code = (
        "import sys\nfrom taxi_luigi.core import console\nconsole.repair_streams()\n"
        f"file = open({str(tmp_path / 'file')!r}, 'w')\nassert file.fileno() > 2\nsys.stderr.write('words')"
    )
    done = shell(loading, '"$@" >&- 2>&- <&-', BIN / "python", "-c", code)
    assert done.returncode == 0
    assert (tmp_path / "file").read_text() == ""
