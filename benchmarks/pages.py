"""The pages with the figures: results go into benchmarks/README.md, and README.md's "How fast" is made from these."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version

from benchmarks.harness import OURS, ROOT, machine

RESULTS = ROOT / "benchmarks" / "README.md"
README = ROOT / "README.md"

DUCKDB = "Months over HTTP into DuckDB"
POSTGRES = "Months over HTTP into PostgreSQL"
CLEAN = "Clean: raw parquet to clean parquet"
CSV = "Clean: csv.gz to clean parquet"
FHVHV = "Clean: fhvhv beside yellow"
INTO_DUCKDB = "DuckDB: clean parquet to a table"
INTO_POSTGRES = "PostgreSQL: clean parquet to a table with its index"
UPLOAD = "Google Cloud Storage: the upload of 200 MB"
SIZES = "Sizes of clean files"
MEMORY = "Memory of a run"
TINY = "Tiny months"
BACKFILL = "All months of one row"
ABSENT = "All months absent, until the first task runs"
RERUN = "A rerun of 24 loaded months"
NIGHT = "A night over all that is published"
REPORT = "The report of all that is published"


def measured() -> str:
    """Return one line on what is measured now: day, commit of the package, machine and versions."""
    commit = _git("log", "-1", "--format=%h", "--", "taxi_luigi")
    changed = " with changes" if _git("status", "--porcelain", "--", "taxi_luigi") else ""
    versions = ", ".join(f"{name} {version(name)}" for name in ("luigi", "pyarrow", "duckdb"))
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}{changed}, {machine()}, {versions}."


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def write(title: str, text: str) -> None:
    """Replace a section of benchmarks/README.md, or add it, and renew the figures of README.md."""
    page = RESULTS.read_text(encoding="utf-8")
    before, found, rest = page.partition(f"### {title}\n")
    if not found:
        before, rest = page.rstrip("\n") + "\n\n", ""
    _, following, after = rest.partition("\n### ")
    RESULTS.write_text(f"{before}### {title}\n\n{text}\n{following}{after}", encoding="utf-8")
    readme = README.read_text(encoding="utf-8")
    section = re.compile(r"(?<=^## How fast\n\n).*?(?=\n## )", re.DOTALL | re.MULTILINE)
    README.write_text(section.sub(lambda _: how_fast(), readme), encoding="utf-8")


def rows_of(title: str) -> list[dict[str, str]]:
    """Return the rows of all tables in a section of benchmarks/README.md, each as column → cell."""
    section = RESULTS.read_text(encoding="utf-8").partition(f"### {title}\n")[2].partition("\n### ")[0]
    found: list[dict[str, str]] = []
    head: list[str] = []
    for line in section.splitlines():
        cells = [text.strip() for text in line.strip("|").split("|")]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
        elif line.startswith("| "):
            found.append(dict(zip(head, cells, strict=True)))
    return found


def cell(title: str, row: str, column: str) -> str:
    """Return a figure of benchmarks/README.md.

    Args:
        title: of its section.
        row: the beginning of the row's first cell.
        column: the column's head.

    Raises:
        LookupError: there is no such cell.
    """
    for cells in rows_of(title):
        if column in cells and next(iter(cells.values())).startswith(row):
            return cells[column]
    raise LookupError(f"{RESULTS.name}: {title} has no {column} of {row}")


def how_fast() -> str:
    """Return the section of README.md, without its title."""

    def ours(title: str, column: str) -> str:
        return f"{cell(title, OURS, column)} ×"

    def others(title: str, column: str, **rows: str) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {cell(title, row, column)} ×" for name, row in rows.items())

    scripts = {
        "a_DuckDB_script_with_clean_files": "DuckDB script: casts",
        "one_without": "DuckDB script: one INSERT",
    }
    dlt = {"dlt_with_ADBC": "dlt + ADBC", "dlt": "dlt[postgres]"}
    rows = [
        (
            "months over HTTP into DuckDB",
            "the same files and rows by two processes, nothing checked",
            ours(DUCKDB, "× prototype"),
            others(DUCKDB, "× ours", **scripts, polars="polars"),
        ),
        (
            "months over HTTP into PostgreSQL",
            "the same, without index",
            ours(POSTGRES, "× prototype"),
            others(POSTGRES, "× ours", polars_with_ADBC="polars", **dlt, pandas="the course"),
        ),
        (
            "parquet to clean parquet",
            "pyarrow reads and writes, nothing is checked",
            ours(CLEAN, "process × floor"),
            others(CLEAN, "process × ours", pandas="pandas"),
        ),
        ("csv.gz to clean parquet", "pyarrow reads, nothing is kept", ours(CSV, "process × floor"), ""),
        ("into DuckDB", "DuckDB's own `INSERT` from parquet", ours(INTO_DUCKDB, "process × floor"), ""),
        (
            "into PostgreSQL",
            "the server's own `COPY` of a ready file, and the index",
            ours(INTO_POSTGRES, "process × floor"),
            others(INTO_POSTGRES, "process × ours", **dlt, pandas_to_sql="DataFrame.to_sql"),
        ),
        ("up to Google Cloud Storage", "Google's own client", ours(UPLOAD, "process × floor"), ""),
        ("months that are all there", "`luigi` over nothing", f"{cell(RERUN, 'taxi_luigi', '× luigi')} ×", ""),
    ]
    head = "| work | the least that is possible | taxi_luigi against it | other ways against taxi_luigi |"
    table = "\n".join([head, "|---|---|--:|---|", *(f"| {' | '.join(row)} |" for row in rows)])
    memory = [(cells["months"].partition(" rows")[0], cells["DuckDB: peak PSS MB"]) for cells in rows_of(MEMORY)]
    (_, (usual, peak), (long, long_peak), _) = memory
    months, _, millions = cell(DUCKDB, OURS, "million rows").partition(" × ")
    month = cell(BACKFILL, "", "ms a month")
    first = _middle(cell(ABSENT, "local scheduler", "s until the first task"))
    nothing = _middle(cell(NIGHT, "`LoadAllMonths", "process s"))
    return f"""\
Multiples of the time that each other way takes on the same machine: medians, with the range of the rounds in brackets.
The first two rows are whole commands with two workers over {months} months of {millions} million rows, the others
single steps with a month of yellow taxis. [benchmarks/README.md](benchmarks/README.md) says how it was measured and
what is noise, and has the seconds.

{table}

With one row for each month that TLC has published, two workers load a month in {month} ms, and the first task begins
after {first} s. A run that finds all of them loaded takes {nothing} s.

A run with two workers that loads into DuckDB holds, all its processes together, {peak} MB of memory for months of
{usual} rows and {long_peak} MB for months of {long}.
"""


def _middle(spread: str) -> str:
    """Return the median of a cell with a range: `1.14 (1.05–1.30)`."""
    return spread.partition(" ")[0]
