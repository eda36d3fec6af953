"""Thousands of spoilt files: each ends in a month that adds up or in one clear line, whatever else happens is a defect.

The suite tries some hundreds, the same ones every time; `pytest tests/fuzz --fuzz 10000 -s` tries as many others as you
like and prints how they ended.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.project import ROOT

SHORT = 400
BATCH = 2_500
"""files for one process, in which hypothesis remembers all of them"""


@pytest.mark.timeout(0)  # the run has its own
def test_a_spoilt_file_ends_in_a_month_that_adds_up_or_in_one_line(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    files: int = request.config.getoption("--fuzz")
    outcomes: Counter[str] = Counter()
    for start in range(0, files, BATCH):
        seed = start if files <= SHORT else random.SystemRandom().getrandbits(32)
        outcomes += run(min(BATCH, files - start), tmp_path, seed)
    print("\n".join(f"{count:>7,} {ended}" for ended, count in sorted(outcomes.items())))
    assert outcomes.total() >= files
    for form in ("csv", "parquet"):  # or else it tries nothing
        assert {f"{form}: {each}" for each in ("loaded", "loaded, with rejects", "BadFile", "LayoutError")} <= {
            *outcomes
        }


def run(files: int, folder: Path, seed: int) -> Counter[str]:
    command = [sys.executable, "-m", "tests.fuzz.run", str(files), str(folder), str(seed)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("LUIGI_")}
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, timeout=120 + files / 2)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-20_000:]}"
    assert done.stderr == ""
    return Counter(json.loads(done.stdout))
