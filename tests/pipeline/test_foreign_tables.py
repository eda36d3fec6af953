"""A warehouse in which another script made tables of our names: every command says so in one line, and goes on."""

from __future__ import annotations

from collections.abc import Callable

import duckdb
import psycopg2
import pytest

from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.project import Project, Run

RANGE = ("--colors", "yellow,green", "--months", "2021-01")
VIEW = "CREATE VIEW green_tripdata AS SELECT DATE '2021-01-01' AS file_month, 1 AS vendorid"
TABLE = 'CREATE TABLE green_tripdata ("VendorID" bigint)'
Execute = Callable[[str], None]


@pytest.fixture(params=["duckdb", "postgres"])
def execute(request: pytest.FixtureRequest, loading: Project) -> Execute:
    """Somebody else's script on the warehouse of the project."""
    if request.param == "duckdb":
        loading.workspace.mkdir()
        return lambda statement: duckdb.connect(str(loading.warehouse)).execute(statement).close()
    url = request.getfixturevalue("postgres_url")
    loading.configure({"taxi": {"warehouse": "postgres"}, "warehouse.postgres": {"url": url}})

    def execute(statement: str) -> None:
        connection = psycopg2.connect(url)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    return execute


def naming(done: Run, count: int | None = None) -> str:
    """The lines that say whose table it is."""
    assert "Traceback" not in done.out
    assert "Binder Error" not in done.out
    lines = {line for line in done.out.splitlines() if "did not make it; rename it" in line}
    assert lines, done.out
    assert count is None or len(lines) == count, done.out
    return "\n".join(lines)


# Each warehouse names tables and views alike: tests/contract/test_warehouses.py and those of each warehouse.
@pytest.mark.parametrize(("execute", "made"), [("duckdb", VIEW), ("postgres", TABLE)], indirect=["execute"])
def test_every_command_names_a_table_that_another_script_made(loading: Project, execute: Execute, made: str) -> None:
    execute(made)
    doctor = loading.command("taxi-luigi", "doctor", env={"COLUMNS": "400"})
    assert doctor.rc == 40, doctor.out
    assert "did not make it" in " ".join(doctor.out.split())
    done = loading.run("LoadAllMonths", *RANGE)
    assert done.rc == 30, done.out
    assert "ERROR: LoadMonth green 2021-01" in naming(done)
    answers = {command: loading.command("taxi-luigi", command) for command in ("loaded", "verify", "status")}
    for answer in answers.values():
        assert answer.rc == 40, answer.out
        naming(answer, 1)
    assert "green_tripdata in" not in answers["loaded"].out
    assert f"2021-01 {ROWS:>12,}" in answers["loaded"].out
    naming(loading.command("taxi-luigi", "plan", *RANGE))
    removed = loading.command("taxi-luigi", "remove", *RANGE, "--yes")
    assert removed.rc == 40, removed.out
    assert "green 2021-01 is still in warehouse" in removed.out
    assert "removed yellow/yellow_tripdata_2021-01.parquet" in removed.out
    execute(f"DROP {made.split()[1]} green_tripdata")
    done = loading.run("LoadAllMonths", *RANGE)
    assert done.rc == 0, done.out
    assert loading.command("taxi-luigi", "verify").rc == 0


def test_months_of_other_record_types_are_not_loaded_again(loading: Project, execute: Execute) -> None:
    assert loading.run("LoadAllMonths", *RANGE).rc == 0
    execute("DROP TABLE green_tripdata")
    execute(VIEW)
    done = loading.run("LoadAllMonths", "--colors", "green,yellow", "--months", "2021-01")
    assert done.rc == 30, done.out
    assert "yellow 2021-01" not in done.out
    assert "ERROR: LoadMonth green 2021-01" in naming(done)
    if loading.warehouse.exists():
        assert duckdb_counts(loading, "yellow_tripdata") == {"2021-01": ROWS}
