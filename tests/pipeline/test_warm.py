"""A command that is forked has what a command that is started has: `warm.py`, by which most tests here run theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import environment
from tests.support.warm import Warm

SEEN = """
import json, os, pathlib, sys
print(json.dumps([
    sys.argv, pathlib.Path("/proc/self/cmdline").read_text().rstrip("\\0"), os.getcwd(), dict(os.environ), os.umask(0),
    os.getsid(0) == os.getpid(), sorted(os.listdir("/proc/self/fd")), sys.stdin.read(), sys.stdout.encoding,
    sorted({"luigi", "taxi_luigi"} & set(sys.modules)),
]))
print("of the other stream", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def warm() -> Warm:
    return Warm(environment())


@pytest.mark.parametrize("end", ["pass", "sys.exit(7)", "os.kill(os.getpid(), 9)"])
def test_a_fork_has_the_arguments_folder_environment_streams_and_end_of_a_command(
    warm: Warm, tmp_path: Path, end: str
) -> None:
    script = tmp_path / "command"
    script.write_text(SEEN + end)
    command, env = [str(script), "--möbel", "a b", ""], environment({"ONE": "1"})
    before = os.umask(0o027)
    try:
        forked = warm.start(command, tmp_path, env)
        started = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
    finally:
        os.umask(before)
    assert forked is not None
    assert (forked.communicate(timeout=60)[0], forked.returncode) == (started.stdout, started.returncode)


@pytest.mark.parametrize("name", ["PYTHONPATH", "LC_ALL", "TZ", "LD_PRELOAD"])
def test_what_an_interpreter_reads_once_needs_one_of_its_own(warm: Warm, tmp_path: Path, name: str) -> None:
    assert warm.start([str(tmp_path / "command")], tmp_path, environment({name: "/other"})) is None


def test_a_command_that_does_not_end_is_left_running_at_the_timeout(warm: Warm, tmp_path: Path) -> None:
    script = tmp_path / "command"
    script.write_text("import signal; print('begun', flush=True); open('said', 'w').close(); signal.pause()")
    os.mkfifo(tmp_path / "said")
    forked = warm.start([str(script)], tmp_path, environment())
    assert forked is not None
    assert (tmp_path / "said").read_text() == ""  # it is at work
    with pytest.raises(subprocess.TimeoutExpired):
        forked.communicate(timeout=0.1)
    os.killpg(forked.pid, 9)
    assert (forked.communicate(timeout=60)[0], forked.returncode) == ("begun\n", -9)
