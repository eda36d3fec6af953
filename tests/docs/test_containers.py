"""docs/containers.md, compose.yaml and the image's files agree; what they do when they run, tests/image shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "containers.md").read_text()
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
LOCAL = "localhost/taxi_luigi"


def composed() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def entrypoint(tmp_path: Path, *words: str) -> str:
    """What the image's entrypoint would start, by stand-ins for the programs that say their names."""
    for name in ("luigi", "luigid", "taxi-luigi", "cron-run", "snooze"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\necho "${0##*/} $*"\n')
        program.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", ROOT / "deploy/image/entrypoint", *words],
        cwd=tmp_path, env={"PATH": f"{tmp_path}:{os.defpath}"}, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_page_exists(line: str) -> None:
    match shlex.split(line):
        case ["docker", "run", "--rm", "-v", "taxi-data:/app/data", image, "LoadAllMonths" | "taxi-luigi", *_]:
            assert image == LOCAL
        case ["docker", "compose", "up" | "run", *words]:
            assert "worker" in composed()["services"] if "run" in line else words == ["--detach"]
        case [program, *_]:
            assert os.access(ROOT / program, os.X_OK)


def test_the_page_names_every_service_and_every_variable() -> None:
    services = composed()["services"]
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.M)) == set(services)
    variables = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    assert {name for name in variables if f"`{name}" not in PAGE} - {"POSTGRES_PASSWORD"} == set()


@pytest.mark.parametrize(
    ("words", "starts"),
    [
        (["LoadAllMonths", "--months", "2024-01"], "luigi --module taxi_luigi LoadAllMonths --months 2024-01"),
        (["taxi-luigi", "status"], "taxi-luigi status"),
        (["cron-run"], "cron-run"),
        (["luigid", "--port", "9"], "taxi-luigi luigid run --port 9"),
    ],
)
def test_the_first_word_decides_what_starts(tmp_path: Path, words: list[str], starts: str) -> None:
    assert entrypoint(tmp_path, *words).strip() == starts


def test_no_password_is_in_compose_yaml_and_none_has_a_default() -> None:
    loaded = composed()
    assert {secret["file"] for secret in loaded["secrets"].values()} == {
        f"deploy/compose/secrets/{name}" for name in loaded["secrets"]
    }
    values = [value for service in loaded["services"].values() for value in service.get("environment", {}).items()]
    assert [name for name, value in values if "PASSWORD" in name and not str(value).startswith("/run/secrets/")] == []
    ignored = ["git", "check-ignore", "-q", "deploy/compose/secrets/POSTGRES_PASSWORD"]
    assert subprocess.run(ignored, cwd=ROOT).returncode == 0


def test_what_compose_publishes_is_on_this_machine_alone() -> None:
    ports = [port for service in composed()["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:${TAXI_PORT:-8082}:8080", "127.0.0.1:${TAXI_PGADMIN_PORT:-5050}:5050"]
    assert composed()["services"]["luigid"]["network_mode"] == "none"


def test_luigid_has_the_settings_of_what_runs_tasks() -> None:
    """Of the layer that is chosen: [scheduler] and [resources] are read by luigid alone."""
    layers = {
        name: each.get("environment", {}).get("LUIGI_CONFIG_PATH") for name, each in composed()["services"].items()
    }
    assert layers["luigid"] is not None
    assert layers["luigid"] == layers["worker"] == layers["nightly"]


def test_every_file_that_compose_and_the_dockerfile_name_is_there() -> None:
    mounts = re.findall(r"\./(deploy/[\w./-]+):", (ROOT / "compose.yaml").read_text())
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    named = [*mounts, *" ".join(copied).split()]
    assert len(named) > 8
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_layer_of_compose_sets_only_what_exists() -> None:
    known = ConfigParser(interpolation=None)
    known.read(ROOT / "config" / "luigi.cfg")
    layers = [*sorted((ROOT / "deploy" / "compose").glob("*.cfg")), ROOT / "deploy" / "image" / "luigi.cfg"]
    assert len(layers) == 3
    for path in layers:
        layer = ConfigParser(interpolation=None)
        layer.read(path)
        keys = {(section, key) for section in layer.sections() for key in layer[section]}
        luigis = {("core", "local_scheduler"), ("core", "scheduler_url")}
        assert {(section, key) for section, key in keys if not known.has_option(section, key)} <= luigis, path


def test_the_scripts_say_in_one_line_what_they_lack(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("bash", "dirname", "sed", "sh"):
        (tmp_path / "bin" / name).symlink_to(f"/usr/bin/{name}")
    for script, says in (
        ("scripts/image build", "image: none of docker podman buildah works here"),
        ("deploy/compose/make-secrets", "make-secrets: openssl is not installed"),
    ):
        command = [ROOT / script.split()[0], *script.split()[1:]]
        done = subprocess.run(
            command, cwd="/", env={"PATH": str(tmp_path / "bin")}, capture_output=True, text=True, timeout=30
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(says)
        assert done.stderr.count("\n") == 1
