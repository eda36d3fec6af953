"""examples/dbt, built by dbt over months that the pipeline loaded: TLC's where they are, made-up ones otherwise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from taxi_luigi.sample import write_samples
from taxi_luigi.sample.zones import write_zones
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from tests.support import environments
from tests.support.project import ROOT, Project, environment
from tests.support.warehouses import Store

EXAMPLE = ROOT / "examples" / "dbt"
REAL = (
    "samples/yellow_tripdata_2020-04.csv", "samples/fhv_tripdata_2020-04.csv", "samples/fhvhv_tripdata_2020-04.csv",
    "samples/yellow_tripdata_2021-01.parquet", "whole/green_tripdata_2021-01.parquet",
)  # fmt: skip
"""those of TLC's files that take the place of made-up months"""

DAYS = {
    "yellow": "tpep_pickup_datetime", "green": "lpep_pickup_datetime", "fhv": "pickup_datetime",
    "fhvhv": "pickup_datetime",
}  # fmt: skip
CENTS = "CAST(sum(CAST(round({column} * 100) AS bigint)) AS bigint)"
"""a sum that is the same in any order"""


@dataclass(frozen=True)
class Dbt:
    """dbt with the profile of one warehouse."""

    python: Path
    store: Store
    folder: Path

    def build(self, *options: str) -> None:
        """Builds and tests all models; what it leaves is below `folder`, and everything passes."""
        folders = ["--target-path", self.folder / "target", "--log-path", self.folder / "logs"]
        done = subprocess.run(
            [self.python, "-m", "dbt.cli.main", "build", "--target", self.store.kind, *folders, *options],
            cwd=EXAMPLE, env=environment(self._env()), capture_output=True, text=True, timeout=240,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "deprecat" not in done.stdout.lower(), done.stdout
        results = json.loads((self.folder / "target" / "run_results.json").read_text())["results"]
        assert {each["status"] for each in results} == {"success", "pass"}, done.stdout

    def _env(self) -> dict[str, str]:
        common = {"DO_NOT_TRACK": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        if self.store.kind == "duckdb":
            return common | {"TAXI_DUCKDB": self.store.where}
        url = make_url(self.store.where)
        parts = {"HOST": url.host, "PORT": url.port, "USER": url.username, "PASSWORD": url.password}
        return common | {f"PG{key}": str(value) for key, value in (parts | {"DATABASE": url.database}).items()}


@pytest.fixture(scope="session")
def dbt_python() -> Path:
    """The interpreter that has dbt, with what the example tells its users to install."""
    requirements = EXAMPLE / "requirements.txt"
    return environments.kept("dbt", requirements, lambda: Path(sys.executable)) / "bin" / "python"


@pytest.fixture(params=["duckdb", "postgres"])
def store(request: pytest.FixtureRequest, project: Project) -> Store:
    """Where the project loads to."""
    if request.param == "duckdb":
        return Store("duckdb", str(project.warehouse))
    url: str = request.getfixturevalue("postgres_url")
    project.configure({"taxi": {"warehouse": "postgres"}, "warehouse.postgres": {"url": url}})
    return Store("postgres", url)


@pytest.fixture
def dbt(dbt_python: Path, store: Store, tmp_path: Path) -> Dbt:
    return Dbt(dbt_python, store, tmp_path / "dbt")


@pytest.fixture
def source(project: Project, tmp_path: Path) -> Path:
    """A folder with two months of every record type, which the project loads from."""
    folder = tmp_path / "published"
    write_samples(folder, tuple(DATASETS), [Month(2020, 4), Month(2021, 1)], 300, seed=1)
    write_zones(folder / "zones.csv")
    template = f"{folder}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet"
    project.configure(
        {"taxi": {"source": template, "zones": folder / "zones.csv"}, "core": {"local_scheduler": "true"}}
    )
    return folder


def publish_real(source: Path) -> None:
    """Replaces made-up months by TLC's."""
    for each in REAL:
        file = Path(os.environ["TLC_DATA"], each)
        shutil.copyfile(file, source / file.with_suffix(".parquet").name)


def test_the_models_hold_every_trip_and_follow_months_that_are_replaced_and_removed(
    project: Project, source: Path, store: Store, dbt: Dbt
) -> None:
    before = set(EXAMPLE.rglob("*"))
    if "TLC_DATA" in os.environ:
        publish_real(source)
    loaded = project.run("LoadAllMonths", "--colors", ",".join(DATASETS), "--months", "2020-04,2021-01")
    assert loaded.rc == 0, loaded.out
    dbt.build()
    assert daily(store) == counted(store, DATASETS)

    write_samples(source, ("green",), [Month(2020, 4)], 400, seed=2)
    replaced = project.run("LoadAllMonths", "--colors", "green", "--months", "2020-04", "--force")
    assert replaced.rc == 0, replaced.out
    removed = project.command("taxi-luigi", "remove", "--colors", "fhvhv", "--months", "2021-01", "--yes")
    assert removed.rc == 0, removed.out
    dbt.build("--vars", "record_types: [yellow, green, fhvhv]")
    assert daily(store) == counted(store, ["yellow", "green", "fhvhv"])
    assert project.command("taxi-luigi", "verify").rc == 0
    assert set(EXAMPLE.rglob("*")) == before


def daily(store: Store) -> Counter[tuple[Any, ...]]:
    """The mart: record type, day and zone with trips, and with cents where `counted` has them."""
    mart = {"duckdb": "main_trips.daily_trips", "postgres": "public_trips.daily_trips"}[store.kind]
    amount = f"CASE WHEN record_type IN ('yellow', 'green') THEN {CENTS.format(column='total_amount')} END"
    rows = store.query(
        f"SELECT record_type, pickup_date, location_id, sum(trips), {amount} FROM {mart} GROUP BY 1, 2, 3"
    )
    return Counter(rows)


def counted(store: Store, colors: Iterable[str]) -> Counter[tuple[Any, ...]]:
    """The same from the pipeline's own tables, without dbt."""
    found: Counter[tuple[Any, ...]] = Counter()
    for color in colors:
        amount = CENTS.format(column="total_amount") if color in ("yellow", "green") else "CAST(NULL AS bigint)"
        found.update(
            store.query(
                f"SELECT '{color}', CAST({DAYS[color]} AS date), coalesce(pulocationid, 264), count(*), {amount} "
                f"FROM {color}_tripdata GROUP BY 1, 2, 3"
            )
        )
    return found
