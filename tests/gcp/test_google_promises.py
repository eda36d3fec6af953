"""What the pipeline relies on at Google's and emulators lie about; on Google itself run by scripts/check-gcp.

A test that an emulator must fail says so, and fails when an emulator learns it: then the mark can go.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, PreconditionFailed
from google.cloud.storage import Blob

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.health import Status
from taxi_luigi.storage.gcs import GcsStore
from taxi_luigi.warehouses import MARKERS
from tests.support.bigquery_months import JANUARY, YELLOW, local
from tests.support.google import Place, is_asked

NAME = "yellow/yellow_tripdata_2024-01.parquet"
SIZES = {"at once": 1_000, "resumable": (8 << 20) + 1}
"""bytes; above 8 MiB the client opens an upload session"""

_SANDBOX = 60 * 24 * 3600 * 1000
"""milliseconds"""


def emulators_lie(why: str, raises: type[BaseException] = pytest.fail.Exception) -> Any:
    """Marks a test that only Google passes. Without `raises`, what fails is that nothing was refused."""
    return pytest.mark.xfail(not is_asked(), reason=why, raises=raises)


@pytest.fixture
def store(place: Place) -> GcsStore:
    return place.fresh_store()


@pytest.fixture
def blob(store: GcsStore) -> Callable[[], Blob]:
    """An object of the store, as a plain client sees it: each time a new view, without a generation."""
    client = store._client()
    return lambda: client.bucket(store.bucket).blob(store.url(NAME).removeprefix(f"gs://{store.bucket}/"))


@pytest.fixture
def there(store: GcsStore, tmp_path: Path) -> GcsStore:
    """The store with an object under NAME."""
    path = tmp_path / "first"
    path.write_bytes(b"PAR1 first PAR1")
    store.put(path, NAME, {})
    return store


# ---- Cloud Storage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [SIZES["at once"], pytest.param(SIZES["resumable"], marks=emulators_lie("fake-gcs-server ignores it there"))],
)
def test_an_upload_to_a_taken_name_is_refused(there: GcsStore, blob: Callable[[], Blob], size: int) -> None:
    with pytest.raises(PreconditionFailed):
        blob().upload_from_string(os.urandom(size), if_generation_match=0)


@emulators_lie("fake-gcs-server ignores preconditions of copies")
def test_a_copy_to_a_taken_name_is_refused(there: GcsStore, blob: Callable[[], Blob]) -> None:
    with pytest.raises(PreconditionFailed):
        blob().rewrite(blob(), if_generation_match=0)


@emulators_lie("fake-gcs-server ignores the generation")
def test_a_delete_of_another_generation_is_refused(there: GcsStore, blob: Callable[[], Blob]) -> None:
    with pytest.raises(PreconditionFailed):
        blob().delete(if_generation_match=1)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@emulators_lie("fake-gcs-server accepts a wrong crc32c; gcp-storage-emulator refuses it (tests/contract/test_gcs.py)")
def test_bytes_that_have_another_checksum_are_refused(blob: Callable[[], Blob], size: int) -> None:
    target = blob()
    target.crc32c = "AAAAAA=="
    with pytest.raises(BadRequest):
        target.upload_from_string(os.urandom(size), checksum=None)


@emulators_lie("fake-gcs-server does not answer about permissions", AssertionError)
def test_a_bucket_tells_which_permissions_we_have(store: GcsStore) -> None:
    assert {each.what: each.status for each in store.checks()}["permissions"] is Status.OK


@emulators_lie("fake-gcs-server has the same words for a missing bucket and a missing object")
def test_a_missing_bucket_is_not_taken_for_a_missing_object(place: Place) -> None:
    missing = GcsStore(
        "lake gcs", GcsStore.Settings(f"taxi-luigi-check-{place.token}-none", endpoint=place.storage or None)
    )
    with pytest.raises(ConfigError):
        missing.stat(NAME)


# ---- BigQuery --------------------------------------------------------------------------------------------------------


def test_a_job_id_is_used_up(place: Place, dataset: str) -> None:
    table, job = f"{place.project}.{dataset}.numbers", f"check_{place.token}_{os.urandom(4).hex()}"
    with place.client() as client:
        for expected in (None, Conflict):
            try:
                begun = client.load_table_from_json([{"n": 1}], table, job_id=job, location=place.location)
            except Conflict:
                assert expected is Conflict
            else:
                assert expected is None
                begun.result(timeout=600)
        assert client.get_job(job, location=place.location).state == "DONE"


def test_a_load_whose_marker_was_lost_is_found_and_not_repeated(place: Place, dataset: str, tmp_path: Path) -> None:
    """Google's time of a partition's last change may not be later than the end of the job that made it."""
    warehouse, month = place.warehouse(dataset), local(tmp_path)
    jobs = []
    for _ in range(2):
        month.into(warehouse)
        jobs += place.query(dataset, f"SELECT job_id FROM {MARKERS}")
        with place.client() as client:
            client.delete_table(f"{place.project}.{dataset}.{MARKERS}")
    assert len(jobs) == 2
    assert jobs[0] == jobs[1]


def test_a_month_that_a_sandbox_would_not_keep_is_refused(place: Place) -> None:
    dataset = place.fresh_dataset(default_partition_expiration_ms=_SANDBOX)
    assert list(place.warehouse(dataset).refused(YELLOW, [JANUARY])) == [JANUARY]


@emulators_lie("local-bigquery gives a new table nothing of its dataset's expiration")
def test_a_table_made_in_a_sandbox_takes_no_month_that_it_would_not_keep(place: Place, tmp_path: Path) -> None:
    dataset = place.fresh_dataset(default_partition_expiration_ms=_SANDBOX)
    with pytest.raises(ConfigError, match="60 days"):
        local(tmp_path).into(place.warehouse(dataset))
