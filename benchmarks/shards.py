"""Eight months of all record types into PostgreSQL by N processes with `--shard I/N` at once, beside one with a luigid.

The months are as large against one another as TLC's. Each way runs twice: with a server that sends as fast as it can,
where the processors are the limit, and with one that sends so many bytes a second to each download, as TLC's does.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import harness
from benchmarks.harness import Run, Scope
from benchmarks.pipelines import Database, load, postgres_database
from tests.support.cdn import Cdn
from tests.support.luigid import Luigid

MONTHS = "2021-01..2021-08"
"""as many as make equal shares of two and four"""
PART = 36
"""of TLC's rows"""
A_STREAM = 5_000_000
"""bytes a second that a download gets from the slow server; TLC's sent 0.5 to 2.5 million in 2026 (docs/scale.md)"""

Rows = dict[tuple[str, str], int]
"""color and month → rows"""


@dataclass(frozen=True)
class _Way:
    name: str
    processes: int
    workers: int = 1
    luigid: bool = False


_ALONE = _Way("1 process", 1)
_WAYS = (
    _ALONE,
    _Way("2 processes, `--shard I/2`", 2),
    _Way("4 processes, `--shard I/4`", 4),
    _Way("1 process, `--workers 4`, luigid", 1, workers=4, luigid=True),
)


@dataclass(frozen=True)
class _Load:
    """What one way took: `parts` are its processes."""

    seconds: float
    parts: Sequence[Run]
    rows: Sequence[int]
    """that each process loaded"""

    @property
    def cpu(self) -> float:
        return sum(part.cpu for part in self.parts)


def table(scope: Scope) -> str:
    """Run every way at both speeds in turn, then all again."""
    published = scope.folder / "published"
    made = _make(published, scope)
    taken: dict[tuple[int | None, str], list[_Load]] = defaultdict(list)
    with postgres_database() as database:
        for _ in range(scope.rounds or 3):
            for slow in (None, A_STREAM):
                for way in _WAYS:
                    taken[slow, way.name].append(_run(scope.folder, way, published, slow, database, made))
        sizes = _sizes(database)
    return f"{len(made)} months.\n\n{_compared(taken)}\n\n{_kept(made, sizes)}"


def _make(folder: Path, scope: Scope) -> Rows:
    """Make up the months; return their rows."""
    from taxi_luigi.sample import write_month
    from taxi_luigi.tlc.datasets import DATASETS
    from taxi_luigi.tlc.months import Month, month_range
    from taxi_luigi.tlc.published import published_rows

    made: Rows = {}
    for color in DATASETS:
        for month in month_range(*(Month.parse(text) for text in MONTHS.split(".."))):
            rows = scope.of((published_rows(color, month, "parquet") or 0) // PART)
            write_month(folder, color, month, rows, seed=1)
            made[color, str(month)] = rows
    return made


def _run(folder: Path, way: _Way, published: Path, slow: int | None, database: Database, made: Rows) -> _Load:
    """Load all months into an empty database from an empty workspace, by the processes of a way at once."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    database.clear()
    os.sync()
    colors = ",".join(dict.fromkeys(color for color, _ in made))
    with ExitStack() as stack:
        cdn = stack.enter_context(Cdn(published, slow=slow))
        given: list[object] = ["--colors", colors, "--months", MONTHS, "--workers", way.workers]
        settings = {name: dict(keys) for name, keys in database.settings.items()}
        settings["taxi"]["workspace"] = folder / "run" / "workspace"
        if way.luigid:
            luigid = stack.enter_context(Luigid(folder / "run" / "luigid"))
            settings["core"] = {"scheduler_url": luigid.url}

        def start(number: int) -> Run:
            place, shard = _place(folder, number), ["--shard", f"{number}/{way.processes}"]
            place.mkdir(parents=True)
            return load(place, cdn.template, settings, [*given, *shard], local=not way.luigid)

        began = perf_counter()
        with ThreadPoolExecutor(way.processes) as pool:
            parts = [*pool.map(start, range(1, way.processes + 1))]
        seconds = perf_counter() - began
    one = _Load(seconds, parts, [_loaded(_place(folder, number)) for number in range(1, way.processes + 1)])
    held = sum(database.count(f"{color}_tripdata") for color in dict.fromkeys(color for color, _ in made))
    if not held == sum(one.rows) == sum(made.values()):
        raise SystemExit(
            f"{way.name}: {held} rows in the tables, {sum(one.rows)} loaded, {sum(made.values())} published"
        )
    speed = f"{slow / 1e6:.0f} MB/s a download" if slow else "as fast as it goes"
    harness.show(f"{way.name}, {speed}", Run(seconds, one.cpu, max(part.peak_mb for part in parts), 0, ""))
    return one


def _place(folder: Path, number: int) -> Path:
    """The folder that a process works in; the workspace is beside it, and of all."""
    return folder / "run" / str(number)


def _loaded(place: Path) -> int:
    """Rows that a process loaded, by its history."""
    from taxi_luigi import history

    [run] = history.last_runs(place / "state", 1)
    return sum(month.rows for month in run.months)


def _sizes(database: Database) -> dict[str, int]:
    """Bytes of each table with its partitions and indexes."""
    import psycopg2

    statement = (
        "SELECT inhparent::regclass::text, sum(pg_total_relation_size(inhrelid)) FROM pg_inherits "
        "JOIN pg_class ON pg_class.oid = inhrelid WHERE pg_class.relkind = 'r' GROUP BY 1"
    )
    connection = psycopg2.connect(database.location)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return {name.removesuffix("_tripdata"): int(size) for name, size in cursor.fetchall()}
    finally:
        connection.close()


def _compared(taken: dict[tuple[int | None, str], list[_Load]]) -> str:
    """Return the table of the ways: every multiple is of one process with the same server, in the same round."""
    lines = []
    for (slow, name), loads in taken.items():
        alone = taken[slow, _ALONE.name]
        shares = [max(one.rows) * len(one.rows) / sum(one.rows) for one in loads]
        uneven = [
            max(p.seconds for p in one.parts) / (sum(p.seconds for p in one.parts) / len(one.parts)) for one in loads
        ]
        lines.append(
            [
                f"{name}{f', {slow / 1e6:.0f} MB/s a download' if slow else ''}",
                f"{median(one.seconds for one in loads):.1f}",
                harness.spread([one.seconds / other.seconds for one, other in zip(loads, alone, strict=True)]),
                f"{median(one.cpu for one in loads):.1f}",
                harness.spread([one.cpu / other.cpu for one, other in zip(loads, alone, strict=True)]),
                f"{shares[0]:.2f}",
                harness.spread(uneven),
                str(len(loads)),
            ]
        )
    head = ["way", "s", "× 1 process", "CPU s", "CPU × 1 process", "largest share of rows × mean"]
    return harness.markdown([*head, "longest process × mean", "runs"], lines)


def _kept(made: Rows, sizes: dict[str, int]) -> str:
    """Return the table of what the rows take in PostgreSQL."""
    rows: dict[str, int] = defaultdict(int)
    for (color, _), count in made.items():
        rows[color] += count
    lines = [[color, f"{count:,}", f"{sizes[color] / count:.0f}"] for color, count in rows.items()]
    return harness.markdown(["record type", "rows", "bytes of a row in PostgreSQL, with its index"], lines)
