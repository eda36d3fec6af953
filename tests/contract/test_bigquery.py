"""What is special to BigQuery: jobs that are begun once, and markers that agree with the rows whoever else loads.

Shown on local-bigquery behind a shim that knows partitions, so these tests show what we ask and how we take the
answers. Not shown by any emulator: how long Google remembers job ids, and how soon a change is seen by a listing.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from taxi_luigi.core.errors import AccountError, ConfigError, Replaced, TaxiError, WarehouseError
from taxi_luigi.warehouses import MARKERS
from taxi_luigi.warehouses.bigquery import BigQuery
from taxi_luigi.warehouses.bigquery import warehouse as warehouse_module
from tests.support.bigquery import LOCATION, PROJECT, BigQueryServer, fresh_bigquery
from tests.support.bigquery_months import JANUARY, PARTITION, YELLOW, Clean, in_bucket, local
from tests.support.bigquery_shim import API, JobError, Request
from tests.support.gcs import GcsServer

IMPATIENT = 0.3
"""seconds: pauses between tries are not longer"""


@pytest.fixture
def dataset(bigquery: BigQueryServer) -> str:
    return bigquery.fresh_dataset()


@pytest.fixture
def warehouse(bigquery: BigQueryServer, dataset: str) -> BigQuery:
    return fresh_bigquery(bigquery, dataset=dataset)


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as pool:
        yield pool


def loads(server: BigQueryServer) -> list[str]:
    """The ids of the jobs that were to load January, in order; a job that was asked for twice is there twice."""
    return [each.job_id for each in server.shim.inserted(PARTITION)]


def marks(request: Request) -> bool:
    return request.begins(MARKERS)


def january(request: Request) -> bool:
    return request.begins(PARTITION)


def holds(warehouse: BigQuery, clean: Clean) -> bool:
    """Whether January has the rows of this file, and a marker that says so."""
    marker = warehouse.loaded_months(YELLOW)[JANUARY]
    given = clean.given
    said = (marker.edition, marker.sha256, marker.rows) == (given.edition, given.sha256, given.rows)
    return said and warehouse.count(YELLOW) == {JANUARY: given.rows}


def one_line(error: pytest.ExceptionInfo[TaxiError]) -> str:
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


def until(condition: Callable[[], object]) -> None:
    """Waits for something that is bound to happen, for a minute at most."""
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it never happened")


def unmarked(server: BigQueryServer, warehouse: BigQuery, clean: Clean) -> None:
    """Loads a month up to its marker, where it ends, as when the loader is killed between the two."""
    server.shim.refuse(marks, 403, "accessDenied")
    with pytest.raises(ConfigError, match="permission denied"):
        clean.into(warehouse)


def test_content_that_goes_back_and_forth_is_loaded_each_time(
    bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path
) -> None:
    a, b = local(tmp_path, seed=1), local(tmp_path, seed=2)
    for clean in (a, b, a):
        clean.into(warehouse)
        assert holds(warehouse, clean)
    assert len(set(loads(bigquery))) == 3
    assert all(each.startswith("taxi_luigi_yellow_2024-01_") for each in loads(bigquery))


def test_a_load_that_was_not_marked_is_marked_and_not_repeated(
    bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path
) -> None:
    clean = local(tmp_path)
    unmarked(bigquery, warehouse, clean)
    assert warehouse.loaded_months(YELLOW) == {}
    assert warehouse.count(YELLOW) == {JANUARY: 100}
    assert clean.into(warehouse) == 100
    assert holds(warehouse, clean)
    assert len(loads(bigquery)) == 1


def test_a_load_that_was_not_marked_is_repeated_when_another_came_after_it(
    bigquery: BigQueryServer, dataset: str, warehouse: BigQuery, tmp_path: Path
) -> None:
    """Even when both have as many rows: the partition was changed after the first one's job had ended."""
    a, b = local(tmp_path, vendorid=[1] * 100), local(tmp_path, seed=2, vendorid=[2] * 100)
    unmarked(bigquery, warehouse, a)
    unmarked(bigquery, warehouse, b)
    a.into(warehouse)
    assert holds(warehouse, a)
    assert bigquery.query(dataset, "SELECT DISTINCT vendorid FROM yellow_tripdata") == [(1,)]
    first, _, again = loads(bigquery)
    assert (first[-2:], again[-2:], first[:-2]) == ("_0", "_1", again[:-2])


def test_a_failed_job_does_not_use_up_its_id_for_ever(
    bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path
) -> None:
    clean = local(tmp_path)
    for _ in range(2):
        bigquery.shim.job_errors.append(JobError("invalid", "the moon is in the way"))
        with pytest.raises(WarehouseError, match="the moon is in the way"):
            clean.into(warehouse)
        assert warehouse.loaded_months(YELLOW) == {}
    clean.into(warehouse)
    assert holds(warehouse, clean)
    first, second, third = loads(bigquery)
    assert [each[-2:] for each in (first, second, third)] == ["_0", "_1", "_2"]
    assert {each[:-2] for each in (first, second, third)} == {first[:-2]}


def test_a_job_with_a_repeatable_error_is_repeated_a_few_times(
    bigquery: BigQueryServer, dataset: str, tmp_path: Path
) -> None:
    warehouse, clean = fresh_bigquery(bigquery, dataset=dataset, patience=IMPATIENT), local(tmp_path)
    bigquery.shim.job_errors += [JobError("backendError", "made up"), JobError("rateLimitExceeded", "made up")]
    clean.into(warehouse)
    assert holds(warehouse, clean)
    assert len(loads(bigquery)) == 3
    other = local(tmp_path, seed=2)
    bigquery.shim.job_errors += [JobError("backendError", "made up")] * 9
    with pytest.raises(WarehouseError, match="failed: made up"):
        other.into(warehouse)
    assert len(loads(bigquery)) == 3 + 5


def test_the_errors_of_a_job_are_one_readable_line(
    bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path
) -> None:
    clean = local(tmp_path)
    more = ["Bad page\n at 1", "Bad page\n at 1", "Bad page at 2", "Bad page at 3", "x" * 9_999]
    bigquery.shim.job_errors.append(JobError("invalid", "Error while reading data", more))
    with pytest.raises(WarehouseError) as error:
        clean.into(warehouse)
    text = one_line(error)
    assert "failed: Error while reading data | Bad page at 1 | Bad page at 2 | and 2 more; run the same" in text
    assert clean.file.url in text
    assert loads(bigquery)[0] in text


def test_a_job_without_the_permission_names_the_roles(
    bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path
) -> None:
    bigquery.shim.job_errors.append(JobError("accessDenied", "no storage.objects.get"))
    with pytest.raises(ConfigError, match=r"no storage.objects.get; grant the account roles/bigquery"):
        local(tmp_path).into(warehouse)


def test_a_lost_answer_to_a_load_is_no_second_load(
    bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path
) -> None:
    """What the shim answers to a chunk sent twice is Cloud Storage's rule; BigQuery's own is not documented."""
    clean = local(tmp_path)
    bigquery.shim.lose(lambda request: request.method == "PUT")
    clean.into(warehouse)
    assert holds(warehouse, clean)
    assert len(set(loads(bigquery))) == 1


def test_a_lost_answer_to_a_load_from_a_bucket_is_no_second_load(
    bigquery: BigQueryServer, warehouse: BigQuery, fake_gcs: GcsServer, tmp_path: Path
) -> None:
    clean = in_bucket(fake_gcs, tmp_path)
    bigquery.shim.lose(january)
    clean.into(warehouse)
    assert holds(warehouse, clean)
    assert len(loads(bigquery)) == 2  # the second was answered 409
    assert len(set(loads(bigquery))) == 1
    asked = [
        each.query["location"] for each in bigquery.shim.requests if f"{API}/projects/{PROJECT}/jobs/" in each.path
    ]
    assert set(asked) == {LOCATION}


def test_a_lost_answer_to_a_marker_is_no_second_marker(
    bigquery: BigQueryServer, dataset: str, warehouse: BigQuery, tmp_path: Path
) -> None:
    clean = local(tmp_path)
    bigquery.shim.lose(marks)
    clean.into(warehouse)
    assert holds(warehouse, clean)
    assert bigquery.query(dataset, f"SELECT sequence, rows FROM {MARKERS}") == [(1, 100)]
    assert len(loads(bigquery)) == 1


def test_a_second_worker_attaches_to_the_running_job(
    bigquery: BigQueryServer, dataset: str, background: ThreadPoolExecutor, tmp_path: Path
) -> None:
    clean = local(tmp_path)
    with bigquery.shim.holding():
        both = [
            background.submit(clean.into, fresh_bigquery(bigquery, dataset=dataset, patience=5 + number))
            for number in range(2)
        ]
        until(lambda: sum("/jobs" in each.path and each.method == "GET" for each in bigquery.shim.requests) > 6)
    assert [each.result(60) for each in both] == [100, 100]
    assert len(set(loads(bigquery))) == 1
    assert bigquery.query(dataset, f"SELECT count(*) FROM {MARKERS}") == [(1,)]


def test_a_job_that_stays_pending_is_named_and_attached_to_later(
    bigquery: BigQueryServer, dataset: str, tmp_path: Path
) -> None:
    clean, impatient = local(tmp_path), fresh_bigquery(bigquery, dataset=dataset, wait=0.3)
    local(tmp_path, rows=7).into(impatient)
    bigquery.shim.requests.clear()
    with bigquery.shim.holding():
        for _ in range(2):
            with pytest.raises(WarehouseError) as error:
                clean.into(impatient)
            assert f"the job {loads(bigquery)[0]} in {LOCATION}" in one_line(error)
            assert "is still RUNNING after 0.3 s; run the same command again" in str(error.value)
    clean.into(fresh_bigquery(bigquery, dataset=dataset))
    assert holds(impatient, clean)
    assert len(loads(bigquery)) == 1


def test_other_content_waits_for_a_job_that_its_loader_left_behind(
    bigquery: BigQueryServer, dataset: str, background: ThreadPoolExecutor, tmp_path: Path
) -> None:
    """A loader that is killed leaves its job to Google, where it would end after the one that was begun next."""
    left, next_one = local(tmp_path, rows=50, seed=1), local(tmp_path, rows=60, seed=2)
    warehouse = fresh_bigquery(bigquery, dataset=dataset)
    local(tmp_path).into(warehouse)
    bigquery.shim.requests.clear()
    with bigquery.shim.holding():
        with pytest.raises(WarehouseError, match="still RUNNING"):
            left.into(fresh_bigquery(bigquery, dataset=dataset, wait=0.1))
        [job] = loads(bigquery)
        bigquery.shim.requests.clear()
        loading = background.submit(next_one.into, warehouse)
        until(lambda: loads(bigquery) or any(each.path.endswith(job) for each in bigquery.shim.requests))
        assert loads(bigquery) == []
    assert loading.result(60) == 60
    bigquery.shim.wait_for_jobs()
    assert holds(warehouse, next_one)


def test_who_may_not_list_jobs_still_loads(bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path) -> None:
    """roles/bigquery.jobUser has no bigquery.jobs.list."""
    clean = local(tmp_path)
    bigquery.shim.refuse(lambda request: "stateFilter" in request.query, 403, "accessDenied", times=9)
    clean.into(warehouse)
    assert holds(warehouse, clean)


def test_who_is_second_with_the_marker_begins_anew(
    bigquery: BigQueryServer, dataset: str, warehouse: BigQuery, tmp_path: Path
) -> None:
    slow, quick = local(tmp_path, rows=50, seed=1), local(tmp_path, rows=60, seed=2)
    bigquery.shim.first(marks, lambda: quick.into(fresh_bigquery(bigquery, dataset=dataset, patience=9)))
    slow.into(warehouse)
    assert holds(warehouse, slow)
    statement = f"SELECT sequence, rows, job_id FROM {MARKERS} ORDER BY sequence"
    assert [row[:2] for row in bigquery.query(dataset, statement)] == [(1, 60), (2, 50)]
    first, second, third = loads(bigquery)
    assert first[-2:] == second[-2:] == third[-2:] == "_0"
    assert len({first, second, third}) == 3


def test_a_month_that_is_taken_out_meanwhile_is_loaded_again(
    bigquery: BigQueryServer, dataset: str, warehouse: BigQuery, tmp_path: Path
) -> None:
    local(tmp_path).into(warehouse)
    clean, other = local(tmp_path, rows=50, seed=1), fresh_bigquery(bigquery, dataset=dataset, patience=9)
    bigquery.shim.first(
        lambda request: marks(request) and len(loads(bigquery)) == 2, lambda: other.remove_month(YELLOW, JANUARY)
    )
    clean.into(warehouse)
    assert holds(warehouse, clean)
    statement = f"SELECT sequence, rows FROM {MARKERS} ORDER BY sequence"
    assert bigquery.query(dataset, statement) == [(1, 100), (2, None), (3, 50)]


def test_rows_of_another_loader_are_not_counted_as_ours(
    bigquery: BigQueryServer, dataset: str, warehouse: BigQuery, tmp_path: Path
) -> None:
    """The other replaces the rows before they are counted, and is killed before its marker."""
    clean, other = local(tmp_path, rows=50, seed=1), local(tmp_path, rows=60, seed=2)
    local(tmp_path).into(warehouse)
    second = fresh_bigquery(bigquery, dataset=dataset, patience=9)
    count = f"{API}/projects/{PROJECT}/datasets/{dataset}/tables/{PARTITION}/data"

    def counts(request: Request) -> bool:
        return request.path == count and len(loads(bigquery)) == 2

    bigquery.shim.first(counts, lambda: unmarked(bigquery, second, other))
    clean.into(warehouse)
    assert holds(warehouse, clean)


def test_a_month_that_others_load_all_the_time_ends_in_a_line(
    bigquery: BigQueryServer, dataset: str, warehouse: BigQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warehouse_module, "_ROUNDS", 2)
    clean, other = local(tmp_path, rows=5, seed=1), fresh_bigquery(bigquery, dataset=dataset, patience=9)
    busy: list[int] = []

    def interfere(request: Request) -> bool:
        if marks(request) and not busy:
            busy.append(1)
            local(tmp_path, rows=3, seed=len(loads(bigquery)) + 2).into(other)
            busy.clear()
        return False

    bigquery.shim.lose(interfere)
    with pytest.raises(WarehouseError, match="is being loaded by other processes; run the same command again"):
        clean.into(warehouse)
    assert warehouse.count(YELLOW) in ({JANUARY: 3}, {JANUARY: 5})


def test_a_dataset_that_was_made_anew_is_loaded_anew(
    bigquery: BigQueryServer, dataset: str, warehouse: BigQuery, tmp_path: Path
) -> None:
    """Google remembers the ids of jobs whose tables are gone."""
    clean = local(tmp_path)
    clean.into(warehouse)
    place = f"{API}/projects/{PROJECT}/datasets"
    assert bigquery.emulator.ask("DELETE", f"{place}/{dataset}?deleteContents=true").status == 204
    bigquery.put("datasets", {"datasetReference": {"projectId": PROJECT, "datasetId": dataset}, "location": LOCATION})
    assert warehouse.loaded_months(YELLOW) == {}
    clean.into(warehouse)
    assert holds(warehouse, clean)


def test_a_file_that_is_overwritten_while_it_is_loaded_is_not_marked(
    bigquery: BigQueryServer, warehouse: BigQuery, fake_gcs: GcsServer, tmp_path: Path
) -> None:
    in_bucket(fake_gcs, tmp_path, rows=40).into(warehouse)
    clean = in_bucket(fake_gcs, tmp_path, rows=50, seed=1)
    changed = dataclasses.replace(clean, file=dataclasses.replace(clean.file, unchanged=lambda: False))
    with pytest.raises(Replaced) as error:
        changed.into(warehouse)
    assert f"{clean.file.url}: another run replaced it meanwhile; run the same command again" in one_line(error)
    assert warehouse.loaded_months(YELLOW) == {}
    clean.into(warehouse)
    assert holds(warehouse, clean)
    assert len(set(loads(bigquery))) == 3


def test_a_file_in_a_bucket_with_other_rows_than_its_account_is_taken_out_again(
    bigquery: BigQueryServer, warehouse: BigQuery, fake_gcs: GcsServer, tmp_path: Path
) -> None:
    clean = in_bucket(fake_gcs, tmp_path, rows=50)
    wrong = dataclasses.replace(clean.file, summary=dataclasses.replace(clean.given, rows=51))
    with pytest.raises(AccountError) as error:
        dataclasses.replace(clean, file=wrong).into(warehouse)
    assert "50" in one_line(error)
    assert "51" in one_line(error)
    assert (warehouse.count(YELLOW), warehouse.loaded_months(YELLOW)) == ({}, {})


def test_a_listing_that_was_too_much_is_requested_again(
    bigquery: BigQueryServer, warehouse: BigQuery, tmp_path: Path
) -> None:
    local(tmp_path).into(warehouse)
    bigquery.shim.refuse(lambda request: request.path.endswith(f"{MARKERS}/data"), 403, "rateLimitExceeded")
    assert set(warehouse.loaded_months(YELLOW)) == {JANUARY}


def test_a_server_that_is_down_is_one_line(bigquery: BigQueryServer, tmp_path: Path) -> None:
    warehouse = BigQuery("bigquery", BigQuery.Settings(PROJECT, endpoint="http://127.0.0.1:9", patience=IMPATIENT))
    for ask in (lambda: warehouse.loaded_months(YELLOW), lambda: local(tmp_path).into(warehouse), warehouse.zones):
        with pytest.raises(WarehouseError, match="run the same command again") as error:
            ask()
        one_line(error)


def test_an_upload_of_any_size_takes_little_memory(bigquery: BigQueryServer, dataset: str, tmp_path: Path) -> None:
    """A file of 330 MB; the process with the client, pandas and pyarrow in it must stay below 300 MB."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, numbers = tmp_path / "big.parquet", np.random.default_rng(1)
    with pq.ParquetWriter(path, pa.schema([("total_amount", "double")]), compression="none") as writer:
        for _ in range(42):
            writer.write_table(pa.table({"total_amount": numbers.random(1_000_000)}), row_group_size=250_000)
    assert path.stat().st_size > 330_000_000
    script = f"""
import contextlib, pathlib, re
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.core.errors import WarehouseError
from taxi_luigi.tlc.months import Month
from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.warehouses import CleanFile
from taxi_luigi.warehouses.bigquery import BigQuery
from taxi_luigi.warehouses.bigquery import warehouse as warehouse_module
path = pathlib.Path({str(path)!r})
given = ReceiptSummary("edition", "sha", 42_000_000, "https://tlc.example/big")
file = CleanFile(str(path), given, lambda: contextlib.nullcontext(path), lambda: True)
try:
    BigQuery("bigquery", BigQuery.Settings({PROJECT!r}, {dataset!r}, endpoint={bigquery.endpoint!r})).replace_month(
        DATASETS["yellow"], Month(2024, 1), file, print)
except WarehouseError as error:
    assert "that was all" in str(error), error
    print(re.search(r"VmHWM:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""
    bigquery.shim.job_errors.append(JobError("invalid", "that was all"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300_000
