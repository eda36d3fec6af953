"""One month's rows: the load job that swaps them for a clean file's, and the counts that it is held against."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from taxi_luigi.core.errors import BadFile
from taxi_luigi.core.text import unwrapped
from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import CleanFile, markers
from taxi_luigi.warehouses.bigquery import jobs, tables, uploads
from taxi_luigi.warehouses.bigquery.connection import REQUEST, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import LoadJob, LoadJobConfig

_PIECE = 1 << 20

_ONE_OBJECT = re.compile(r"gs://[\w.-]+(/[\w.=-]+)+", re.ASCII)
"""A source URI that BigQuery cannot take for more or other than one object: in others `*` stands for any letters, and
`//` for `/` (cloud.google.com/bigquery/docs/batch-loading-data, 2026). Those objects' bytes are sent from here."""

_OLDEST = timedelta(days=1)
"""no load job runs longer: Google ends them after 6 hours"""


@dataclass(frozen=True)
class Target:
    """The month of a table."""

    connection: Connection
    dataset: Dataset
    month: Month

    @property
    def partition(self) -> str:
        """`yellow_tripdata$202401`"""
        return tables.partition(self.dataset.table, self.month)

    def rows(self) -> int:
        """How many there are now."""
        return tables.rows(self.connection, self.partition)

    def delete(self) -> None:
        """Takes the rows out; that there are none is no error."""
        self.connection.client().delete_table(
            self.connection.table(self.partition), not_found_ok=True, retry=self.connection.retry, timeout=REQUEST
        )

    def load(self, clean: CleanFile, local: Path | None, crc32c: str, sequence: int, wait: float) -> LoadJob:
        """Swaps the rows for those of the clean file, once for each `sequence`, the number of the month's markers.

        `local` is where its bytes are when BigQuery cannot read `clean.url` by itself.
        """
        given, color = clean.summary, self.dataset.color
        identity = (self.connection.project, self.connection.dataset, self.dataset.table, color, str(self.month))
        wanted = jobs.Wanted(
            prefix=f"taxi_luigi_{color}_{self.month}",
            key=(*identity, given.edition, given.sha256, given.rows, crc32c, sequence),
            what=f"loading {clean.url}",
            start=self._starting(clean, local),
            undone=self._undone,
            shown=True,
            look_first=local is not None,
        )
        self._wait_for_others(wanted, wait)
        return jobs.run(self.connection, wanted, wait).job

    def _wait_for_others(self, wanted: jobs.Wanted, wait: float) -> None:
        """Lets jobs end that load other content into the same partition: those of a loader that was killed go on.

        Else such a job could end after ours, unnoticed. Only who may list jobs sees them
        (roles/bigquery.user, not jobUser), and only those of the same account.
        """
        from google.api_core.exceptions import Forbidden

        connection = self.connection
        since = datetime.now(UTC) - _OLDEST
        for state in ("pending", "running"):
            listing = connection.client().list_jobs(
                state_filter=state, min_creation_time=since, retry=connection.retry, timeout=REQUEST
            )
            try:
                others = [
                    job
                    for job in listing
                    if job.job_type == "load"
                    and job.destination == connection.table(self.partition)
                    and not wanted.is_its(job.job_id)
                ]
            except Forbidden:
                return
            for job in others:
                jobs.wait_for(connection, job, "another load of this month", wait)

    def _starting(self, clean: CleanFile, local: Path | None) -> Callable[[str], LoadJob]:
        connection = self.connection
        config, table = self._config(clean.summary.edition), connection.table(self.partition)

        def start(job_id: str) -> LoadJob:
            from google.cloud.bigquery import LoadJob

            client, place = connection.client(), connection.place()
            if local is None:
                return client.load_table_from_uri(
                    clean.url,
                    table,
                    job_id=job_id,
                    location=place,
                    job_config=config,
                    retry=connection.retry,
                    timeout=REQUEST,
                )
            return uploads.begin(connection, LoadJob(job_id, None, table, client, config), place, local)

        return start

    def _config(self, edition: str) -> LoadJobConfig:
        from google.cloud.bigquery import CreateDisposition, LoadJobConfig, SourceFormat, WriteDisposition

        return LoadJobConfig(
            source_format=SourceFormat.PARQUET,
            schema=tables.Layout.of(self.dataset).fields(),
            write_disposition=WriteDisposition.WRITE_TRUNCATE,
            create_disposition=CreateDisposition.CREATE_NEVER,
            labels=jobs.labels(self.dataset.color, self.month, edition),
        )

    def _undone(self, job: LoadJob) -> bool:
        """Whether the rows that a finished job brought were replaced or taken out since."""
        changed = tables.partitions(self.connection, self.dataset.table).get(self.partition.partition("$")[2], 0)
        ended = int(job.ended.timestamp() * 1000) if job.ended else 0
        return changed > ended or self.rows() != jobs.rows(job)


def bytes_of(clean: CleanFile) -> AbstractContextManager[Path | None]:
    """A local file with the clean file's bytes; None when BigQuery reads them from the bucket."""
    return nullcontext() if _ONE_OBJECT.fullmatch(clean.url) else clean.reading()


def checksum(clean: CleanFile, local: Path | None) -> str:
    """The CRC32C of the bytes, as Google writes it; computed where the store did not tell it."""
    if clean.crc32c:
        return clean.crc32c
    if local is None:
        with clean.reading() as copy:
            return checksum(clean, copy)
    from google_crc32c import Checksum

    crc: Any = Checksum()
    with local.open("rb") as file:
        while piece := file.read(_PIECE):
            crc.update(piece)
    return base64.b64encode(crc.digest()).decode()


def check_footer(dataset: Dataset, month: Month, clean: CleanFile, local: Path) -> None:
    """Raises BadFile or AccountError for a local file that is not parquet or holds other rows than its account says.

    A load replaces the old rows before anybody could count the new ones, so what can be seen is looked at before.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_metadata(local).num_rows
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's failure, not the file's
        text = unwrapped(error)
        raise BadFile(f"{clean.url} cannot be read: {text}") from error
    markers.check_count(f"the footer of {clean.url}", dataset, month, clean, rows)
