"""What the pipeline tests share: made-up months behind a server like TLC's CDN, and a project that loads from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month, month_range
from tests.support.cdn import Cdn
from tests.support.project import Project

ROWS = 3_000
"""in each made-up month"""


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """yellow and green, 2021-01 to 2021-03, 3,000 rows each."""
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder, ("yellow", "green"), month_range(Month(2021, 1), Month(2021, 3)), ROWS, seed=1)
    return folder


@pytest.fixture
def cdn(samples: Path) -> Iterator[Cdn]:
    """The samples, published."""
    with Cdn(samples) as server:
        yield server


@pytest.fixture
def loading(project: Project, cdn: Cdn) -> Project:
    """A project whose source is `cdn`, and whose patience is short."""
    project.configure(
        {
            "taxi": {"source": cdn.template},
            "download": {"backoff": 0.05, "attempts": 3, "read_timeout": 2},
        }
    )
    return project


@pytest.fixture(scope="session")
def _once(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project after one run that loaded the three months of green."""
    project = Project(tmp_path_factory.mktemp("once") / "project")
    with Cdn(samples) as cdn:
        project.configure({"taxi": {"source": cdn.template}})
        done = project.run("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03")
    assert done.rc == 0, done.out
    return project.folder


@pytest.fixture
def loaded_green(loading: Project, _once: Path) -> Project:
    """`loading`, after green 2021-01 to 2021-03 was loaded into DuckDB, as a copy of what one run left."""
    for folder in (loading.workspace, loading.state):
        shutil.copytree(_once / folder.name, folder)
    return loading


def duckdb_counts(project: Project, table: str) -> dict[str, int]:
    """Rows per file_month, `2021-01` → 3000, as a person would count them; empty when there is no such table."""
    with duckdb.connect(str(project.warehouse), read_only=True) as connection:
        if not connection.execute("SELECT 1 FROM information_schema.tables WHERE table_name = ?", [table]).fetchone():
            return {}
        rows = connection.execute(
            f"SELECT strftime(file_month, '%Y-%m'), count(*) FROM {table} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    return dict(rows)


ROWS_AND_CENTS = "count(*), CAST(sum(CAST(round(total_amount * 100) AS bigint)) AS bigint)"


def cents_in_duckdb(path: Path) -> dict[str, tuple[int, int]]:
    """Month of green → its rows and the sum of total_amount in cents."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            f"SELECT strftime(file_month, '%Y-%m'), {ROWS_AND_CENTS} FROM green_tripdata GROUP BY 1"
        ).fetchall()
    return {month: (count, cents) for month, count, cents in rows}


def markers(project: Project) -> dict[tuple[str, str], int]:
    """(color, month) → rows, from taxi_luigi_loads."""
    with duckdb.connect(str(project.warehouse), read_only=True) as connection:
        rows = connection.execute("SELECT color, strftime(file_month, '%Y-%m'), rows FROM taxi_luigi_loads").fetchall()
    return {(color, month): count for color, month, count in rows}
