"""Columns found by name, cast without loss; one batch at a time, in memory."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from taxi_luigi.core.errors import LayoutError
from taxi_luigi.tlc.datasets import DATASETS, ColumnType, Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.casting import can_become, read, read_codes
from taxi_luigi.transform.column_mapping import CastErrors, Conformed, canonical_schema, conform, match

YELLOW, GREEN = DATASETS["yellow"], DATASETS["green"]
MONTH = Month(2021, 1)
NOON = datetime(2021, 1, 5, 12)
NAN = float("nan")
ESSENTIAL = {"VendorID": [1], "tpep_pickup_datetime": [NOON], "tpep_dropoff_datetime": [NOON]}


def conformed(columns: dict[str, Any], dataset: Dataset = YELLOW) -> Conformed:
    batch = pa.RecordBatch.from_pydict(columns)
    return conform(batch, match(dataset, MONTH, "parquet", batch.schema, "raw.parquet"))


def test_the_canonical_schema_is_that_of_datasets() -> None:
    assert canonical_schema(YELLOW).names == [column.name for column in YELLOW.columns]
    assert str(canonical_schema(GREEN).field("lpep_pickup_datetime").type) == "timestamp[us]"


def test_names_match_whatever_their_case_and_the_blanks_around_them() -> None:
    batch = conformed(ESSENTIAL | {" Passenger_Count ": [2], "AIRPORT_FEE": [1.25]}).batch
    assert batch["passenger_count"].to_pylist() == [2]
    assert batch["airport_fee"].to_pylist() == [1.25]


def test_a_renamed_column_is_one_line_in_datasets() -> None:
    columns = tuple(
        column.named(("Road_Toll", "2030..", "")) if column.name == "tolls_amount" else column
        for column in YELLOW.columns
    )
    batch = conformed(ESSENTIAL | {"road_toll": [6.12]}, replace(YELLOW, columns=columns)).batch
    assert batch["tolls_amount"].to_pylist() == [6.12]


def test_columns_that_are_not_there_are_typed_nulls_and_file_month_is_the_same_in_all_rows() -> None:
    batch = conformed(ESSENTIAL).batch
    assert batch.schema == canonical_schema(YELLOW)
    assert batch.schema.names[0] == "file_month"
    assert batch["file_month"].to_pylist() == [date(2021, 1, 1)]
    assert batch["cbd_congestion_fee"].to_pylist() == [None]


def test_a_file_month_in_the_raw_file_is_not_believed() -> None:
    batch = pa.RecordBatch.from_pydict({"file_month": [date(2020, 1, 1)]} | ESSENTIAL)
    layout = match(YELLOW, MONTH, "parquet", batch.schema, "raw.parquet")
    assert layout.unknown == {"file_month": 0}
    assert conform(batch, layout).batch["file_month"].to_pylist() == [date(2021, 1, 1)]


def test_unknown_columns_are_named_with_their_position() -> None:
    batch = pa.RecordBatch.from_pydict(ESSENTIAL | {"surge": [1.0]})
    layout = match(YELLOW, MONTH, "parquet", batch.schema, "raw.parquet")
    assert layout.unknown == {"surge": 3}
    assert layout.found["surge"] == "double"


def test_a_missing_required_column_is_named_with_what_was_found() -> None:
    with pytest.raises(LayoutError) as error:
        conformed({"VendorID": [1], "tpep_dropoff_datetime": [NOON]})
    text = str(error.value)
    assert "tpep_pickup_datetime" in text
    assert "VendorID, tpep_dropoff_datetime" in text
    assert text.startswith("raw.parquet: ")
    assert "\n" not in text


def test_two_columns_for_one_are_refused_by_name() -> None:
    with pytest.raises(LayoutError, match="'Airport_fee' and 'airport_fee' both mean airport_fee"):
        conformed(ESSENTIAL | {"Airport_fee": [1.0], "airport_fee": [1.0]})


def test_columns_of_the_same_name_are_refused() -> None:
    schema = pa.schema([*((name, pa.int64()) for name in (*ESSENTIAL, "surge")), ("surge", pa.string())])
    with pytest.raises(LayoutError, match="2 columns are called 'surge'"):
        match(YELLOW, MONTH, "parquet", schema, "raw.parquet")


def test_the_row_numbers_that_pandas_left_are_no_unknown_column() -> None:
    batch = pa.RecordBatch.from_pydict(ESSENTIAL | {"__index_level_0__": [0]})
    assert match(YELLOW, MONTH, "parquet", batch.schema, "raw").unknown == {}


FHVHV_COLUMNS = ("hvfhs_license_num", "dispatching_base_num", "pickup_datetime", "dropoff_datetime", "PULocationID")
OTHER_COLORS = [
    ("yellow", "2021-01", ("VendorID", "lpep_pickup_datetime", "lpep_dropoff_datetime"), "looks like green"),
    ("green", "2021-01", tuple(ESSENTIAL), "looks like yellow"),
    ("yellow", "2021-01", FHVHV_COLUMNS, "looks like fhvhv"),
    ("fhv", "2021-01", FHVHV_COLUMNS, "a file of fhvhv under a name of fhv"),
    (
        "fhvhv",
        "2021-01",
        ("dispatching_base_num", "pickup_datetime", "dropOff_datetime", "SR_Flag"),
        "hvfhs_license_num",
    ),
    ("fhv", "2021-01", ("a", "b"), "is it a file of fhv?"),
]


@pytest.mark.parametrize(("color", "month", "names", "says"), OTHER_COLORS)
def test_a_file_of_another_color_is_refused(color: str, month: str, names: tuple[str, ...], says: str) -> None:
    schema = pa.schema([(name, pa.string()) for name in names])
    with pytest.raises(LayoutError, match=re.escape(says)):
        match(DATASETS[color], Month.parse(month), "parquet", schema, "raw.parquet")


def test_all_missing_columns_are_named_and_where_a_new_name_is_entered() -> None:
    schema = pa.schema([(name, pa.string()) for name in ("vendor_id", "pickup_at", "dropoff_at")])
    with pytest.raises(LayoutError) as error:
        match(DATASETS["green"], Month(2021, 1), "parquet", schema, "raw.parquet")
    assert "no column lpep_pickup_datetime" in str(error.value)
    assert ", no column lpep_dropoff_datetime" in str(error.value)
    assert "; found vendor_id, pickup_at, dropoff_at; is it a file of green? Of a renamed column, enter its" in str(
        error.value
    )


def test_a_column_is_required_only_where_the_months_files_have_it() -> None:
    names = ("dispatching_base_num", "pickup_datetime", "dropoff_datetime", "PULocationID", "DOLocationID", "SR_Flag")
    schema = pa.schema([(name, pa.string()) for name in names])
    match(DATASETS["fhvhv"], Month(2021, 6), "csv", schema, "the mirror's, without licence numbers")
    with pytest.raises(LayoutError, match="hvfhs_license_num"):
        match(DATASETS["fhvhv"], Month(2021, 5), "csv", schema, "raw.csv")


def coded(column: pa.Array, name: str = "payment_type", dataset: Dataset = YELLOW) -> tuple[list[Any], CastErrors]:
    many = {key: values * len(column) for key, values in ESSENTIAL.items() if key.lower() != name}
    result = conformed(many | {name: column}, dataset)
    return result.batch[name].to_pylist(), result.cast_errors


def test_the_texts_of_2009_and_2010_become_the_later_codes() -> None:
    payment = [
        "CRD",
        "Credit",
        "Cre",
        "CREDIT ",
        "CAS",
        "CSH",
        "Cash",
        "NOC",
        "No ",
        "No Charge",
        "Dis",
        "Dispute",
        "NA ",
    ]
    assert coded(pa.array(payment)) == ([1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5], CastErrors())
    assert coded(pa.array(["CMT", "VTS", "DDS", "1", "2.0", None]), "vendorid") == ([1, 2, 3, 1, 2, None], CastErrors())
    flags = ["Y", "N", "0", "1", "0.0", "1.0", "", "*", "nan", " y ", None]
    assert coded(pa.array(flags), "store_and_fwd_flag") == (
        ["Y", "N", "N", "Y", "N", "Y", None, None, None, "Y", None],
        CastErrors(),
    )


def test_the_flag_of_2009s_parquet_is_a_number() -> None:
    assert coded(pa.array([0.0, 1.0, NAN, None]), "store_and_fwd_flag") == (["N", "Y", None, None], CastErrors())


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_a_text_that_no_map_knows_is_null_and_counted_with_its_text(kind: pa.DataType) -> None:
    values, cast_errors = coded(pa.array(["CRD", "barter", "barter", "IOU", None, "n/a"], kind))
    assert values == [1, None, None, None, None, None]
    assert cast_errors == CastErrors({}, {"unknown_code:payment_type": Counter({"barter": 2, "IOU": 1})})
    values, cast_errors = coded(pa.array(["Y", "X"], kind), "store_and_fwd_flag")
    assert (values, cast_errors.unknown_values) == (["Y", None], {"unknown_code:store_and_fwd_flag": Counter({"X": 1})})


def test_a_number_that_is_no_code_is_still_lost() -> None:
    values, cast_errors = coded(pa.array(["1", "1.5", "99999999999", None]))
    assert values == [1, None, None, None]
    assert cast_errors.unknown_values == {}
    assert cast_errors.errors["unreadable:payment_type"].to_pylist() == [False, True, True, False]


def test_of_two_spellings_that_may_stand_together_the_first_value_counts() -> None:
    times = {"Pickup_DateTime": [NOON] * 4}
    bases = {"Dispatching_base_num": ["", None, "B1", "B2"], "Dispatching_base_number": ["B02884", None, "", "B3"]}
    batch = pa.RecordBatch.from_pydict(times | bases)
    result = conform(batch, match(DATASETS["fhv"], Month(2018, 1), "csv", batch.schema, "raw.csv"))
    assert result.batch["dispatching_base_num"].to_pylist()[:3] == ["B02884", None, "B1"]
    assert {reason: mask.to_pylist() for reason, mask in result.cast_errors.errors.items()} == {
        "ambiguous:dispatching_base_num": [False, False, False, True]
    }


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("passenger_count", pa.array([NOON])),
        ("passenger_count", pa.array([True])),
        ("passenger_count", pa.array([[1]])),
        ("tpep_pickup_datetime", pa.array([5])),
        ("tpep_pickup_datetime", pa.array([NOON], pa.timestamp("us", "UTC"))),
        ("store_and_fwd_flag", pa.array([b"N"])),
    ],
)
def test_a_type_that_cannot_mean_the_column_fails_the_month(name: str, values: pa.Array) -> None:
    with pytest.raises(LayoutError, match=f"'{name}' holds .* cannot become"):
        conformed(ESSENTIAL | {name: values})


@pytest.mark.parametrize(("pieces", "empty"), [([[None], [None, None]], True), ([], True), ([[None], [True]], False)])
def test_a_type_that_cannot_mean_the_column_is_no_matter_where_no_value_is(pieces: list[Any], empty: bool) -> None:
    schema = pa.schema([*((name, pa.null()) for name in ESSENTIAL), ("passenger_count", pa.bool_())])

    def values(name: str) -> Iterator[pa.Array]:
        assert name == "passenger_count"
        return (pa.array(piece, pa.bool_()) for piece in pieces)

    if not empty:
        with pytest.raises(LayoutError, match="'passenger_count' holds bool, which cannot become int32"):
            match(YELLOW, MONTH, "parquet", schema, "raw.parquet", values)
        return
    layout = match(YELLOW, MONTH, "parquet", schema, "raw.parquet", values)
    assert layout.found["passenger_count"] == "bool"
    batch = pa.RecordBatch.from_arrays([*[pa.nulls(2)] * 3, pa.nulls(2, pa.bool_())], schema=schema)
    assert conform(batch, layout).batch["passenger_count"].equals(pa.nulls(2, pa.int32()))


def test_what_cannot_be_read_is_null_and_marked_and_the_rest_of_the_row_stays() -> None:
    many = {name: values * 3 for name, values in ESSENTIAL.items()}
    result = conformed(many | {"RatecodeID": [1.0, 1.5, 2.0], "trip_distance": ["1.5", "2", "far"]})
    assert result.batch["ratecodeid"].to_pylist() == [1, None, 2]
    assert {name: mask.to_pylist() for name, mask in result.cast_errors.errors.items()} == {
        "unreadable:ratecodeid": [False, True, False],
        "unreadable:trip_distance": [False, False, True],
    }


def test_a_column_of_the_canonical_type_is_not_copied() -> None:
    column = pa.array([1.5, None, 2.5])
    values, lost = read(column, "double")
    assert lost is None
    assert values.buffers()[1].address == column.buffers()[1].address


CASTS: list[tuple[ColumnType, pa.Array, list[Any], list[bool] | None]] = [
    ("int32", pa.array([1, None, 2**31 - 1], pa.int64()), [1, None, 2**31 - 1], None),
    ("int32", pa.array([1, 2**31, -(2**31) - 1], pa.int64()), [1, None, None], [False, True, True]),
    ("int32", pa.array([2**64 - 1, 7], pa.uint64()), [None, 7], [True, False]),
    ("int32", pa.array([1.0, None, -3.0]), [1, None, -3], None),
    ("int32", pa.array([1.0, NAN, 2.0]), [1, None, 2], None),
    ("int32", pa.array([1.5, NAN, 2.0, None]), [None, None, 2, None], [True, False, False, False]),
    ("int32", pa.array([3e9, float("inf"), 1.0]), [None, None, 1], [True, True, False]),
    ("int32", pa.array([1.0, 1.5], pa.float32()), [1, None], [False, True]),
    ("int32", pa.array([Decimal("1.00"), Decimal("1.50")]), [1, None], [False, True]),
    ("int32", pa.array([Decimal("1.0"), Decimal(2**31), Decimal(-(2**31))]), [1, None, -(2**31)], [False, True, False]),
    (
        "int64",
        pa.array([Decimal(2**63 - 1), Decimal(-(2**63)), Decimal(2**63), Decimal("0.5")], pa.decimal128(38, 9)),
        [2**63 - 1, -(2**63), None, None],
        [False, False, True, True],
    ),
    (
        "double",
        pa.array([Decimal("0.47"), Decimal("1.2E-7"), Decimal(0)], pa.decimal128(38, 9)),
        [0.47, 1.2e-7, 0],
        None,
    ),
    ("int32", pa.array(["0E-9", "0.00e+3", "-0E-10", "1E-9", "1E+3"]), [0, 0, 0, None, None], [False] * 3 + [True] * 2),
    ("int32", pa.array(["0E-9"]).dictionary_encode(), [0], None),
    (
        "int32",
        pa.array(["1", " 2 ", "3.0", "+4", "-5", "1e3", "x"]),
        [1, 2, 3, 4, -5, None, None],
        [False] * 5 + [True] * 2,
    ),
    ("int32", pa.array(["", "N/A", "null", "nan", "None", None, "6"]), [None] * 6 + [6], None),
    ("int32", pa.array(["1", "4294967296"]), [1, None], [False, True]),
    ("int64", pa.array(["9007199254740993", "x"]), [9007199254740993, None], [False, True]),
    ("int32", pa.array(["1", "2"]).dictionary_encode(), [1, 2], None),
    ("int32", pa.nulls(2), [None, None], None),
    ("double", pa.array([1, 2**53 + 1], pa.int64()), [1.0, None], [False, True]),
    ("double", pa.array([1.5, NAN]), [1.5, None], None),
    (
        "double",
        pa.array([".50", "1e2", "-3", "1,5", "N/A"]),
        [0.5, 100.0, -3.0, None, None],
        [False] * 3 + [True, False],
    ),
    ("double", pa.array(["7"], pa.large_string()), [7.0], None),
    ("string", pa.array(["Y", "", None], pa.large_string()), ["Y", None, None], None),
    ("string", pa.array(["N", "N"]).dictionary_encode(), ["N", "N"], None),
    ("string", pa.array(["a\0b", "N/A", " ", "  ", "B01 "]), [None, "N/A", None, None, "B01 "], [True] + [False] * 4),
    ("string", pa.array([1.0, NAN]), ["1", None], None),
    ("timestamp[us]", pa.array([NOON], pa.timestamp("s")), [NOON], None),
    (
        "timestamp[us]",
        pa.array([10**18, 10**18 + 1], pa.timestamp("ns")),
        [datetime(2001, 9, 9, 1, 46, 40), None],
        [False, True],
    ),
    ("timestamp[us]", pa.array([2**62, 0], pa.timestamp("s")), [None, datetime(1970, 1, 1)], [True, False]),
    ("timestamp[us]", pa.array([300_000_000_000_000_000, None], pa.timestamp("us")), [None, None], [True, False]),
    ("timestamp[us]", pa.array([date(2021, 1, 5)]), [datetime(2021, 1, 5)], None),
    (
        "timestamp[us]",
        pa.array(["2021-01-05 12:00:00", "2021-01-05T12:00:00.250000"]),
        [NOON, NOON.replace(microsecond=250_000)],
        None,
    ),
    (
        "timestamp[us]",
        pa.array(
            [
                "2021-02-30 00:00:00",
                " 2021-01-05 12:00:00 ",
                "",
                "05/01/2021",
                "2021-01-05 24:00:00",
                "0000-01-01 00:00:00",
            ]
        ),
        [None, NOON, None, None, None, None],
        [True, False, False, True, True, True],
    ),
]


@pytest.mark.parametrize(("wanted", "column", "values", "lost"), CASTS, ids=lambda case: str(getattr(case, "type", "")))
def test_casts(wanted: ColumnType, column: pa.Array, values: list[Any], lost: list[bool] | None) -> None:
    assert can_become(column.type, wanted)
    got, mask = read(column, wanted)
    assert got.to_pylist() == values
    assert (mask.to_pylist() if mask is not None and mask.true_count else None) == lost


DECIMALS = [
    pa.decimal32(9, 7),
    pa.decimal64(18, 9),
    pa.decimal64(11, -3),
    pa.decimal128(38, 0),
    pa.decimal128(38, 9),
    pa.decimal128(38, 36),
    pa.decimal128(5, -3),
    pa.decimal256(76, 9),
    pa.decimal256(76, 74),
    pa.decimal32(2, 9),
    pa.decimal32(2, -12),
]
UNSCALED = [0, 1, -1, 10, -99, None]


@pytest.mark.parametrize("dictionary", [False, True], ids=["plain", "dictionary"])
@pytest.mark.parametrize("kind", DECIMALS, ids=str)
def test_a_decimal_of_any_scale_is_read_exactly(kind: pa.DataType, dictionary: bool) -> None:
    """Arrow writes them as 0E-9, 1E+3 and 1.0E-8, and refuses to write those whose scale is beyond their precision."""
    whole = {32: pa.decimal32, 64: pa.decimal64, 128: pa.decimal128, 256: pa.decimal256}[kind.bit_width]
    unscaled = [7, *UNSCALED]
    column = pa.array(unscaled, pa.int8()).cast(whole(max(kind.precision, 3), 0)).view(kind)[1:]
    if dictionary:
        column = pa.DictionaryArray.from_arrays(pa.array(range(len(column)), pa.int8()), column)
    values = [None if value is None else Decimal(value).scaleb(-kind.scale) for value in UNSCALED]
    limits: list[tuple[ColumnType, int]] = [("int32", 2**31), ("int64", 2**63)]
    for wanted, most in limits:
        fits = [value is None or (value == int(value) and -most <= value < most) for value in values]
        assert seen(column, wanted) == [
            (None if value is None or not fit else int(value), not fit) for value, fit in zip(values, fits, strict=True)
        ]
    assert seen(column, "double") == [(None if value is None else float(value), False) for value in values]
    assert seen(column, "string") == [(None if value is None else written(value), False) for value in values]


def seen(column: pa.Array, wanted: ColumnType) -> list[tuple[Any, bool]]:
    """Each value as it is read, and whether it is lost."""
    got, lost = read(column, wanted)
    return list(zip(got.to_pylist(), lost.to_pylist() if lost is not None else [False] * len(got), strict=True))


def written(value: Decimal) -> str:
    return format(value.normalize(), "f") if value else "0"


@pytest.mark.parametrize("scale", [0, 1, 2, 9, 30])
@pytest.mark.parametrize("dictionary", [False, True], ids=["plain", "dictionary"])
def test_codes_may_be_decimals_of_any_scale(scale: int, dictionary: bool) -> None:
    column = pa.array([Decimal(0), Decimal(1), Decimal(7), None], pa.decimal128(38, scale))
    if dictionary:
        column = column.dictionary_encode()
    flag, vendor = (
        next(column for column in YELLOW.columns if column.name == name) for name in ("store_and_fwd_flag", "vendorid")
    )
    values, lost, unknown = read_codes(column, flag.type, flag.value_map)
    assert (values.to_pylist(), lost, unknown.to_pylist()) == (["N", "Y", None, None], None, [None, None, "7", None])
    values, lost, unknown = read_codes(column, vendor.type, vendor.value_map)
    assert (values.to_pylist(), lost, unknown.null_count) == ([0, 1, 7, None], None, 4)


def test_casts_read_slices_as_what_they_are() -> None:
    got, lost = read(pa.array(["x", "1", "2.0", "y"])[1:3], "int32")
    assert got.to_pylist() == [1, 2]
    assert lost.true_count == 0
    assert read(pa.array(["a\0", "b"])[1:], "string")[0].to_pylist() == ["b"]
