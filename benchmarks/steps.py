"""Single steps beside the least that is possible: cleaning, loading and uploading of one month."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import harness, statements
from benchmarks.harness import OURS, Run, Scope, Way
from benchmarks.months import made

if TYPE_CHECKING:
    from tests.support.postgres import Postgres

ROWS = 1_400_000
FHVHV_ROWS = 20_000_000
"""TLC's largest months"""

_READ = "taxi_luigi, its reader alone: typed batches"
_CSV = "floor: pyarrow.csv reads the inflated stream, all columns text, nothing kept"


def _clean(way: str, raw: Path, name: str, rounds: int | None = None) -> Way:
    return Way(name, ("benchmarks.clean", way, str(raw), str(raw.with_name(f"{way}.clean"))), rounds)


def clean(scope: Scope) -> str:
    """Clean a month of parquet: the floor, ours, and the course's way."""
    raw = made(scope.folder, "yellow", "2021-01", scope.of(ROWS))
    ways = [
        _clean("floor", raw, "floor: pyarrow reads and writes zstd, by row group, no transform"),
        _clean("floor_streamed", raw, "the same, streamed in batches of 131,072 rows"),
        _clean("ours", raw, OURS),
    ]
    if scope.peers:
        ways.append(_clean("pandas_gzip", raw, "pandas to_parquet(compression='gzip')", rounds=2))
    return harness.table(harness.race(ways, scope.rounds or 7), ways[0].name)


def csv(scope: Scope) -> str:
    """Clean a csv.gz, and read it alone, beside the floor's mere reading."""
    raw = made(scope.folder, "yellow", "2021-01", scope.of(ROWS), form="csv.gz")
    ways = [_clean("csv_floor", raw, _CSV), _clean("csv_read", raw, _READ), _clean("ours", raw, OURS)]
    return harness.table(harness.race(ways, scope.rounds or 7), _CSV)


def fhvhv(scope: Scope) -> str:
    """Clean a long fhvhv month and a yellow one: values (rows × columns of the raw file) a second, and memory."""
    rows = {"yellow": scope.of(ROWS), "fhvhv": scope.of(FHVHV_ROWS)}
    months = {"yellow": "2021-01", "fhvhv": "2022-01"}
    raws = {color: made(scope.folder, color, months[color], count) for color, count in rows.items()}
    runs: dict[str, list[Run]] = {color: [] for color in rows}
    for _ in range(scope.rounds or 3):
        for color, raw in raws.items():
            runs[color].append(harness.run(_clean("ours", raw, color)))
            harness.show(color, runs[color][-1])
    table = [
        [
            f"{color}, {rows[color]:,} rows",
            str(of[0].said["columns"]),
            f"{harness.median(of, harness.work_seconds):.2f}",
            f"{harness.median(of, _values) / 1e6:.1f}",
            harness.multiple(runs, color, "yellow", _values),
            f"{max(one.peak_mb for one in of):.0f}",
            str(len(of)),
        ]
        for color, of in runs.items()
    ]
    return harness.markdown(["month", "columns", "work s", "million values / s", "× yellow", "peak MB", "runs"], table)


def _values(one: Run) -> float:
    return float(one.said["rows"] * one.said["columns"] / one.said["seconds"])


def _cleaned(scope: Scope) -> Path:
    """A clean file for the loads."""
    raw = made(scope.folder, "yellow", "2021-01", scope.of(ROWS))
    way = _clean("ours", raw, "clean it")
    harness.run(way)
    return Path(way.arguments[-1])


def duckdb(scope: Scope) -> str:
    """Load a month into a new DuckDB file."""
    month = _cleaned(scope)
    names = {
        "floor": "floor: DuckDB's own INSERT FROM read_parquet, rows in any order",
        "defaults": "the same with its default settings",
        "ours": OURS,
    }
    ways = [
        Way(name, ("benchmarks.to_duckdb", way, str(month), str(scope.folder / f"{way}.duckdb")))
        for way, name in names.items()
    ]
    return harness.table(harness.race(ways, scope.rounds or 7, before=_remove_database), names["floor"])


def _remove_database(way: Way) -> None:
    database = Path(way.arguments[-1])
    database.unlink(missing_ok=True)
    database.with_name(database.name + ".wal").unlink(missing_ok=True)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A server with its default settings, in the system's folder for temporary files."""
    from tests.support.postgres import Postgres

    server = Postgres(settings={})
    try:
        server.start()
        yield server
    finally:
        server.remove()


def postgres(scope: Scope) -> str:
    """Load a month into PostgreSQL: whole processes, then the times of its log."""
    month = _cleaned(scope)
    with postgres_server() as server:
        url, ready = server.url(), str(server.folder / "data" / "ready.copy")

        def load(way: str, name: str, *file: str, rounds: int | None = None) -> Way:
            timed = statements.OPTIONS if file or way == "ours" else {}
            return Way(name, ("benchmarks.to_postgres", way, str(month), url, *file), rounds, timed)

        harness.run(load("ready", "the server's own file", ready))
        ways = [
            load("floor", "floor: the server's own COPY BINARY of a ready file, and the index", ready),
            load("ours", OURS),
        ]
        # A new server's first loads take twice as long as its later ones: its log's files are not there yet (Nov 2026).
        rounds = scope.rounds or 7
        harness.race(ways, min(2, rounds))
        if scope.peers:
            ways += [
                load("dlt_parquet", "dlt + ADBC", rounds=2),
                load("dlt_csv", "dlt[postgres]", rounds=1),
                load("to_sql", "DataFrame.to_sql, chunksize=100000", rounds=1),
            ]
        parts = statements.Parts(server)
        runs = harness.race(ways, rounds, before=parts.start)
        parts.stop()
    floor = ways[0].name
    texts = [harness.table(runs, floor), "The same, as the server timed it:", parts.table(floor)]
    if scope.peers:
        texts.append(_without_index(runs, parts))
    return "\n\n".join(texts)


def _without_index(runs: dict[str, list[Run]], parts: statements.Parts) -> str:
    """The others build no index: their work against ours without it, median of the rounds."""
    ours = [run.said["seconds"] - part["index"] for run, part in zip(runs[OURS], parts.of[OURS], strict=True)]
    cells = []
    for name in list(runs)[2:]:
        ratios = [run.said["seconds"] / own for run, own in zip(runs[name], ours, strict=False)]
        cells.append(f"{name} {median(ratios):.1f} ×")
    return f"Against {OURS} without its index ({median(ours):.2f} s of work): {'; '.join(cells)}."


def upload(scope: Scope) -> str:
    """Upload a large file to Google Cloud Storage's stand-in."""
    from tests.support.gcs import fake_gcs_server

    with fake_gcs_server(scope.folder) as server:
        where = (server.endpoint, server.fresh_bucket())
        return _uploads(scope, {"floor": "floor: the client's own upload_from_filename", "ours": OURS}, where)


def upload_azure(scope: Scope) -> str:
    """Upload a large file to Azure's stand-in."""
    from tests.support.azure import azurite_server

    with azurite_server(scope.folder) as server:
        where = (server.endpoint, server.fresh_container())
        floor = "floor: the client's own upload_blob, with as many threads"
        return _uploads(scope, {"azure_floor": floor, "azure_ours": OURS}, where)


def _uploads(scope: Scope, names: dict[str, str], where: tuple[str, str]) -> str:
    from benchmarks.upload import large_file

    file = str(large_file(scope.folder, scope.of(200_000_000)))
    ways = [Way(name, ("benchmarks.upload", way, file, *where)) for way, name in names.items()]
    return harness.table(harness.race(ways, scope.rounds or 7), ways[0].name)
