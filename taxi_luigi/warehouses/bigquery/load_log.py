"""The table of markers in a dataset: rows are only ever added, by load jobs, and of a month's rows the last one counts.

The job that adds a month's marker number n has an id made of the month and n alone, so there is one such marker,
however many processes load that month. Listing the table costs nothing, and one listing holds all colors and months.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.tlc.datasets import FILE_MONTH, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import MARKERS, Marker, markers
from taxi_luigi.warehouses.bigquery import jobs, tables
from taxi_luigi.warehouses.bigquery.connection import REQUEST, Connection

if TYPE_CHECKING:
    from google.cloud.bigquery import LoadJob

LAYOUT = tables.Layout(
    MARKERS,
    # What is added one day goes to the end: a listing answers in the table's order, where new columns are the last
    {**markers.FIRST_COLUMNS, "sequence": "int64", "job_id": "string", **markers.COLUMNS},
    markers.DESCRIPTIONS
    | {
        "": "months that taxi_luigi has loaded into this dataset; a month's last row counts",
        "rows": "rows of the month that BigQuery counted; null: the month was taken out",
        "sequence": "the month's markers are numbered from 1; the last one counts",
        "job_id": "the load job that brought the rows",
    },
    own=(*markers.FIRST_COLUMNS, "sequence", "job_id"),
)


@dataclass(frozen=True)
class Entry:
    """One row of the table."""

    color: str
    month: Month
    edition: str
    sha256: str
    rows: int | None
    """None: the month was taken out"""
    loaded_at: datetime
    """in UTC, naive"""
    sequence: int
    job_id: str
    records: int | None


def check_version(connection: Connection) -> None:
    """Raise ForeignTable for a table with columns of a later version, before any of it is changed."""
    table = tables.find(connection, MARKERS)
    if table is not None:
        tables.check(connection, LAYOUT, table)
        markers.check_version(connection.where, tables.types(table), LAYOUT.columns)


def prepare(connection: Connection) -> None:
    """Create the table, or add the columns that it lacks. Raise ForeignTable as `check_version`."""
    table = tables.prepare(connection, LAYOUT)
    markers.check_version(connection.where, tables.types(table), LAYOUT.columns)


def entries(connection: Connection) -> list[Entry]:
    """All rows of the table, in no order, from one listing; none when there is no such table yet."""
    from google.api_core.exceptions import BadRequest, NotFound

    try:
        return list(_listed(connection, LAYOUT.columns))
    except (BadRequest, NotFound):
        # No such table, or an older version's: which answer a column gets that is not there, no document says
        table = tables.find(connection, MARKERS)
    if table is None:
        return []
    tables.check(connection, LAYOUT, table)
    return list(_listed(connection, tables.types(table)))


def _listed(connection: Connection, existing: Collection[str]) -> Iterator[Entry]:
    wanted = [field for field in LAYOUT.fields() if field.name != "source" and field.name in existing]
    for row in connection.client().list_rows(
        connection.table(MARKERS), selected_fields=wanted, retry=connection.retry, timeout=connection.request
    ):
        # A server that leaves out a column that is not there answers shorter rows
        values: dict[str, Any] = dict(zip(row.keys(), row.values(), strict=False))
        yield Entry(
            values["color"],
            Month.of(values[FILE_MONTH]),
            values["edition"],
            values["sha256"],
            values["rows"],
            values["loaded_at"],
            values["sequence"],
            values["job_id"],
            values.get("records"),
        )


def last(connection: Connection, dataset: Dataset) -> dict[Month, Entry]:
    """The one row of each month that counts; it may say that the month was taken out."""
    newest: dict[Month, Entry] = {}
    for entry in entries(connection):
        if entry.color == dataset.color:
            other = newest.get(entry.month)
            if other is None or entry.sequence > other.sequence:
                newest[entry.month] = entry
    return newest


def loaded(connection: Connection, dataset: Dataset) -> dict[Month, Marker]:
    """The markers of the months that are loaded, in order."""
    found = sorted(last(connection, dataset).items())
    return markers.by_month(
        dataset,
        (
            (month.first_day, entry.edition, entry.sha256, entry.rows, entry.loaded_at, entry.records)
            for month, entry in found
            if entry.rows is not None
        ),
    )


@dataclass(frozen=True)
class NewMarker:
    """A marker to be added as the month's number `sequence`. `rows` None: the month was taken out."""

    dataset: Dataset
    month: Month
    sequence: int
    clean: ReceiptSummary
    rows: int | None
    job_id: str

    def as_json(self) -> dict[str, object]:
        """As a line of the load job."""
        values = markers.row(self.dataset, self.month, self.clean, self.rows or 0)
        line: dict[str, object] = {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in zip(markers.COLUMNS, values, strict=True)
        }
        line |= {"rows": self.rows, "records": None if self.rows is None else self.clean.records}
        return line | {"sequence": self.sequence, "job_id": self.job_id}


def append(connection: Connection, new: NewMarker, wait: float) -> bool:
    """Add a marker; return False when another process has added one of that number first."""
    color, month = new.dataset.color, new.month

    def numbered() -> Entry | None:
        same = (color, month, new.sequence)
        return next((each for each in entries(connection) if (each.color, each.month, each.sequence) == same), None)

    def start(job_id: str) -> LoadJob:
        return _add(connection, new, job_id)

    def undone(_job: LoadJob) -> bool:
        return numbered() is None

    done = jobs.run(
        connection,
        jobs.Wanted(
            prefix=f"taxi_luigi_marker_{color}_{month}_{new.sequence}",
            key=(connection.project, connection.dataset, MARKERS, color, str(month), new.sequence),
            what=f"adding the marker of {color} {month}",
            start=start,
            undone=undone,
        ),
        wait,
    )
    if done.ours:
        return True
    # The answer to our own request may have been lost, or another worker loaded the very same
    other = numbered()
    return other is not None and (other.job_id, other.rows) == (new.job_id, new.rows)


def _add(connection: Connection, new: NewMarker, job_id: str) -> LoadJob:
    from google.cloud.bigquery import CreateDisposition, LoadJobConfig, WriteDisposition

    config = LoadJobConfig(
        schema=LAYOUT.fields(),
        write_disposition=WriteDisposition.WRITE_APPEND,
        create_disposition=CreateDisposition.CREATE_NEVER,
        labels=jobs.labels(new.dataset.color, new.month, new.clean.edition),
    )
    return connection.client().load_table_from_json(
        [new.as_json()],
        connection.table(MARKERS),
        job_id=job_id,
        location=connection.place(),
        job_config=config,
        timeout=REQUEST,
    )
