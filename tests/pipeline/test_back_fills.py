"""A back-fill by N processes without luigid: `--shard I/N`, and `auto` as the platforms number their processes."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import duckdb
import psycopg2
import pytest

from taxi_luigi.tlc.months import Month, month_range, spans
from taxi_luigi.tlc.shards import Shard
from tests.pipeline.conftest import ROWS
from tests.support.at_once import at_once
from tests.support.cdn import Cdn
from tests.support.luigid import Luigid
from tests.support.project import Project

MONTHS = [f"{color} {month}" for color in ("yellow", "green") for month in month_range(Month(2021, 1), Month(2021, 3))]
SELECTED = ("--colors", "yellow,green", "--months", "2021-01..2021-03")
LOAD = ("LoadAllMonths", *SELECTED)
ZONES = "LocationID,Borough,Zone,service_zone\n1,EWR,Newark Airport,EWR\n"


def share(shard: str) -> list[str]:
    """The months that a shard has of MONTHS."""
    number, count = map(int, shard.split("/"))
    held = Shard(number, count)
    return [each for each in MONTHS if held.holds(each.split()[0], Month.parse(each.split()[1]))]


@pytest.fixture
def into_postgres(loading: Project, postgres_url: str) -> Project:
    """A project that loads months and zones into PostgreSQL."""
    (loading.folder / "zones.csv").write_text(ZONES)
    loading.configure({"taxi": {"warehouse": "postgres", "zones": loading.folder / "zones.csv"}})
    loading.configure({"warehouse.postgres": {"url": postgres_url}})
    return loading


@pytest.fixture
def into_files(loading: Project) -> Project:
    """A project that loads into a DuckDB file for each shard."""
    (loading.folder / "zones.csv").write_text(ZONES)
    loading.configure({"taxi": {"zones": loading.folder / "zones.csv"}})
    loading.configure({"warehouse.duckdb": {"path": loading.workspace / "trips-{shard}.duckdb"}})
    return loading


def in_postgres(url: str) -> dict[str, int]:
    """`green 2021-01` → rows, counted; each has a marker of as many."""
    found = {}
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT color, to_char(file_month, 'YYYY-MM'), rows FROM taxi_luigi_loads")
        marked = {f"{color} {month}": rows for color, month, rows in cursor.fetchall()}
        for color in {each.split()[0] for each in marked}:
            cursor.execute(f"SELECT to_char(file_month, 'YYYY-MM'), count(*) FROM {color}_tripdata GROUP BY 1")
            found |= {f"{color} {month}": rows for month, rows in cursor.fetchall()}
    assert found == marked
    return found


def test_three_shards_in_turn_load_each_month_once(into_postgres: Project, cdn: Cdn, postgres_url: str) -> None:
    made: Counter[str] = Counter()
    for shard in ("2/3", "1/3", "3/3"):
        done = into_postgres.run(*LOAD, "--shard", shard)
        assert done.rc == 0, done.out
        number = len(share(shard))
        zones = "; and the zones" if shard == "1/3" else ""
        first = f"shard {shard[0]} of 3: {number} of 6 months: {number // 2} yellow, {number // 2} green{zones}"
        assert done.out.splitlines()[0] == first
        assert ("zones: 1 rows loaded" in done.out) == (shard == "1/3")
        made.update(share(shard))
        assert in_postgres(postgres_url) == dict.fromkeys(made, ROWS)
        checked = into_postgres.command("taxi-luigi", "status", "--check", *SELECTED)
        assert checked.rc == (0 if len(made) == len(MONTHS) else 60), checked.out
        if len(made) < len(MONTHS):
            missing = spans(Month.parse(each[-7:]) for each in MONTHS[:3] if each not in made)
            assert f"yellow not in clean and postgres: {missing}" in checked.out
    assert made == Counter(MONTHS)
    assert set(Counter(request.name for request in cdn.log if request.method == "GET").values()) == {1}
    again = into_postgres.run(*LOAD, "--shard", "2/3")
    assert "yellow: 0 months loaded, 1 already there" in again.out
    assert "--shard 2/3" in into_postgres.command("taxi-luigi", "history", "--last", "1").out


def test_two_processes_of_one_shard_at_once_are_harmless(into_postgres: Project, postgres_url: str) -> None:
    for runs in (["1/2", "1/2", "2/2"], ["1/2", "2/2", "2/2"]):
        for run in at_once(into_postgres, [(*LOAD, "--shard", shard, "--force") for shard in runs]):
            assert run.rc == 0, run.out
            assert "Traceback" not in run.out
        assert in_postgres(postgres_url) == dict.fromkeys(MONTHS, ROWS)


def test_a_shard_that_was_killed_does_what_is_missing(into_postgres: Project, cdn: Cdn, postgres_url: str) -> None:
    cdn.pause = 0.02
    killed = into_postgres.start(*LOAD, "--shard", "1/1")
    assert killed.stdout is not None
    said = ""
    while "rows in postgres" not in said:
        line = killed.stdout.readline()
        assert line, said
        said += line
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    before = in_postgres(postgres_url)
    assert 0 < len(before) < len(MONTHS)
    done = into_postgres.run(*LOAD, "--shard", "1/1")
    assert done.rc == 0, done.out
    assert sum(" rows in postgres" in line for line in done.out.splitlines()) == len(MONTHS) - len(before)
    assert in_postgres(postgres_url) == dict.fromkeys(MONTHS, ROWS)
    assert into_postgres.leftovers() == []


def test_shards_that_share_a_luigid_do_their_own_months(
    into_postgres: Project, cdn: Cdn, postgres_url: str, tmp_path: Path
) -> None:
    with Luigid(tmp_path / "luigid") as luigid:
        runs = [into_postgres.start(*LOAD, "--shard", shard, scheduler=luigid.url) for shard in ("1/2", "2/2")]
        said = [run.communicate(timeout=120)[0] for run in runs]
    for shard, run, text in zip(("1/2", "2/2"), runs, said, strict=True):
        assert run.returncode == 0, text
        assert sum(" rows in postgres" in line for line in text.splitlines()) == len(share(shard)), text
    assert in_postgres(postgres_url) == dict.fromkeys(MONTHS, ROWS)
    assert set(Counter(request.name for request in cdn.log if request.method == "GET").values()) == {1}


def test_the_platform_s_index_counts_with_auto_alone(into_postgres: Project, postgres_url: str) -> None:
    pod = {"JOB_COMPLETION_INDEX": "1"}
    done = into_postgres.run(*LOAD, "--shard", "auto/2", env=pod)
    assert done.rc == 0, done.out
    assert in_postgres(postgres_url) == dict.fromkeys(share("2/2"), ROWS)
    shown = into_postgres.command("taxi-luigi", "history", "--last", "1").out
    assert "--shard 2/2" in shown
    assert "auto" not in shown
    planned = into_postgres.command("taxi-luigi", "plan", *SELECTED, "--shard", "auto/2", "--json", env=pod)
    assert '"shard": "2/2"' in planned.out
    done = into_postgres.run(*LOAD, env=pod)
    assert done.rc == 0, done.out
    assert in_postgres(postgres_url) == dict.fromkeys(MONTHS, ROWS)
    refused = into_postgres.run(*LOAD, "--shard", "auto")
    assert refused.rc == 40
    assert refused.out.startswith("ERROR: shard auto: no platform has numbered this process")
    assert len(refused.out.splitlines()) == 1


def test_a_shard_without_a_month_ends_well(into_postgres: Project) -> None:
    words = ("LoadAllMonths", "--colors", "green", "--months", "2021-01")
    held = next(shard for shard in range(2, 5) if "green 2021-01" not in share(f"{shard}/4"))
    done = into_postgres.run(*words, "--shard", f"{held}/4")
    assert (done.rc, done.out.splitlines()) == (
        0,
        [f"shard {held} of 4: 0 of 1 month, so there is nothing to do"],
    )


def test_each_shard_has_a_duckdb_file_and_commands_read_them_all(into_files: Project) -> None:
    for run in at_once(into_files, [(*LOAD, "--shard", shard) for shard in ("1/2", "2/2")]):
        assert run.rc == 0, run.out
    for shard in ("1/2", "2/2"):
        file = into_files.workspace / f"trips-{shard.replace('/', '-of-')}.duckdb"
        with duckdb.connect(str(file), read_only=True) as connection:
            found = connection.execute(
                "SELECT color || ' ' || strftime(file_month, '%Y-%m'), rows FROM taxi_luigi_loads"
            )
            assert dict(found.fetchall()) == dict.fromkeys(share(shard), ROWS)
    assert into_files.command("taxi-luigi", "status", "--check", *SELECTED).rc == 0
    assert f"green_tripdata in duckdb: {3 * ROWS:,} rows" in into_files.command("taxi-luigi", "loaded").out
    assert "1 row" in into_files.command("taxi-luigi", "loaded").out
    assert into_files.command("taxi-luigi", "verify").rc == 0
    removed = into_files.command("taxi-luigi", "remove", "--colors", "green", "--months", "2021-02", "--yes")
    assert removed.rc == 0, removed.out
    assert into_files.command("taxi-luigi", "status", "--check", *SELECTED).rc == 60
    (its,) = [shard for shard in ("1/2", "2/2") if "green 2021-02" in share(shard)]
    single = ("LoadMonth", "--warehouse", "duckdb", "--color", "green", "--month", "2021-02")
    assert into_files.run(*single, "--shard", its).rc == 0
    assert into_files.command("taxi-luigi", "status", "--check", *SELECTED).rc == 0
    other = "1/2" if its == "2/2" else "2/2"
    assert f"green 2021-02 is of shard {its}, not {other}" in into_files.run(*single, "--shard", other).out
    refused = into_files.run("LoadZones", "--warehouse", "duckdb", "--shard", "2/2")
    assert (refused.rc, refused.out.splitlines()[0]) == (40, "ERROR: the zones are of shard 1/2, not 2/2")


def test_a_shard_does_not_wait_for_the_file_of_another_one(into_files: Project) -> None:
    into_files.configure({"taxi": {"keep_raw": "false"}, "warehouse.duckdb": {"wait": "20"}})
    assert into_files.run(*LOAD, "--shard", "1/2").rc == 0
    with duckdb.connect(str(into_files.workspace / "trips-1-of-2.duckdb")):
        done = into_files.run(*LOAD, "--shard", "2/2")
    assert done.rc == 0, done.out
    assert not list((into_files.workspace / "raw").rglob("*.parquet")), "keep_raw = false"


@pytest.mark.parametrize(
    ("path", "words", "line"),
    [
        ("trips.duckdb", ("--shard", "1/2"), "shard 1/2: warehouse duckdb is one file"),
        ("trips-{shard}.duckdb", (), "give --shard I/N, or --shard 1/1 for all months in one file"),
        ("trips-{shard}.duckdb", ("--shard", "1/2"), "has files of 3 shards; give that N, or move them away"),
        ("{shard}/trips.duckdb", ("--shard", "1/2"), "write it into the file's name"),
    ],
)
def test_duckdb_that_several_shards_cannot_write_is_refused_at_the_start(
    loading: Project, cdn: Cdn, path: str, words: tuple[str, ...], line: str
) -> None:
    loading.workspace.mkdir()
    (loading.workspace / "trips-2-of-3.duckdb").touch()
    loading.configure({"warehouse.duckdb": {"path": loading.workspace / path}})
    for done in (loading.run(*LOAD, *words), loading.command("taxi-luigi", "plan", *SELECTED, *words)):
        assert done.rc == 40
        assert line in done.out
        assert len(done.out.splitlines()) == 1
    assert cdn.log == []
