"""`--refresh`: months that TLC rewrote, or that our rules changed, are found and replaced; readers never miss one."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import psycopg2
import pytest

from taxi_luigi.sample import write_month, write_samples
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import After, duckdb_counts
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.cdn import Cdn, Status
from tests.support.gcs import GcsServer
from tests.support.once import Once
from tests.support.project import Project

NOW = Month.of(date.today())
OLD, RECENT, LAST = Month(2021, 1), NOW.plus(-5), NOW.plus(-4)
"""a month that is re-checked only with `--refresh all`, and two of the last eight"""

ROWS, NEW = 2_000, 2_500
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", f"{OLD},{RECENT},{LAST}")


@pytest.fixture
def cdn(made_once: Once, tmp_path: Path) -> Iterator[Cdn]:
    """A publisher of three months, who rewrites them at will; their ETags are the same in each test."""
    months = made_once("refreshed", lambda to: write_samples(to, ("green",), (OLD, RECENT, LAST), ROWS, seed=1))
    with Cdn(shutil.copytree(months, tmp_path / "published")) as cdn:
        yield cdn


def rewrite(cdn: Cdn, month: Month, folder: Path, rows: int = NEW) -> None:
    """Puts other rows in the place of a month, and so another ETag."""
    made = write_month(folder / f"rewritten-{rows}", "green", month, rows, seed=rows)
    shutil.copy(made, cdn.folders[0] / f"green_tripdata_{month}.parquet")


def counts(**changed: int) -> dict[str, int]:
    """Rows per month, 2,000 but for those that changed."""
    return {str(month): changed.get(name, ROWS) for name, month in (("old", OLD), ("recent", RECENT), ("last", LAST))}


def test_a_rewritten_month_is_found_by_refresh_alone_and_replaced_alone(
    loading: Project, after: After, cdn: Cdn, tmp_path: Path
) -> None:
    after(*COMMAND)
    rewrite(cdn, RECENT, tmp_path)
    rewrite(cdn, OLD, tmp_path)
    cdn.log.clear()
    assert "3 already there" in loading.run(*COMMAND).out
    assert cdn.log == []
    done = loading.run(*COMMAND, "--refresh")
    assert done.rc == 0, done.out
    assert duckdb_counts(loading, "green_tripdata") == counts(recent=NEW)
    heads = sorted(request.name for request in cdn.log if request.method == "HEAD")
    assert heads == sorted(f"green_tripdata_{month}.parquet" for month in (RECENT, LAST))
    assert [request.name for request in cdn.log if request.method == "GET"] == [f"green_tripdata_{RECENT}.parquet"]
    assert loading.command("taxi-luigi", "verify").rc == 0
    again = loading.run(*COMMAND, "--refresh")
    assert "3 already there" in again.out
    everything = loading.run(*COMMAND, "--refresh", "all")
    assert everything.rc == 0, everything.out
    assert duckdb_counts(loading, "green_tripdata") == counts(recent=NEW, old=NEW)


def test_other_rules_clean_every_month_again_from_the_files_at_hand(loading: Project, after: After, cdn: Cdn) -> None:
    after(*COMMAND)
    loading.configure({"clean": {"reject": "no_passengers"}})
    asked = cdn.count("GET")
    done = loading.run(*COMMAND, "--refresh")
    assert done.rc == 0, done.out
    assert cdn.count("GET") == asked
    assert loading.logged().count("Cleaned green") == 3
    after = duckdb_counts(loading, "green_tripdata")
    assert all(0 < rows < ROWS for rows in after.values())
    assert loading.command("taxi-luigi", "verify").rc == 0
    assert "3 already there" in loading.run(*COMMAND, "--refresh").out


def test_a_run_with_other_rules_names_all_months_that_it_reverts_the_rewritten_ones_too(
    loading: Project, after: After, cdn: Cdn, tmp_path: Path
) -> None:
    after(*COMMAND)
    rewrite(cdn, LAST, tmp_path)
    warning = "cleaned by other rules than [clean] has now, and to be cleaned again: "
    done = loading.run(*COMMAND, "--refresh", "--clean-reject", "no_passengers")
    assert f"{warning}green {OLD}, green {RECENT}, green {LAST};" in done.out, done.out
    forced = loading.run("LoadAllMonths", "--colors", "green", "--months", LAST, "--force")
    assert f"{warning}green {LAST};" in forced.out, forced.out
    again = loading.run("LoadAllMonths", "--colors", "green", "--months", LAST, "--force")
    assert warning not in again.out


def test_a_lake_alone_is_refreshed_by_what_its_files_say(
    loading: Project, after: After, cdn: Cdn, tmp_path: Path
) -> None:
    loading.configure({"taxi": {"warehouse": ""}})
    after(*COMMAND)
    assert "3 already there" in loading.run(*COMMAND, "--refresh").out
    rewrite(cdn, LAST, tmp_path)
    done = loading.run(*COMMAND, "--refresh")
    assert done.rc == 0, done.out
    assert loading.logged().count("Cleaned green") == 1


def test_an_unreachable_source_leaves_everything_as_it_is_with_a_warning(
    loading: Project, after: After, cdn: Cdn, tmp_path: Path
) -> None:
    after(*COMMAND)
    rewrite(cdn, RECENT, tmp_path)
    for month in (RECENT, LAST):
        cdn.fault(f"green_tripdata_{month}.parquet", *[Status(503)] * 9, method="HEAD")
    done = loading.run(*COMMAND, "--refresh")
    assert done.rc == 0, done.out
    assert "WARNING: the source could not be asked whether 2 months are still as they were" in done.out
    assert duckdb_counts(loading, "green_tripdata") == counts()
    cdn.reset_failure()
    assert loading.run(*COMMAND, "--refresh").rc == 0
    assert duckdb_counts(loading, "green_tripdata") == counts(recent=NEW)


def test_a_withdrawn_month_keeps_its_rows_and_status_names_it(
    loading: Project, after: After, cdn: Cdn, tmp_path: Path
) -> None:
    after(*COMMAND)
    name = f"green_tripdata_{LAST}.parquet"
    (cdn.folders[0] / name).rename(tmp_path / name)
    done = loading.run(*COMMAND, "--refresh")
    assert done.rc == 0, done.out
    assert f"the source has no more: green {LAST}; what is held of it stays" in done.out
    assert duckdb_counts(loading, "green_tripdata") == counts()
    status = loading.command("taxi-luigi", "status", "--json")
    withdrawn = json.loads(status.out)["colors"]["green"]["months"][str(LAST)]["withdrawn"]
    shown = f"green withdrawn at the source, and kept here: {LAST} (noticed {withdrawn[:10]})"
    assert shown in loading.command("taxi-luigi", "status").out
    (tmp_path / name).rename(cdn.folders[0] / name)
    assert loading.run(*COMMAND, "--refresh").rc == 0
    assert "withdrawn" not in loading.command("taxi-luigi", "status").out


def test_refresh_is_recent_or_all(loading: Project) -> None:
    done = loading.run(*COMMAND, "--refresh", "everything")
    assert done.rc == 40
    assert "refresh must be recent or all, not 'everything'" in done.out
    assert "Traceback" not in done.out


def test_the_second_night_replaces_the_month_everywhere_while_others_read(
    loading: Project,
    cdn: Cdn,
    bigquery: BigQueryServer,
    fake_gcs: GcsServer,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    """Lake, DuckDB, PostgreSQL and BigQuery's stand-in. Who polls sees the old count or the new, and no other."""
    dataset, bucket = bigquery.fresh_dataset(location="US"), fake_gcs.fresh_bucket()
    loading.configure(
        {
            "taxi": {"lake": "gcs", "warehouse": "duckdb, postgres, bigquery"},
            "lake.gcs": {"bucket": bucket, "endpoint": fake_gcs.endpoint},
            "warehouse.postgres": {"url": postgres_url},
            "warehouse.bigquery": {"project": PROJECT, "dataset": dataset, "endpoint": bigquery.endpoint},
        }
    )
    assert loading.run(*COMMAND, "--workers", "2").rc == 0
    rewrite(cdn, RECENT, tmp_path)
    seen: dict[str, set[int]] = {"postgres": set(), "bigquery": set(), "duckdb": set()}
    stop = threading.Event()
    asking = {
        "postgres": lambda: _in_postgres(postgres_url),
        "bigquery": lambda: bigquery.query(
            dataset, f"SELECT count(*) FROM green_tripdata WHERE file_month = '{RECENT}-01'"
        ),
        "duckdb": lambda: _in_duckdb(loading.warehouse),
    }

    def poll(name: str) -> None:
        # A query of the stand-in takes 0.1 s of CPU, which the run then lacks.
        while not stop.wait(0.2 if name == "bigquery" else 0.01):
            seen[name] |= {rows for (rows,) in asking[name]()}

    threads = [threading.Thread(target=poll, args=(name,)) for name in asking]
    for thread in threads:
        thread.start()
    try:
        night = loading.run(*COMMAND, "--refresh", "--workers", "2", timeout=200)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert night.rc == 0, night.out
    assert duckdb_counts(loading, "green_tripdata") == counts(recent=NEW)
    for name in asking:
        assert {rows for (rows,) in asking[name]()} == {NEW}, name
        assert seen[name] <= {ROWS, NEW}, name
        assert seen[name], name
    labels = {blob.name[-15:-8]: blob.metadata["rows"] for blob in fake_gcs.client.list_blobs(bucket)}
    assert labels == {month: str(rows) for month, rows in counts(recent=NEW).items()}
    assert loading.command("taxi-luigi", "verify").rc == 0


def _in_postgres(url: str) -> list[tuple[int]]:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM green_tripdata WHERE file_month = %s", [RECENT.first_day])
        return cursor.fetchall()


def _in_duckdb(path: Path) -> list[tuple[int]]:
    """A reader shuts the writer out for a moment, and the other way round: then it has seen nothing."""
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(
                "SELECT count(*) FROM green_tripdata WHERE file_month = ?", [RECENT.first_day]
            ).fetchall()
    except duckdb.IOException:
        return []
