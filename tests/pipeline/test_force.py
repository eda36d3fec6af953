"""`--force`: a month done again from the source on, while others read it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import duckdb_counts
from tests.support.cdn import Cdn
from tests.support.project import Project

JANUARY = "green_tripdata_2021-01.parquet"
MONTH = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
OLD, NEW = 3_000, 4_000


@pytest.fixture
def publisher(tmp_path: Path, samples: Path) -> Iterator[tuple[Cdn, Path]]:
    """A publisher who can rewrite a month: the server and the file that replaces 2021-01."""
    folder = tmp_path / "published"
    folder.mkdir()
    shutil.copy(samples / JANUARY, folder)
    rewritten = write_month(tmp_path / "rewritten", "green", Month(2021, 1), NEW, seed=9)
    with Cdn(folder) as cdn:
        yield cdn, rewritten


def test_a_rewritten_month_is_left_alone_until_it_is_forced(project: Project, publisher: tuple[Cdn, Path]) -> None:
    cdn, rewritten = publisher
    project.configure({"taxi": {"source": cdn.template}})
    assert project.run(*MONTH).rc == 0
    rewritten.replace(cdn.folders[0] / JANUARY)
    assert project.run(*MONTH).rc == 0
    assert duckdb_counts(project, "green_tripdata") == {"2021-01": OLD}
    forced = project.run(*MONTH, "--force")
    assert forced.rc == 0, forced.out
    assert "green: 1 month loaded (4,000 rows)" in forced.out
    assert duckdb_counts(project, "green_tripdata") == {"2021-01": NEW}
    clean = project.workspace / "clean" / "green" / JANUARY
    assert pq.read_metadata(clean).num_rows == NEW
    after = project.run(*MONTH)
    assert "green: 0 months loaded, 1 already there" in after.out


def test_forcing_twice_in_a_row_works(loading: Project) -> None:
    for _ in range(2):
        forced = loading.run(*MONTH, "--force")
        assert forced.rc == 0, forced.out
        assert "green: 1 month loaded" in forced.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": OLD}


def test_a_month_that_cannot_be_fetched_again_stays_as_it_was(loading: Project, samples: Path, tmp_path: Path) -> None:
    assert loading.run(*MONTH).rc == 0
    loading.configure({"taxi": {"source": "http://127.0.0.1:9/{color}_tripdata_{year}-{month:02}.parquet"}})
    forced = loading.run(*MONTH, "--force")
    assert forced.rc == 30, forced.out
    assert "Traceback" not in forced.out
    assert duckdb_counts(loading, "green_tripdata") == {"2021-01": OLD}


def test_readers_see_the_old_or_the_new_month_in_postgres(
    project: Project, publisher: tuple[Cdn, Path], postgres_url: str
) -> None:
    cdn, rewritten = publisher
    project.configure(
        {"taxi": {"source": cdn.template, "warehouse": "pg"}, "warehouse.pg": {"type": "postgres", "url": "${PG}"}}
    )
    assert project.run(*MONTH, env={"PG": postgres_url}).rc == 0
    rewritten.replace(cdn.folders[0] / JANUARY)
    seen: list[int] = []
    stop = threading.Event()

    def poll() -> None:
        connection = psycopg2.connect(postgres_url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            while not stop.wait(0.005):
                cursor.execute("SELECT count(*) FROM green_tripdata")
                row = cursor.fetchone()
                assert row is not None
                seen.append(row[0])
        connection.close()

    reader = threading.Thread(target=poll)
    reader.start()
    try:
        forced = project.run(*MONTH, "--force", env={"PG": postgres_url})
    finally:
        stop.set()
        reader.join()
    assert forced.rc == 0, forced.out
    assert seen[0] == OLD
    assert set(seen) <= {OLD, NEW}
    assert seen == sorted(seen), "never back"
