"""A second run over 24 months that are loaded, beside luigi on a wrapper over nothing, both with the same settings."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import ROOT, Run, Way

MONTHS = "2021-01..2022-12"
SETTINGS = """\
[taxi]
source = {folder}/published/{{color}}_tripdata_{{year}}-{{month:02}}.parquet
workspace = {folder}/data
zones =
[warehouse.duckdb]
path = {folder}/data/warehouse.duckdb
"""
_LUIGI = [sys.executable, "-m", "luigi", "--local-scheduler"]
RERUN = [*_LUIGI, "--module", "taxi_luigi", "LoadAllMonths", "--colors", "yellow", "--months", MONTHS]
EMPTY = [*_LUIGI, "--module", "benchmarks.empty", "Empty"]


def table(folder: Path, rounds: int) -> str:
    """Loads the months, then runs both in turn, as markdown. Ends the benchmark if a rerun changed the warehouse."""
    environment = _project(folder)
    warehouse = folder / "data" / "warehouse.duckdb"
    harness.spawn(RERUN, folder, environment)
    loaded = warehouse.stat().st_mtime_ns
    empty: list[Run] = []
    again: list[Run] = []
    for _ in range(rounds):
        empty.append(Run(*harness.spawn(EMPTY, folder, environment)[:2], said={}))
        again.append(Run(*harness.spawn(RERUN, folder, environment)[:2], said={}))
    if warehouse.stat().st_mtime_ns != loaded:
        raise SystemExit("the rerun of loaded months wrote to the warehouse")
    runs = {"luigi, a wrapper over nothing": empty, "taxi_luigi, 24 loaded months": again}
    lines = ["| way | process s | × | peak MB | runs |", "|---|--:|--:|--:|--:|"]
    for name, of in runs.items():
        ratio = harness.ratio(runs, name, next(iter(runs)), harness.process_seconds)
        seconds, peak = harness.median(of, harness.process_seconds), max(one.peak_mb for one in of)
        lines.append(f"| {name} | {seconds:.2f} | {ratio:.2f} | {peak:.0f} | {len(of)} |")
    return "\n".join(lines)


def _project(folder: Path) -> dict[str, str]:
    """A folder with the package's luigi.cfg, its own paths in a second file, and 24 short months to load."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "config" / "luigi.cfg", folder / "luigi.cfg")
    own = folder / "own.cfg"
    own.write_text(SETTINGS.format(folder=folder))
    harness.run(Way("make up 24 months", ("benchmarks.months", str(folder / "published"), "1000", "--months", MONTHS)))
    return {"PYTHONPATH": str(ROOT), "LUIGI_CONFIG_PATH": str(own)}
