"""The connection to a dataset: the client of this process, its retries and timeouts, and its errors in one line.

It is independent of the tables. google.cloud.bigquery takes 0.4 s to import, so only functions that use it import it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from taxi_luigi.core.cloud import gcp, per_process
from taxi_luigi.core.concurrency import AGAIN, ANSWER, warn_if_slow
from taxi_luigi.core.errors import ConfigError, WarehouseError
from taxi_luigi.core.redaction import public_url

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.bigquery import Client, Dataset, TableReference

ROLES = (
    "roles/bigquery.dataEditor on the dataset and roles/bigquery.jobUser on the project, and to load from a bucket "
    "roles/storage.objectViewer on it"
)

REQUEST = 60.0
"""seconds that one request may take; Google ends most of its own after that"""


@dataclass(frozen=True)
class Connection:
    """The dataset of the warehouse called `name` in luigi.cfg; it opens no client before the first request.

    `location` is the setting of luigi.cfg, if any; `patience` is for how many seconds a failing request is repeated.
    """

    name: str
    project: str
    dataset: str
    location: str | None
    credentials_file: Path | None
    endpoint: str | None
    patience: float
    request: float = REQUEST
    """seconds that one request may take"""

    @property
    def address(self) -> str:
        """The address of the warehouse for messages."""
        return f"BigQuery {self.project}.{self.dataset}"

    @property
    def where(self) -> str:
        """The beginning of an error."""
        return f"warehouse {self.name} ({self.address})"

    @property
    def server(self) -> str | None:
        """The server to use instead of Google's."""
        return gcp.endpoint_of(self.endpoint, "BIGQUERY_EMULATOR_HOST")

    @property
    def retry(self) -> Retry:
        """The client's own retries, for `patience` seconds."""
        from google.cloud.bigquery import DEFAULT_RETRY

        return DEFAULT_RETRY.with_timeout(self.patience)

    def with_short_timeouts(self) -> Self:
        """Return a copy for listings and metadata, which a run waits for before it begins."""
        return replace(self, patience=min(AGAIN, self.patience), request=ANSWER)

    @contextmanager
    def querying(self) -> Iterator[Self]:
        """Open a block of such requests: it warns of slow answers, and Google's exceptions become one line."""
        server = public_url(self.server or "https://bigquery.googleapis.com")
        with self.translating_errors(), warn_if_slow(f"warehouse {self.name} ({server})"):
            yield self.with_short_timeouts()

    def translating_errors(self) -> AbstractContextManager[None]:
        """Open a block in which Google's exceptions become one line: ConfigError or WarehouseError."""
        return gcp.translating_errors(self.where, WarehouseError, ROLES)

    def client(self) -> Client:
        """Return the client of this process."""
        return per_process(("bigquery", self.project, self.credentials_file, self.server), self._open)

    def table(self, name: str) -> TableReference:
        """Return a reference to a table of the dataset, or to a partition: `yellow_tripdata$202401`."""
        from google.cloud.bigquery import TableReference

        return TableReference.from_string(f"{self.project}.{self.dataset}.{name}")

    def home(self) -> Dataset:
        """Return the dataset's metadata.

        Raises:
            ConfigError: there is no such dataset, or its location differs from the setting.
        """
        from google.api_core.exceptions import NotFound

        named = f"{self.project}.{self.dataset}"
        try:
            home = self.client().get_dataset(named, retry=self.retry, timeout=self.request)
        except NotFound as error:
            raise ConfigError(
                f"{self.where}: there is no such dataset: correct [warehouse.{self.name}] project and dataset, or make "
                f"it: bq mk --dataset --location={self.location or 'US'} {self.project}:{self.dataset}"
            ) from error
        is_in = str(home.location).upper()
        if self.location and self.location.upper() != is_in:
            raise ConfigError(
                f"{self.where}: [warehouse.{self.name}] location is {self.location}, but the dataset is in {is_in}, "
                "where it was made for good: correct the setting, or set another dataset"
            )
        return home

    def place(self) -> str:
        """Return the location of the dataset, which its jobs need; it never changes, so a process requests it once."""
        key = ("bigquery location", self.project, self.dataset, self.location, self.server)
        return per_process(key, lambda: str(self.home().location))

    def _open(self) -> Client:
        from google.cloud.bigquery import Client

        credentials = gcp.credentials(self.credentials_file, self.server, self.where)
        options = {"api_endpoint": self.server} if self.server else {}
        return Client(project=self.project, credentials=credentials, client_options=options)
