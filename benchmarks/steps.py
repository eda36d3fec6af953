"""Other months than yellow parquet: csv.gz beside a bare csv reader, and 20 million rows of fhvhv beside yellow."""

from __future__ import annotations

from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Run, Way

FHVHV_ROWS = 20_000_000
OURS = "**taxi_luigi**"
READ = "taxi_luigi, its reader alone: typed batches"
CSV = "floor: pyarrow.csv reads the inflated stream, all columns text, nothing kept"


def made(folder: Path, color: str, month: str, form: str, rows: int) -> Path:
    """A made-up month in a folder of its own, made once."""
    path = folder / f"{color}-{form}-{rows}" / f"{color}_tripdata_{month}.{form}"
    if not path.exists():
        options = ("--color", color, "--form", form, "--months", f"{month}..{month}")
        harness.run(Way("make up a month", ("benchmarks.months", str(path.parent), str(rows), *options)))
    return path


def _clean(way: str, raw: Path, name: str) -> Way:
    return Way(name, ("benchmarks.clean", way, str(raw), str(raw.with_name(f"{way}.clean"))))


def csv_table(folder: Path, rows: int, rounds: int) -> str:
    """The whole cleaning of a csv.gz, and its reading alone, beside the floor's mere reading."""
    raw = made(folder, "yellow", "2021-01", "csv.gz", rows)
    ways = [_clean("csv_floor", raw, CSV), _clean("csv_read", raw, READ), _clean("ours", raw, OURS)]
    runs = harness.race(ways, rounds)
    reads, cleans = (harness.ratio(runs, CSV, name, harness.work_seconds) for name in (READ, OURS))
    table = harness.table(runs, CSV, OURS)
    return f"{table}\n\n{OURS} reads at {reads:.2f} × and cleans at {cleans:.2f} × the speed of that floor."


def fhvhv_table(folder: Path, rows: int, rounds: int) -> str:
    """Values (rows × columns of the raw file) a second, and peak memory, of a long fhvhv month and a yellow one."""
    ways = {
        "yellow": _clean("ours", made(folder, "yellow", "2021-01", "parquet", rows), f"yellow, {rows:,} rows"),
        "fhvhv": _clean("ours", made(folder, "fhvhv", "2022-01", "parquet", FHVHV_ROWS), f"fhvhv, {FHVHV_ROWS:,} rows"),
    }
    runs: dict[str, list[Run]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(harness.run(way))
    lines = ["| month | columns | work s | million values / s | × yellow | peak MB | runs |", f"|---|{'--:|' * 6}"]
    for name, of in runs.items():
        cells = (
            ways[name].name,
            str(of[0].said["columns"]),
            f"{harness.median(of, harness.work_seconds):.2f}",
            f"{harness.median(of, _values) / 1e6:.1f}",
            f"{harness.ratio(runs, name, 'yellow', _values):.2f}",
            f"{max(one.peak_mb for one in of):.0f}",
            str(len(of)),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _values(one: Run) -> float:
    return float(one.said["rows"] * one.said["columns"] / one.said["seconds"])
