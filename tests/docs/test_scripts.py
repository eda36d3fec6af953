"""scripts/luigid and what the scripts share, run in a copy of the project whose path has a space."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.support.luigid import Luigid
from tests.support.project import BIN, ROOT, Run, environment

COPIED = ("scripts", "config", "setup.cfg", "pyproject.toml", "constraints.txt")


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for part in COPIED:
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, folder / part)
    (folder / "luigi.cfg").symlink_to("config/luigi.cfg")
    yield folder
    run(folder, "luigid", "stop")


def run(checkout: Path, script: str, *args: str, path: str = f"{BIN}:{os.environ['PATH']}", **env: str) -> Run:
    done = subprocess.run(
        [checkout / "scripts" / script, *args],
        cwd="/", env=environment({"PATH": path, **env}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    return Run(done.returncode, done.stdout)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def pid_of(checkout: Path) -> int:
    return int((checkout / "data" / "luigid" / "pid").read_text())


def test_luigid_starts_once_on_loopback_and_stops(checkout: Path) -> None:
    port = str(free_port())
    assert run(checkout, "luigid", "status", "--port", port).rc == 1
    started = run(checkout, "luigid", "start", "--port", port)
    assert started == Run(0, f"luigid is running: http://127.0.0.1:{port}\n")
    server = psutil.Process(pid_of(checkout))
    listening = {(c.laddr.ip, c.laddr.port) for c in server.net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", int(port))}
    again = run(checkout, "luigid", "start", "--port", port)
    assert again == Run(0, f"luigid is running already: http://127.0.0.1:{port}\n")
    assert run(checkout, "luigid", "status").rc == 0
    assert run(checkout, "luigid", "stop") == Run(0, "luigid has ended\n")
    # A process that ends has no command line a moment before it is gone; orphans of a container whose first process
    # collects none stay as zombies.
    deadline = time.monotonic() + 10
    while server.is_running() and server.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"luigid is {server.status()}"
        time.sleep(0.01)
    assert (checkout / "data" / "luigid" / "state.pickle").exists()
    assert run(checkout, "luigid", "stop") == Run(0, "luigid was not running, or not started here\n")


def test_luigid_takes_the_next_port_when_something_else_has_this_one(checkout: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        started = run(checkout, "luigid", "start", "--port", str(taken))
    port = int((checkout / "data" / "luigid" / "port").read_text())
    assert started == Run(0, f"luigid is running: http://127.0.0.1:{port}\n")
    assert taken < port <= taken + 20
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("HEAD", "/")
        assert connection.getresponse().status == http.HTTPStatus.NO_CONTENT


def test_luigid_of_somebody_else_is_used_and_left_running(checkout: Path, tmp_path: Path) -> None:
    with Luigid(tmp_path / "other") as other:
        started = run(checkout, "luigid", "start", "--port", str(other.port))
        assert started.rc == 0
        assert "not started here" in started.out
        assert run(checkout, "luigid", "stop").rc == 0
        assert "not started here answers" in run(checkout, "luigid", "status", "--port", str(other.port)).out


def test_stop_ends_no_process_that_only_has_the_number(checkout: Path) -> None:
    folder = checkout / "data" / "luigid"
    folder.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        (folder / "pid").write_text(str(bystander.pid))
        assert run(checkout, "luigid", "stop").out == "luigid was not running, or not started here\n"
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.parametrize("args", [(), ("restart",), ("start", "--port"), ("start", "--port", "x"), ("stop", "now")])
def test_luigid_prints_its_usage(checkout: Path, args: tuple[str, ...]) -> None:
    done = run(checkout, "luigid", *args)
    assert done.rc == 2
    assert done.out.endswith("--help lists the options\n")
    assert done.out.count("\n") == 1
    assert not (checkout / "data").exists()


def interpreter(folder: Path, name: str, refuses: str) -> Path:
    """A Python that exits with 1 when its code mentions `refuses`, and is this one otherwise."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\ncase "$2" in *"{refuses}"*) exit 1 ;; esac\nexec "{BIN}/python" "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("script", ["quickstart", "test"])
def test_an_unfit_python_is_one_line(checkout: Path, tmp_path: Path, script: str) -> None:
    old = interpreter(tmp_path / "old", "python3", refuses="version_info")
    done = run(checkout, script, PYTHON=str(old))
    assert done == Run(1, f"{script}: PYTHON={old} is not Python 3.11, 3.12 or 3.13\n")
    assert not (checkout / ".venv").exists()


def test_a_missing_venv_package_is_one_line(checkout: Path, tmp_path: Path) -> None:
    for version in ("python3.13", "python3.12", "python3.11", "python3"):
        interpreter(tmp_path / "bare", version, refuses="ensurepip")
    done = run(checkout, "quickstart", path=f"{tmp_path / 'bare'}:{os.environ['PATH']}")
    assert done.rc == 1
    assert len(done.out.splitlines()) == 1, done.out
    assert "cannot make environments: sudo apt-get install python3." in done.out
