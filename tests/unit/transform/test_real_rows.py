"""Real rows of every layout, field by field: the clean file against the raw text, read here without the pipeline."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean import clean_month
from taxi_luigi.transform.clean_settings import CleanRules

RAW_RECEIPT = RawReceipt("https://tlc.example/file", None, None, 1, "0" * 64, "0123456789", "2026-11-21T00:00:00+00:00")
NAMES = {
    "vendor_id": "vendorid",
    "ratecode_id": "ratecodeid",
    "pu_location_id": "pulocationid",
    "do_location_id": "dolocationid",
}
"""schemas.json's proposed names → ours; the times' have their color's prefix"""
PREFIX = {"yellow": "tpep_", "green": "lpep_", "fhv": "", "fhvhv": ""}
NOTHING = {"", "N/A"}

Row = dict[str, Any]


def canonical_names(folder: Path, color: str) -> Callable[[str], str]:
    """Source column → ours, by TLC_DATA's own table of renames, which lacks the names that stay."""
    renames = json.loads((folder / "schemas.json").read_text())[color]["renames"]
    lower = {source.lower(): name for source, name in renames.items()}

    def ours(source: str) -> str:
        name = lower.get(source.lower(), source.lower())
        return f"{PREFIX[color]}{name}" if name in ("pickup_datetime", "dropoff_datetime") else NAMES.get(name, name)

    return ours


def value_map(folder: Path) -> dict[str, dict[str, Any]]:
    """Our column → text → code, by the same table; the flag's own letters are not in it."""
    maps = json.loads((folder / "schemas.json").read_text())["yellow"]["value_maps"]
    maps = {NAMES.get(name, name): dict(values) for name, values in maps.items()}
    maps["store_and_fwd_flag"] |= {"Y": "Y", "N": "N"}
    return maps


def raw_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a csv file, by Python's own reader; a kilobyte's head ends with its last whole line."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    if path.parent.name == "heads":
        text = text[: text.rindex("\n") + 1]
    header, *rows = (row for row in csv.reader(io.StringIO(text, newline="")) if row)
    return [name.strip() for name in header], rows


def expected(text: str, name: str, kind: str, maps: dict[str, dict[str, Any]]) -> Any:
    """What a text means, in Python's own terms."""
    if text in maps.get(name, {}):
        return maps[name][text]
    if text.strip() in NOTHING:
        return None
    if kind == "double":
        return float(text)
    if kind in ("int32", "int64"):
        value = float(text)
        assert value.is_integer()
        return int(value)
    if kind == "timestamp[us]":
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f" if "." in text else "%Y-%m-%d %H:%M:%S")
    return text


@pytest.fixture
def clean(tmp_path: Path) -> Callable[[Path], tuple[CleanReceipt, list[Row]]]:
    """Cleans a file named as TLC names it, and reads the clean one."""

    def run(raw: Path) -> tuple[CleanReceipt, list[Row]]:
        color, month = named(raw)
        target = tmp_path / "clean"
        receipt = clean_month(
            DATASETS[color],
            month,
            raw,
            RAW_RECEIPT,
            "e-e",
            CleanRules(),
            target,
            tmp_path / "rejects",
            lambda a, b: None,
        )
        return receipt, pq.read_table(target).to_pylist()

    return run


def named(path: Path) -> tuple[str, Month]:
    match = re.match(r"(\w+)_tripdata_(\d{4}-\d\d)", path.name)
    assert match
    return match[1], Month.parse(match[2])


def check(folder: Path, path: Path, rows: list[Row], every: int) -> None:
    """Every field of every n-th row, of the first and of the last; in file order, as nothing was rejected."""
    color, month = named(path)
    header, texts = raw_rows(path)
    assert len(texts) == len(rows) > 0
    ours, maps = canonical_names(folder, color), value_map(folder) if color in ("yellow", "green") else {}
    kinds = {column.name: column.type for column in DATASETS[color].columns}
    for place in {*range(0, len(rows), every), len(rows) - 1}:
        wanted = dict.fromkeys(kinds) | {FILE_MONTH: month.first_day}
        for source, text in zip(header, texts[place], strict=False):
            name = ours(source)
            value = expected(text, name, kinds[name], maps)
            if value is not None:  # fhv 2018 has two names for the base, and one of them is empty
                assert wanted[name] is None, source
                wanted[name] = value
        assert rows[place] == wanted, f"row {place + 1}"
    assert isinstance(rows[0][FILE_MONTH], date)


def csv_files() -> list[str]:
    """The samples that there are: a layout each, some twice."""
    months = {
        "yellow": (*(f"{year}-{month}" for year in range(2009, 2020) for month in ("01", "07")), "2020-01", "2020-04"),
        "green": (*(f"{year}-{month}" for year in range(2014, 2020) for month in ("01", "07")), "2020-01"),
        "fhv": (*(f"{year}-{month}" for year in range(2015, 2020) for month in ("01", "07")), "2020-01", "2020-04"),
        "fhvhv": ("2019-02", "2019-07", "2020-01", "2020-04"),
    }
    return [f"{color}_tripdata_{month}.csv" for color, each in months.items() for month in each]


@pytest.mark.parametrize("name", csv_files())
def test_real_rows_of_a_csv_layout_have_the_values_of_their_text(
    tlc_data: Path, clean: Callable[[Path], tuple[CleanReceipt, list[Row]]], name: str
) -> None:
    path = tlc_data / "samples" / name
    receipt, rows = clean(path)
    check(tlc_data, path, rows, every=1)
    assert (receipt.rejected, receipt.left_out, receipt.unmapped) == ({}, {}, {})


def test_there_is_no_sample_without_its_test(tlc_data: Path) -> None:
    assert {path.name for path in (tlc_data / "samples").glob("*.csv")} == set(csv_files())


HEADS = ("fhv_2018-01", "green_2013-08", "green_2015-01", "green_2016-07", "green_2018-01",
         "yellow_2009-01", "yellow_2014-01", "yellow_2016-07", "yellow_2017-01")  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_the_first_bytes_as_tlc_published_them_are_read_with_their_line_ends(
    tlc_data: Path, tmp_path: Path, clean: Callable[[Path], tuple[CleanReceipt, list[Row]]], name: str
) -> None:
    color, _, month = name.partition("_")
    head = tlc_data / "heads" / f"{color}_tripdata_{month}.head1024.csv"
    whole_lines = tmp_path / head.name
    whole_lines.write_bytes(head.read_bytes()[: head.read_bytes().rindex(b"\n") + 1])
    _, rows = clean(whole_lines)
    check(tlc_data, head, rows, every=1)


WHOLE = ("green_tripdata_2013-08.csv", "green_tripdata_2020-11.csv.gz", "green_tripdata_2020-12.csv.gz")


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_months_rows_have_the_values_of_their_text(
    tlc_data: Path, clean: Callable[[Path], tuple[CleanReceipt, list[Row]]], name: str
) -> None:
    path = tlc_data / "whole" / name
    _, rows = clean(path)
    check(tlc_data, path, rows, every=997)


@pytest.mark.parametrize(
    "name",
    [
        "samples/yellow_tripdata_2021-01.parquet",
        "samples/yellow_tripdata_2022-01.parquet",
        "whole/green_tripdata_2021-01.parquet",
        "whole/green_tripdata_2023-02.parquet",
        "whole/green_tripdata_2025-11.parquet",
    ],
)
def test_real_rows_of_a_parquet_layout_are_its_values(
    tlc_data: Path, clean: Callable[[Path], tuple[CleanReceipt, list[Row]]], name: str
) -> None:
    path = tlc_data / name
    receipt, rows = clean(path)
    raw = pq.read_table(path).to_pylist()
    ours = canonical_names(tlc_data, named(path)[0])
    assert receipt.rows_in == len(raw) == len(rows)
    for place in {*range(0, len(raw), 97), len(raw) - 1}:
        row = {key: value for key, value in rows[place].items() if value is not None and key != FILE_MONTH}
        wanted = {ours(key): value for key, value in raw[place].items()}
        assert row == {key: value for key, value in wanted.items() if value not in (None, "") and value == value}
