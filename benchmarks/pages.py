"""The pages with the figures: results go into benchmarks/README.md; README.md's "How fast" and a section of
docs/scale.md are made from these.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.harness import OURS, ROOT, machine

RESULTS = ROOT / "benchmarks" / "README.md"
README = ROOT / "README.md"
SCALE = ROOT / "docs" / "scale.md"

DUCKDB = "Months over HTTP into DuckDB"
POSTGRES = "Months over HTTP into PostgreSQL"
CLEAN = "Clean: raw parquet to clean parquet"
CSV = "Clean: csv.gz to clean parquet"
FHVHV = "Clean: fhvhv beside yellow"
INTO_DUCKDB = "DuckDB: clean parquet to a table"
INTO_POSTGRES = "PostgreSQL: clean parquet to a table with its index"
UPLOAD = "Google Cloud Storage: the upload of 200 MB"
UPLOAD_AZURE = "Azure Blob Storage: the upload of 200 MB"
SIZES = "Sizes of clean files"
MEMORY = "Memory of a run"
TINY = "Tiny months"
BACKFILL = "All months of one row"
ABSENT = "All months absent, until the first task runs"
RERUN = "A rerun of 24 loaded months"
NIGHT = "A night over all that is published"
REPORT = "The report of all that is published"
SHARDS = "Eight months by several processes"

TITLES = (
    *(DUCKDB, POSTGRES, CLEAN, CSV, FHVHV, INTO_DUCKDB, INTO_POSTGRES, UPLOAD, UPLOAD_AZURE),
    *(SIZES, MEMORY, TINY, BACKFILL, ABSENT, RERUN, NIGHT, REPORT, SHARDS),
)
"""the sections of the results, in order"""


def measured() -> str:
    """Return one line on what is measured now: day, commit of the package, machine and versions."""
    commit = _git("log", "-1", "--format=%h", "--", "taxi_luigi")
    changed = " with changes" if _git("status", "--porcelain", "--", "taxi_luigi") else ""
    versions = ", ".join(f"{name} {version(name)}" for name in ("luigi", "pyarrow", "duckdb"))
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}{changed}, {machine()}, {versions}."


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def write(title: str, text: str) -> None:
    """Replace a section of benchmarks/README.md, or add it, and renew the sections that are made from it."""
    page = RESULTS.read_text(encoding="utf-8")
    sections = _sections(page) | {title: text.strip("\n")}
    parts = [
        page.partition("\n### ")[0].rstrip("\n") + "\n",
        *(f"### {each}\n\n{sections[each]}\n" for each in TITLES if each in sections),
    ]
    RESULTS.write_text("\n".join(parts), encoding="utf-8")
    for path, heading, section in MADE:
        before, title, rest = path.read_text(encoding="utf-8").partition(f"## {heading}\n\n")
        _, next_title, after = rest.partition("\n## ")
        path.write_text(f"{before}{title}{section()}{next_title}{after}", encoding="utf-8")


def section_of(page: str, heading: str) -> str:
    """Return the text of a section of a page, without its heading; '' where there is none."""
    return page.partition(f"## {heading}\n\n")[2].partition("\n## ")[0]


def _sections(page: str) -> dict[str, str]:
    """Return title → text of the results."""
    parts = (part.partition("\n") for part in page.split("\n### ")[1:])
    return {title: text.strip("\n") for title, _, text in parts}


def rows_of(title: str) -> list[dict[str, str]]:
    """Return the rows of all tables in a section of benchmarks/README.md, each as column → cell; none without it."""
    found: list[dict[str, str]] = []
    head: list[str] = []
    for line in _sections(RESULTS.read_text(encoding="utf-8")).get(title, "").splitlines():
        cells = [text.strip() for text in line.strip("|").split("|")]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
        elif line.startswith("| "):
            found.append(dict(zip(head, cells, strict=True)))
    return found


def cell(title: str, row: str, column: str) -> str:
    """Return a figure of benchmarks/README.md; an empty one if it was not measured.

    Args:
        title: of its section.
        row: the beginning of the row's first cell.
        column: the column's head.
    """
    for cells in rows_of(title):
        if column in cells and next(iter(cells.values())).startswith(row):
            return cells[column]
    return ""


def how_fast() -> str:
    """Return the section of README.md, without its title; what was not measured is left out."""
    dlt = {"dlt with ADBC": "dlt + ADBC", "dlt": "dlt[postgres]"}
    scripts = {
        "DuckDB script with clean files": "DuckDB script: casts",
        "DuckDB script with no files": "DuckDB script: one INSERT",
    }
    work = [
        (
            "months over HTTP into DuckDB",
            "the same files and rows by two processes, nothing checked",
            cell(DUCKDB, OURS, "× prototype"),
            _others(DUCKDB, "× ours", scripts | {"polars": "polars"}),
        ),
        (
            "months over HTTP into PostgreSQL",
            "the same, without index",
            cell(POSTGRES, OURS, "× prototype"),
            _others(POSTGRES, "× ours", {"polars with ADBC": "polars"} | dlt | {"pandas": "the course"}),
        ),
        (
            "parquet to clean parquet",
            "pyarrow reads and writes, nothing is checked",
            cell(CLEAN, OURS, "process × floor"),
            _others(CLEAN, "process × ours", {"pandas": "pandas"}),
        ),
        ("csv.gz to clean parquet", "pyarrow reads, nothing is kept", cell(CSV, OURS, "process × floor"), ""),
        ("into DuckDB", "DuckDB's own `INSERT` from parquet", cell(INTO_DUCKDB, OURS, "process × floor"), ""),
        (
            "into PostgreSQL",
            "the server's own `COPY` of a ready file, and the index",
            cell(INTO_POSTGRES, OURS, "process × floor"),
            _others(INTO_POSTGRES, "process × ours", dlt | {"pandas `to_sql`": "DataFrame.to_sql"}),
        ),
        ("up to Google Cloud Storage", "Google's own client", cell(UPLOAD, OURS, "process × floor"), ""),
        ("up to Azure Blob Storage", "Azure's own client", cell(UPLOAD_AZURE, OURS, "process × floor"), ""),
        ("months that are all there", "`luigi` over nothing", cell(RERUN, "taxi_luigi", "× luigi"), ""),
    ]
    lines = [f"| {name} | {floor} | {_times(ours)} | {others} |" for name, floor, ours, others in work if ours]
    head = [
        "| work | the least that is possible | taxi_luigi against it | other ways against taxi_luigi |",
        "|---|---|--:|---|",
    ]
    sentences = [
        (
            "With one row for each month that TLC has published, two workers load a month in {} ms.",
            cell(BACKFILL, "", "ms a month"),
        ),
        (
            "When no published month is there, the first task begins after {} s.",
            cell(ABSENT, "local scheduler", "s until the first task"),
        ),
        ("A run that finds all published months loaded takes {} s.", cell(NIGHT, "`LoadAllMonths", "process s")),
    ]
    for cells in rows_of(MEMORY):
        sentence = (
            f"Months of {cells['months']}, loaded into DuckDB by two workers, take {{}} MB, all processes together."
        )
        sentences.append((sentence, cells["DuckDB: peak PSS MB"]))
    return "\n".join(
        [
            "Multiples of the time that each other way takes on the same machine: medians, and the range of the",
            "rounds. Those over HTTP are whole commands with two workers, the others single steps.",
            "[benchmarks/README.md](benchmarks/README.md) has the seconds, how it was measured and what is noise.",
            "",
            *head,
            *lines,
            "",
            *(f"- {sentence.format(figure)}" for sentence, figure in sentences if figure),
            "",
        ]
    )


def _others(title: str, column: str, rows: dict[str, str]) -> str:
    """Return other ways with their multiples, as far as they were measured: `dlt 9.81 ×, pandas 43.15 ×`."""
    figures = {name: cell(title, row, column) for name, row in rows.items()}
    return ", ".join(f"{name} {_times(figure)}" for name, figure in figures.items() if figure)


def _times(figure: str) -> str:
    """Return a multiple as prose has it: `1.14 × (1.05–1.30)`."""
    middle, space, rest = figure.partition(" ")
    return f"{middle} ×{space}{rest}"


def at_scale() -> str:
    """Return the section of docs/scale.md, without its title."""
    from taxi_luigi.tlc.published import known_rows

    millions: dict[str, float] = {}
    for (color, _), rows in known_rows("parquet").items():
        millions[color] = millions.get(color, 0) + rows / 1e6
    everything, months = sum(millions.values()), len(known_rows("parquet"))
    yellow, duckdb, postgres = (
        float(cell(title, OURS, "work s")) / 1.4 for title in (CLEAN, INTO_DUCKDB, INTO_POSTGRES)
    )
    [long] = (cells for cells in rows_of(FHVHV) if cells["month"].startswith("fhvhv"))
    fhvhv = float(long["work s"]) / int(re.sub(r"\D", "", long["month"])) * 1e6
    tiny = float(cell(TINY, "", "ms a month")) / 1000
    cleaned = yellow * (everything - millions["fhvhv"]) + fhvhv * millions["fhvhv"]
    steps = [
        ("clean", f"yellow {yellow:.2f}, fhvhv {fhvhv:.2f}; green and fhv as yellow", cleaned, "clean fhvhv"),
        ("load into DuckDB", f"yellow {duckdb:.2f}, the others as it", duckdb * everything, "duckdb"),
        (
            "load into PostgreSQL, with the index",
            f"yellow {postgres:.2f}, as before",
            postgres * everything,
            "postgres",
        ),
        ("all steps of a month with hardly a row", f"{tiny:.2f} a month", tiny * months, "tiny"),
    ]
    kept = {cells["record type"]: cells for cells in rows_of(SHARDS) if "record type" in cells}
    bytes_each = {color: float(kept[color]["bytes of a row in PostgreSQL, with its index"]) for color in millions}
    size = sum(bytes_each[color] * rows for color, rows in millions.items()) / 1000
    columns = ("× 1 process", "CPU × 1 process", "largest share of rows × mean", "longest process × mean")
    return "\n".join(
        [
            f"| step | s for a million rows | {everything:,.0f} million rows, one process | measured by |",
            "|---|---|--:|---|",
            *(f"| {step} | {of} | {_long(seconds)} | `benchmarks/run {part}` |" for step, of, seconds, part in steps),
            "",
            f"In PostgreSQL all of it takes {size:,.0f} GB: "
            + ", ".join(f"{color} {each:.0f}" for color, each in bytes_each.items())
            + " bytes a row (`benchmarks/run shards`).",
            "",
            f"| way | {' | '.join(columns)} |",
            f"|---|{'--:|' * len(columns)}",
            *(
                f"| {cells['way']} | {' | '.join(cells[column] for column in columns)} |"
                for cells in rows_of(SHARDS)
                if "way" in cells
            ),
            "",
            f"`benchmarks/run shards`: {_sections(RESULTS.read_text(encoding='utf-8'))[SHARDS].splitlines()[-1]}",
            "",
        ]
    )


def _long(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds > 5400 else f"{seconds / 60:.0f} min"


MADE: tuple[tuple[Path, str, Callable[[], str]], ...] = (
    (README, "How fast", how_fast),
    (SCALE, "Measured here", at_scale),
)
"""page, heading and text of each section that is made from the results"""
