"""What the pipeline tests share: made-up months behind a server like TLC's CDN, and a project that loads from it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month, month_range
from tests.support.cdn import Cdn
from tests.support.once import Once
from tests.support.project import Project

ROWS = 3_000
"""in each made-up month"""

After = Callable[..., Project]
"""the fixture `after`"""


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Make folders that all processes of this session share, each by the first of them that needs it."""
    own = tmp_path_factory.getbasetemp()
    return Once(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session")
def samples(made_once: Once) -> Path:
    """yellow and green, 2021-01 to 2021-03, 3,000 rows each."""
    months = month_range(Month(2021, 1), Month(2021, 3))
    return made_once("samples", lambda folder: write_samples(folder, ("yellow", "green"), months, ROWS, seed=1))


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


@pytest.fixture
def after(loading: Project, cdn: Cdn, made_once: Once) -> After:
    """Return `loading` as a command leaves it that ends well: the first test that needs it runs it, others get a copy.

    Tests get the same where `./luigi.cfg` and the command are the same. It is for what a test begins with, not for what
    it tries: the server has no requests of it, and the run in the history is of another folder.
    """

    def after(*command: object) -> Project:
        settings = (loading.folder / "luigi.cfg").read_text()
        for own in (str(loading.folder), cdn.url):
            settings = settings.replace(own, "…")

        def run(left: Path) -> None:
            done = loading.run(*command)
            assert done.rc == 0, done.out
            for folder in (loading.workspace, loading.state):
                folder.rename(left / folder.name)
            (left / "server").write_text(cdn.url)

        digest = hashlib.sha256(json.dumps([*map(str, command), settings]).encode()).hexdigest()
        shutil.copytree(made_once(f"after-{digest[:16]}", run), loading.folder, dirs_exist_ok=True)
        server = (loading.folder / "server").read_text()
        for receipt in (loading.workspace / "raw").rglob("*.receipt.json"):
            receipt.write_text(receipt.read_text().replace(server, cdn.url))
        return loading

    return after


@pytest.fixture
def loaded_green(after: After) -> Project:
    """`loading`, after green 2021-01 to 2021-03 was loaded into DuckDB."""
    return after("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03")


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
