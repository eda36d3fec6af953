"""Folders whose names engines take for more than names: hive partitions, patterns, escapes. A path means one file."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg2
import pytest

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month, month_range
from tests.pipeline.conftest import ROWS
from tests.support.project import Project

RANGE = ("--colors", "green", "--months", "2021-01")
SUM = "SELECT count(*), round(sum(fare_amount)::numeric, 2)::text FROM green_tripdata"


def project_in(folder: Path, seed: int, postgres_url: str, schema: str) -> Project:
    """A project with all that it reads and writes below `folder`: source, workspace, DuckDB's file, state, report."""
    project = Project(folder)
    source = folder / "published"
    write_samples(source, ("green",), month_range(Month(2021, 1), Month(2021, 1)), ROWS, seed=seed)
    zones = folder / "zones.csv"
    zones.write_text("LocationID,Borough,Zone,service_zone\n1,EWR,Newark,EWR\n")
    sections: dict[str, dict[str, object]] = {
        "taxi": {
            "source": f"{braces(source)}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
            "workspace": project.workspace,
            "zones": zones,
            "state": project.state,
            "warehouse": "duckdb, postgres",
        },
        "warehouse.duckdb": {"path": project.warehouse},
        "warehouse.postgres": {"url": postgres_url, "schema": schema},
        "core": {"lock_pid_dir": folder / "locks"},
        "Report": {"path": folder / "report.html"},
    }
    twice = {
        name: {key: str(value).replace("%", "%%") for key, value in keys.items()} for name, keys in sections.items()
    }
    project.configure(twice)
    return project


def braces(path: Path) -> str:
    return str(path).replace("{", "{{").replace("}", "}}")


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


NAME = "file_month=2020-01-01/fare_amount=0/taxi[1]/a*b {a,b} 100% it's ü"
DECOY = "file_month=2020-01-01/fare_amount=0/taxi1/axb a 100% it's ü"
"""what NAME would stand for if it were a pattern"""


def test_a_month_is_read_from_its_own_folder(tmp_path: Path, postgres_url: str) -> None:
    execute(postgres_url, "CREATE SCHEMA one; CREATE SCHEMA two")
    other = project_in(tmp_path / DECOY, 2, postgres_url, "one")
    ours = project_in(tmp_path / NAME, 1, postgres_url, "two")
    for project in (other, ours):
        done = project.run("LoadAllMonths", *RANGE)
        assert done.rc == 0, done.out
        assert "Warning" not in done.out
        published = project.folder / "published" / "green_tripdata_2021-01.parquet"
        with published.open("rb") as file:
            expected = duckdb.execute(
                "SELECT count(*), round(sum(fare_amount)::numeric, 2)::text "
                "FROM read_parquet(?, hive_partitioning = false)",
                [f"/proc/self/fd/{file.fileno()}"],
            ).fetchall()
        with duckdb.connect(str(project.warehouse), read_only=True) as connection:
            assert connection.execute(SUM).fetchall() == expected
        schema = "one" if project is other else "two"
        in_postgres = SUM.replace("green_tripdata", f"{schema}.green_tripdata")
        assert [(rows, float(fares)) for rows, fares in execute(postgres_url, in_postgres)] == [
            (rows, pytest.approx(float(fares))) for rows, fares in expected
        ]
        trips = project.command(
            "python",
            "-c",
            "import taxi_luigi; trips = taxi_luigi.read_trips('green', '2021-01'); "
            "print('read', len(trips), round(trips.fare_amount.sum(), 2), trips.file_month.nunique())",
        )
        assert f"read {ROWS} {float(expected[0][1]):.2f}".rstrip("0") in trips.out
        verified = project.command("taxi-luigi", "verify")
        assert verified.rc == 0, verified.out
        report = project.run("Report")
        assert report.rc == 0, report.out
        assert (project.folder / "report.html").is_file()
        assert project.leftovers() == []


def test_a_folder_in_which_duckdb_cannot_open_its_file_is_said_before_anything_is_made(
    tmp_path: Path, postgres_url: str
) -> None:
    project = project_in(tmp_path / "what?", 1, postgres_url, "public")
    for done in (project.run("LoadAllMonths", *RANGE), project.command("taxi-luigi", "doctor")):
        assert done.rc == 40, done.out
        assert "[warehouse.duckdb] path must not have " in done.out
        assert "Traceback" not in done.out
    assert not project.workspace.exists()
    project.configure({"warehouse.duckdb": {"path": tmp_path / "plain.duckdb"}})
    done = project.run("LoadAllMonths", *RANGE)
    assert done.rc == 0, done.out
    with duckdb.connect(str(tmp_path / "plain.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM green_tripdata").fetchall() == [(ROWS,)]


def test_an_address_is_no_duckdb_file(tmp_path: Path, postgres_url: str) -> None:
    project = project_in(tmp_path / "plain", 1, postgres_url, "public")
    project.configure({"warehouse.duckdb": {"path": "md:taxi?motherduck_token=hush"}})
    for done in (project.run("LoadAllMonths", *RANGE), project.command("taxi-luigi", "doctor")):
        assert done.rc == 40, done.out
        assert "must be a file on this machine's disk" in done.out
        assert "hush" not in done.out
        assert "Traceback" not in done.out
    assert not project.workspace.exists()
