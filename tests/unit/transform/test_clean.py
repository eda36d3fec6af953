"""Whole months through the engine: what is kept, what is taken out and why, and that the account adds up."""

from __future__ import annotations

import gzip
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core.errors import AccountError, BadFile, Refusal
from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import clean as engine
from taxi_luigi.transform.clean import clean_month, describe_rejects
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.column_mapping import canonical_schema
from taxi_luigi.transform.parquet_writer import rows_written
from taxi_luigi.transform.readers import csv_records, open_raw
from taxi_luigi.transform.rejects import SCHEMA, first_values
from taxi_luigi.transform.rules import RULES
from tests.support.cleaned import receipt_of

MONTH = Month(2021, 1)
YELLOW = DATASETS["yellow"]
RAW_RECEIPT = RawReceipt("https://x/raw", '"e"', None, 7, "ab" * 32, "0123456789", "2026-11-21T00:00:00+00:00")
START = datetime(2021, 1, 5, 12)

HEADER = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count,trip_distance,total_amount"
GOOD = "1,2021-01-05 12:00:00,2021-01-05 12:09:00,1,2.5,9.8"


class Cleaned:
    """A month that was cleaned in a test: its receipt and the two files."""

    def __init__(self, folder: Path) -> None:
        self.clean, self.rejects = folder / "clean", folder / "rejects"
        self.progress: list[tuple[int, int]] = []

    def run(self, raw: Path, rules: CleanRules, color: str = "yellow", month: Month = MONTH) -> Cleaned:
        self.receipt = clean_month(
            DATASETS[color], month, raw, RAW_RECEIPT, "0123456789-abcdef0123", rules, self.clean, self.rejects,
            lambda done, total: self.progress.append((done, total)),
        )  # fmt: skip
        return self

    def kept(self) -> pa.Table:
        return pq.read_table(self.clean)

    def rejected(self) -> list[dict[str, Any]]:
        return pq.read_table(self.rejects).to_pylist() if self.rejects.exists() else []


@pytest.fixture
def clean(tmp_path: Path) -> Callable[..., Cleaned]:
    """Cleans a raw file: csv lines, or columns for parquet."""

    def run(raw: list[str] | dict[str, Any] | Path, rules: CleanRules | None = None, **more: Any) -> Cleaned:
        if isinstance(raw, list):
            (tmp_path / "raw").write_bytes(gzip.compress("\n".join([HEADER, *raw, ""]).encode()))
        elif isinstance(raw, dict):
            pq.write_table(pa.table(raw), tmp_path / "raw", row_group_size=2)
        path = raw if isinstance(raw, Path) else tmp_path / "raw"
        (tmp_path / "out").mkdir(exist_ok=True)
        return Cleaned(tmp_path / "out").run(path, rules or CleanRules(), **more)

    return run


def trips(rows: int) -> dict[str, Any]:
    return {"VendorID": [1] * rows, "tpep_pickup_datetime": [START] * rows, "tpep_dropoff_datetime": [START] * rows}


def test_a_month_without_faults_has_no_rejects(clean: Callable[..., Cleaned]) -> None:
    month = clean(trips(5))
    assert month.kept().schema.remove_metadata() == canonical_schema(YELLOW)
    assert month.kept()["file_month"].to_pylist() == [date(2021, 1, 1)] * 5
    texts = {field.name: field.metadata[b"description"].decode() for field in month.kept().schema}
    assert texts == {column.name: column.description for column in YELLOW.columns}
    assert texts["trip_distance"] == "distance by the taximeter (miles)"
    assert not month.rejects.exists()
    assert (month.receipt.rows_in, month.receipt.rows_kept, month.receipt.rejected) == (5, 5, {})
    assert month.progress == [(5, 5)]


def test_the_receipt_is_in_both_footers(clean: Callable[..., Cleaned]) -> None:
    month = clean([GOOD, GOOD + "x"])
    assert receipt_of(month.clean) == month.receipt
    assert receipt_of(month.rejects) == month.receipt
    receipt = month.receipt
    assert (receipt.color, receipt.month, receipt.raw_format) == ("yellow", "2021-01", "csv.gz")
    assert (receipt.edition, receipt.raw) == ("0123456789-abcdef0123", RAW_RECEIPT)
    assert receipt.layout["VendorID"] == "string"
    assert receipt.versions["pyarrow"] == pa.__version__


def test_what_cannot_be_stored_is_rejected_with_its_raw_text_and_place(clean: Callable[..., Cleaned]) -> None:
    month = clean([GOOD, GOOD.replace("-05 12:00", "-32 12:00"), "too,few", "", GOOD, GOOD.replace("2.5", "far"), GOOD])
    assert pq.read_schema(month.rejects).remove_metadata() == SCHEMA
    rejects = sorted(month.rejected(), key=lambda reject: reject["record"])
    assert [(reject["record"], reject["reason"]) for reject in rejects] == [
        (2, "unreadable:tpep_pickup_datetime"),
        (3, "field_count"),
        (5, "unreadable:trip_distance"),
    ]
    assert {reject["file_month"] for reject in rejects} == {date(2021, 1, 1)}
    assert dict(rejects[0]["raw"])["tpep_pickup_datetime"] == "2021-01-32 12:00:00"
    assert dict(rejects[1]["raw"]) == {"line": "too,few"}
    assert list(dict(rejects[2]["raw"])) == HEADER.split(",")
    assert month.receipt.rejected == {
        "field_count": 1,
        "unreadable:tpep_pickup_datetime": 1,
        "unreadable:trip_distance": 1,
    }
    assert (month.receipt.rows_in, month.receipt.rows_kept) == (6, 3)


def test_rejects_of_csv_hold_the_text_as_it_stood(clean: Callable[..., Cleaned]) -> None:
    month = clean([GOOD, GOOD.replace("2.5,9.8", ".50,-9.80"), GOOD], CleanRules(frozenset({"negative_total"})))
    [reject] = month.rejected()
    assert reject["record"] == 2
    assert dict(reject["raw"])["total_amount"] == "-9.80"
    assert dict(reject["raw"])["trip_distance"] == ".50"


def test_rejects_of_parquet_hold_values_as_text(clean: Callable[..., Cleaned]) -> None:
    columns = trips(3) | {"RatecodeID": [1.0, 1.5, None], "tip_amount": [0.1, 0.2, None], "odd": [[1], [2], None]}
    month = clean(columns)
    [reject] = month.rejected()
    assert (reject["record"], reject["reason"]) == (2, "unreadable:ratecodeid")
    assert dict(reject["raw"]) == {
        "VendorID": "1",
        "tpep_pickup_datetime": "2021-01-05 12:00:00.000000",
        "tpep_dropoff_datetime": "2021-01-05 12:00:00.000000",
        "RatecodeID": "1.5",
        "tip_amount": "0.2",
        "odd": None,
    }


def test_a_row_counts_once_under_its_first_reason(clean: Callable[..., Cleaned]) -> None:
    rules = CleanRules(frozenset({"no_passengers", "negative_total", "zero_distance"}))
    month = clean(
        [
            "1,2021-01-05 12:00:00,2021-01-05 12:09:00,0,0,-9.8",
            "1,2021-01-05 12:00:00,2021-01-05 12:09:00,1,0,-9.8",
            "1.5,2021-01-05 12:00:00,2021-01-05 12:09:00,0,0,-9.8",
            GOOD,
        ],
        rules,
    )
    assert month.receipt.rejected == {"negative_total": 1, "no_passengers": 1, "unreadable:vendorid": 1}
    assert month.receipt.rules["zero_distance"] == 3
    assert month.receipt.rows_kept == 1


def test_rules_that_are_off_are_counted_and_take_nothing_out(clean: Callable[..., Cleaned]) -> None:
    month = clean([GOOD.replace(",1,2.5,9.8", ",0,0,-1"), GOOD.replace(",1,2.5", ",,2.5"), GOOD])
    assert month.receipt.rows_kept == 3
    assert month.receipt.rules == {
        "no_passengers": 1,
        "dropoff_before_pickup": 0,
        "outside_file_month": 0,
        "negative_total": 1,
        "zero_distance": 1,
        "unknown_zone": 0,
        "zero_coordinates": 0,
        "fill_missing_passengers": 1,
    }
    assert month.receipt.changed == {}


NO_ONE_ONE_MISSING_THRICE = [GOOD.replace(",1,2.5", ",0,2.5"), *[GOOD.replace(",1,2.5", ",,2.5")] * 3, GOOD]


def test_filling_missing_passengers_is_counted_and_logged(
    clean: Callable[..., Cleaned], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "luigi-interface"):
        month = clean(NO_ONE_ONE_MISSING_THRICE, CleanRules(fill_missing_passengers=True))
    assert month.kept()["passenger_count"].to_pylist() == [0, 0, 0, 0, 1]
    assert month.receipt.changed == {"fill_missing_passengers": 3}
    assert month.receipt.rejected == {}
    assert "yellow 2021-01: passenger_count missing in 3 rows before, 0 after; zero in 1 before, 4 after" in caplog.text


def test_both_policies_of_the_course_together_keep_only_trips_with_passengers(clean: Callable[..., Cleaned]) -> None:
    rules = CleanRules(frozenset({"no_passengers"}), fill_missing_passengers=True)
    month = clean(NO_ONE_ONE_MISSING_THRICE, rules)
    assert month.kept()["passenger_count"].to_pylist() == [1]
    assert month.receipt.rejected == {"no_passengers": 4}
    assert month.receipt.changed == {"fill_missing_passengers": 3}


def test_without_filling_a_missing_count_is_not_zero(clean: Callable[..., Cleaned]) -> None:
    month = clean(NO_ONE_ONE_MISSING_THRICE, CleanRules(frozenset({"no_passengers"})))
    assert month.kept()["passenger_count"].to_pylist() == [None, None, None, 1]


def test_an_unreadable_passenger_count_is_not_a_missing_one(clean: Callable[..., Cleaned]) -> None:
    assert clean([GOOD.replace(",1,2.5", ",many,2.5"), GOOD]).receipt.rules["fill_missing_passengers"] == 0


def test_texts_of_unknown_codes_are_counted_in_the_receipt_and_the_rows_kept(
    clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxi_luigi.transform.receipt_builder.TEXTS", 2)
    month = clean([name + GOOD[1:] for name in ("CMT", "XYZ", "XYZ", "?", "A", "B", "vts ")])
    assert month.kept()["vendorid"].to_pylist() == [1, None, None, None, None, None, 2]
    assert month.receipt.unmapped == {"unknown_code:vendorid": {"XYZ": 2, "(other texts)": 2, "?": 1}}
    assert month.receipt.rejected == {}
    assert receipt_of(month.clean) == month.receipt


def test_unknown_columns_are_left_out_and_recorded_or_fail_the_month(
    clean: Callable[..., Cleaned], caplog: pytest.LogCaptureFixture
) -> None:
    columns = trips(4) | {"surge": [1.5, None, None, 2.0]}
    month = clean(columns)
    assert month.receipt.left_out == {"surge": {"type": "double", "nulls": 0.5}}
    assert "surge" not in month.kept().schema.names
    assert "surge (double)" in caplog.text
    with pytest.raises(Refusal, match=r"does not know: surge \(double\)"):
        clean(columns, CleanRules(unknown_columns="fail"))


@pytest.mark.parametrize("raw", [trips(0), []], ids=["parquet", "csv"])
def test_a_month_without_rows_is_a_clean_file_without_rows(clean: Callable[..., Cleaned], raw: Any) -> None:
    month = clean(raw)
    assert month.kept().num_rows == 0
    assert month.kept().schema.remove_metadata() == canonical_schema(YELLOW)
    assert (month.receipt.rows_in, month.receipt.encodings) == (0, {})
    assert not month.rejects.exists()


def described(month: Cleaned) -> str:
    """What is said of the records that cannot be stored."""
    return describe_rejects(month.receipt, month.rejects)


def test_records_that_cannot_be_stored_are_described_with_their_reasons_and_the_first(
    clean: Callable[..., Cleaned],
) -> None:
    month = clean([GOOD] * 5 + ["1,2"] + [GOOD.replace("9.8", '"1,234.56"')] * 2)
    assert described(month) == (
        "3 of its 8 records cannot be stored (field_count in 1, unreadable:total_amount in 2); the first is 'line=1,2'"
    )


def test_the_first_reject_is_found_wherever_it_stands(
    clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxi_luigi.transform.parquet_writer.REJECT_GROUP", 50)
    monkeypatch.setattr("taxi_luigi.transform.rejects.SLICE", 30)
    far = [GOOD.replace("2.5", f"far{number}") for number in range(300)]
    path = clean([GOOD, *far[:200], "1,2", *far[200:], GOOD.replace("9.8", "much")]).rejects
    assert first_values(path)["trip_distance"] == "far0"
    assert first_values(path, {"field_count"}) == {"line": "1,2"}
    assert first_values(path, {"unreadable:total_amount", "unreadable:passenger_count"})["total_amount"] == "much"
    assert first_values(path, {"unreadable:passenger_count"}) == {}


def test_rows_that_a_rule_took_out_are_not_described(clean: Callable[..., Cleaned]) -> None:
    rules = CleanRules(frozenset({"zero_distance"}))
    assert described(clean([GOOD, GOOD.replace("2.5", "0")], rules)) == ""
    assert described(clean([GOOD] * 2)) == ""
    line = described(clean([GOOD, GOOD.replace("2.5", "0"), GOOD.replace("2.5", "far")], rules))
    assert "1 of its 3 records cannot be stored (unreadable:trip_distance in 1); the first is" in line
    assert "trip_distance=far" in line


@pytest.mark.parametrize("size", [64, csv_records.BLOCK])
def test_gits_merge_markers_are_named(
    clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(csv_records, "BLOCK", size)
    month = clean([GOOD, "<<<<<<< HEAD", GOOD, "=======", GOOD, GOOD, ">>>>>>> 3a90c03 (a, branch)"] * 2 + ["1,2"])
    assert month.receipt.rejected == {"field_count": 7}
    assert month.receipt.warnings == ["6 of its records are git's merge markers: the file has a conflict to resolve"]
    assert "the first is 'line=<<<<<<< HEAD'" in described(month)


def test_times_as_excel_writes_them_are_named(clean: Callable[..., Cleaned]) -> None:
    american = clean([GOOD, "1,2", GOOD.replace("2021-01-05 12:00:00", "1/31/2021 12:00")])
    assert described(american).endswith("; '1/31/2021 12:00' looks like a date written by Excel (month/day/year)")
    serial = clean(trips(3) | {"tpep_dropoff_datetime": ["45322.5", "2021-01-05 12:00:00", None]})
    assert described(serial).endswith(
        "'45322.5' looks like a date written by Excel (a serial number: days since 1899-12-30)"
    )


def test_a_month_whose_pickups_are_all_of_another_one_is_named(clean: Callable[..., Cleaned]) -> None:
    odd = "no pickup lies in 2021-02, the month of the file"
    assert clean([GOOD] * 3, month=Month(2021, 2)).receipt.warnings == [odd]
    assert clean([GOOD, GOOD.replace("2021-01-", "2021-02-")], month=Month(2021, 2)).receipt.warnings == []
    none_left = clean([GOOD] * 3, CleanRules(frozenset({"outside_file_month"})), month=Month(2021, 2))
    assert none_left.receipt.warnings == ["the rules of [clean] reject took out every row", odd]


def test_rows_without_any_required_value_are_no_records(clean: Callable[..., Cleaned]) -> None:
    nothing = re.sub(r"[^,]+", "", GOOD)
    with pytest.raises(Refusal, match=r"holds no record: none of its 3 rows has a value in vendorid, ") as refused:
        clean([nothing] * 3)
    assert refused.value.check == "no_record"
    assert clean([nothing, GOOD]).receipt.rows_kept == 2


def test_money_that_the_file_has_no_column_of_is_no_zero(clean: Callable[..., Cleaned]) -> None:
    assert clean(trips(3) | {"total_amount": [1.5] * 3}).receipt.sums == {"total_amount": 4.5}
    assert clean(trips(3)).receipt.sums == {}


def test_a_month_of_rejects_alone_adds_up(clean: Callable[..., Cleaned]) -> None:
    month = clean([GOOD] * 3, CleanRules(frozenset({"outside_file_month"})), month=Month(2021, 2))
    assert (month.receipt.rows_kept, month.receipt.rejected) == (0, {"outside_file_month": 3})
    assert (rows_written(month.clean), rows_written(month.rejects)) == (0, 3)


def test_a_count_that_does_not_agree_fails_the_month(
    clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = csv_records.count
    monkeypatch.setattr(csv_records, "count", lambda block: count(block) + 1)
    with pytest.raises(AccountError, match=r"holds \d records, but 2 were kept and 1 rejected") as error:
        clean([GOOD, GOOD, "1,2"])
    assert "\n" not in str(error.value)


def test_a_receipt_that_differs_from_the_footers_fails_the_month(clean: Callable[..., Cleaned]) -> None:
    month = clean([GOOD, "1,2"])
    for wrong in ({"rows_in": 3}, {"rows_kept": 2, "rejected": {}}):
        receipt: CleanReceipt = replace(month.receipt, **wrong)
        with pytest.raises(AccountError):
            engine._balance(receipt, Path("raw"), month.clean, month.rejects)


def test_damage_half_way_fails_the_month(clean: Callable[..., Cleaned], tmp_path: Path) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *[GOOD] * 50_000]).encode())[:-20])
    with pytest.raises(BadFile, match="cut short or damaged"):
        clean(path)


def test_row_groups_are_large_whatever_the_raw_file_has(
    clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "ROW_GROUP", 100)
    monkeypatch.setattr("taxi_luigi.transform.readers.parquet.BATCH_ROWS", 30)
    month = clean(trips(1000))
    footer = pq.read_metadata(month.clean)
    assert [footer.row_group(i).num_rows for i in range(footer.num_row_groups)] == [120] * 8 + [40]
    assert footer.row_group(0).column(1).compression == "ZSTD"
    assert [done for done, total in month.progress] == [*range(120, 1000, 120), 1000]


@pytest.mark.parametrize("month", [MONTH, Month(2021, 2)], ids=["kept", "rejected"])
def test_rows_of_long_texts_do_not_pile_up(
    clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch, month: Month
) -> None:
    monkeypatch.setattr(engine, "MOST_BYTES", 500_000)
    monkeypatch.setattr("taxi_luigi.transform.rejects.SLICE_BYTES", 200_000)
    monkeypatch.setattr("taxi_luigi.transform.readers.parquet.BATCH_ROWS", 10)
    columns = {"dispatching_base_num": ["B" * 20_000] * 100, "pickup_datetime": [START] * 100}
    columns |= {"dropOff_datetime": [START] * 100}
    result = clean(columns, CleanRules(frozenset({"outside_file_month"})), month=month, color="fhv")
    footer = pq.read_metadata(result.clean if month == MONTH else result.rejects)
    groups = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    assert (sum(groups), max(groups)) == (100, 30)


def test_many_rejects_do_not_pile_up(clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "MOST_REJECTED", 50)
    monkeypatch.setattr("taxi_luigi.transform.rejects.SLICE", 20)
    monkeypatch.setattr("taxi_luigi.transform.parquet_writer.REJECT_GROUP", 40)
    monkeypatch.setattr("taxi_luigi.transform.readers.parquet.BATCH_ROWS", 30)
    month = clean(trips(300), CleanRules(frozenset({"outside_file_month"})), month=Month(2021, 2))
    footer = pq.read_metadata(month.rejects)
    assert [footer.row_group(i).num_rows for i in range(footer.num_row_groups)] == [50, 10] * 5


@pytest.mark.parametrize(("step", "encoding"), [(1, "DELTA_BINARY_PACKED"), (0.1, "RLE_DICTIONARY")])
def test_times_have_the_encoding_that_is_smallest_in_the_first_row_group(
    clean: Callable[..., Cleaned], monkeypatch: pytest.MonkeyPatch, step: float, encoding: str
) -> None:
    """A trip each second, then ten: seconds repeat within a row group. The first group has rejects alone."""
    monkeypatch.setattr("taxi_luigi.transform.readers.parquet.BATCH_ROWS", 2_000)
    monkeypatch.setattr("taxi_luigi.transform.clean.MOST_REJECTED", 1_000)
    places = np.random.default_rng(1).permutation(4_000)
    times = [datetime(2020, 1, 1)] * 2_000 + [START + timedelta(seconds=int(place * step)) for place in places]
    rules = CleanRules(reject=frozenset({"outside_file_month"}))
    month = clean({**trips(6_000), "tpep_pickup_datetime": times, "tpep_dropoff_datetime": times}, rules)
    assert month.receipt.encodings == {"tpep_pickup_datetime": encoding, "tpep_dropoff_datetime": encoding}
    metadata = pq.read_metadata(month.clean)
    place = month.kept().schema.get_field_index("tpep_pickup_datetime")
    for group in range(metadata.num_row_groups):
        assert encoding in metadata.row_group(group).column(place).encodings
    assert month.kept()["tpep_pickup_datetime"].to_pylist() == times[2_000:]


def test_the_same_raw_file_gives_the_same_bytes(clean: Callable[..., Cleaned]) -> None:
    raw = [GOOD, "1,2", GOOD] * 100
    first = clean(raw)
    before = first.clean.read_bytes(), first.rejects.read_bytes()
    again = clean(raw)
    assert (again.clean.read_bytes(), again.rejects.read_bytes()) == before


def test_cleaning_imports_no_pandas(tmp_path: Path) -> None:
    """It costs 0.11 s and 35 MB in every worker; pyarrow imports it behind our back when handed a Python value."""
    columns = trips(5) | {"passenger_count": [1.0, None] * 2 + [0.0], "store_and_fwd_flag": ["N", None, "Y", "N", "N"]}
    columns |= {"PULocationID": [1, 264, None, 3, 265], "total_amount": [1.5, -2.0, None, 3.0, 0.0]}
    pq.write_table(pa.table(columns), tmp_path / "raw")
    program = """
import sys
from pathlib import Path
from taxi_luigi.transform.clean import clean_month, describe_rejects
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.core.receipts import RawReceipt
from taxi_luigi.transform.clean_settings import CleanRules
clean_month(DATASETS["yellow"], Month(2021, 1), Path("raw"), RawReceipt("u", None, None, 1, "s", "e", "t"), "e-e",
    CleanRules(), Path("clean"), Path("rejects"), lambda done, total: None)
sys.exit("pandas" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": ":".join(sys.path)}, check=True)


MONTHS = {
    "green_tripdata_2020-11.csv.gz": 88_605,
    "green_tripdata_2020-12.csv.gz": 83_130,
    "green_tripdata_2021-01.parquet": 76_518,
    "green_tripdata_2021-02.parquet": 64_572,
    "green_tripdata_2021-03.parquet": 83_827,
    "green_tripdata_2022-01.parquet": 62_495,
    "green_tripdata_2023-01.parquet": 68_211,
    "green_tripdata_2023-02.parquet": 64_809,
    "green_tripdata_2024-01.parquet": 56_551,
    "green_tripdata_2025-11.parquet": 46_912,
}


@pytest.mark.parametrize(("name", "rows"), MONTHS.items())
def test_tlcs_own_months_keep_every_row_and_every_cent(
    clean: Callable[..., Cleaned], tlc_data: Path, name: str, rows: int
) -> None:
    raw = tlc_data / "whole" / name
    month = clean(raw, color="green", month=Month.parse(name[15:22]))
    assert (month.receipt.rows_in, month.receipt.rows_kept, month.receipt.left_out) == (rows, rows, {})
    assert _cents(month.kept()["total_amount"]) == _cents(_raw_totals(raw))


@pytest.mark.parametrize("name", ["yellow_tripdata_2020-04.csv", "yellow_tripdata_2021-01.parquet"])
def test_all_rules_together_take_out_what_one_by_one_they_match(
    clean: Callable[..., Cleaned], tlc_data: Path, name: str
) -> None:
    raw = tlc_data / "samples" / name
    month = clean(raw, CleanRules(frozenset(RULES)), month=Month.parse(name[16:23]))
    assert month.receipt.rows_rejected > 0
    assert month.receipt.rows_kept + month.receipt.rows_rejected == 1000
    again = clean(month.clean, month=Month.parse(name[16:23]))
    assert {count for rule, count in again.receipt.rules.items() if rule in RULES} == {0}


def _raw_totals(raw: Path) -> pa.ChunkedArray:
    with open_raw(raw) as file:
        chunks = [chunk.batch["total_amount"] for chunk in file.chunks()]
    return pa.chunked_array(chunks).cast(pa.float64())


def _cents(amounts: pa.ChunkedArray) -> int:
    return int(pc.sum(pc.round(pc.multiply(amounts, 100)).cast(pa.int64())).as_py())
