"""A month whose file was not taken: what later runs do with it, and what heals it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import duckdb_counts
from tests.support.cdn import Cdn
from tests.support.project import Project, Run

MONTH = Month(2024, 1)
NAME = f"green_tripdata_{MONTH}.parquet"
ROWS = 2_000
COMMAND = ("LoadAllMonths", "--colors", "green", "--months", MONTH)


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Cdn]:
    """A publisher without a file as yet."""
    (tmp_path / "published").mkdir()
    with Cdn(tmp_path / "published") as cdn:
        yield cdn


@pytest.fixture
def loading(project: Project, published: Cdn) -> Project:
    """A project that loads from there."""
    project.configure({"taxi": {"source": published.template}, "download": {"backoff": "0.05", "attempts": "2"}})
    return project


def publish(cdn: Cdn, rows: int = ROWS, spoilt: bool = False, without: str = "", seed: int = 1) -> Path:
    """Publishes the month anew: whole, with a page that cannot be read, or without a column."""
    made = write_month(cdn.folders[0].parent / f"made-{seed}-{rows}", "green", MONTH, rows, seed=seed)
    if without:
        pq.write_table(pq.read_table(made).drop_columns([without]), made)
    content = bytearray(made.read_bytes())
    if spoilt:
        content[4:400] = b"\xff" * 396  # the first page's header
    there = cdn.folders[0] / NAME
    there.with_suffix(".new").write_bytes(content)
    there.with_suffix(".new").replace(there)
    return there


def downloads(cdn: Cdn) -> int:
    """How often the month's file was fetched since this was last asked."""
    fetched = sum(request.method == "GET" for request in cdn.log)
    cdn.log.clear()
    return fetched


def last_line(run: Run) -> str:
    return run.out.strip().splitlines()[-1]


def test_a_file_that_cannot_be_read_is_fetched_again_by_the_next_run_once_it_was_mended(
    loading: Project, published: Cdn
) -> None:
    publish(published, spoilt=True)
    first = loading.run(*COMMAND)
    assert first.rc == 30, first.out
    assert f"LoadAllMonths --colors green --months {MONTH} --force" in last_line(first)
    assert downloads(published) == 1

    again = loading.run(*COMMAND)
    assert again.rc == 30, again.out
    assert downloads(published) == 0, "the same bytes are cleaned again"

    publish(published)
    mended = loading.run(*COMMAND)
    assert mended.rc == 0, mended.out
    assert downloads(published) == 1
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): ROWS}
    assert not list(loading.workspace.rglob("*.failure.json"))


def test_it_is_fetched_again_for_a_task_by_its_own_name_too(loading: Project, published: Cdn) -> None:
    publish(published, spoilt=True)
    task = ("CleanMonth", "--color", "green", "--month", MONTH)
    assert loading.run(*task).rc == 30
    publish(published)
    mended = loading.run(*task)
    assert mended.rc == 0, mended.out


def test_a_bad_file_that_is_withdrawn_is_both(loading: Project, published: Cdn) -> None:
    publish(published, spoilt=True)
    assert loading.run(*COMMAND).rc == 30
    (published.folders[0] / NAME).unlink()
    gone = loading.run(*COMMAND)
    assert gone.rc == 30, gone.out
    assert "failed before, and no longer published" in last_line(gone)


def test_a_raw_file_whose_bytes_changed_on_disk_is_fetched_again(loading: Project, published: Cdn) -> None:
    publish(published)
    assert loading.run("DownloadMonth", "--color", "green", "--month", MONTH).rc == 0
    raw = loading.workspace / "raw" / "green" / NAME
    content = bytearray(raw.read_bytes())
    content[len(content) // 2] ^= 0xFF
    raw.write_bytes(content)
    found = loading.run(*COMMAND)
    assert found.rc == 30, found.out
    assert "not those that were downloaded" in last_line(found)
    downloads(published)
    healed = loading.run(*COMMAND)
    assert healed.rc == 0, healed.out
    assert downloads(published) == 1


def test_a_refusal_of_a_month_that_is_held_is_one_warning_until_something_changes(
    loading: Project, published: Cdn
) -> None:
    publish(published)
    assert loading.run(*COMMAND).rc == 0
    publish(published, without="total_amount", seed=2)
    refused = loading.run(*COMMAND, "--refresh", "all")
    assert refused.rc == 30, refused.out
    assert "total_amount" in last_line(refused)
    assert "--clean-missing-columns total_amount" in last_line(refused)
    downloads(published)

    later = loading.run(*COMMAND, "--refresh", "all")
    assert later.rc == 0, later.out
    assert later.out.count("WARNING") == 1
    assert "1 already there" in last_line(later)
    assert downloads(published) == 0
    assert "Cleaned" not in loading.logged()

    taken = loading.run(*COMMAND, "--refresh", "all", "--clean-missing-columns", "total_amount")
    assert taken.rc == 0, taken.out
    assert "1 month refreshed" in taken.out
    assert "total_amount" in taken.out.partition("WARNING")[2], "an allowed column is named all the same"
    assert downloads(published) == 0, "the raw file is the one that was refused"


def test_a_column_that_had_values_and_has_none_in_the_new_file_is_a_warning(loading: Project, published: Cdn) -> None:
    path = publish(published)
    assert "WARNING" not in loading.run(*COMMAND).out
    table = pq.read_table(path)
    for name in ("total_amount", "PULocationID"):
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.nulls(len(table), table.schema.field(place).type))
    pq.write_table(table, path)
    emptied = loading.run(*COMMAND, "--refresh", "all")
    assert emptied.rc == 0, emptied.out
    odd = "pulocationid, total_amount: no value in any row, where the file that is replaced has some"
    assert odd in emptied.out.partition("WARNING")[2]


def test_a_refused_month_of_which_nothing_is_held_fails_every_night_without_work(
    loading: Project, published: Cdn
) -> None:
    publish(published, without="total_amount")
    assert loading.run(*COMMAND).rc == 30
    downloads(published)
    night = loading.run(*COMMAND)
    assert night.rc == 30, night.out
    assert downloads(published) == 0
    assert "passenger_count missing" not in loading.logged(), "it is not cleaned again"
    publish(published, seed=2)
    assert loading.run(*COMMAND).rc == 0


def test_a_shorter_month_is_refused_in_each_place_by_what_that_place_holds(
    loading: Project, published: Cdn, tmp_path: Path
) -> None:
    publish(published)
    loading.configure(
        {"taxi": {"lake": "nas", "warehouse": "duckdb"}, "lake.nas": {"type": "local", "path": tmp_path / "nas"}}
    )
    assert loading.run(*COMMAND).rc == 0
    shutil.rmtree(loading.workspace / "clean")
    shutil.rmtree(loading.workspace / "raw")
    held = (tmp_path / "nas" / "green" / NAME).read_bytes()
    publish(published, rows=30, seed=2)

    refused = loading.run(*COMMAND, "--refresh", "all")
    assert refused.rc == 30, refused.out
    assert "lake nas holds 2,000" in refused.out
    assert (tmp_path / "nas" / "green" / NAME).read_bytes() == held
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): ROWS}
    later = loading.run(*COMMAND, "--refresh", "all")
    assert later.rc == 0, later.out
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): ROWS}
    assert "lake nas holds 2,000" in later.out
    verified = loading.command("taxi-luigi", "verify")
    assert verified.rc == 0, verified.out
    assert "nas refused the month, and what is held stays" in verified.out

    loading.warehouse.unlink()
    lost = loading.run(*COMMAND, "--refresh", "all")
    assert lost.rc == 0, lost.out
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): ROWS}, "from the lake, which holds the good one"

    forced = loading.run(*COMMAND, "--force")
    assert forced.rc == 0, forced.out
    assert "2,000 → 30 records" in forced.out
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): 30}


def test_a_month_that_the_lake_took_and_the_warehouse_refused_is_there_the_next_night(
    loading: Project, published: Cdn
) -> None:
    publish(published)
    assert loading.run(*COMMAND).rc == 0
    shutil.rmtree(loading.workspace / "clean")
    publish(published, rows=30, seed=2)
    refused = loading.run(*COMMAND, "--refresh", "all")
    assert refused.rc == 30, refused.out
    assert "warehouse duckdb holds 2,000" in last_line(refused)

    later = loading.run(*COMMAND, "--refresh", "all")
    assert later.rc == 0, later.out
    assert last_line(later) == "green: 0 months loaded, 1 already there"
    assert "warehouse duckdb holds 2,000" in later.out
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): ROWS}
    verified = loading.command("taxi-luigi", "verify")
    assert verified.rc == 0, verified.out
    assert "duckdb refused the month, and what is held stays" in verified.out

    loading.warehouse.unlink()
    lost = loading.run(*COMMAND)
    assert lost.rc == 0, lost.out
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): 30}
    assert "refused" not in loading.command("taxi-luigi", "status").out, "it is there now"


def test_force_takes_a_shorter_month_but_no_month_without_its_columns(loading: Project, published: Cdn) -> None:
    publish(published)
    assert loading.run(*COMMAND).rc == 0
    publish(published, rows=30, without="fare_amount", seed=2)
    refused = loading.run(*COMMAND, "--force")
    assert refused.rc == 30, refused.out
    assert "fare_amount" in last_line(refused)
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): ROWS}


def test_a_first_load_with_fewer_records_than_tlc_published_goes_through_with_a_warning(
    loading: Project, published: Cdn
) -> None:
    """TLC's host is reached through a proxy, which is the test's publisher."""
    publish(published)
    tlc = "http://d37ci6vzurychx.cloudfront.net/trip-data/{color}_tripdata_{year}-{month:02}.parquet"
    loading.configure({"taxi": {"source": tlc}})
    done = loading.run(*COMMAND, env={"http_proxy": published.url})
    assert done.rc == 0, done.out
    assert "WARNING: green 2024-01 has 2,000 records, where TLC published 56,551" in done.out
    assert duckdb_counts(loading, "green_tripdata") == {str(MONTH): ROWS}


def test_a_refused_raw_file_is_no_difference(loading: Project, published: Cdn) -> None:
    publish(published)
    assert loading.run(*COMMAND).rc == 0
    publish(published, rows=30, seed=2)
    assert loading.run(*COMMAND, "--refresh", "all").rc == 30
    verified = loading.command("taxi-luigi", "verify")
    assert verified.rc == 0, verified.out
    assert "raw was refused, and what is held stays" in verified.out
