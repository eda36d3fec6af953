"""Environments of Python and Node.js apart from that of the tests, for programs whose requirements differ from ours.

Each is made once and kept in the user's cache folder, under a name that changes with its requirements.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.once import Once


def kept(
    name: str, requirements: Path, python: Callable[[], Path], finish: Callable[[Path], None] = lambda _folder: None
) -> Path:
    """Return the folder of an environment, which is made if it is not there.

    Args:
        name: the beginning of the folder's name.
        requirements: everything that is installed, with versions; nothing else is.
        python: returns the interpreter that it is made with.
        finish: does the rest in the folder of a new one.
    """

    def make(aside: Path) -> None:
        run(python(), "-m", "venv", aside)
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-cache-dir"]
        run(aside / "bin" / "python", *pip, "--requirement", requirements)
        finish(aside)

    return _once(name, requirements, make)


def kept_by_npm(name: str, pins: Path, npm: Callable[[], Path]) -> Path:
    """Return the folder that has `node_modules` as a package-lock.json pins them; the scripts of packages do not run.

    Args:
        name: the beginning of the folder's name.
        pins: the folder of package.json and package-lock.json.
        npm: returns the program, if the folder has to be made.
    """

    def make(aside: Path) -> None:
        program = npm()
        for each in ("package.json", "package-lock.json"):
            shutil.copy(pins / each, aside)
        run(program, "ci", "--prefix", aside, "--ignore-scripts", "--no-audit", "--no-fund")

    return _once(name, pins / "package-lock.json", make)


def _once(name: str, pins: Path, make: Callable[[Path], None]) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "taxi_luigi-tests"
    cache.mkdir(parents=True, exist_ok=True)
    return Once(cache)(f"{name}-{hashlib.sha256(pins.read_bytes()).hexdigest()[:12]}", make)


def run(*command: str | Path) -> None:
    """Run a command to its end."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
