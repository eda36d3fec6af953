"""Two versions of taxi_luigi on one workspace: the older one reads what the newer wrote, and replaces nothing of it."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pyarrow.parquet as pq

from taxi_luigi.core.receipts import FOOTER_KEY, Edition
from taxi_luigi.tlc.datasets import SCHEMA_VERSION
from taxi_luigi.transform.clean_settings import CleanRules
from tests.pipeline.conftest import duckdb_counts, markers
from tests.support.project import Project

MONTHS = ("LoadAllMonths", "--colors", "green", "--months", "2021-01..2021-03")


def test_a_month_of_a_newer_version_is_named_and_stays(loaded_green: Project) -> None:
    project = loaded_green
    clean = project.workspace / "clean" / "green" / "green_tripdata_2021-01.parquet"
    [beside] = (project.workspace / "raw" / "green").glob("*2021-02*.receipt.json")
    receipt = json.loads(beside.read_text())
    beside.write_text(json.dumps(receipt | {"signature": "of the future"}))
    rewrite(clean, lambda fields: fields["versions"].update(schema=str(SCHEMA_VERSION + 1)))
    edition = later_edition(project, "2021-03-01")
    before, counts = {path: path.read_bytes() for path in (clean, beside)}, duckdb_counts(project, "green_tripdata")

    again = project.run(*MONTHS, "--refresh", "all")
    assert again.rc == 0, again.out
    assert "green: 0 months loaded, 3 already there" in again.out

    forced = project.run(*MONTHS, "--force")
    assert forced.rc == 30, forced.out
    assert "Traceback" not in forced.out
    later, raw = "a later version of taxi_luigi made it", str(beside).removesuffix(".receipt.json")
    stays = "so it is not replaced; upgrade this one"
    schema = f"its schema is version {SCHEMA_VERSION + 1}, here it is {SCHEMA_VERSION}"
    assert f"{clean}: {later} ({schema}), {stays}" in forced.out
    assert f"{raw}: {later} (its receipt has signature), {stays}" in forced.out
    assert f"duckdb:green_tripdata/2021-03: {later} (by a later schema), {stays}" in forced.out
    assert {path: path.read_bytes() for path in before} == before
    assert duckdb_counts(project, "green_tripdata") == counts
    assert markers(project) == {("green", month): rows for month, rows in counts.items()}
    with duckdb.connect(str(project.warehouse), read_only=True) as connection:
        query = "SELECT edition FROM taxi_luigi_loads WHERE file_month = '2021-03-01'"
        assert connection.execute(query).fetchall() == [(edition,)]


def later_edition(project: Project, day: str) -> str:
    """Marks a month as loaded by a version whose schema is a later one."""
    with duckdb.connect(str(project.warehouse)) as connection:
        query = "SELECT edition FROM taxi_luigi_loads WHERE file_month = ?"
        [(held,)] = connection.execute(query, [day]).fetchall()
        source, mapping = Edition.parse(held).source, held.partition("_")[2]
        edition = f"{source}-{CleanRules().version(SCHEMA_VERSION + 1)}_{mapping}"
        connection.execute("UPDATE taxi_luigi_loads SET edition = ? WHERE file_month = ?", [edition, day])
    return edition


def rewrite(path: Any, change: Any) -> None:
    """Changes the receipt in a clean file's footer."""
    table = pq.read_table(path)
    fields = json.loads(pq.read_metadata(path).metadata[FOOTER_KEY.encode()])
    change(fields)
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({FOOTER_KEY: json.dumps(fields)})
