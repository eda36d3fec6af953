"""Every command in every document is run: here, in one project with made-up months, or by the test that is named here.

Those that nothing here can run, as gcloud, are named with the reason; all blocks are read by a shell.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.sample.zones import write_zones
from taxi_luigi.tlc.months import Month
from tests.docs.documents import DOCUMENTS, blocks, commands, luigi_flags, name, prose, taxi_luigi_flags, text_of, words
from tests.support.project import ROOT, Project, environment

LINES = {path: commands(text_of(path)) for path in DOCUMENTS}
EVERY = sorted({line for lines in LINES.values() for line in lines})
PYTHON = [
    (path, block)
    for path in DOCUMENTS
    for block in blocks(text_of(path), "python")
    if path.name != "library.md" or "DailyTrips" in block  # the others: test_library.py
]

RUN_BY = {
    r"kubectl ": ("tests/docs/test_kubernetes.py", "kubectl create job"),
    r"(taxi-)?luigi .*--shard|taxi-luigi status --check --months all": (
        "tests/pipeline/test_back_fills.py",
        '"--check"',
    ),
    r"luigi .*--worker-keep-alive": ("tests/pipeline/test_machines.py", '"keep_alive": "true"'),
    r"luigi .*GCS_BUCKET|LUIGI_CONFIG_PATH=config/postgres.cfg": ("tests/pipeline/test_profiles_run.py", '"postgres"'),
    r"luigi --module trips_by_zone": ("tests/docs/test_library.py", '"trips_by_zone"'),
    r"taxi-luigi status --check .*--months all": ("tests/docs/test_json.py", '"--check", *MONTHS'),
    r"taxi-luigi doctor": ("tests/pipeline/test_clouds.py", '"doctor"'),
    r"taxi-luigi schedule": ("tests/pipeline/test_cron.py", '"schedule"'),
    r"scripts/quickstart": ("tests/docs/test_scripts.py", '"quickstart"'),
    r"scripts/luigid": ("tests/docs/test_scripts.py", '"luigid"'),
    r"scripts/check-gcp": ("tests/docs/test_gcp.py", '"check-gcp"'),
    r"scripts/check-azure": ("tests/docs/test_azure_page.py", '"check-azure"'),
    r"scripts/test": (".ci/run", "exec scripts/test"),
    r"scripts/image": ("tests/image/conftest.py", "scripts"),
    r"python docs/schema\.py": ("tests/docs/test_schema.py", "schema.py"),
    r"python docs/configuration\.py": ("tests/docs/test_pages.py", "runpy"),
    r"python -m docs\.pictures": ("tests/docs/test_pictures.py", "pictures.py"),
    r"taxi-luigi dbt-sources": ("tests/unit/test_dbt_sources.py", '"dbt-sources"'),
    r"python3 -m venv|\.venv-dbt/bin/pip": ("tests/support/environments.py", '"venv"'),
    r"dbt build": ("tests/pipeline/test_dbt.py", '"build"'),
    r"docker (compose|run) ": ("tests/image/test_compose.py", "compose"),
    r"deploy/compose/make-secrets": ("tests/image/engine.py", "make-secrets"),
}
"""how a command begins, or what is in it → the test that runs it, and a word of that test"""

CANNOT_RUN = {
    "gcloud": "asks Google, and wants an account with billing",
    "bq": "the same",
    "az": "asks Azure, and wants a subscription",
    "docker": "pushes to a registry, and wants an account",
    "aws": "asks Amazon, and wants an account",
    "envsubst": "comes with gettext; tests/docs/test_deploy.py fills in the same",
    "sbatch": "comes with Slurm",
    "psql": "comes with PostgreSQL, as pgcli apart from us",
    "uvx": "the same",
    "duckdb": "the command line of DuckDB is a program apart from its Python package",
    "chmod": "changes a file of yours",
    "git": "changes the checkout that the tests run in",
    ".": "changes the shell that it is typed in",
    "cd": "the same",
    "export": "the same",
    "eval": "the same",
    "PROJECT=": "the same",
    "BUCKET=": "the same",
    "LOCATION=": "the same",
    "ACCOUNT=": "the same",
    "GROUP=": "the same",
    "CONTAINER=": "the same",
    "CLUSTER=": "the same",
    "SCOPE=": "the same",
    "IN_CONTAINER=": "the same",
    "ME=": "the same",
    "SECRET=": "the same",
    "REPOSITORY=": "the same",
}
"""a command → why no test runs it; shells read it all the same"""

MIRROR = "https://github.com/DataTalksClub/nyc-tlc-data/releases/download/{color}"
SHORTER = {"2024-01..2024-12": "2024-01..2024-02"}
"""a year is six times the same"""


def elsewhere(line: str) -> tuple[str, str] | None:
    """The test that runs it, and a word of that test."""
    return next((test for pattern, test in RUN_BY.items() if re.match(rf"(.* )?{pattern}", line)), None)


def cannot(line: str) -> bool:
    return any(line == each or line.startswith((f"{each} ", each * each.endswith("=") or "\0")) for each in CANNOT_RUN)


HERE = [line for line in EVERY if elsewhere(line) is None and not cannot(line)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose source has six months, 20 rows in each; three of green's are loaded."""
    folder = tmp_path_factory.mktemp("commands")
    source = folder / "published"
    months = [Month(2021, 1), Month(2021, 2), Month(2024, 1), Month(2024, 2)]
    write_samples(source, ("yellow", "green"), months, 20, seed=1)
    write_samples(source, ("yellow", "green"), [Month(2020, 11)], 20, seed=1, form="csv.gz")
    write_zones(source / "zones.csv")
    project = Project(
        folder / "project",
        {
            "taxi": {
                "source": f"{source}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
                "zones": source / "zones.csv",
            },
            "core": {"local_scheduler": "true"},
            "Report": {"path": folder / "project" / "report.html"},
        },
    )
    done = project.run("LoadAllMonths", "--colors", "green", "--months", "2021-01,2021-02,2024-01")
    assert done.rc == 0, done.out
    return project


def test_there_are_commands_and_all_are_accounted_for() -> None:
    assert len(EVERY) > 40
    assert len(HERE) > 10
    assert {words(line)[0] for line in HERE} <= {"luigi", "taxi-luigi"}


@pytest.mark.parametrize("line", HERE)
def test_a_command_does_what_the_document_shows(loaded: Project, line: str) -> None:
    command, *arguments = words(line)
    source = loaded.folder.parent / "published"
    arguments = [SHORTER.get(each, each).replace(MIRROR, str(source)) for each in arguments]
    done = loaded.command(command, *arguments, env={"LUIGI_CONFIG_PATH": str(loaded.folder / "luigi.cfg")})
    assert done.rc == 0, done.out
    assert "Traceback" not in done.out


@pytest.mark.parametrize("line", [line for line in EVERY if elsewhere(line) is not None])
def test_a_command_that_is_run_elsewhere_exists_and_so_does_the_test(line: str) -> None:
    test, word = elsewhere(line) or ("", "")
    assert word in (ROOT / test).read_text()
    match words(line):
        case ["luigi", "--module", "trips_by_zone", *_]:
            pass
        case ["luigi", *rest]:
            luigi_flags(rest)
        case ["taxi-luigi", *rest]:
            taxi_luigi_flags(rest)
        case ["docker" | "kubectl" | "python" | "python3" | "dbt" | ".venv-dbt/bin/pip", *_]:
            pass
        case [script, *_]:
            assert os.access(ROOT / script, os.X_OK)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_block_can_be_pasted_into_a_shell(path: Path) -> None:
    for block in blocks(text_of(path), "sh"):
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_a_command_within_the_text_exists(path: Path) -> None:
    """`taxi-luigi plan --json`: options and commands; one without arguments names the program."""
    text = prose(text_of(path))
    for line in re.findall(r"`(?:\.venv/bin/)?((?:taxi-luigi|luigi --module taxi_luigi) [^`…]+)`", text):
        match words(line.replace("\n", " ")):
            case ["taxi-luigi", first, *rest] if first.islower():
                taxi_luigi_flags([first, *rest])
            case ["luigi", *rest] if len(rest) > 2:
                luigi_flags(rest)
    for script in re.findall(r"`(scripts/[\w-]+)", text):
        assert os.access(ROOT / script, os.X_OK), script


@pytest.mark.parametrize("block", blocks(text_of(ROOT / "docs" / "operating.md"), "sql"))
def test_a_query_that_is_shown_runs(loaded: Project, block: str) -> None:
    """On DuckDB; roles and rights are PostgreSQL's alone."""
    with duckdb.connect(loaded.warehouse, read_only=True) as connection:
        for query in filter(str.strip, block.split(";")):
            if query.strip().startswith("SELECT"):
                assert connection.execute(query).fetchall() != []
            else:
                assert query.split()[0] in ("CREATE", "GRANT", "ALTER")


@pytest.mark.parametrize(("path", "block"), PYTHON, ids=[f"{name(path)}-{len(block)}" for path, block in PYTHON])
def test_python_that_is_shown_runs(loaded: Project, path: Path, block: str) -> None:
    compile(block, str(path), "exec")
    if "def test_" in block or "az://" in block:  # one for pytest, and what reads from an account of Azure's
        return
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=loaded.folder, env=environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
