"""The taxi zones through the luigi command: loaded beside the months, once, and never in their way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg2
import pytest

from taxi_luigi.sample import write_zones
from tests.pipeline.conftest import ROWS, duckdb_counts
from tests.support.cdn import PAGE, Cdn, Stall, Status
from tests.support.project import Project

NAME = "taxi_zone_lookup.csv"
MONTH = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
LOADED = {"2021-01": ROWS}
ALONE = ("LoadZones", "--warehouse", "duckdb")


@pytest.fixture
def cdn(samples: Path, tmp_path: Path) -> Iterator[Cdn]:
    """The samples, published, with a list of zones beside them that a test may change."""
    folder = tmp_path / "published"
    folder.mkdir()
    write_zones(folder / NAME)
    with Cdn(folder, samples) as server:
        yield server


@pytest.fixture
def loading(loading: Project, cdn: Cdn) -> Project:
    """A project that loads months and zones."""
    loading.configure({"taxi": {"zones": f"{cdn.url}/misc/{NAME}"}})
    return loading


def table(project: Project) -> list[tuple[int, str, str, str]]:
    with duckdb.connect(str(project.warehouse), read_only=True) as connection:
        return connection.execute("SELECT * FROM taxi_zones ORDER BY locationid").fetchall()


def zone_lines(out: str) -> list[str]:
    """What the summary says of zones."""
    return [line for line in out.splitlines() if line.startswith("zones")]


def test_zones_come_with_the_months_once(loading: Project, cdn: Cdn) -> None:
    first = loading.run(*MONTH)
    assert first.rc == 0, first.out
    assert zone_lines(first.out) == ["zones: 265 rows loaded into duckdb"]
    assert duckdb_counts(loading, "green_tripdata") == LOADED
    assert table(loading)[263:] == [(264, "Unknown", "N/A", "N/A"), (265, "N/A", "Outside of NYC", "N/A")]
    assert loading.leftovers() == []
    requests = len(cdn.log)

    again = loading.run(*MONTH)
    assert again.rc == 0, again.out
    assert zone_lines(again.out) == []
    assert "LoadZones" not in again.out
    assert len(cdn.log) == requests
    assert cdn.count("GET", NAME) == 1


def test_months_come_first(loading: Project) -> None:
    done = loading.run(*MONTH, "--log-level", "DEBUG")
    began = [line.partition(" running   ")[2] for line in done.out.splitlines()]
    order = [task.split("(")[0] for task in began if task]
    assert order == ["DownloadMonth", "CleanMonth", "LoadMonth", "LoadZones", "LoadAllMonths"]


def test_a_lost_table_is_loaded_again_without_touching_the_months(loading: Project, cdn: Cdn) -> None:
    assert loading.run(*MONTH).rc == 0
    with duckdb.connect(str(loading.warehouse)) as connection:
        connection.execute("DELETE FROM taxi_zones")
    again = loading.run(*MONTH)
    assert again.rc == 0, again.out
    assert zone_lines(again.out) == ["zones: 265 rows loaded into duckdb"]
    assert "green: 0 months loaded, 1 already there" in again.out
    assert len(table(loading)) == 265


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Status(404), f"/misc/{NAME}: not published (HTTP 404); check [taxi] zones"),
        (PAGE, "the server sent a web page instead of the file"),
        (Status(503), "gave up after 3 attempts, the last: HTTP 503"),
        (Stall(100), "not a byte for 2 s"),
    ],
)
def test_zones_that_cannot_be_had_fail_no_month(loading: Project, cdn: Cdn, fault: Status, says: str) -> None:
    cdn.fault(NAME, *[fault] * 5)
    done = loading.run(*MONTH, "--workers", 2)
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    (line,) = zone_lines(done.out)
    assert line.startswith("zones failed: LoadZones duckdb: http://127.0.0.1:")
    assert says in line
    assert "green: 1 month loaded (3,000 rows)" in done.out
    assert duckdb_counts(loading, "green_tripdata") == LOADED
    assert loading.leftovers() == []

    cdn.reset_failure()
    again = loading.run(*MONTH)
    assert again.rc == 0, again.out
    assert zone_lines(again.out) == ["zones: 265 rows loaded into duckdb"]


def test_months_do_not_wait_for_zones_that_do_not_come(loading: Project, cdn: Cdn) -> None:
    cdn.fault(NAME, Stall(100))
    loading.configure({"download": {"read_timeout": 60}})
    process = loading.start(*MONTH, "--workers", 2)
    try:
        cdn.wait(lambda: cdn.sent(NAME) > 0)
        out = ""
        assert process.stdout is not None
        while "green 2021-01: 3,000 rows in duckdb" not in out:
            out += process.stdout.readline()
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert "Loaded 265 zones" not in loading.logged()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty; it should be TLC's list of taxi zones"),
        ("LocationID,Borough,Zone\n1,a,b\n", "has no column service_zone"),
        ("LocationID,Borough,Zone,service_zone\n1,a,b,c\n1,a,b,c\n", "line 3: LocationID 1 is there a second time"),
    ],
)
def test_a_list_that_is_none_leaves_the_old_one(loading: Project, cdn: Cdn, content: str, says: str) -> None:
    assert loading.run(*ALONE).rc == 0
    before = table(loading)
    (cdn.folders[0] / NAME).write_text(content)
    done = loading.run(*ALONE, "--force")
    assert done.rc == 30, done.out
    assert "Traceback" not in done.out
    assert f"{cdn.url}/misc/{NAME}" in done.out
    assert says in done.out
    assert table(loading) == before


def test_force_loads_them_again_and_only_that(loading: Project, cdn: Cdn) -> None:
    assert loading.run(*ALONE).rc == 0
    path = cdn.folders[0] / NAME
    path.write_text(path.read_text().replace("Outside of NYC", "Far away"))
    for command in (ALONE, (*MONTH, "--force")):
        assert loading.run(*command).rc == 0
        assert table(loading)[264][2] == "Outside of NYC"
    assert cdn.count("GET", NAME) == 1
    for gets in (2, 3):
        forced = loading.run(*ALONE, "--force")
        assert forced.rc == 0, forced.out
        assert cdn.count("GET", NAME) == gets
        assert table(loading)[264][2] == "Far away"


def test_every_warehouse_gets_them_and_one_that_is_down_fails_alone(loading: Project, postgres_url: str) -> None:
    loading.configure(
        {
            "taxi": {"warehouse": "duckdb, pg, gone"},
            "warehouse.pg": {"type": "postgres", "url": "${PG}"},
            "warehouse.gone": {"type": "postgres", "url": "postgresql://u:hush@127.0.0.1:1/x"},
        }
    )
    done = loading.run(*MONTH, "--workers", 3, env={"PG": postgres_url})
    assert done.rc == 30, done.out
    assert "hush" not in done.out
    assert "WARNING: cannot list warehouse gone (postgresql://u@" in done.out
    loaded, failed = zone_lines(done.out)
    assert loaded in ("zones: 265 rows loaded into duckdb, pg", "zones: 265 rows loaded into pg, duckdb")
    assert failed.startswith("zones failed: LoadZones gone: warehouse gone (postgresql://u@127.0.0.1:1/x)")
    connection = psycopg2.connect(postgres_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM taxi_zones ORDER BY locationid")
        assert cursor.fetchall() == table(loading)
    connection.close()


def test_a_lake_without_a_warehouse_gets_them_once_as_a_file(loading: Project, cdn: Cdn) -> None:
    loading.configure({"taxi": {"warehouse": ""}})
    file = loading.workspace / "clean" / "taxi_zones.parquet"
    plan = loading.command("taxi-luigi", "plan", *MONTH[1:])
    assert "zones: missing in local" in plan.out
    done = loading.run(*MONTH)
    assert done.rc == 0, done.out
    assert zone_lines(done.out) == ["zones: 265 rows loaded into local"]
    assert duckdb.sql(f"SELECT count(*), max(locationid) FROM '{file}'").fetchall() == [(265, 265)]
    again = loading.run(*MONTH)
    assert again.rc == 0, again.out
    assert "UploadZones" not in again.out
    assert cdn.count("GET", NAME) == 1
    shutil.copy(next(file.parent.glob("green/*.parquet")), file)  # not a file of zones
    foreign = loading.run("UploadZones", "--lake", "local", "--force")
    assert foreign.rc == 30, foreign.out
    assert f"{file}: not a file of zones that taxi_luigi wrote; rename it" in foreign.out


def test_a_table_of_somebody_elses_is_left_alone_and_named(loading: Project) -> None:
    loading.workspace.mkdir()
    with duckdb.connect(str(loading.warehouse)) as connection:
        connection.execute("CREATE TABLE taxi_zones AS SELECT 1 AS LocationID")
    done = loading.run(*MONTH)
    assert done.rc == 30, done.out
    (line,) = zone_lines(done.out)
    assert "the table taxi_zones has the columns LocationID INTEGER, so taxi_luigi did not make it" in line
    assert table(loading) == [(1,)]
    assert duckdb_counts(loading, "green_tripdata") == LOADED


@pytest.mark.parametrize("name", [NAME, "taxi+_zone_lookup.csv"])
def test_both_editions_of_tlc_from_a_folder(project: Project, tlc_data: Path, name: str) -> None:
    project.configure({"taxi": {"zones": tlc_data / "zones" / name}})
    done = project.run(*ALONE)
    assert done.rc == 0, done.out
    assert len(table(project)) == 265


def test_two_runs_at_once_load_them_whole(loading: Project) -> None:
    processes = [loading.start(*ALONE, "--force", "--no-lock") for _ in range(2)]
    outs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(outs)
    assert len(table(loading)) == 265


def test_without_a_list_there_are_no_zones(loading: Project, cdn: Cdn) -> None:
    loading.configure({"taxi": {"zones": ""}})
    done = loading.run(*MONTH)
    assert done.rc == 0, done.out
    assert cdn.count("GET", NAME) == 0
    assert "zones" not in done.out
    alone = loading.run(*ALONE)
    assert alone.rc == 40, alone.out
    assert alone.out.splitlines() == [
        "ERROR: [taxi] zones is empty, so there are none to load: set it to a URL or a path of the list"
    ]


def test_a_file_url_and_an_unknown_column(project: Project, cdn: Cdn, tmp_path: Path) -> None:
    path = tmp_path / "zones with more.csv"
    shutil.copy(cdn.folders[0] / NAME, path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f'{lines[0]},"area"', *(f"{line},1" for line in lines[1:])]))
    project.configure({"taxi": {"zones": path.as_uri().replace("%", "%%")}})
    done = project.run(*ALONE)
    assert done.rc == 0, done.out
    assert f"WARNING: {path}: left out columns that taxi_luigi does not know: 'area'" in done.out
    assert len(table(project)) == 265
