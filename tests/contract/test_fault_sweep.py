"""Everything that can go wrong with a request, at every request of an upload and of a load, on stand-ins for clouds.

However it goes on, the end is the same: one object, whole; each row once; one marker; no temporary file; and where the
work could not go on, one line, after which doing it again finishes it.

The suite tries one fault at each request; `pytest tests/contract/test_fault_sweep.py --sweep 99 -s` all of them, and
prints the tables. Not shown: what Google's and Azure's servers do to a request that they answer so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError, WarehouseError
from taxi_luigi.storage import Store
from taxi_luigi.storage.gcs import GcsStore
from taxi_luigi.storage.lake import Lake, Stored
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.tlc.datasets import FILE_MONTH
from taxi_luigi.warehouses import MARKERS
from taxi_luigi.warehouses.bigquery import BigQuery, uploads
from tests.support.azure import AzureServer, fresh_azure_store
from tests.support.between import Answered, Asked, Between, Server
from tests.support.bigquery import PROJECT, BigQueryServer
from tests.support.bigquery_months import JANUARY, YELLOW, Clean, in_bucket, local
from tests.support.gcs import GcsServer
from tests.support.sweep import (
    ANSWER,
    AZURES,
    GOOGLES,
    At,
    Outcome,
    Place,
    Table,
    Trouble,
    hurry,
    kind,
    outcome,
    places,
)  # fmt: skip
from tests.support.trips import write_clean

pytestmark = pytest.mark.timeout(3600)  # the long form of a test takes minutes

MIB = 1 << 20
ROWS = 3_000
PATIENCE = 2 * ANSWER
"""seconds for which a request to BigQuery is tried again"""
COLOR = YELLOW.color
LOOK, MARK = "look at the job of the rows", "begin the job of the marker"


@pytest.fixture
def tries(request: pytest.FixtureRequest) -> int:
    """How many faults at each request."""
    number: int = request.config.getoption("--sweep")
    return number


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits, and a folder for temporary copies that nobody else uses."""
    hurry(monkeypatch)
    monkeypatch.setattr(atomic_files, "SCRATCH", tmp_path / "scratch")


# ---- uploads ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Lake]:
    """A month that goes up in one request, one that takes three chunks of 4 MiB, and another account of the month."""
    folder, lakes = tmp_path_factory.mktemp("months"), {}
    for name, rows in (("small", ROWS), ("large", 150_000), ("other", 50)):
        lake = lakes[name] = Lake(FolderStore(name, FolderStore.Settings(folder / name)))
        write_clean(folder / name / lake.name(COLOR, JANUARY), YELLOW, JANUARY, rows)
    large = folder / "large" / lakes["large"].name(COLOR, JANUARY)
    assert 8 * MIB < large.stat().st_size < 12 * MIB
    return lakes


class Buckets(Protocol):
    """Buckets of one cloud, behind the back of the store."""

    server: Server
    troubles: Mapping[str, Trouble]

    def fresh(self) -> str:
        """The name of a new, empty one."""

    def store(self, endpoint: str, bucket: str) -> Store:
        """One as a store, with chunks of 4 MiB."""

    def objects(self, bucket: str) -> list[tuple[str, dict[str, str], bytes]]:
        """Name, metadata and bytes of all that is in one."""


class Google:
    """Those of fake-gcs-server."""

    troubles = GOOGLES

    def __init__(self, server: GcsServer) -> None:
        self.server, self.fresh = server, server.fresh_bucket

    def store(self, endpoint: str, bucket: str) -> Store:
        """With the answer within ANSWER seconds."""
        return GcsStore("lake gcs", GcsStore.Settings(bucket, endpoint=endpoint, chunk_size=4, timeout=ANSWER))

    def objects(self, bucket: str) -> list[tuple[str, dict[str, str], bytes]]:
        """By a plain client."""
        found = self.server.client.list_blobs(bucket)
        return [(blob.name, blob.metadata, blob.download_as_bytes()) for blob in found]


class Azure:
    """Those of Azurite."""

    troubles = AZURES

    def __init__(self, server: AzureServer) -> None:
        self.server, self.fresh = server, server.fresh_container

    def store(self, endpoint: str, bucket: str) -> Store:
        """With the answer within ANSWER seconds."""
        return fresh_azure_store(AzureServer(endpoint), bucket, chunk_size="4", timeout=str(ANSWER))

    def objects(self, bucket: str) -> list[tuple[str, dict[str, str], bytes]]:
        """By a plain client."""
        container = self.server.container(bucket)
        found = container.list_blobs(include=["metadata"])
        return [(blob.name, dict(blob.metadata), container.download_blob(blob.name).readall()) for blob in found]


class Uploads:
    """A month from the workspace to a bucket of its own for each try; `before` is what the bucket holds already."""

    def __init__(self, buckets: Buckets, between: Between, source: Lake, before: Lake | None = None) -> None:
        self.buckets, self.between, self.source, self.before = buckets, between, source, before

    def sweep(self, title: str, tries: int) -> Table:
        """Each fault at each request."""
        self.between.asked.clear()
        self._take(self._bucket())
        return Table(title, self.buckets.troubles).sweep(places(self.between.asked), tries, self._one)

    def _one(self, place: Place, trouble: Trouble) -> Outcome:
        bucket = self._bucket()

        def work() -> None:
            try:
                self._take(bucket)
            finally:
                self.between.settle()
                self._check_whole(bucket)

        self.between.asked.clear()
        self.between.rule = rule = At(place, trouble)
        result = outcome(work, rule, StorageError)
        self._check(bucket)
        return result

    def _bucket(self) -> str:
        bucket = self.buckets.fresh()
        if self.before is not None:
            Lake(self.buckets.store(self.buckets.server.endpoint, bucket)).take(self.before, COLOR, JANUARY)
        return bucket

    def _take(self, bucket: str) -> None:
        stored = Lake(self.buckets.store(self.between.endpoint, bucket)).take(self.source, COLOR, JANUARY)
        assert stored.summary == self._held().summary

    def _held(self) -> Stored:
        held = self.source.stat(COLOR, JANUARY)
        assert held is not None
        return held

    def _check_whole(self, bucket: str) -> None:
        """Whatever happened, readers find the old object whole, the new one, or none where there was none."""
        found = [content for _, _, content in self.buckets.objects(bucket)]
        there = [self._bytes(lake) for lake in (self.source, self.before) if lake is not None]
        assert len(found) <= 1
        assert all(each in there for each in found)
        assert found or self.before is None

    def _check(self, bucket: str) -> None:
        about = {"color": COLOR, "month": str(JANUARY)}
        labels = self._held().summary.labels() | about
        assert self.buckets.objects(bucket) == [
            (f"data/{self.source.name(COLOR, JANUARY)}", labels, self._bytes(self.source))
        ]
        assert not atomic_files.SCRATCH.exists() or not list(atomic_files.SCRATCH.iterdir())

    def _bytes(self, lake: Lake) -> bytes:
        with lake.reading(COLOR, JANUARY) as path:
            return path.read_bytes()


@pytest.fixture(params=["gcs", "azure"])
def buckets(request: pytest.FixtureRequest) -> Buckets:
    """Each cloud whose uploads are tried."""
    if request.param == "gcs":
        return Google(request.getfixturevalue("fake_gcs"))
    return Azure(request.getfixturevalue("azurite"))


@pytest.fixture
def storage(buckets: Buckets) -> Iterator[Between]:
    """Stands before the buckets."""
    with Between(buckets.server) as between:
        yield between


def test_a_small_upload_survives_any_fault(
    buckets: Buckets, storage: Between, workspace: dict[str, Lake], tries: int
) -> None:
    Uploads(buckets, storage, workspace["small"]).sweep("A file of 0.2 MB to a bucket", tries).check()


def test_an_upload_in_chunks_survives_any_fault(
    buckets: Buckets, storage: Between, workspace: dict[str, Lake], tries: int
) -> None:
    sent = Uploads(buckets, storage, workspace["large"], before=workspace["other"])
    sent.sweep("A file of 9 MB in chunks of 4 MiB, over another one", tries).check()


# ---- loads -----------------------------------------------------------------------------------------------------------


class Loads:
    """A month into a dataset of its own for each try.

    `died`: it is the run after one that was killed between the job and the marker. `slow`: the job is still running
    when it is first asked for.
    """

    def __init__(
        self, server: BigQueryServer, between: Between, clean: Clean, died: bool = False, slow: bool = False
    ) -> None:
        self.server, self.between, self.clean, self.died, self.slow = server, between, clean, died, slow
        self._swaps = 0
        with clean.file.reading() as path:
            self._fares = pc.sum(pq.read_table(path)["fare_amount"]).as_py()

    def places(self) -> list[Place]:
        """The requests of this load, one after the other."""
        dataset = self._dataset()
        self.between.asked.clear()
        with self._held() as release:
            self.between.rule = release
            self._load(dataset)
        return places(self.between.asked)

    def sweep(self, title: str, where: list[Place], tries: int) -> Table:
        """Each fault at each of these requests."""
        return Table(title).sweep(where, tries, self._one)

    def _one(self, place: Place, trouble: Trouble) -> Outcome:
        dataset = self._dataset()
        self.between.asked.clear()
        with self._held() as release:
            self.between.rule = rule = At(place, trouble, release)
            result = outcome(lambda: self._load(dataset), rule, WarehouseError)
        self._check(dataset)
        return result

    def _load(self, dataset: str) -> None:
        endpoint = self.between.endpoint
        warehouse = BigQuery(
            "bigquery", BigQuery.Settings(PROJECT, dataset, endpoint=endpoint, wait=20 * ANSWER, patience=PATIENCE)
        )
        assert self.clean.into(warehouse) == self.clean.given.rows

    @contextmanager
    def _held(self) -> Iterator[Callable[[Asked], None]]:
        """When `slow`, no job of the block ends before one is asked for; gives a rule that sees to it."""
        with ExitStack() as held:
            if self.slow:
                held.enter_context(self.server.shim.holding())

            def release(asked: Asked) -> None:
                if kind(asked) == LOOK:
                    held.close()

            yield release

    def _dataset(self) -> str:
        dataset = self.server.fresh_dataset()
        self._swaps = 0
        self.server.shim.before_swap = self._swapped
        if self.died:
            self.between.rule = lambda asked: Answered(400) if kind(asked) == MARK else None
            with pytest.raises(WarehouseError, match="Google answered 400"):
                self._load(dataset)
            assert self._swaps == 1
        return dataset

    def _swapped(self) -> None:
        self._swaps += 1

    def _check(self, dataset: str) -> None:
        given = self.clean.given
        counted = self.server.query(
            dataset, f"SELECT {FILE_MONTH}, count(*), sum(fare_amount) FROM {YELLOW.table} GROUP BY {FILE_MONTH}"
        )
        assert counted == [(JANUARY.first_day, given.rows, pytest.approx(self._fares))]
        marked = self.server.query(
            dataset, f"SELECT color, {FILE_MONTH}, edition, sha256, rows, sequence FROM {MARKERS}"
        )
        assert marked == [(COLOR, JANUARY.first_day, given.edition, given.sha256, given.rows, 1)]
        assert self._swaps == 1, "loaded more than once"
        assert not atomic_files.SCRATCH.exists() or not list(atomic_files.SCRATCH.iterdir())


@pytest.fixture
def warehouse(bigquery: BigQueryServer) -> Iterator[Between]:
    """Stands before the datasets."""
    with Between(bigquery) as between:
        yield between


@pytest.fixture
def from_bucket(bigquery: BigQueryServer, warehouse: Between, fake_gcs: GcsServer, tmp_path: Path) -> Loads:
    """A month that BigQuery fetches from a bucket."""
    return Loads(bigquery, warehouse, _readable(in_bucket(fake_gcs, tmp_path), tmp_path), slow=True)


def _readable(clean: Clean, folder: Path) -> Clean:
    """For the sums that are compared; the load itself reads nothing here."""
    path = folder / Path(clean.file.url).name
    return replace(clean, file=replace(clean.file, reading=lambda: nullcontext(path)))


def test_a_load_from_a_bucket_survives_any_fault(from_bucket: Loads, tries: int) -> None:
    from_bucket.sweep("A month from a bucket into BigQuery", from_bucket.places(), tries).check()


def test_a_load_from_a_local_file_survives_any_fault(
    from_bucket: Loads, tmp_path: Path, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the requests that a load from a bucket has not: the look for the job, and the file in pieces."""
    monkeypatch.setattr(uploads, "_CHUNK", 256 << 10)
    loads = Loads(from_bucket.server, from_bucket.between, local(tmp_path, 2 * ROWS))
    had = {place.kind for place in from_bucket.places()} - {LOOK}
    where = [place for place in loads.places() if place.kind not in had]
    assert len(where) >= 4
    loads.sweep("A local file in chunks of 256 KiB into BigQuery", where, tries).check()


def test_the_run_after_a_kill_between_job_and_marker_survives_any_fault(from_bucket: Loads, tries: int) -> None:
    """Only the requests that tell that the job is done and its rows are there; the others are as in the first run."""
    loads = Loads(from_bucket.server, from_bucket.between, from_bucket.clean, died=True)
    where = loads.places()
    where = where[where.index(Place("begin the job of the rows", 1)) : where.index(Place(MARK, 1))]
    assert LOOK in [place.kind for place in where]
    loads.sweep("The run after a kill between job and marker", where, tries).check()
