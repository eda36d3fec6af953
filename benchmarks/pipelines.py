"""Whole pipelines, from a web server to a table, as whole commands: wall time, CPU and memory of all processes.

The web server is `tests.support.cdn`, on this machine, with ranges and ETags as TLC's.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import OURS, ROOT, Run, Scope
from benchmarks.months import made
from benchmarks.steps import postgres_server
from tests.support.cdn import Cdn
from tests.support.project import Project, environment

ROWS = 2_600_000
MONTHS = 6
WORKERS = 2
LOAD = (sys.executable, "-m", "luigi", "--module", "taxi_luigi", "LoadAllMonths")

_PROTOTYPE = "prototype: 2 processes without Luigi, nothing checked or resumed"


@dataclass(frozen=True)
class Database:
    """Where the ways load to: a DuckDB file, or a PostgreSQL server."""

    type: str
    location: str
    """a path or a URL, as peers get it"""
    clear: Callable[[], None]
    """makes it empty"""
    count: Callable[[str], int]
    """rows of a table"""

    @property
    def settings(self) -> dict[str, dict[str, object]]:
        """Return the settings of taxi_luigi that load into it."""
        key = {"duckdb": "path", "postgres": "url"}[self.type]
        return {"taxi": {"warehouse": self.type}, f"warehouse.{self.type}": {key: self.location}}


@contextmanager
def duckdb_file(folder: Path) -> Iterator[Database]:
    """A DuckDB file in a folder of its own."""
    import duckdb

    path = folder / "database" / "trips.duckdb"

    def clear() -> None:
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir(parents=True)

    def count(table: str) -> int:
        with duckdb.connect(str(path), read_only=True) as connection:
            [(rows,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
        return int(rows)

    yield Database("duckdb", str(path), clear, count)


@contextmanager
def postgres_database() -> Iterator[Database]:
    """A server with its default settings, and one database in it."""
    import psycopg2

    with postgres_server() as server:

        def execute(statement: str, database: str = "postgres") -> list[tuple[int]]:
            connection = psycopg2.connect(server.url(database))
            try:
                connection.autocommit = True
                with connection.cursor() as cursor:
                    cursor.execute(statement)
                    return cursor.fetchall() if cursor.description else []
            finally:
                connection.close()

        def clear() -> None:
            execute("DROP DATABASE IF EXISTS trips WITH (FORCE)")
            execute("CREATE DATABASE trips")
            execute("CHECKPOINT")

        def count(table: str) -> int:
            [(rows,)] = execute(f"SELECT count(*) FROM {table}", "trips")
            return rows

        yield Database("postgres", server.url("trips"), clear, count)


@dataclass(frozen=True)
class _Peer:
    """A way of `benchmarks.pipeline_peers`, or ours."""

    name: str
    way: str
    months: int = MONTHS
    rows: int = ROWS
    """of each month"""
    once: bool = False
    """it runs once, and its memory is sampled in that run: for the slow ways, which load less too"""

    @property
    def loads(self) -> int:
        """Return the rows of all its months."""
        return self.months * self.rows


def to_duckdb(scope: Scope) -> str:
    """Months over HTTP into a DuckDB file."""
    peers = [
        _Peer(_PROTOTYPE, "prototype"),
        _Peer(OURS, "ours"),
        _Peer("DuckDB script: casts, writes zstd, INSERT, nothing checked", "script_files"),
        _Peer("DuckDB script: one INSERT FROM read_parquet of all files, no clean files", "script"),
    ]
    if scope.peers:
        peers.append(_Peer("polars: read, cast, write zstd, INSERT by Arrow", "polars"))
    with duckdb_file(scope.folder) as database:
        return _table(scope, peers, database)


def to_postgres(scope: Scope) -> str:
    """Months over HTTP into PostgreSQL."""
    peers = [
        _Peer(_PROTOTYPE, "prototype"),
        _Peer("the same, with the index of taxi_luigi", "prototype_indexed"),
        _Peer(OURS, "ours"),
    ]
    if scope.peers:
        slow = {
            "polars: read, cast, write zstd, ADBC": "polars",
            "dlt + ADBC": "dlt_parquet",
            "dlt[postgres]": "dlt_csv",
            "the course: pandas, parquet gzip, to_sql": "course",
        }
        peers += [_Peer(name, way, months=1, rows=ROWS // 2, once=True) for name, way in slow.items()]
    with postgres_database() as database:
        return _table(scope, peers, database)


def _table(scope: Scope, peers: list[_Peer], database: Database) -> str:
    most = min(MONTHS, max(2, scope.of(MONTHS)))
    peers = [replace(peer, months=min(peer.months, most), rows=scope.of(peer.rows)) for peer in peers]
    # The first round is for the memory: its times do not count, and it fills the page cache.
    sampled: dict[str, Run] = {}
    runs: dict[str, list[Run]] = {peer.name: [] for peer in peers}
    for number in range(-1, scope.rounds or 3):
        for peer in peers:
            if peer.once and number != 0:
                continue
            one = _run(scope.folder, peer, database, sampled=number < 0 or peer.once)
            loaded = database.count("yellow_tripdata" if peer.way == "ours" else "trips")
            if loaded != peer.loads:
                raise SystemExit(f"{peer.name}: {loaded} rows in the table, {peer.loads} published")
            harness.show(peer.name, one)
            if one.pss_mb:
                sampled[peer.name] = one
            if number >= 0:
                runs[peer.name].append(one)
    return _render(peers, runs, sampled)


def _render(peers: list[_Peer], runs: dict[str, list[Run]], sampled: dict[str, Run]) -> str:
    """Return the table: every multiple is of the seconds for each row."""
    per_million = {
        peer.name: [replace(one, seconds=one.seconds / peer.loads * 1e6) for one in runs[peer.name]] for peer in peers
    }
    lines = [
        [
            peer.name,
            f"{peer.months} × {peer.rows / 1e6:.1f}",
            f"{harness.median(runs[peer.name], harness.process_seconds):.1f}",
            f"{harness.median(per_million[peer.name], harness.process_seconds):.2f}",
            harness.multiple(per_million, peer.name, _PROTOTYPE),
            harness.multiple(per_million, peer.name, OURS),
            f"{harness.median(runs[peer.name], lambda one: one.cpu):.1f}",
            f"{sampled[peer.name].pss_mb:.0f}",
            str(len(runs[peer.name])),
        ]
        for peer in peers
    ]
    head = [
        "way",
        "million rows",
        "process s",
        "s / million rows",
        "× prototype",
        "× ours",
        "CPU s",
        "peak PSS MB",
        "runs",
    ]
    return harness.markdown(head, lines)


def _run(folder: Path, peer: _Peer, database: Database, sampled: bool) -> Run:
    """Run one way with an empty database and an empty folder."""
    months = f"2021-01..2021-{peer.months:02}"
    published = made(folder, "yellow", months, peer.rows).parent
    place = folder / "run"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    database.clear()
    os.sync()  # what the way before left is written out
    with Cdn(published) as cdn:
        if peer.way == "ours":
            return load(place, cdn.template, database.settings, ["--months", months, "--workers", WORKERS], sampled)
        command = ["benchmarks.pipeline_peers", peer.way, database.type, database.location, cdn.template, months]
        return harness.spawn([sys.executable, "-m", *command], place, environment({"PYTHONPATH": str(ROOT)}), sampled)


def load(
    folder: Path,
    template: str,
    sections: Mapping[str, Mapping[str, object]],
    arguments: list[object],
    sampled: bool = False,
    local: bool = True,
) -> Run:
    """Run LoadAllMonths as a process.

    Args:
        folder: an empty folder, which gets the settings, the workspace and the state.
        template: the source.
        sections: more settings.
        arguments: of the command; without `--colors` it loads yellow.
        sampled: whether to sample the memory.
        local: with the local scheduler, else with the luigid that `sections` names.
    """
    project = Project(folder, {"taxi": {"source": template}})
    project.configure(sections)
    command = [*LOAD, *["--local-scheduler"] * local, *map(str, arguments)]
    if "--colors" not in arguments:
        command += ["--colors", "yellow"]
    return harness.spawn(command, folder, environment({"PYTHONPATH": str(ROOT)}), sampled)
