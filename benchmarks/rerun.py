"""Run again over 24 months that are loaded, beside luigi on a wrapper over nothing, both with the same settings."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import ROOT, Run, Scope, Way

MONTHS = 24
SETTINGS = """\
[taxi]
source = {folder}/published/{{color}}_tripdata_{{year}}-{{month:02}}.parquet
workspace = {folder}/data
zones =
[warehouse.duckdb]
path = {folder}/data/warehouse.duckdb
"""
_LUIGI = [sys.executable, "-m", "luigi", "--local-scheduler"]
RERUN = [*_LUIGI, "--module", "taxi_luigi", "LoadAllMonths", "--colors", "yellow", "--months"]
EMPTY = [*_LUIGI, "--module", "benchmarks.empty", "Empty"]


def table(scope: Scope) -> str:
    """Load the months, then run both in turn; end the benchmark if a rerun changed the warehouse."""
    folder = scope.folder
    last = scope.of(MONTHS) - 1
    months = f"2021-01..{2021 + last // 12}-{last % 12 + 1:02}"
    environment = _project(folder, months)
    warehouse = folder / "data" / "warehouse.duckdb"
    rerun = [*RERUN, months]
    harness.spawn(rerun, folder, environment)
    loaded = warehouse.stat().st_mtime_ns
    commands = {"luigi, a wrapper over nothing": EMPTY, f"taxi_luigi, {last + 1} loaded months": rerun}
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(scope.rounds or 9):
        for name, command in commands.items():
            runs[name].append(harness.spawn(command, folder, environment))
    if warehouse.stat().st_mtime_ns != loaded:
        raise SystemExit("the rerun of loaded months wrote to the warehouse")
    rows = []
    for name, of in runs.items():
        seconds, peak = harness.median(of, harness.process_seconds), max(one.peak_mb for one in of)
        rows.append(
            [name, f"{seconds:.2f}", harness.multiple(runs, name, next(iter(runs))), f"{peak:.0f}", str(len(of))]
        )
    return harness.markdown(["way", "process s", "× luigi", "peak MB", "runs"], rows)


def _project(folder: Path, months: str) -> dict[str, str]:
    """Make a folder with the package's luigi.cfg, its own paths in a second file, and short months to load."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "config" / "luigi.cfg", folder / "luigi.cfg")
    own = folder / "own.cfg"
    own.write_text(SETTINGS.format(folder=folder))
    harness.run(Way("make up months", ("benchmarks.months", str(folder / "published"), "1000", "--months", months)))
    return {"PYTHONPATH": str(ROOT), "LUIGI_CONFIG_PATH": str(own)}
