"""`taxi-luigi luigid`, in a folder that is no checkout, as an installed package has it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.project import BIN, Run, environment


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A project folder, whose name Luigi's settings would take for something else."""
    folder = tmp_path / "100% ${HOME} trips"
    folder.mkdir()
    yield folder
    call(folder, "stop")


@pytest.fixture
def port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def begin(home: Path, *words: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [BIN / "taxi-luigi", "luigid", *words],
        cwd=home, env=environment({"TAXI_LUIGI_HOME": str(home), **env}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def call(home: Path, *words: str, **env: str) -> Run:
    process = begin(home, *words, **env)
    out, _ = process.communicate(timeout=60)
    return Run(process.returncode, out)


def process_of(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "data" / "luigid" / "pid").read_text()))


def answer_to(port: str, method: str) -> object:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{method}", timeout=10) as answer:
        return json.load(answer)["response"]


def test_it_runs_in_the_background_and_keeps_its_memory(home: Path, port: str) -> None:
    assert call(home, "status", "--port", port) == Run(1, "luigid is not running; taxi-luigi luigid start starts it\n")
    assert list(home.iterdir()) == []
    assert call(home, "start", "--port", port) == Run(0, f"luigid is running: http://127.0.0.1:{port}\n")
    assert call(home, "status") == Run(0, f"luigid is running: http://127.0.0.1:{port}\n")
    assert (home / "data" / "luigid" / "port").read_text() == f"{port}\n"
    assert call(home, "stop") == Run(0, "luigid has ended\n")
    assert {path.name for path in (home / "data" / "luigid").iterdir()} == {"log", "state.pickle"}
    assert call(home, "stop") == Run(0, "luigid was not running, or not started here\n")


def test_its_log_of_last_time_is_kept_once(home: Path, port: str) -> None:
    for _ in range(3):
        call(home, "start", "--port", port)
        call(home, "stop")
    assert {path.name for path in (home / "data" / "luigid").iterdir()} == {"log", "log.1", "state.pickle"}


def test_packaged_and_own_settings_reach_it(home: Path, port: str) -> None:
    (home / "config").mkdir()
    (home / "config" / "luigi.cfg").write_text("[scheduler]\nretry_delay = 7\n[resources]\nmine = 3\n")
    own = home / "own.cfg"
    own.write_text("[scheduler]\nremove_delay = 9\n")
    call(home, "start", "--port", port, LUIGI_CONFIG_PATH=str(own))
    found = answer_to(port, "taxi_luigi_settings")
    assert isinstance(found, dict)
    keys = ("worker_disconnect_delay", "retry_delay", "remove_delay", "metrics_collector")
    assert [found[key] for key in keys] == ["15.0", "7.0", "9.0", "prometheus"]
    resources = answer_to(port, "resource_list")
    assert isinstance(resources, list)
    assert {each["name"]: each["num_total"] for each in resources}["mine"] == 3


def test_two_starts_at_one_time_start_one(home: Path, port: str) -> None:
    both = [begin(home, "start", "--port", port) for _ in range(2)]
    said = sorted(process.communicate(timeout=60)[0] for process in both)
    where = f"http://127.0.0.1:{port}\n"
    assert said == [f"luigid is running already: {where}", f"luigid is running: {where}"]
    assert [process.returncode for process in both] == [0, 0]
    assert process_of(home).is_running()


def test_what_interrupts_the_terminal_does_not_reach_it(home: Path, port: str) -> None:
    """In a session of its own, neither Ctrl-C nor the end of the terminal does."""
    process = begin(home, "start", "--port", port)
    process.communicate(timeout=60)
    assert os.getsid(process_of(home).pid) == os.getpgid(process_of(home).pid) == process_of(home).pid != process.pid


def test_what_hinders_it_is_one_line(home: Path, port: str) -> None:
    with socket.create_server(("127.0.0.1", int(port))):
        taken = call(home, "run", "--port", port)
    assert taken == Run(40, taken.out)
    assert taken.out.splitlines()[-1] == f"taxi-luigi: luigid cannot listen on 127.0.0.1:{port}: Address already in use"
    own = home / "own.cfg"
    own.write_text("[scheduler]\nretry_delay = soon\n")
    wrong = call(home, "start", "--port", port, LUIGI_CONFIG_PATH=str(own))
    assert wrong.rc == 40
    [line] = wrong.out.splitlines()
    assert line.startswith(
        "taxi-luigi: luigid ended at once: taxi-luigi: [scheduler] or [resources] in luigi.cfg cannot"
    )
    own.write_text("[scheduler\n")
    broken = call(home, "start", "--port", port, LUIGI_CONFIG_PATH=str(own))
    assert broken == Run(40, f"ERROR: {own}, line 1, stands before the first [section]\n")


@pytest.mark.parametrize("word", ["x", "0", "65536", "-1", ""])
def test_a_port_that_is_none_is_refused(home: Path, word: str) -> None:
    done = call(home, "start", "--port", word)
    assert done.rc == 2
    assert not (home / "data").exists()


def test_without_a_port_it_is_where_runs_look_for_it(home: Path, port: str) -> None:
    (home / "luigi.cfg").write_text(f"[core]\nscheduler_port = {port}\n")
    assert call(home, "start").out == f"luigid is running: http://127.0.0.1:{port}\n"


def test_in_the_foreground_it_ends_by_a_signal_and_writes_down_what_it_knows(home: Path, port: str) -> None:
    process = begin(home, "run", "--port", port)
    try:
        assert process.stdout is not None
        while "Scheduler starting up" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert (home / "data" / "luigid" / "state.pickle").stat().st_mode & 0o777 == 0o600
    assert (home / "data" / "luigid").stat().st_mode & 0o777 == 0o700
