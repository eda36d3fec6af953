"""A rerun of months that are all loaded: what it asks, and what it does not even import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.conftest import After
from tests.support.project import ROOT, Project

COUNTED = """
import atexit, json, sys
import luigi.cmdline
import taxi_luigi.storage.lake as lakes, taxi_luigi.warehouses.duckdb as duck, taxi_luigi.tasks.targets as targets
import taxi_luigi.sources as sources, taxi_luigi.sources.url_template as url_template
calls = dict.fromkeys(["list", "stat", "loaded_months", "zones", "fetch", "exists", "connect", "_check_names"], 0)
def count(owner, name):
    real = getattr(owner, name)
    def counted(*args, **kwargs):
        calls[name] += 1
        return real(*args, **kwargs)
    setattr(owner, name, counted)
count(lakes.Lake, "list"), count(lakes.Lake, "stat"), count(duck.DuckDB, "loaded_months")
count(duck.DuckDB, "zones"), count(duck.duckdb, "connect"), count(url_template, "_check_names")
count(sources.SingleFile, "fetch")
for target in (targets.RawTarget, targets.LakeTarget, targets.MarkerTarget, targets.PublishedTarget,
               targets.ZonesTarget):
    count(target, "exists")
heavy = ("pandas", "pyarrow", "sqlalchemy", "google.cloud", "boto3", "rich")
atexit.register(lambda: print("SEEN", json.dumps([calls, [name for name in heavy if name in sys.modules]])))
luigi.cmdline.luigi_run(sys.argv[1:])
"""
"""The luigi command with its questions counted; the imports it makes itself are what `luigi --module` makes."""

COMMAND = ("LoadAllMonths", "--colors", "yellow,green", "--months", "2021-01..2021-03")


@pytest.fixture
def loading(loading: Project, samples: Path) -> Project:
    """A project that loads the zones too."""
    loading.configure({"taxi": {"zones": samples / "taxi_zone_lookup.csv"}})
    return loading


def test_one_listing_per_lake_and_color_one_query_per_table_and_no_heavy_import(after: After) -> None:
    loading = after(*COMMAND)
    done = loading.command("python", "-c", COUNTED, "--module", "taxi_luigi", *COMMAND, "--local-scheduler")
    assert done.rc == 0, done.out
    seen = next(line for line in done.out.splitlines() if line.startswith("SEEN"))
    questions = {"list": 2, "loaded_months": 2, "zones": 1, "connect": 1, "_check_names": 1}
    calls, heavy = json.loads(seen.removeprefix("SEEN "))
    assert {name: number for name, number in calls.items() if number} == questions
    assert heavy == []


def test_a_rerun_against_postgres_imports_nothing_heavy_either(loading: Project, postgres_url: str) -> None:
    loading.configure({"taxi": {"warehouse": "pg"}, "warehouse.pg": {"type": "postgres", "url": "${PG}"}})
    assert loading.run(*COMMAND, env={"PG": postgres_url}).rc == 0
    code = (
        "import atexit, sys, luigi.cmdline\n"
        "heavy = ('pandas', 'pyarrow', 'sqlalchemy', 'google.cloud', 'duckdb')\n"
        "atexit.register(lambda: print('SEEN', [name for name in heavy if name in sys.modules]))\n"
        "luigi.cmdline.luigi_run(sys.argv[1:])\n"
    )
    done = loading.command(
        "python", "-c", code, "--module", "taxi_luigi", *COMMAND, "--local-scheduler", env={"PG": postgres_url}
    )
    assert done.rc == 0, done.out
    assert "SEEN []" in done.out


def test_the_command_is_found_from_any_folder(tmp_path: Path) -> None:
    luigi = Path(sys.executable).parent / "luigi"
    done = subprocess.run(
        [luigi, "--module", "taxi_luigi", "LoadAllMonths", "--months", "2008-01"],
        cwd=tmp_path, capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 40, "config/luigi.cfg sets the exit codes"
    assert "yellow begins in 2009-01" in done.stderr
    assert (ROOT / "luigi.cfg").resolve() == (ROOT / "config" / "luigi.cfg").resolve()


@pytest.mark.parametrize("missing", ["clean", "marker"])
def test_only_what_is_missing_is_scheduled(after: After, missing: str) -> None:
    loading = after(*COMMAND)
    if missing == "clean":
        (loading.workspace / "clean" / "green" / "green_tripdata_2021-02.parquet").unlink()
    else:
        loading.warehouse.unlink()
        (loading.workspace / "raw" / "green" / "green_tripdata_2021-02.parquet").unlink()
    again = loading.run(*COMMAND, "--log-level", "DEBUG")
    assert again.rc == 0, again.out
    scheduled = [line for line in again.out.splitlines() if " running   " in line and "LoadAllMonths" not in line]
    if missing == "clean":
        assert len(scheduled) == 1
        assert "CleanMonth(color=green, month=2021-02" in scheduled[0]
    else:
        assert len(scheduled) == 7
        assert all("LoadMonth(" in line or "LoadZones(" in line for line in scheduled)
