"""The traps in TLC's parquet files, one at a time: real months written as other types, and with one thing amiss."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core.errors import BadFile, LayoutError, Refusal
from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.readers import check_whole, count_records
from tests.support.cleaned import Cleaned, cleaned

ROWS = 500
NAME = "green_tripdata_2021-01.parquet"


@pytest.fixture(params=["published", "made up"])
def month(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    """The first rows of green 2021-01, with an ehail_fee of nulls alone, and doubles for passengers and codes."""
    if request.param == "published":
        path = request.getfixturevalue("tlc_data") / "whole" / NAME
    else:
        path = write_month(tmp_path_factory.mktemp("made-up"), "green", Month(2021, 1), ROWS, seed=1)
    table = pq.read_table(path).slice(0, ROWS)
    assert table.schema.field("ehail_fee").type == pa.null()
    assert table.schema.field("passenger_count").type == pa.float64()
    return table.replace_schema_metadata()


@pytest.fixture
def clean(tmp_path: Path) -> Callable[..., Cleaned]:
    """Writes a table under a month's name and cleans it."""

    def run(table: pa.Table, rules: CleanRules | None = None, name: str = NAME, **how: Any) -> Cleaned:
        pq.write_table(table, tmp_path / name, **how)
        return cleaned(tmp_path / name, rules)

    return run


def put(table: pa.Table, name: str, column: Any, called: str | None = None) -> pa.Table:
    """The table with another column in the place of one, under the same name or another."""
    return table.set_column(table.column_names.index(name), called or name, column)


def cast(table: pa.Table, types: dict[str, pa.DataType]) -> pa.Table:
    for name, kind in types.items():
        column = table[name]
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type).combine_chunks().dictionary_encode()
        elif pa.types.is_decimal(kind):
            column = column.cast(pa.float64()).cast(kind)
        else:
            column = column.cast(kind)
        table = put(table, name, column)
    return table


PICKUP, FLAG = "lpep_pickup_datetime", "store_and_fwd_flag"
TYPES: list[dict[str, pa.DataType]] = [
    {"VendorID": pa.int32(), "PULocationID": pa.int32(), "DOLocationID": pa.int16()},
    {"VendorID": pa.float64(), "PULocationID": pa.float32()},
    {"RatecodeID": pa.int64(), "passenger_count": pa.int64(), "trip_type": pa.int8()},
    {"RatecodeID": pa.string(), "PULocationID": pa.large_string(), "passenger_count": pa.string()},
    {"total_amount": pa.string(), "fare_amount": pa.large_string()},
    {"total_amount": pa.decimal128(18, 2), "passenger_count": pa.decimal128(5, 1)},
    {
        "total_amount": pa.decimal128(38, 9),
        "passenger_count": pa.decimal128(38, 9),
        "PULocationID": pa.decimal64(18, 9),
    },
    {"VendorID": pa.decimal256(76, 40), "RatecodeID": pa.decimal32(9, 6), "trip_type": pa.decimal128(38, 37)},
    {FLAG: pa.large_string()},
    {FLAG: pa.string_view()},
    {FLAG: pa.dictionary(pa.int32(), pa.string()), "VendorID": pa.dictionary(pa.int32(), pa.int64())},
    {PICKUP: pa.string(), "lpep_dropoff_datetime": pa.large_string()},
    {PICKUP: pa.timestamp("ns"), "lpep_dropoff_datetime": pa.timestamp("ms")},
    {"ehail_fee": pa.float64(), "congestion_surcharge": pa.float64()},
    {"ehail_fee": pa.string()},
]


@pytest.mark.parametrize("types", TYPES, ids=lambda types: ", ".join(f"{n} {t}" for n, t in types.items()))
def test_the_same_values_as_another_type_are_the_same_month(
    month: pa.Table, clean: Callable[..., Cleaned], types: dict[str, pa.DataType]
) -> None:
    before = clean(month)
    after = clean(cast(month, types))
    assert {name: after.receipt.layout[name] for name in types} != {name: before.receipt.layout[name] for name in types}
    assert after.table == before.table
    assert (after.rejects, after.receipt.rows_kept) == ([], ROWS)


def test_an_integer_column_of_nulls_alone_may_be_of_no_type(month: pa.Table, clean: Callable[..., Cleaned]) -> None:
    for name in month.column_names:
        result = clean(put(month, name, pa.nulls(ROWS)))
        assert result.receipt.layout[name] == "null"
        assert (result.table[name.lower()].null_count, result.receipt.rows_kept) == (ROWS, ROWS)


def test_zeros_in_decimals_of_any_scale_are_zeros(month: pa.Table, clean: Callable[..., Cleaned]) -> None:
    """Arrow writes them as 0E-9 from a scale of 7 on; warehouses export NUMERIC as decimal(38, 9)."""
    zeros = [Decimal(0)] * (ROWS - 1)
    for scale in (0, 6, 7, 9, 37):
        column = pa.array([*zeros, Decimal("1.5") if scale else None], pa.decimal128(38, scale))
        result = clean(put(put(month, "passenger_count", column), "fare_amount", column))
        assert result.column("passenger_count") == [0] * (ROWS - 1) + [None] * (not scale)
        assert result.reasons == [(ROWS, "unreadable:passenger_count")] * bool(scale)
        assert result.column("fare_amount")[: ROWS - 1] == [0.0] * (ROWS - 1)


EMPTY: list[tuple[pa.DataType, Any]] = [
    (pa.binary(), b""),
    (pa.large_binary(), b"1"),
    (pa.binary(4), b"1234"),
    (pa.binary_view(), b"1"),
    (pa.bool_(), False),
    (pa.timestamp("us", "UTC"), 0),
    (pa.date32(), 0),
    (pa.time64("us"), 0),
    (pa.duration("s"), 0),
    (pa.list_(pa.int8()), []),
    (pa.struct([("a", pa.int8())]), {"a": None}),
    (pa.map_(pa.string(), pa.int8()), []),
    (pa.dictionary(pa.int32(), pa.binary()), b"1"),
]


@pytest.mark.parametrize("statistics", [True, False], ids=["statistics", "no statistics"])
@pytest.mark.parametrize(("kind", "value"), EMPTY, ids=str)
def test_a_column_without_a_value_is_one_of_nulls_whatever_its_type(
    month: pa.Table,
    clean: Callable[..., Cleaned],
    monkeypatch: pytest.MonkeyPatch,
    kind: pa.DataType,
    value: Any,
    statistics: bool,
) -> None:
    monkeypatch.setattr("taxi_luigi.transform.readers.parquet.BATCH_ROWS", 100)
    how = {"write_statistics": statistics, "row_group_size": 150}
    for name in ("ehail_fee", "passenger_count", FLAG):
        result = clean(put(month, name, pa.nulls(ROWS, kind)), **how)
        assert (result.table[name].null_count, result.receipt.rows_kept) == (ROWS, ROWS)
        assert (result.reasons, result.receipt.left_out) == ([], {})
        with pytest.raises(LayoutError, match=f"column '{name}' holds .*, which cannot become"):
            clean(put(month, name, pa.array([None] * (ROWS - 1) + [value], kind)), **how)


def test_a_time_that_pandas_wrote_as_a_column_of_nan_is_no_time(month: pa.Table, clean: Callable[..., Cleaned]) -> None:
    result = clean(put(month, "lpep_dropoff_datetime", pa.array([float("nan")] * ROWS)))
    assert (result.table["lpep_dropoff_datetime"].null_count, result.receipt.rows_kept) == (ROWS, ROWS)


def test_the_row_numbers_that_pandas_left_are_left_out_without_a_word(
    month: pa.Table, clean: Callable[..., Cleaned]
) -> None:
    result = clean(month.append_column("__index_level_0__", pa.array(range(ROWS))))
    assert result.receipt.left_out == {}
    assert result.receipt.layout["__index_level_0__"] == "int64"


def test_a_column_may_be_spelled_in_any_case_but_not_in_two(tlc_data: Path, clean: Callable[..., Cleaned]) -> None:
    name = "yellow_tripdata_2021-01.parquet"
    table = pq.read_table(tlc_data / "samples" / name).slice(0, ROWS)
    table = put(table, "airport_fee", pa.array([1.25] * ROWS))
    for called in ("airport_fee", "Airport_fee", "AIRPORT_FEE "):
        assert set(clean(put(table, "airport_fee", table["airport_fee"], called), name=name).column("airport_fee")) == {
            1.25
        }
    with pytest.raises(LayoutError) as error:
        clean(table.append_column("Airport_fee", table["airport_fee"]), name=name)
    assert "the columns 'airport_fee' and 'Airport_fee' both mean airport_fee; keep one of them" in str(error.value)


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_empty_row_groups_and_a_file_without_rows_are_loaded_months(month: pa.Table, tmp_path: Path, rows: int) -> None:
    path = tmp_path / NAME
    with pq.ParquetWriter(path, month.schema) as writer:
        for start in range(rows):
            writer.write_table(month.slice(0, 0))
            writer.write_table(month.slice(start, 1))
        writer.write_table(month.slice(0, 0))
    assert pq.ParquetFile(path).num_row_groups == 2 * rows + 1
    result = cleaned(path)
    assert (result.receipt.rows_in, result.receipt.rows_kept, result.table.num_rows) == (rows, rows, rows)
    assert count_records(path) == rows
    assert result.receipt.rules["zero_distance"] >= 0


LOSSES: list[tuple[str, Any, Any]] = [
    ("passenger_count", pa.float64(), 1.5),
    ("passenger_count", pa.float64(), float("inf")),
    ("passenger_count", pa.int64(), 2**31),
    ("passenger_count", pa.string(), "two"),
    ("passenger_count", pa.string(), "0x10"),
    ("passenger_count", pa.decimal128(38, 6), Decimal("9007199254740992.000001")),
    ("VendorID", pa.uint64(), 2**64 - 1),
    ("VendorID", pa.float64(), 3e9),
    ("trip_distance", pa.int64(), 2**53 + 1),
    ("total_amount", pa.string(), "1e999"),
    ("total_amount", pa.string(), "inf"),
    ("total_amount", pa.string(), "9,50"),
    (PICKUP, pa.string(), "2021-02-29 12:00:00"),
    (PICKUP, pa.string(), "2021-01-05 12:00:00.1234567"),
    (PICKUP, pa.timestamp("ns"), 1_609_848_000_000_000_001),
    (PICKUP, pa.timestamp("ms"), 2**60),
    (PICKUP, pa.date32(), 2**31 - 1),
]


@pytest.mark.parametrize(("name", "kind", "value"), LOSSES, ids=str)
def test_a_value_that_does_not_fit_rejects_its_row_alone(
    month: pa.Table, clean: Callable[..., Cleaned], name: str, kind: pa.DataType, value: Any
) -> None:
    whole = {PICKUP: pc.floor_temporal(month[PICKUP], unit="day"), "trip_distance": pc.floor(month["trip_distance"])}
    table = put(month, name, whole[name]) if kind in (pa.date32(), pa.int64()) and name in whole else month
    before = clean(table)
    column = cast(table, {name: kind})[name].combine_chunks()
    raw = pa.array([value], pa.int32()).view(kind) if kind == pa.date32() else pa.array([value], kind)
    result = clean(put(table, name, pa.concat_arrays([column[:3], raw, column[4:]])))
    assert result.reasons == [(4, f"unreadable:{name.lower()}")]
    assert result.table == pa.concat_tables([before.table.slice(0, 3), before.table.slice(4)])


def test_nothing_is_rounded_where_everything_fits(month: pa.Table, clean: Callable[..., Cleaned]) -> None:
    amounts = [0.1 + 0.2, 1e-300, -0.0, 1.7976931348623157e308, 123456789.123456789]
    result = clean(put(month.slice(0, 5), "total_amount", pa.array(amounts)))
    assert result.column("total_amount") == amounts
    times = [
        datetime(1, 1, 1),
        datetime(2001, 1, 1),
        datetime(2041, 5, 6),
        datetime(3019, 1, 1, 0, 0, 0, 1),
        datetime.max,
    ]
    result = clean(put(month.slice(0, 5), PICKUP, pa.array(times, pa.timestamp("us"))))
    assert result.column(PICKUP) == times


def test_a_file_of_which_no_record_can_be_stored_fails_and_one_that_rules_empty_does_not(
    month: pa.Table, clean: Callable[..., Cleaned]
) -> None:
    wrong = put(month, PICKUP, pa.array(["01/05/2021 12:00"] * ROWS))
    with pytest.raises(
        Refusal, match=r"none of its 500 records can be stored \(unreadable:lpep_pickup_datetime in 500\)"
    ):
        clean(wrong)
    one_right = [*wrong[PICKUP].to_pylist()[1:], "2021-01-05 12:00:00"]
    assert clean(put(month, PICKUP, pa.array(one_right))).receipt.rows_kept == 1
    emptied = clean(put(month, "total_amount", pa.array([-1.0] * ROWS)), CleanRules(frozenset({"negative_total"})))
    assert (emptied.receipt.rows_kept, emptied.receipt.rejected) == (0, {"negative_total": ROWS})


def test_rejects_can_be_written_beside_columns_of_any_type(month: pa.Table, clean: Callable[..., Cleaned]) -> None:
    """Arrow cannot take rows of its view types, which Polars writes."""
    columns = {
        "text": pa.array(["caf\u00e9"] * ROWS, pa.string_view()),
        "bytes": pa.array([b"\xff"] * ROWS, pa.binary_view()),
        "plain": pa.array([b"\xff"] * ROWS),
        "list": pa.array([[1]] * ROWS, pa.list_view(pa.int8())),
        "codes": pa.array(["x"] * ROWS).dictionary_encode(),
    }
    table = put(month, "passenger_count", pa.array([1.5, *[1.0] * (ROWS - 1)]))
    for name, column in columns.items():
        table = table.append_column(name, column)
    [reject] = clean(table).rejects
    assert {name: reject["raw"][name] for name in columns} == {
        "text": "caf\u00e9", "bytes": None, "plain": None, "list": None, "codes": "x"
    }  # fmt: skip


def test_text_that_is_no_utf_8_is_damage(month: pa.Table, clean: Callable[..., Cleaned]) -> None:
    """The format allows none, and the reader does not look."""
    text = pa.array([b"caf\xe9"] * ROWS, pa.binary()).view(pa.string())
    for table in (put(month, FLAG, text), month.append_column("surge", text)):
        with pytest.raises(BadFile, match=r"damaged .*UTF8") as error:
            clean(table)
        assert str(error.value).isprintable()


def test_a_name_that_is_no_utf_8_is_damage(month: pa.Table, tmp_path: Path) -> None:
    pq.write_table(month, tmp_path / NAME, store_schema=False)
    content = (tmp_path / NAME).read_bytes().replace(b"trip_type", b"trip_typ\xe9")
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(BadFile, match=r"damaged \('utf-8' codec"):
        check_whole(tmp_path / NAME)


def test_whatever_the_columns_are_called_the_error_is_one_short_line(
    month: pa.Table, clean: Callable[..., Cleaned]
) -> None:
    names = ["a\nb", "\0", "\u2028", "x" * 5000, "caf\u00e9"]
    nothing = pa.nulls(ROWS)
    many = pa.table([nothing] * 2_000, [*names, *(f"column {number}" for number in range(1_995))])
    odd_type = put(month, FLAG, pa.array([{"a\nb": 1}] * ROWS))
    fail = CleanRules(unknown_columns="fail")
    for table, rules, says in [
        (
            many,
            CleanRules(),
            r"found a\\nb, \\x00, \\u2028, xxx.*…, café, column 0, .* and 1,970 more; is it a file of",
        ),
        (month.append_column("a\nb", nothing), fail, r"does not know: a\\nb \(null\)"),
        (odd_type, CleanRules(), r"'store_and_fwd_flag' holds struct<a\\nb: int64>"),
        (pa.table([nothing] * 2, ["x\ty"] * 2), CleanRules(), r"2 columns are called 'x\\ty'"),
    ]:
        with pytest.raises(BadFile, match=says) as error:
            clean(table, rules)
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 1_500


def test_an_unknown_struct_of_64_columns_is_left_out_and_recorded(
    month: pa.Table, clean: Callable[..., Cleaned]
) -> None:
    struct = pa.array([{f"field {i}": i for i in range(64)}] * ROWS)
    result = clean(month.append_column("details", struct))
    assert result.receipt.left_out["details"]["nulls"] == 0.0
    assert result.receipt.left_out["details"]["type"].startswith("struct<field 0: int64")
    assert result.table == clean(month).table


MIB = 1 << 20


def footers(folder: Path) -> int:
    """Bytes of the receipts, and of all else that is at the ends of both files."""
    return sum(pq.read_metadata(path).serialized_size for path in folder.iterdir() if path.name in ("clean", "rejects"))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())], ids=str)
def test_a_long_text_of_an_unknown_code_is_cut_and_its_length_named(
    month: pa.Table, clean: Callable[..., Cleaned], tmp_path: Path, kind: pa.DataType
) -> None:
    """Two of the same beginning and length are counted together, one of another length apart."""
    clean(month)
    before = footers(tmp_path)
    texts = ["A" * 5 * MIB, "A" * (5 * MIB - 1) + "B", "A" * (5 * MIB - 2), "B" * 60, "C" * 61]
    result = clean(put(month, FLAG, pa.array([*texts, *[None] * (ROWS - 5)]).cast(kind)))
    assert result.receipt.unmapped[f"unknown_code:{FLAG}"] == {
        "A" * 36 + "… (5,242,880 characters)": 2,
        "A" * 36 + "… (5,242,878 characters)": 1,
        "B" * 60: 1,
        "C" * 43 + "… (61 characters)": 1,
    }
    assert (result.table[FLAG].null_count, result.receipt.rows_kept) == (ROWS, ROWS)
    assert footers(tmp_path) - before < 1_000


def test_many_long_texts_of_unknown_codes_take_little_room(
    month: pa.Table, clean: Callable[..., Cleaned], tmp_path: Path
) -> None:
    texts = pa.array([f"{number:03}" + "\U0001f695" * 2_000 for number in range(ROWS)])
    result = clean(put(put(month, FLAG, texts), "VendorID", texts))
    for reason in (f"unknown_code:{FLAG}", "unknown_code:vendorid"):
        counts = result.receipt.unmapped[reason]
        assert (len(counts), counts["(other texts)"], sum(counts.values())) == (101, ROWS - 100, ROWS)
    assert footers(tmp_path) < 200_000


def test_raw_values_of_any_length_are_in_the_rejects_and_not_in_a_line(
    month: pa.Table, clean: Callable[..., Cleaned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxi_luigi.transform.rejects.SLICE_BYTES", 2 * MIB)
    long = ["A" * MIB, "B" * MIB, "C" * MIB]
    result = clean(put(month, "passenger_count", pa.array([*long, *["1"] * (ROWS - 3)])))
    assert [reject["raw"]["passenger_count"] for reject in result.rejects] == long
    assert footers(tmp_path) < 20_000
    with pytest.raises(Refusal, match=r"lpep_pickup_datetime=A+… \(1,048,576 characters\)") as error:
        clean(put(month, PICKUP, pa.array(long[:1] * ROWS)))
    assert len(str(error.value)) < 600


def test_columns_without_bound_are_named_as_far_as_there_is_room(
    month: pa.Table, clean: Callable[..., Cleaned], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Two long names that begin alike and are as long are not taken for one."""
    some = pa.array([1] * 100 + [None] * (ROWS - 100))
    columns = dict.fromkeys(("s" * MIB, "s" * MIB + "t", "s" * (MIB - 1) + "t"), some)
    columns["deep"] = pa.array([{"x" * MIB: 1}] * ROWS)
    columns |= {f"column {number}": pa.nulls(ROWS) for number in range(2_000)}
    names = [*month.column_names, *columns]
    receipt = clean(pa.table([*month.columns, *columns.values()], names)).receipt
    first, second = ("s" * 36 + f"… ({number:,} characters)" for number in (MIB, MIB + 1))
    assert receipt.left_out[first] == receipt.left_out[second] == {"type": "int64", "nulls": 0.8}
    assert receipt.left_out["deep"] == {"type": f"struct<{'x' * 29}… ({MIB + 15:,} characters)", "nulls": 0.0}
    assert receipt.left_out["(other columns)"]["columns"] == 2_004 - 99
    assert receipt.layout["(other columns)"] == "1,905 columns"
    assert receipt.layout.keys() >= {*month.column_names, first, "column 0"}
    assert len(receipt.layout) == month.num_columns + 100
    assert footers(tmp_path) < 50_000
    assert all(len(line) < 2_500 and line.isprintable() for line in caplog.messages)


@pytest.mark.parametrize("name", ["VendorID", PICKUP, "lpep_dropoff_datetime"])
def test_a_file_without_a_required_column_is_refused_by_name(
    month: pa.Table, clean: Callable[..., Cleaned], name: str
) -> None:
    with pytest.raises(LayoutError, match=rf"no column {name.lower()}\b.*; found .*ehail_fee"):
        clean(month.drop_columns([name]))


def test_a_file_without_another_column_has_nulls_there(month: pa.Table, clean: Callable[..., Cleaned]) -> None:
    result = clean(month.drop_columns(["tip_amount"]))
    assert (result.table["tip_amount"].null_count, result.receipt.rows_kept) == (ROWS, ROWS)


COLORS = {"yellow": "2021-01", "green": "2021-01", "fhv": "2021-01", "fhvhv": "2021-01"}


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("under", COLORS)
def test_a_file_of_another_color_is_refused_by_its_columns(tmp_path: Path, color: str, under: str) -> None:
    path = write_month(tmp_path, color, Month(2021, 1), 50, seed=1)
    if color == under:
        assert cleaned(path).receipt.rows_in == 50
        return
    path = path.rename(tmp_path / f"{under}_tripdata_2021-01.parquet")
    says = rf"(looks like|a file of) {color}\b"
    if (color, under) == ("fhv", "fhvhv"):  # all that fhv must have is in fhvhv, too
        says = "no column hvfhs_license_num"
    with pytest.raises(LayoutError, match=says) as error:
        cleaned(path)
    assert str(error.value).startswith(f"{path}: ")


def test_the_bytes_tell_the_format_and_not_the_name(tmp_path: Path) -> None:
    text = write_month(tmp_path, "green", Month(2020, 1), 50, seed=1, form="csv")
    binary = write_month(tmp_path, "green", Month(2020, 1), 50, seed=1)
    swapped = text.rename(tmp_path / "a_csv"), binary.rename(tmp_path / "a_parquet")
    text, binary = swapped[0].rename(binary), swapped[1].rename(text)
    assert (cleaned(text).receipt.raw_format, cleaned(binary).receipt.raw_format) == ("csv", "parquet")
    assert re.search("parquet$", text.name)
