"""What README.md tells people to type exists: scripts, tasks, flags, subcommands, files, exit codes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from configparser import ConfigParser
from functools import cache

import pytest

from taxi_luigi import config
from tests.support.project import BIN, ROOT, environment

README = (ROOT / "README.md").read_text()
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S) for line in block.splitlines()]
SCRIPTS = sorted(set(re.findall(r"\bscripts/[\w-]+", README)))


@cache
def help_of(*command: str) -> str:
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def luigi_flags(words: list[str]) -> None:
    assert words[:2] == ["--module", "taxi_luigi"]
    known = set(re.findall(r"--[\w-]+", help_of("luigi", *words[:3], "--help-all")))
    assert {word for word in words[3:] if word.startswith("--")} <= known


def taxi_luigi_flags(words: list[str]) -> None:
    known = set(re.findall(r"--[\w-]+", help_of("taxi-luigi", words[0], "--help")))
    ours = words[: words.index("--")] if "--" in words else words  # what follows is luigi's
    assert {word for word in ours[1:] if word.startswith("--")} <= known


def test_the_readme_has_commands() -> None:
    assert {"scripts/quickstart", "scripts/test", "scripts/luigid"} <= set(SCRIPTS)
    assert any(command.startswith("luigi ") for command in COMMANDS)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_exists(line: str) -> None:
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    match words:
        case [] | [".", ".venv/bin/activate"]:
            pass
        case ["luigi" | ".venv/bin/luigi", *rest]:
            luigi_flags(rest)
        case ["taxi-luigi" | ".venv/bin/taxi-luigi", *rest]:
            taxi_luigi_flags(rest)
        case _:
            assert words[0] in SCRIPTS, f"this test does not know the command {words[0]!r}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_of_the_readme_can_be_run(script: str) -> None:
    assert os.access(ROOT / script, os.X_OK)


def test_a_file_that_the_readme_names_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    code = re.findall(r"`((?:[\w-]+/)*[\w-]+\.(?:py|cfg|md|txt)|(?:[\w-]+/)+)`", README)
    of_a_run = ("raw/", "clean/", "rejected/", "data/")
    named = [path for path in links + code if not path.startswith(of_a_run) or (ROOT / "taxi_luigi" / path).exists()]
    assert len(named) > 5
    missing = [path for path in named if not (ROOT / path).exists() and not (ROOT / "taxi_luigi" / path).exists()]
    assert missing == []


def test_the_table_of_exit_codes_is_that_of_luigi_cfg() -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "config" / "luigi.cfg")
    documented = set(re.findall(r"^\| ([\d, ]+) \|", README, re.M))
    assert set(settings["retcode"].values()) <= documented


def test_the_quickstart_sets_only_what_exists() -> None:
    settings = ConfigParser(interpolation=None)
    settings.read(ROOT / "config" / "quickstart.cfg")
    known = config.known_keys()
    assert settings.sections() == ["taxi", "warehouse.duckdb"]
    for section in settings.sections():
        assert set(settings[section]) <= known[section]
