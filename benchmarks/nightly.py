"""A night over all that TLC has published, loaded already: the cost of finding out, and of one month more.

The months are simulated: markers in DuckDB and files in the workspace that are only listed, with nothing in them.
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import harness
from benchmarks.harness import ROOT, Run, Scope

if TYPE_CHECKING:
    from taxi_luigi.tlc.months import Month

_LUIGI = [sys.executable, "-m", "luigi"]
_OURS = [*_LUIGI, "--module", "taxi_luigi", "LoadAllMonths", "--colors", "yellow,green,fhv,fhvhv", "--months", "all"]
_CLI = [sys.executable, "-c", "from taxi_luigi.cli import main; raise SystemExit(main())"]
_LOCAL = ["--local-scheduler"]

SETTINGS = """\
[taxi]
source = {source}
workspace = {folder}/data
zones =
[warehouse.duckdb]
path = {folder}/data/warehouse.duckdb
[core]
scheduler_url = {luigid}
"""


def table(scope: Scope) -> str:
    """Run each command in turn. One new month is loaded last, once, with luigid."""
    from tests.support.cdn import Cdn
    from tests.support.luigid import Luigid

    folder = scope.folder
    published = folder / "published"
    published.mkdir(parents=True)
    with Cdn(published) as cdn, Luigid(folder / "luigid") as luigid:
        shutil.copyfile(ROOT / "config" / "luigi.cfg", folder / "luigi.cfg")
        own = folder / "own.cfg"
        own.write_text(SETTINGS.format(source=cdn.template, folder=folder, luigid=luigid.url))
        environment = {"PYTHONPATH": str(ROOT), "LUIGI_CONFIG_PATH": str(own), "NO_PROXY": "*"}
        months = _simulate(scope, published)
        _mark(scope, cdn.template)
        commands = {
            "Python and Luigi: a wrapper over nothing": [*_LUIGI, *_LOCAL, "--module", "benchmarks.empty", "Empty"],
            "`taxi-luigi status`": [*_CLI, "status"],
            "`taxi-luigi plan --months all`": [*_CLI, "plan", "--colors", "yellow,green,fhv,fhvhv", "--months", "all"],
            "`LoadAllMonths --months all`": [*_OURS, *_LOCAL],
            "the same with `--refresh`": [*_OURS, "--refresh", *_LOCAL],
        }
        lines = [f"{months} months.\n", _race(commands, folder, environment, scope.rounds or 5)]
        cdn.log.clear()
        harness.spawn(commands["the same with `--refresh`"], folder, environment)
        held = [request for request in cdn.log if (published / request.name).exists()]
        lines.append(f"\n`--refresh` checked {len(held)} loaded months by {len(held)} HEAD requests.")
        assert {request.method for request in held} <= {"HEAD"}
        lines.append(_one_more(scope, published, environment))
    return "\n".join(lines)


def _race(commands: dict[str, list[str]], folder: Path, environment: dict[str, str], rounds: int) -> str:
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            found[name].append(harness.spawn(command, folder, environment))
    start = next(iter(found.values()))
    rows = []
    for name, runs in found.items():
        beyond = median(run.seconds - floor.seconds for run, floor in zip(runs, start, strict=True))
        peak = max(run.peak_mb for run in runs)
        seconds = harness.spread([run.seconds for run in runs])
        rows.append([name, seconds, f"{beyond:.2f}", f"{peak:.0f}", str(len(runs))])
    return harness.markdown(["command", "process s", "beyond the start", "peak MB", "runs"], rows)


def _one_more(scope: Scope, published: Path, environment: dict[str, str]) -> str:
    """Remove the newest green month and load it again with luigid; beside it, alone in an empty project."""
    from taxi_luigi.sample import write_month

    folder, newest = scope.folder, published_months(scope, "green")[-1]
    write_month(published, "green", newest, 1_000, seed=1)
    alone = folder / "alone"
    alone.mkdir()
    shutil.copyfile(ROOT / "config" / "luigi.cfg", alone / "luigi.cfg")
    (alone / "own.cfg").write_text((folder / "own.cfg").read_text().replace(f"{folder}/data", f"{alone}/data"))
    one = [*_LUIGI, "--module", "taxi_luigi", "LoadAllMonths", "--colors", "green", "--months", str(newest)]
    floor = harness.spawn(one, alone, environment | {"LUIGI_CONFIG_PATH": str(alone / "own.cfg")}).seconds
    remove = [*_CLI, "remove", "--colors", "green", "--months", str(newest), "--yes"]
    harness.spawn(remove, folder, environment)
    seconds = harness.spawn(_OURS, folder, environment).seconds
    return f"\nOne new month among all, with luigid: {seconds:.2f} s; alone in an empty project {floor:.2f} s."


def published_months(scope: Scope, color: str) -> list[Month]:
    """Return the months that TLC has published as parquet, in order; at a scale below 1 the first of them."""
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.tlc.months import Month, month_range
    from taxi_luigi.tlc.published import published_rows

    months = month_range(DATASETS[color].first_month, Month.of(date.today()))
    found = [month for month in months if published_rows(color, month, "parquet")]
    return found[: scope.of(len(found))]


def _simulate(scope: Scope, published: Path) -> int:
    """Write empty files where the publisher and the workspace have them; return the number of months."""
    from taxi_luigi.tlc.datasets import DATASETS

    names = [
        (color, f"{color}_tripdata_{month}.parquet") for color in DATASETS for month in published_months(scope, color)
    ]
    for color, name in names:
        (published / name).write_bytes(b"PAR1")
        for kind in ("raw", "clean"):
            path = scope.folder / "data" / kind / color / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"PAR1")
    return len(names)


def _mark(scope: Scope, template: str) -> None:
    """Write a marker for each month, of the edition that the source's files have."""
    import duckdb

    from taxi_luigi.core.receipts import Edition, source_digest
    from taxi_luigi.sources import HttpSettings, open_source
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.transform.clean_settings import CleanRules
    from taxi_luigi.transform.staleness import Recipe
    from taxi_luigi.warehouses import MARKERS

    source, now = open_source(template, HttpSettings()), datetime.now(UTC).replace(tzinfo=None)
    rows = []
    for color in DATASETS:
        looks = source.look_all((color, month) for month in published_months(scope, color))
        for (_, month), look in looks.items():
            assert look.seen is not None
            recipe = Recipe.of(CleanRules(), DATASETS[color], month)
            edition = str(Edition(source_digest(look.seen), str(recipe)))
            rows.append([color, month.first_day, edition, "0" * 64, "https://tlc.example", 1_000, now])
    with duckdb.connect(str(scope.folder / "data" / "warehouse.duckdb")) as connection:
        connection.execute(
            f"CREATE TABLE {MARKERS} (color VARCHAR, file_month DATE, edition VARCHAR, sha256 VARCHAR, source VARCHAR, "
            "rows BIGINT, loaded_at TIMESTAMP)"
        )
        connection.executemany(f"INSERT INTO {MARKERS} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
