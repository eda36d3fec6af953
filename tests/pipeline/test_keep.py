"""Several lakes, and machines with a small disk: `lake = nas`, `keep_raw = false`, `keep_clean = false`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROWS, After, duckdb_counts
from tests.support.cdn import Cdn
from tests.support.project import Project

MONTH = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")


@pytest.fixture
def two_lakes(loading: Project, tmp_path: Path) -> tuple[Project, Path]:
    """The workspace's own lake and one on another disk."""
    nas = tmp_path / "nas"
    loading.configure({"taxi": {"lake": "nas, local"}, "lake.nas": {"type": "local", "path": nas}})
    return loading, nas


def test_every_lake_gets_the_same_bytes(two_lakes: tuple[Project, Path]) -> None:
    project, nas = two_lakes
    done = project.run(*MONTH, "--workers", 2)
    assert done.rc == 0, done.out
    name = "green/green_tripdata_2021-01.parquet"
    assert (nas / name).read_bytes() == (project.workspace / "clean" / name).read_bytes()
    again = project.run(*MONTH)
    assert "0 months loaded, 1 already there" in again.out


def test_a_new_machine_beside_a_full_lake_downloads_nothing(two_lakes: tuple[Project, Path], cdn: Cdn) -> None:
    project, _ = two_lakes
    assert project.run(*MONTH).rc == 0
    requests = len(cdn.log)
    shutil.rmtree(project.workspace)
    project.configure({"taxi": {"lake": "nas"}})
    done = project.run(*MONTH)
    assert done.rc == 0, done.out
    assert len(cdn.log) == requests
    assert duckdb_counts(project, "green_tripdata") == {"2021-01": ROWS}


@pytest.mark.parametrize("workers", [1, 3])
def test_raw_and_clean_go_once_every_store_has_the_month(
    two_lakes: tuple[Project, Path], cdn: Cdn, workers: int
) -> None:
    project, nas = two_lakes
    project.configure(
        {
            "taxi": {"lake": "nas", "keep_raw": "false", "keep_clean": "false", "warehouse": "duckdb, second"},
            "warehouse.second": {"type": "duckdb", "path": project.workspace / "second.duckdb"},
        }
    )
    done = project.run(*MONTH, "--workers", workers)
    assert done.rc == 0, done.out
    assert [path for path in project.workspace.rglob("*.parquet") if path.is_file()] == []
    assert list((project.workspace / "raw").rglob("*.json")) == []
    assert (nas / "green" / "green_tripdata_2021-01.parquet").exists()
    requests = len(cdn.log)
    again = project.run(*MONTH)
    assert "0 months loaded, 1 already there" in again.out
    assert len(cdn.log) == requests


def test_what_a_killed_run_kept_goes_with_the_next_one(after: After) -> None:
    loading = after(*MONTH)
    raw = loading.workspace / "raw" / "green" / "green_tripdata_2021-01.parquet"
    assert raw.exists()
    loading.configure({"taxi": {"keep_raw": "false"}})
    assert loading.run(*MONTH).rc == 0
    assert not raw.exists()
