"""Two made-up months from a folder over a container into DuckDB, by the `luigi` command, as docs/azure.md has it."""

from __future__ import annotations

import re
from pathlib import Path

from taxi_luigi.sample import write_samples
from taxi_luigi.tlc.months import Month, month_range
from tests.support.azure_cloud import Place
from tests.support.project import Project

ROWS = 2_000
"""in each made-up month"""

COMMAND = ("LoadAllMonths", "--colors", "yellow", "--months", "2024-01..2024-02", "--workers", "2")


def test_months_go_from_a_folder_to_the_container_and_to_duckdb_once(
    project: Project, place: Place, tmp_path: Path
) -> None:
    """No fixture: of Ctrl-C in a fixture, pytest 9 makes a traceback of its own (a KeyError in tmp_path)."""
    write_samples(tmp_path / "source", ["yellow"], month_range(Month(2024, 1), Month(2024, 2)), ROWS, seed=1)
    prefix = place.fresh_prefix()
    project.configure(
        {
            "taxi": {
                "source": f"{tmp_path / 'source'}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
                "lake": "azure",
            },
            "lake.azure": place.settings(prefix),
        }
    )
    done = project.run(*COMMAND, timeout=900)
    assert done.rc == 0, done.out
    assert "yellow: 2 months loaded" in done.out
    names = [f"{prefix}/yellow/yellow_tripdata_2024-0{number}.parquet" for number in (1, 2)]
    assert sorted(name for name in place.blobs() if name.startswith(f"{prefix}/")) == names
    again = project.run(*COMMAND, timeout=900)
    assert again.rc == 0, again.out
    assert "yellow: 0 months loaded, 2 already there" in again.out
    verified = project.command("taxi-luigi", "verify", timeout=600)
    assert verified.rc == 0, verified.out
    # The columns are published, raw, clean, rejected, azure and duckdb.
    row = rf"^yellow 2024-0\d(?: +\S+){{2}} +{ROWS:,} +\S+ +{ROWS:,} +{ROWS:,}$"
    assert len(re.findall(row, verified.out, re.MULTILINE)) == 2, verified.out
