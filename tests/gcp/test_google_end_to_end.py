"""Two made-up months from a folder over a bucket into BigQuery, by the `luigi` command, as docs/gcp.md has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.api_core.exceptions import GoogleAPICallError

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month, month_range
from tests.support.google import Place, is_asked
from tests.support.project import ROOT, Project

ROWS = 2_000
"""in each made-up month"""

COMMAND = ("LoadAllMonths", "--colors", "yellow", "--months", "2024-01..2024-02", "--workers", "2")


def _configure(project: Project, place: Place, dataset: str, source: Path) -> str:
    """Names the bucket and the dataset to a project; returns the folder in the bucket."""
    prefix = place.fresh_prefix()
    project.configure(
        {
            "taxi": {
                "source": f"{source}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
                "lake": "gcs",
                "warehouse": "bigquery",
            },
            "lake.gcs": {"bucket": place.bucket, "prefix": prefix, "endpoint": place.storage},
            "warehouse.bigquery": {"project": place.project, "dataset": dataset, "endpoint": place.bigquery},
        }
    )
    return prefix


def _load(project: Project, place: Place, dataset: str, tmp_path: Path) -> str:
    """The folder of the bucket, after a run of the command.

    No fixture: of Ctrl-C in a fixture, pytest 9 makes a traceback of its own (a KeyError in tmp_path).
    """
    write_samples(tmp_path / "source", ["yellow"], month_range(Month(2024, 1), Month(2024, 2)), ROWS, seed=1)
    prefix = _configure(project, place, dataset, tmp_path / "source")
    done = project.run(*COMMAND, timeout=900)
    assert done.rc == 0, done.out
    assert "yellow: 2 months loaded" in done.out
    return prefix


def test_months_go_from_a_folder_to_the_bucket_and_to_bigquery_once(
    project: Project, place: Place, dataset: str, tmp_path: Path
) -> None:
    loaded = _load(project, place, dataset, tmp_path)
    names = [f"{loaded}/yellow/yellow_tripdata_2024-0{number}.parquet" for number in (1, 2)]
    assert sorted(blob.name for blob in place.objects() if blob.name.startswith(f"{loaded}/")) == names
    counts = "SELECT CAST(file_month AS STRING), count(*) FROM yellow_tripdata GROUP BY 1 ORDER BY 1"
    assert place.query(dataset, counts) == [("2024-01-01", ROWS), ("2024-02-01", ROWS)]
    again = project.run(*COMMAND, timeout=900)
    assert again.rc == 0, again.out
    assert "yellow: 0 months loaded, 2 already there" in again.out
    verified = project.command("taxi-luigi", "verify", timeout=600)
    assert verified.rc == 0, verified.out
    # The columns are published, raw, clean, rejected, gcs and bigquery.
    row = rf"^yellow 2024-0\d(?: +\S+){{2}} +{ROWS:,} +\S+ +{ROWS:,} +{ROWS:,}$"
    assert len(re.findall(row, verified.out, re.MULTILINE)) == 2, verified.out


@pytest.mark.xfail(
    not is_asked(),
    reason="local-bigquery has no external tables",
    raises=GoogleAPICallError,
)
def test_the_external_table_of_the_docs_reads_the_bucket(
    project: Project, place: Place, dataset: str, tmp_path: Path
) -> None:
    loaded = _load(project, place, dataset, tmp_path)
    page = (ROOT / "docs" / "gcp.md").read_text()
    [statement] = re.findall(r"^CREATE OR REPLACE EXTERNAL TABLE .*?;$", page, re.M | re.S)
    for placeholder, real in {
        "PROJECT.trips_data_all": f"{place.project}.{dataset}",
        "gs://BUCKET/data": f"gs://{place.bucket}/{loaded}",
    }.items():
        assert placeholder in statement
        statement = statement.replace(placeholder, real)
    place.query(dataset, statement)
    assert place.query(dataset, "SELECT count(*) FROM external_yellow_tripdata") == [(2 * ROWS,)]
