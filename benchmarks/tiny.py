"""Many months with hardly a row: what a run pays for each month whatever is in it, and before its first task."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import ROOT, Run, Scope
from benchmarks.months import made
from benchmarks.nightly import published_months
from benchmarks.pipelines import LOAD, duckdb_file, load
from tests.support.cdn import Cdn
from tests.support.luigid import Luigid
from tests.support.project import Project, environment

MONTHS = 48
COLORS = ("yellow", "green", "fhv", "fhvhv")

Settings = dict[str, dict[str, object]]


def tiny(scope: Scope) -> str:
    """Load 48 months of one row each, one at a time."""
    last = scope.of(MONTHS) - 1
    months = f"2021-01..{2021 + last // 12}-{last % 12 + 1:02}"
    published = made(scope.folder, "yellow", months, 1).parent
    name = f"{last + 1} months of one row, 1 worker"
    return _loads(scope, name, published, last + 1, ["--months", months], scope.rounds or 3)


def backfill(scope: Scope) -> str:
    """Load all that TLC has published, all record types, one row for each month."""
    published, months = _all_published(scope)
    name = f"{months} months of one row, {len(COLORS)} record types, 2 workers"
    arguments: list[object] = ["--colors", ",".join(COLORS), "--months", "all", "--workers", 2]
    return _loads(scope, name, published, months, arguments, scope.rounds or 1)


def _loads(scope: Scope, name: str, published: Path, months: int, arguments: list[object], rounds: int) -> str:
    place, runs = scope.folder / "run", []
    with Cdn(published) as cdn, duckdb_file(scope.folder) as database:
        for _ in range(rounds):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            database.clear()
            runs.append(load(place, cdn.template, database.settings, arguments))
            harness.show(name, runs[-1])
            markers = database.count("taxi_luigi_loads")
            if markers != months:
                raise SystemExit(f"{markers} months were loaded, {months} published")
    cells = [
        name,
        harness.spread([one.seconds for one in runs]),
        f"{1000 * harness.median(runs, harness.process_seconds) / months:.0f}",
        f"{harness.median(runs, _cpu):.1f}",
        f"{1000 * harness.median(runs, _cpu) / months:.0f}",
        str(rounds),
    ]
    return harness.markdown(["run", "process s", "ms a month", "CPU s", "CPU ms a month", "runs"], [cells])


def _cpu(one: Run) -> float:
    return one.cpu


def absent(scope: Scope) -> str:
    """Begin to load all that TLC has published; end each run when its first task fetches its file."""
    published, months = _all_published(scope)
    stores = ("first", "second", "third")
    many: Settings = {
        "taxi": {"lake": "local, copy", "warehouse": ", ".join(stores)},
        "lake.copy": {"type": "local", "path": scope.folder / "run" / "copy"},
    }
    for name in stores:
        path = scope.folder / "run" / "data" / f"{name}.duckdb"
        many[f"warehouse.{name}"] = {"type": "duckdb", "path": path}
    rows = []
    for name, luigid, workers, settings in (
        ("local scheduler", False, 1, {}),
        ("luigid, 8 workers", True, 8, {}),
        ("local scheduler, 2 lakes and 3 warehouses", False, 1, many),
        ("luigid, 8 workers, 2 lakes and 3 warehouses", True, 8, many),
    ):
        seconds = [_until_first(scope.folder, published, luigid, workers, settings) for _ in range(scope.rounds or 3)]
        print(f"  {name}: {harness.spread(seconds)} s", file=sys.stderr, flush=True)
        rows.append([name, harness.spread(seconds), str(len(seconds))])
    return f"{months} months.\n\n{harness.markdown(['run', 's until the first task', 'runs'], rows)}"


def _until_first(folder: Path, published: Path, luigid: bool, workers: int, settings: Settings) -> float:
    """Return the seconds from the start of the command to the first request for a whole file, and end the command."""
    place = folder / "run"
    shutil.rmtree(place, ignore_errors=True)
    with Cdn(published) as cdn, _scheduler(folder / "luigid", luigid) as scheduler:
        project = Project(place, {"taxi": {"source": cdn.template}})
        project.configure(settings)
        command = [*LOAD, *scheduler, "--colors", ",".join(COLORS), "--months", "all", "--workers", str(workers)]
        began = time.monotonic()
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                command, cwd=place, env=environment({"PYTHONPATH": str(ROOT)}), stdout=output, stderr=output
            )
            try:
                cdn.wait(lambda: bool(_fetched(cdn)) or process.poll() is not None, timeout=300)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGTERM)
                process.wait()
        fetched = _fetched(cdn)
        if not fetched:
            raise SystemExit(f"no task began:\n{(folder / 'output').read_text()[-2000:]}")
        return min(fetched) - began


def _fetched(cdn: Cdn) -> list[float]:
    """When files were requested; the plan requests months that are not there, for the reason, too."""
    return [request.at for request in list(cdn.log) if request.method == "GET" and 200 <= request.status < 300]


@contextlib.contextmanager
def _scheduler(folder: Path, luigid: bool) -> Iterator[list[str]]:
    """The options of a command that runs with the local scheduler, or with a luigid of its own."""
    if luigid:
        shutil.rmtree(folder, ignore_errors=True)
        with Luigid(folder) as server:
            yield ["--scheduler-url", server.url]
    else:
        yield ["--local-scheduler"]


def _all_published(scope: Scope) -> tuple[Path, int]:
    """Make up a month of one row for each that TLC has published; return folder, number."""
    folder = scope.folder / "published"
    folder.mkdir()
    for color in COLORS:
        months = published_months(scope, color)
        for path in made(scope.folder, color, f"{months[0]}..{months[-1]}", 1).parent.iterdir():
            path.rename(folder / path.name)
    return folder, len(list(folder.iterdir()))
