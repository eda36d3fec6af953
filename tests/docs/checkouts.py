"""A copy of the repository in which scripts/check-gcp and scripts/check-azure run, with this environment."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.project import BIN, ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the script needs, whose environment for tests is this one."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for part in ("scripts", "config", "setup.cfg", "pyproject.toml", "constraints.txt", "taxi_luigi", "tests", "docs"):
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, folder / part)
    python = folder / ".venv-test" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{BIN}/python" "$@"\n')
    python.chmod(0o755)
    stamp = 'echo "$root ${PYTHON:-} [test] $(cat setup.cfg pyproject.toml constraints.txt | cksum)"'
    made = subprocess.run(
        ["bash", "-c", f". scripts/lib.sh; {stamp}"], cwd=folder, capture_output=True, text=True, check=True
    )
    (folder / ".venv-test" / "made-from").write_text(made.stdout)
    return folder


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and output, of both streams."""
    try:
        out, _ = process.communicate(timeout=200)
    finally:
        process.kill()
    return process.returncode, out
