"""All comparisons in one run, as markdown: `python -m benchmarks.compare --help`. Started by `benchmarks/run`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import harness, layouts, nightly, report, rerun, statements
from benchmarks.harness import Run, Way
from benchmarks.months import RAW

if TYPE_CHECKING:
    from tests.support.postgres import Postgres

WORK = harness.ROOT / "benchmarks" / "work"
LONG = 14_000_000
OURS = "**taxi_luigi**"


class Month:
    """A made-up month of so many rows, in work/, and the clean file that every load is given."""

    def __init__(self, rows: int, row_group_rows: int | None = None) -> None:
        self.folder = WORK / f"{rows}-{row_group_rows or 'rows'}"
        self.raw = self.folder / RAW
        self.clean = self.folder / "clean" / RAW
        self.clean.parent.mkdir(parents=True, exist_ok=True)
        if not self.raw.exists():
            group = () if row_group_rows is None else ("--row-group-rows", str(row_group_rows))
            harness.run(Way("make up a month", ("benchmarks.months", str(self.folder), str(rows), *group)))
        harness.run(self.clean_way("ours", "clean it"))

    def clean_way(self, way: str, name: str, rounds: int | None = None) -> Way:
        clean = self.clean if way == "ours" else self.folder / f"{way}.parquet"
        return Way(name, ("benchmarks.clean", way, str(self.raw), str(clean)), rounds)

    def duckdb_way(self, way: str, name: str) -> Way:
        return Way(name, ("benchmarks.to_duckdb", way, str(self.clean), str(self.folder / f"{way}.duckdb")))


@contextmanager
def _postgres() -> Iterator[Postgres]:
    """A server with its default settings."""
    from tests.support.postgres import Postgres

    server = Postgres(settings={})
    try:
        server.start()
        yield server
    finally:
        server.remove()


def clean(month: Month, rounds: int) -> None:
    """The cleaning of a month: the floor, ours, and the course's way."""
    ways = [
        month.clean_way("floor", "floor: pyarrow reads and writes zstd, by row group, no transform"),
        month.clean_way("floor_streamed", "the same, streamed in batches of 131,072 rows"),
        month.clean_way("ours", OURS),
        month.clean_way("pandas_gzip", "pandas to_parquet(compression='gzip')", rounds=2),
    ]
    runs = harness.race(ways, rounds)
    _section("Clean: raw parquet to clean parquet", harness.table(runs, ways[0].name, OURS))


def duckdb(month: Month, rounds: int) -> None:
    """The load of a month into a new DuckDB file."""
    ways = [
        month.duckdb_way("floor", "floor: DuckDB's own INSERT FROM read_parquet, rows in any order"),
        month.duckdb_way("defaults", "the same with its default settings"),
        month.duckdb_way("ours", OURS),
    ]
    runs = harness.race(ways, rounds, before=_remove_database)
    _section("DuckDB: clean parquet to a table", harness.table(runs, ways[0].name, OURS))


def _remove_database(way: Way) -> None:
    database = Path(way.arguments[-1])
    database.unlink(missing_ok=True)
    database.with_name(database.name + ".wal").unlink(missing_ok=True)


def postgres(month: Month, rounds: int) -> None:
    """The load of a month into PostgreSQL: whole processes, then what the server says of the COPY alone."""
    with _postgres() as server:
        url, ready = server.url(), str(server.folder / "data" / "ready.copy")
        harness.run(_load(month, "ready", "the server's own file", url, ready))
        ways = [
            _load(month, "floor", "floor: the server's own COPY BINARY of a ready file", url, ready),
            _load(month, "ours", OURS, url),
            _load(month, "dlt_parquet", "dlt + ADBC", url, rounds=2),
            _load(month, "dlt_csv", "dlt[postgres]", url, rounds=1),
            _load(month, "to_sql", "DataFrame.to_sql, chunksize=100000", url, rounds=1),
        ]
        # A new server's first loads take twice as long as its later ones: its log's files are not there yet (Nov 2026).
        harness.race(ways[:2], rounds=2)
        parts = statements.Parts(server)
        runs = harness.race(ways, rounds, before=parts.start)
        parts.stop()
    _section("PostgreSQL: clean parquet to a table", harness.table(runs, ways[0].name, OURS))
    _section("PostgreSQL: the same, as the server timed it", parts.table(ways[0].name, OURS))
    print("\n" + _without_index(runs, parts))


def _load(month: Month, way: str, name: str, url: str, *file: str, rounds: int | None = None) -> Way:
    timed = statements.OPTIONS if way in {"floor", "ours"} else {}
    return Way(name, ("benchmarks.to_postgres", way, str(month.clean), url, *file), rounds, timed)


def _without_index(runs: dict[str, list[Run]], parts: statements.Parts) -> str:
    """The others build no index: their work against ours without it, median of the rounds."""
    ours = [run.said["seconds"] - part["index"] for run, part in zip(runs[OURS], parts.of[OURS], strict=True)]
    cells = []
    for name in list(runs)[2:]:
        ratios = [run.said["seconds"] / own for run, own in zip(runs[name], ours, strict=False)]
        cells.append(f"{name} {median(ratios):.1f} ×")
    return f"Against {OURS} without its index ({median(ours):.2f} s of work): {'; '.join(cells)}."


def upload(rounds: int) -> None:
    """The upload of a large file to Google Cloud Storage's stand-in."""
    from benchmarks.upload import large_file
    from tests.support.gcs import fake_gcs_server

    WORK.mkdir(exist_ok=True)
    with fake_gcs_server(WORK) as server:
        where = (str(large_file(WORK)), server.endpoint, server.fresh_bucket())
        ways = [
            Way("floor: the client's own upload_from_filename", ("benchmarks.upload", "floor", *where)),
            Way(OURS, ("benchmarks.upload", "ours", *where)),
        ]
        runs = harness.race(ways, rounds)
    _section("Google Cloud Storage: the upload of 200 MB", harness.table(runs, ways[0].name, OURS))


def memory(rows: int) -> None:
    """Peak memory of ours for a short and a long month, in row groups of TLC's size and in one row group."""
    found: dict[str, dict[str, Run]] = {}
    with _postgres() as server:
        for length, group in ((rows, None), (LONG, None), (rows, rows), (LONG, LONG)):
            month = Month(length, group)
            ways = [
                month.clean_way("ours", "clean"),
                _load(month, "ours", "PostgreSQL load", server.url()),
                month.duckdb_way("ours", "DuckDB load"),
            ]
            _remove_database(ways[2])
            column = f"{length:,} rows, {'one row group' if group else 'row groups of 1,048,576'}"
            for way in ways:
                found.setdefault(way.name, {})[column] = harness.run(way)
    columns = list(next(iter(found.values())))
    lines = [f"| peak MB (work s) | {' | '.join(columns)} |", "|---|" + "--:|" * len(columns)]
    for name, by_column in found.items():
        cells = (f"{run.peak_mb:.0f} ({harness.work_seconds(run):.1f})" for run in by_column.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    _section("Peak memory of taxi_luigi", "\n".join(lines))


_COMMANDS = {
    "rerun": ("A rerun of 24 loaded months", rerun.table),
    "nightly": ("A night over all that is published", nightly.table),
    "report": ("The report of all that is published", report.table),
}


def _section(title: str, table: str) -> None:
    print(f"\n### {title}\n\n{table}", flush=True)


def main() -> None:
    """Runs the parts that were asked for, in order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = ("clean", "csv", "fhvhv", "duckdb", "postgres", "upload", "memory", "rerun", "nightly", "report")
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(parts)}; default: all of them")
    parser.add_argument("--rows", type=int, default=1_400_000, help="rows of the month (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of the quick ways (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave benchmarks/work as it is at the end")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(parts):
        parser.error(f"no part {', '.join(sorted(unknown))}: there are {', '.join(parts)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that the server is ended too
    print(f"{given.rows:,} rows of yellow 2021-01; {harness.machine()}", flush=True)
    month = Month(given.rows)
    for part in given.parts or parts:
        if part == "memory":
            memory(given.rows)
        elif part == "upload":
            upload(given.rounds)
        elif part in _COMMANDS:
            title, table = _COMMANDS[part]
            _section(title, table(WORK / part, given.rounds))
        elif part == "csv":
            _section("Clean: csv.gz to clean parquet", layouts.csv_table(WORK, given.rows, given.rounds))
        elif part == "fhvhv":
            _section("Clean: fhvhv beside yellow", layouts.fhvhv_table(WORK, given.rows, given.rounds))
        else:
            {"clean": clean, "duckdb": duckdb, "postgres": postgres}[part](month, given.rounds)
    if not given.keep:
        shutil.rmtree(WORK)


if __name__ == "__main__":
    main()
