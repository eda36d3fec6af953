"""The documents of this repository as tests read them: their blocks, commands, headings and links."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

from tests.support.project import BIN, ROOT, environment

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*/README.md"), ROOT / "benchmarks" / "README.md"]
)


def name(path: Path) -> str:
    """As test ids have it."""
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    """All of a document."""
    return path.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def prose(text: str) -> str:
    """A document without its code blocks, those that are set in by four blanks too."""
    return re.sub(r"^(```.*?^```| {4}.*?$)", "", text, flags=re.M | re.S)


def commands(text: str) -> list[str]:
    """The lines of the shell's blocks, those that end in a backslash put together."""
    joined = "\n".join(blocks(text, "sh")).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]


def words(line: str) -> list[str]:
    """A command without comment and without the variables that are set for it."""
    found = shlex.split(line, comments=True)
    while found and re.fullmatch(r"[A-Z_]+=.*", found[0]):
        found.pop(0)
    return found


@cache
def help_of(*command: str) -> str:
    """What a command says of itself."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def luigi_flags(given: list[str]) -> None:
    """Fails for an option that the task, or Luigi, does not have."""
    assert given[:2] == ["--module", "taxi_luigi"]
    known = set(re.findall(r"--[\w-]+", help_of("luigi", *given[:3], "--help-all")))
    assert {word.partition("=")[0] for word in given[3:] if word.startswith("--")} <= known


def taxi_luigi_flags(given: list[str]) -> None:
    """Fails for a command or an option of `taxi-luigi` that does not exist."""
    command = given[:2] if given[0] == "luigid" else given[:1]
    known = set(re.findall(r"--[\w-]+", help_of("taxi-luigi", *command, "--help")))
    if given[0] == "plan":
        known |= set(re.findall(r"--[\w-]+", help_of("luigi", "--module", "taxi_luigi", "LoadAllMonths", "--help-all")))
    ours = given[: given.index("--")] if "--" in given else given  # what follows is luigi's
    assert {word for word in ours[1:] if word.startswith("--")} <= known


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(text_of(path)), re.M)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain)
