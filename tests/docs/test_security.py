"""What SECURITY.md promises of a machine: who reaches luigid, who reads what it keeps; and that it names what is."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.project import BIN, ROOT, Project, Run, environment

TEXT = (ROOT / "SECURITY.md").read_text()
UNIT = (ROOT / "deploy" / "systemd" / "luigid.service").read_text()


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """The project as far as its scripts need it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for part in ("scripts", "config", "setup.cfg", "pyproject.toml", "constraints.txt"):
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, folder / part)
    (folder / "luigi.cfg").symlink_to("config/luigi.cfg")
    (folder / ".venv").symlink_to(sys.prefix)
    yield folder
    subprocess.run([folder / "scripts" / "luigid", "stop"], env=environment(), capture_output=True, timeout=60)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def listening(pid: int) -> set[str]:
    """Where a process can be reached, as the kernel tells it; waits until it can."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = psutil.Process(pid).net_connections("all")
        if here := {f"{each.laddr.ip}:{each.laddr.port}" for each in found if each.status == psutil.CONN_LISTEN}:
            return here
        time.sleep(0.05)
    raise AssertionError("it listens nowhere")


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in (folder, *folder.iterdir())}


def test_luigid_of_the_script_is_for_its_owner_on_this_machine(checkout: Path) -> None:
    port = free_port()
    subprocess.run(
        [checkout / "scripts" / "luigid", "start", "--port", port],
        env=environment(), check=True, capture_output=True, timeout=60, umask=0o022,
    )  # fmt: skip
    folder = checkout / "data" / "luigid"
    assert listening(int((folder / "pid").read_text())) == {f"127.0.0.1:{port}"}
    subprocess.run([checkout / "scripts" / "luigid", "stop"], env=environment(), check=True, timeout=60)
    assert modes(folder) == {"luigid": "0o700", "log": "0o600", "state.pickle": "0o600"}
    assert oct(folder.parent.stat().st_mode & 0o777) == "0o755", "trips are for others, too"


def test_luigid_of_the_unit_is_for_its_owner_on_this_machine(checkout: Path) -> None:
    """Its commands as systemd would start them, at another port."""
    port = free_port()
    text = UNIT.replace("%h/taxi_luigi", str(checkout)).replace("--port 8082", f"--port {port}")
    [variable] = (shlex.split(line) for line in re.findall(r"^Environment=(.*)", text, re.M))
    [command] = (shlex.split(line) for line in re.findall(r"^ExecStart=(.*)", text, re.M))
    env = environment(dict(each.split("=", 1) for each in variable))
    process = subprocess.Popen(command, cwd=checkout, env=env, stderr=subprocess.DEVNULL, umask=0o022)
    try:
        assert listening(process.pid) == {f"127.0.0.1:{port}"}
    finally:
        process.terminate()
        process.wait(30)
    assert modes(checkout / "data" / "luigid") == {"luigid": "0o700", "state.pickle": "0o600"}
    assert oct((checkout / "data").stat().st_mode & 0o777) == "0o755", "trips are for others, too"


def test_a_folder_for_locks_that_somebody_else_laid_out_is_refused(tmp_path: Path) -> None:
    """In /tmp anybody can be there first, and Luigi writes into files there that it takes for its own."""
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / f"luigi-{os.getuid()}"
    folder.symlink_to("elsewhere")
    project = Project(tmp_path / "project", {"core": {"lock_pid_dir": folder}})
    done = project.run("LoadAllMonths", "--months", "2021-01", env={"TMPDIR": str(tmp_path)})
    assert done.rc == 40
    assert f"ERROR: [core] lock_pid_dir: {folder} belongs to another user" in done.out
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_whatever_the_document_names_exists() -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:cfg|md|txt))`", TEXT)
    named += [path for path in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in path]
    assert len(named) > 20
    of_a_run = ("data/",)
    assert [path for path in named if not path.startswith(of_a_run) and not (ROOT / path).exists()] == []


def audit(checkout: Path, answer: object) -> Run:
    """The script over what pip-audit answered; a program that only answers stands for pip-audit and the network."""
    version = re.findall(r"\bversion=(\S+)", (checkout / "scripts" / "audit").read_text())[0]
    folder = checkout / ".venv-audit" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pip-audit").write_text(f"#!/bin/sh\necho trouble >&2\necho {shlex.quote(str(answer))}\nexit 1\n")
    (folder / "pip-audit").chmod(0o755)
    if not (folder / "python").exists():
        (folder / "python").symlink_to(BIN / "python")
    (folder.parent / "made-from").write_text(f"{checkout} {version}\n")
    done = subprocess.run(
        [checkout / "scripts" / "audit"],
        env=environment({"PATH": f"{BIN}:{os.environ['PATH']}"}), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    return Run(done.returncode, done.stdout)


def test_an_audit_that_could_not_ask_is_not_taken_for_a_good_one(checkout: Path) -> None:
    """pip-audit itself ends with 0 where it could look nothing up."""
    good = {"name": "a", "version": "1", "vulns": []}
    bad = {"name": "b", "version": "2", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["2.1"]}]}
    skipped = {"name": "c", "skip_reason": "not found"}
    said = {
        "good": audit(checkout, json.dumps({"dependencies": [good]})),
        "bad": audit(checkout, json.dumps({"dependencies": [good, bad, skipped]})),
        "skipped": audit(checkout, json.dumps({"dependencies": [good, skipped]})),
        "silent": audit(checkout, ""),
    }
    assert {name: run.rc for name, run in said.items()} == {"good": 0, "bad": 1, "skipped": 2, "silent": 2}
    assert "b 2: CVE-2026-1, mended in 2.1\n" in said["bad"].out
    assert "audit: not looked up: c\n" in said["skipped"].out
    assert said["silent"].out == "audit: no verdict: trouble\n"
