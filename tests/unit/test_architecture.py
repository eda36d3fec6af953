"""What keeps the command quick, and the versions that CI pins."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "pandas",
    "numpy",
    "pyarrow",
    "sqlalchemy",
    "google",
    "azure",
    "boto3",
    "botocore",
    "matplotlib",
    "rich",
    "apprise",
    "jinja2",
    "duckdb",
    "psycopg2",
    "pgpq",
}


def test_naming_a_task_imports_nothing_heavy(tmp_path: Path) -> None:
    """What `luigi --module taxi_luigi` imports before it knows whether there is anything to do."""
    code = "import json, sys, taxi_luigi; taxi_luigi.LoadAllMonths; print(json.dumps(sorted(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert HEAVY & set(json.loads(printed)) == set()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+", line) for line in lines), "names and versions, no more"
    return {canonicalize_name(package): pinned for package, _, pinned in (line.partition("==") for line in lines)}


def test_this_environment_has_the_pinned_versions() -> None:
    assert {package: version(package) for package in pins()} == pins()


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = setup["options"]["install_requires"] + setup["options.extras_require"]["test"]
    requirements = [Requirement(line) for line in wanted.splitlines() if line]
    assert len(requirements) > 20
    for requirement in requirements:
        assert pins()[canonicalize_name(requirement.name)] in requirement.specifier, requirement
