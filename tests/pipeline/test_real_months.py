"""Whole months as TLC published them, parquet and csv.gz, into both warehouses: every row and every cent."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from tests.support.cdn import Cdn
from tests.support.project import Project

PUBLISHED = {
    "2020-11": 88_605, "2020-12": 83_130, "2021-01": 76_518, "2021-02": 64_572,
    "2023-01": 68_211, "2023-02": 64_809, "2024-01": 56_551, "2025-11": 46_912,
}  # fmt: skip
"""rows in TLC's file of green; 2020-11 and -12 are csv.gz, the others parquet"""


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


def test_every_row_and_every_cent_is_in_both_warehouses(project: Project, tlc_data: Path, postgres_url: str) -> None:
    whole = tlc_data / "whole"
    with Cdn(whole, any_ending=True) as cdn:
        project.configure(
            {
                "taxi": {"source": cdn.template, "warehouse": "duckdb, pg"},
                "warehouse.pg": {"type": "postgres", "url": "${PG}"},
            }
        )
        command = ("LoadAllMonths", "--colors", "green", "--months", ",".join(PUBLISHED), "--workers", 2)
        first = project.run(*command, env={"PG": postgres_url}, timeout=300)
        assert first.rc == 0, first.out
        requests = len(cdn.log)
        again = project.run(*command, env={"PG": postgres_url})
        assert again.rc == 0, again.out
        assert "green: 0 months loaded, 8 already there" in again.out
        assert len(cdn.log) == requests
    expected = {month: raw_cents(whole, month) for month in PUBLISHED}
    assert {month: rows for month, (rows, _) in expected.items()} == PUBLISHED
    assert cents_in_duckdb(project.warehouse) == expected
    assert cents_in_postgres(postgres_url) == expected


CENTS = "count(*), CAST(sum(CAST(round(total_amount * 100) AS bigint)) AS bigint) FROM green_tripdata GROUP BY 1"


def cents_in_duckdb(path: Path) -> dict[str, tuple[int, int]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(f"SELECT strftime(file_month, '%Y-%m'), {CENTS}").fetchall()
    return {month: (count, cents) for month, count, cents in rows}


def cents_in_postgres(url: str) -> dict[str, tuple[int, int]]:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT to_char(file_month, 'YYYY-MM'), {CENTS}")
        rows = cursor.fetchall()
    connection.close()
    return {month: (count, cents) for month, count, cents in rows}
