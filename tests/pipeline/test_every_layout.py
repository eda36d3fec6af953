"""Every real file there is, to the cent, and one month of every layout there ever was, into DuckDB and PostgreSQL."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from taxi_luigi.sample import Form, write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import ROWS_AND_CENTS, cents_in_duckdb
from tests.support.cdn import Cdn
from tests.support.project import Project

COLORS = ("yellow", "green", "fhv", "fhvhv")
NAME = re.compile(r"(\w+)_tripdata_(\d{4}-\d\d)\.(parquet|csv|csv\.gz)")

ColorMonth = tuple[str, str]


def records(path: Path) -> int:
    """Trips in a published file, without the pipeline: the footer's rows, or what Python's csv reader finds."""
    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return sum(1 for row in csv.reader(io.StringIO(text, newline="")) if row) - 1


def published(*folders: Path) -> dict[ColorMonth, int]:
    """(color, month) → trips, of every published month in some folders."""
    named = [(NAME.fullmatch(path.name), path) for folder in folders for path in folder.iterdir()]
    return {(match[1], match[2]): records(path) for match, path in named if match}


def load(project: Project, cdn: Cdn, url: str) -> None:
    """LoadAllMonths over all that the server has; two workers."""
    project.configure(
        {
            "taxi": {"source": cdn.template, "warehouse": "duckdb, pg"},
            "warehouse.pg": {"type": "postgres", "url": "${PG}"},
        }
    )
    run = project.run(
        "LoadAllMonths",
        "--colors",
        ",".join(COLORS),
        "--months",
        "2009..",
        "--workers",
        2,
        env={"PG": url},
        timeout=280,
    )
    assert run.rc == 0, run.out


def in_duckdb(project: Project, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(project.warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def postgres(url: str) -> Iterator[psycopg2.extensions.cursor]:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        yield cursor
    connection.close()


def in_postgres(url: str, query: str) -> list[tuple[Any, ...]]:
    with postgres(url) as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def counts(rows: list[tuple[Any, ...]], color: str) -> dict[ColorMonth, int]:
    return {(color, f"{month:%Y-%m}"): count for month, count in rows}


def check_counts(project: Project, url: str, expected: dict[ColorMonth, int]) -> None:
    """Rows of every month in both warehouses, as SQL counts them, and `verify`'s own opinion."""
    for ask in (lambda query: in_duckdb(project, query), lambda query: in_postgres(url, query)):
        found: dict[ColorMonth, int] = {}
        for color in COLORS:
            found |= counts(ask(f"SELECT file_month, count(*) FROM {color}_tripdata GROUP BY file_month"), color)
        assert found == expected
    verify = project.command("taxi-luigi", "verify", env={"PG": url})
    assert verify.rc == 0, verify.out
    assert "no difference" in verify.out


def check_rows(project: Project, url: str, months: dict[ColorMonth, int]) -> None:
    """Every row of these months in both tables as it is in the clean file, in whatever order."""
    for color, month in months:
        clean = project.workspace / "clean" / color / f"{color}_tripdata_{month}.parquet"
        rows = Counter(tuple(row.values()) for row in pq.read_table(clean).to_pylist())
        query = f"SELECT * FROM {color}_tripdata WHERE file_month = '{month}-01'"
        assert Counter(in_duckdb(project, query)) == rows
        assert Counter(in_postgres(url, query)) == rows


GREEN = {
    "2020-11": 88_605, "2020-12": 83_130, "2021-01": 76_518, "2021-02": 64_572,
    "2023-01": 68_211, "2023-02": 64_809, "2024-01": 56_551, "2025-11": 46_912,
}  # fmt: skip
"""rows in TLC's whole files of green; 2020-11 and -12 are csv.gz, the others parquet"""


def raw_cents(folder: Path, month: str) -> tuple[int, int]:
    """Rows of a published file and the sum of total_amount in cents, read without the pipeline."""
    path = next(folder.glob(f"green_tripdata_{month}.*"))
    if path.suffix == ".parquet":
        amounts = pq.read_table(path, columns=["total_amount"])["total_amount"]
    else:
        convert = pyarrow.csv.ConvertOptions(
            include_columns=["total_amount"], column_types={"total_amount": pa.float64()}
        )
        amounts = pyarrow.csv.read_csv(path, convert_options=convert)["total_amount"]
    cents = pc.sum(pc.cast(pc.round(pc.multiply(amounts, 100.0)), pa.int64())).as_py()
    return len(amounts), cents


def cents_in_postgres(url: str) -> dict[str, tuple[int, int]]:
    rows = in_postgres(
        url,
        f"SELECT to_char(file_month, 'YYYY-MM'), {ROWS_AND_CENTS} FROM green_tripdata GROUP BY 1",
    )
    return {month: (count, cents) for month, count, cents in rows}


def test_every_row_and_every_cent_of_the_real_files_is_in_both_warehouses(
    project: Project, tlc_data: Path, postgres_url: str
) -> None:
    whole, samples = tlc_data / "whole", tlc_data / "samples"
    expected = published(whole, samples)
    assert len(expected) >= 67
    with Cdn(whole, samples, any_ending=True) as cdn:
        load(project, cdn, postgres_url)
    check_counts(project, postgres_url, expected)
    cents = {month: raw_cents(whole, month) for month in GREEN}
    assert {month: rows for month, (rows, _) in cents.items()} == GREEN
    for found in (cents_in_duckdb(project.warehouse), cents_in_postgres(postgres_url)):
        assert {month: found[month] for month in GREEN} == cents
    check_rows(project, postgres_url, published(samples))
    one_type_each(project, postgres_url)


def layouts(folder: Path) -> Iterator[tuple[str, Month, Form]]:
    """One month of each layout that schemas.json knows, no month of a color twice; the mirror's csv is gzipped."""
    for color in COLORS:
        taken: set[Month] = set()
        eras = json.loads((folder / "schemas.json").read_text())[color]["eras"]
        for name, era in eras.items():
            for form in ("parquet", "csv"):
                if era.get(form):
                    month = Month.parse(era["first_month"])
                    while month in taken:
                        month = month.plus(1)
                    assert era["last_month"] is None or month <= Month.parse(era["last_month"]), (color, name)
                    taken.add(month)
                    yield color, month, "csv.gz" if "mirror" in name else form


def test_one_month_of_every_layout_makes_one_table_per_color(
    project: Project, tlc_data: Path, tmp_path: Path, postgres_url: str
) -> None:
    made = list(layouts(tlc_data))
    assert len(made) >= 45
    for color, month, form in made:
        write_month(tmp_path / "made", color, month, 1_000, seed=3, form=form)
    with Cdn(tmp_path / "made", any_ending=True) as cdn:
        load(project, cdn, postgres_url)
    rejected = rejects(project)
    assert ("yellow", Month(2010, 2), "csv") in made  # a month that has rows with too many commas
    assert rejected == {("yellow", "2010-02"): {"field_count": 1}}
    expected = {(color, str(month)): 1_000 for color, month, _ in made}
    for each, reasons in rejected.items():
        expected[each] -= sum(reasons.values())
    check_counts(project, postgres_url, expected)
    check_rows(project, postgres_url, expected)
    one_type_each(project, postgres_url)
    with duckdb.connect(str(project.warehouse)) as connection:
        [(month,)] = connection.execute("SELECT file_month FROM fhv_tripdata WHERE rowid = 4321").fetchall()
        connection.execute("DELETE FROM fhv_tripdata WHERE rowid = 4321")
    verify = project.command("taxi-luigi", "verify", env={"PG": postgres_url})
    assert verify.rc == 50, verify.out
    assert verify.out.splitlines()[-1].endswith(f"1 month differs: fhv {month:%Y-%m}")


def rejects(project: Project) -> dict[ColorMonth, Counter[str]]:
    """(color, month) → reason → rows, of the rejects that there are."""
    files = (project.workspace / "rejected").rglob("*.parquet")
    named = [(NAME.fullmatch(path.name), path) for path in files]
    return {(match[1], match[2]): Counter(pq.read_table(path)["reason"].to_pylist()) for match, path in named if match}


def one_type_each(project: Project, url: str) -> None:
    """Both warehouses have the columns of the clean files, whichever month came first."""
    for color in COLORS:
        names = next((project.workspace / "clean" / color).iterdir())
        wanted = pq.read_schema(names).names
        query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{color}_tripdata'"
        assert [name for (name,) in in_duckdb(project, query)] == wanted
        assert {name for (name,) in in_postgres(url, query)} == set(wanted)
