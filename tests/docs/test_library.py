"""docs/library.md and examples/ as a user tries them: each snippet loads a month, where it needs no other server."""

from __future__ import annotations

import csv
import re
import shlex
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.sample.zones import write_zones
from taxi_luigi.tlc.months import Month
from tests.docs.documents import ROOT, blocks, commands, text_of
from tests.support.project import Project, environment

PAGE = text_of(ROOT / "docs" / "library.md")
SCHEDULERS = ROOT / "tests" / "support" / "schedulers"
LOAD_TRIPS = next(block for block in blocks(PAGE, "python") if "def load_trips" in block)
MONTHS = [Month(2024, 1), Month(2024, 2)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose source has two months of green, 20 rows in each; none is loaded."""
    source = tmp_path / "published"
    write_samples(source, ("green",), MONTHS, 20, seed=1)
    write_zones(source / "zones.csv")
    template = f"{source}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"
    return Project(
        tmp_path / "project",
        {
            "taxi": {"source": template, "zones": source / "zones.csv"},
            "core": {"local_scheduler": "true"},
        },
    )


def python(project: Project, text: str) -> subprocess.CompletedProcess[str]:
    """Run a program in the project's folder, with the stand-ins for other schedulers to import."""
    return subprocess.run(
        [sys.executable, "-c", text.replace("latest", "2024-01")],
        cwd=project.folder,
        env=environment({"PYTHONPATH": str(SCHEDULERS)}),
        capture_output=True,
        text=True,
        timeout=60,
    )


def loaded(project: Project) -> list[tuple[str, int]]:
    with duckdb.connect(project.warehouse, read_only=True) as connection:
        months = "SELECT strftime(file_month, '%Y-%m'), count(*) FROM green_tripdata GROUP BY ALL ORDER BY ALL"
        return connection.execute(months).fetchall()


def snippet(word: str) -> str:
    """The block of Python with this word."""
    return next(block for block in blocks(PAGE, "python") if word in block)


@pytest.mark.parametrize(
    ("word", "call"),
    [
        ("airflow", "import airflow.sdk\nfor operator in airflow.sdk.current[-1].tasks:\n    operator.execute()"),
        ("prefect", "taxi()"),
        ("dagster", "taxi()"),
    ],
)
def test_a_task_of_another_scheduler_loads_the_months(project: Project, word: str, call: str) -> None:
    assert len(snippet(word).strip().splitlines()) <= 15
    done = python(project, f"{LOAD_TRIPS}\n{snippet(word)}\n{call}")
    assert done.returncode == 0, done.stderr
    assert loaded(project) == [("2024-01", 20)]


def test_a_task_of_another_scheduler_fails_where_a_month_is_missing(project: Project) -> None:
    done = python(project, f"{LOAD_TRIPS}\nload_trips('green', '2024-02..2024-03')")
    assert done.returncode == 1
    assert "RuntimeError: months are missing" in done.stderr
    assert loaded(project) == [("2024-02", 20)]


def test_kestras_task_is_a_command_that_ends_well(project: Project) -> None:
    (block,) = blocks(PAGE, "yaml")
    assert len(block.strip().splitlines()) <= 15
    (line,) = re.findall(r"- (luigi .*)", block)
    command, *arguments = shlex.split(line.replace("latest", "2024-01"))
    done = project.command(command, *arguments)
    assert done.rc == 0, done.out
    assert loaded(project) == [("2024-01", 20)]


def test_the_notebooks_cell_loads_and_reads_a_month(project: Project) -> None:
    done = python(project, f"{snippet('read_trips')}\nprint(done, len(trips), list(trips.columns))")
    assert done.stdout.strip() == "True 20 ['lpep_pickup_datetime', 'total_amount']", done.stderr


def example(project: Project, *arguments: str) -> str:
    done = project.command("luigi", "--module", "trips_by_zone", *arguments, env={"PYTHONPATH": str(ROOT / "examples")})
    assert done.rc == 0, done.out
    return done.out


def counted(project: Project) -> dict[str, int]:
    """File → the trips that it counts."""
    files = sorted((project.folder / "daily").glob("*.csv"))
    return {
        file.name: sum(int(row["trips"]) for row in csv.DictReader(file.read_text().splitlines())) for file in files
    }


def test_the_examples_entries_of_the_crontab_count_a_month_again_that_is_replaced(project: Project) -> None:
    example(project, "TripsByZone", "--month", "2024-01")
    assert counted(project) == {"green_2024-01.csv": 20}

    published = project.folder.parent / "published"
    for file in published.glob("green*"):
        file.unlink()
    write_samples(published, ("green",), MONTHS, 30, seed=2)
    nightly, zones = (line.partition(" -- ")[2].split() for line in commands(PAGE) if "taxi-luigi schedule" in line)
    nightly += ["--colors", "green", "--months", "2024-01..2024-02", "--refresh", "all"]
    for words in (nightly, [*zones, "--today", "2024-03-09"]):
        given = {"PYTHONPATH": str(ROOT / "examples"), "TAXI_LUIGI_HOME": str(project.folder)}
        done = project.command("taxi-luigi", "cron-run", "--", *words, env=given)
        assert (done.rc, done.out) == (0, "")
    assert counted(project) == {"green_2024-01.csv": 30, "green_2024-02.csv": 30}
    [log] = (project.workspace / "logs").glob("cron-*.log")
    assert "nothing to do" not in log.read_text()
