"""Google Cloud itself for the suites: throw-away datasets and a throw-away folder of a bucket, for scripts/check-gcp.

Where STORAGE_EMULATOR_HOST and BIGQUERY_EMULATOR_HOST name emulators, those are asked by the same code.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any
from uuid import uuid4

from google.cloud.bigquery import Client, Dataset, QueryJobConfig
from google.cloud.storage import Blob
from google.cloud.storage import Client as StorageClient

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.health import Check, Status
from taxi_luigi.storage.gcs import GcsStore
from taxi_luigi.warehouses.bigquery import BigQuery

VARIABLE = "TAXI_LUIGI_GCP"
"""names the place to the tests; scripts/check-gcp sets it"""

EMULATORS = ("STORAGE_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST")
"""variables that name a server other than Google's"""

_A_DAY = 24 * 3600 * 1000
"""milliseconds after which Google takes away the tables of a check that was killed before it could"""


@dataclass(frozen=True)
class Place:
    """Where a check may make what it likes: datasets called `stem`_…, and objects `folder`/… of the bucket."""

    project: str
    bucket: str
    dataset: str
    location: str
    """of the datasets"""
    token: str
    """makes the names of this check its own"""
    storage: str = ""
    bigquery: str = ""
    """endpoints; '' is Google's, or what the *_EMULATOR_HOST variables say"""

    @property
    def stem(self) -> str:
        """How the throw-away datasets begin."""
        return f"{self.dataset}_check_{self.token}"

    @property
    def folder(self) -> str:
        """Where the throw-away objects are."""
        return f"taxi_luigi_check_{self.token}"

    def as_text(self) -> str:
        """The whole place, for the variable."""
        return " ".join(each or "-" for each in astuple(self))

    @classmethod
    def of(cls, text: str) -> Place:
        """The place that `as_text` wrote."""
        return cls(*("" if each == "-" else each for each in text.split()))

    def findings(self) -> Iterator[Check]:
        """What is wrong or silent before anything is made, as `taxi-luigi doctor` finds it."""
        warehouse, store = self.warehouse(self.dataset), self.fresh_store(self.folder)
        for finding in (*store.findings(), *warehouse.findings()):
            if finding.verdict in (Status.ERROR, Status.UNREACHABLE):
                yield finding

    def fresh_prefix(self) -> str:
        """A folder of the bucket in which nothing is."""
        return f"{self.folder}/{uuid4().hex[:8]}"

    def fresh_store(self, prefix: str = "", **settings: Any) -> GcsStore:
        """A store in which nothing is, or in the folder that is named."""
        return GcsStore(
            "lake gcs",
            GcsStore.Settings(self.bucket, prefix or self.fresh_prefix(), endpoint=self.storage or None, **settings),
        )

    def objects(self) -> list[Blob]:
        """What the check has in the bucket."""
        with self._storage() as client:
            return list(client.list_blobs(self.bucket, prefix=f"{self.folder}/"))

    def fresh_dataset(self, **settings: Any) -> str:
        """The name of a new, empty dataset; its tables vanish after a day, whoever is killed."""
        name = f"{self.stem}_{uuid4().hex[:8]}"
        made = Dataset(f"{self.project}.{name}")
        made.location = self.location
        made.default_table_expiration_ms = _A_DAY
        for key, value in settings.items():
            setattr(made, key, value)
        with self.client() as client:
            client.create_dataset(made)
        return name

    def datasets(self) -> list[str]:
        """The check's datasets."""
        with self.client() as client:
            names = [each.dataset_id for each in client.list_datasets(self.project)]
        return [name for name in names if name.startswith(f"{self.stem}_")]

    def warehouse(self, dataset: str) -> BigQuery:
        """The warehouse in a dataset."""
        return BigQuery("bigquery", BigQuery.Settings(self.project, dataset, endpoint=self.bigquery or None, wait=600))

    def query(self, dataset: str, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query or script. Google bills a query 10 MB at least, the first TiB of a month nothing."""
        config = QueryJobConfig(default_dataset=f"{self.project}.{dataset}")
        with self.client() as client:
            rows = client.query_and_wait(statement, job_config=config, location=self.location)
            return [tuple(row.values()) for row in rows]

    def sweep(self) -> None:
        """Takes out all that the check made."""
        for name in self.datasets():
            with self.client() as client:
                client.delete_dataset(f"{self.project}.{name}", delete_contents=True, not_found_ok=True)
        for blob in self.objects():
            blob.delete()

    def client(self) -> Client:
        """A plain client of BigQuery."""
        endpoint = gcp.endpoint_of(self.bigquery, EMULATORS[1])
        options = {"api_endpoint": endpoint} if endpoint else {}
        return Client(self.project, gcp.credentials(None, endpoint, "check-gcp"), client_options=options)

    def _storage(self) -> StorageClient:
        endpoint = gcp.endpoint_of(self.storage, EMULATORS[0])
        options = {"api_endpoint": endpoint} if endpoint else None
        return StorageClient(self.project, gcp.credentials(None, endpoint, "check-gcp"), client_options=options)


def given() -> Place | None:
    """The place that scripts/check-gcp told; None in the ordinary suite."""
    text = os.environ.get(VARIABLE)
    return Place.of(text) if text else None


def is_asked() -> bool:
    """Whether Google itself answers, rather than an emulator."""
    return given() is not None and not any(map(os.environ.get, EMULATORS))


def fresh_store() -> GcsStore | None:
    """An empty store there; None in the ordinary suite."""
    place = given()
    return place.fresh_store() if place else None


# A warehouse as one text, as tests/support/bigquery.py has it, so that other processes can open it as well

_SCHEME = "google"


def described() -> str | None:
    """Where a new, empty warehouse is; None in the ordinary suite."""
    place = given()
    return f"{_SCHEME} {place.fresh_dataset()} {place.as_text()}" if place else None


def is_described(where: str) -> bool:
    """Whether a text is one of `described`."""
    return where.startswith(f"{_SCHEME} ")


def opened(where: str) -> BigQuery:
    """The warehouse that `described` says; at Google a job may be queued for minutes."""
    _, dataset, place = where.split(" ", 2)
    return Place.of(place).warehouse(dataset)


def constructor(where: str) -> str:
    """The same as Python code for another process, but for the name."""
    _, dataset, text = where.split(" ", 2)
    place = Place.of(text)
    return f"BigQuery('x', BigQuery.Settings({place.project!r}, {dataset!r}, endpoint={place.bigquery or None!r}))"


def asked(where: str, statement: str) -> list[tuple[Any, ...]]:
    """What its database answers."""
    _, dataset, place = where.split(" ", 2)
    return Place.of(place).query(dataset, statement)
