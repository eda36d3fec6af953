"""What must hold of every batch, every rule and every csv file, tried on generated ones."""

from __future__ import annotations

import csv
import io
import math
import tempfile
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxi_luigi.core.errors import BadFile, LayoutError
from taxi_luigi.core.receipts import RawReceipt
from taxi_luigi.tlc.datasets import DATASETS, ColumnType
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.casting import ARROW, NO_VALUE, can_become, read
from taxi_luigi.transform.clean import clean_month
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.column_mapping import canonical_schema, conform, match
from taxi_luigi.transform.parquet_writer import rows_written
from taxi_luigi.transform.readers import csv_records, open_raw
from taxi_luigi.transform.rules import RULES

MONTH = Month(2021, 1)
RAW_RECEIPT = RawReceipt("u", None, None, 1, "s", "e", "t")
TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from([*NO_VALUE, "N/A", " 7 ", "1.0", "1e5", "0x10", "2021-01-01 00:00:00", "2021-02-30 00:00:00"]),
    st.integers(-(2**70), 2**70).map(str),
    st.floats().map(str),
    st.datetimes().map(str),
)
TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.null(), st.none()),
    (pa.int8(), st.integers(-128, 127)),
    (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint32(), st.integers(0, 2**32 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float16(), st.floats(width=16)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.one_of(st.floats(), st.integers(-(2**53), 2**53).map(float))),
    (pa.decimal32(9, 8), st.decimals(-9, 9, places=8)),
    (pa.decimal64(18, 9), st.decimals(-(10**8), 10**8, places=9)),
    (pa.decimal128(20, 2), st.decimals(-(10**10), 10**10, places=2)),
    (pa.decimal128(38, 9), st.integers(-(2**70), 2**70).map(Decimal)),
    (pa.decimal128(38, 38), st.decimals(-1, 1, places=38).filter(lambda value: abs(value) < 1)),
    (pa.decimal256(76, 40), st.decimals(-(10**9), 10**9, places=40)),
    (pa.decimal128(20, -2), st.integers(-(10**18), 10**18).map(lambda value: Decimal(value) * 100)),
    (pa.bool_(), st.booleans()),
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.string_view(), TEXTS),
    (pa.dictionary(pa.int32(), pa.string()), TEXTS),
    (pa.binary(), st.binary(max_size=4)),
    (pa.date32(), st.dates()),
    (pa.timestamp("s"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("ms"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("us"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("ns"), st.integers(-(2**63), 2**63 - 1)),
    (pa.timestamp("us", "UTC"), st.integers(0, 2**40)),
    (pa.list_(pa.int32()), st.lists(st.integers(0, 9), max_size=2)),
]
COLUMN_TYPES: list[ColumnType] = ["int32", "int64", "double", "string", "timestamp[us]"]
TICKS = {"s": 10**6, "ms": 10**3, "us": 1}


@st.composite
def columns(draw: st.DrawFn, rows: int | None = None) -> pa.Array:
    kind, values = draw(st.sampled_from(TYPES))
    size = {"min_size": rows, "max_size": rows} if rows is not None else {"max_size": 12}
    array = pa.array(draw(st.lists(st.one_of(st.none(), values), **size)), kind)
    return array[draw(st.integers(0, len(array))) :] if rows is None else array


@st.composite
def batches(draw: st.DrawFn) -> tuple[str, pa.RecordBatch]:
    color = draw(st.sampled_from(sorted(DATASETS)))
    rows = draw(st.integers(0, 6))
    known = [column.name for column in DATASETS[color].columns]
    required = [column.name for column in DATASETS[color].columns if column.required]
    names = draw(st.lists(st.sampled_from([*known, "Extra ", "surge", ""]), max_size=6))
    arrays = {name: draw(columns(rows)) for name in names}
    for name in required:
        arrays.setdefault(name.upper(), pa.nulls(rows)) if name not in arrays else None
    return color, pa.RecordBatch.from_pydict(arrays)


@given(batches())
def test_a_batch_becomes_canonical_row_for_row_or_its_layout_is_refused(case: tuple[str, pa.RecordBatch]) -> None:
    color, batch = case
    try:
        layout = match(DATASETS[color], MONTH, "parquet", batch.schema, "raw")
    except LayoutError:
        return
    result = conform(batch, layout)
    result.batch.validate(full=True)
    assert result.batch.schema == canonical_schema(DATASETS[color])
    assert result.batch.num_rows == batch.num_rows
    for reason, mask in result.cast_errors.errors.items():
        assert len(mask) == batch.num_rows
        assert mask.null_count == 0
        assert result.batch[reason.removeprefix("unreadable:")].filter(mask).null_count == mask.true_count > 0
    for reason, texts in result.cast_errors.unknown_values.items():
        missing = result.batch[reason.removeprefix("unknown_code:")].null_count
        assert 0 < sum(texts.values()) <= missing


def _same(raw: Any, got: Any, wanted: ColumnType, kind: pa.DataType) -> bool:
    """Whether a value that was read means what the raw one does; the raw value is not null."""
    if pa.types.is_timestamp(kind):
        ticks = got if kind.unit == "ns" else got // TICKS[kind.unit]
        return bool(raw == (ticks * 1000 if kind.unit == "ns" else ticks))
    if pa.types.is_date(kind):
        return bool(datetime(raw.year, raw.month, raw.day) == got)
    if isinstance(raw, Decimal):
        return bool(float(raw) == got if wanted == "double" else Decimal(got) == raw)
    if wanted == "string":
        return got == raw if isinstance(raw, str) else math.isclose(float(got), float(raw))
    if wanted == "timestamp[us]":
        return bool(datetime.fromisoformat(raw.strip()) == got)
    if isinstance(raw, str) and raw.startswith("0x"):
        return int(raw, 16) == got
    if isinstance(raw, str) and wanted != "double":
        return Decimal(raw.strip()) == got
    return float(raw) == got if isinstance(raw, str) else bool(raw == got)


@settings(max_examples=400)
@given(columns(), st.sampled_from(COLUMN_TYPES))
@example(pa.array([2**64 - 1, 2**63], pa.uint64()), "int64")
@example(pa.array([2.0**63, -(2.0**63)]), "int64")
@example(pa.array([2**63 - 1], pa.int64()), "double")
@example(pa.array([Decimal("0.47"), Decimal("1.00")], pa.decimal128(20, 2)), "double")
@example(pa.array(["1e999", "-0", "007", "1" * 40]), "int32")
def test_a_value_is_read_as_what_it_is_or_marked_or_was_none(column: pa.Array, wanted: ColumnType) -> None:
    if not can_become(column.type, wanted):
        return
    values, lost = read(column, wanted)
    values.validate(full=True)
    assert len(values) == len(column)
    whole = pa.types.is_timestamp(column.type)
    raws = column.cast(pa.int64()).to_pylist() if whole else column.to_pylist()
    gots = values.cast(pa.int64()).to_pylist() if whole and wanted != "string" else values.to_pylist()
    marks = lost.to_pylist() if lost is not None else [False] * len(values)
    for raw, got, mark in zip(raws, gots, marks, strict=True):
        if got is not None:
            assert not mark
            assert raw is not None
            assert _same(raw, got, wanted, column.type), (raw, got)
        elif not mark:
            nothing = isinstance(raw, str) and (
                raw.isspace() or not raw if wanted == "string" else raw.strip().lower() in NO_VALUE
            )
            assert raw is None or nothing or (isinstance(raw, float) and math.isnan(raw))


@st.composite
def canonical(draw: st.DrawFn) -> pa.RecordBatch:
    dataset = DATASETS["yellow"]
    near = {"timestamp[us]": st.datetimes(datetime(2020, 12, 31), datetime(2021, 2, 2)), "int32": st.integers(-1, 266)}
    near |= {"double": st.floats(-2, 2), "string": st.just("N"), "date32": st.just(MONTH.first_day)}
    rows = draw(st.integers(0, 10))
    arrays = {
        column.name: draw(st.lists(st.one_of(st.none(), near[column.type]), min_size=rows, max_size=rows))
        for column in dataset.columns
    }
    return pa.RecordBatch.from_pydict(arrays, schema=canonical_schema(dataset))


@given(batch=canonical(), cut=st.integers(0, 10))
@settings(max_examples=50)
def test_rules_do_not_see_how_rows_are_batched(batch: pa.RecordBatch, cut: int) -> None:
    for rule in RULES.values():
        masks = [rule.mask(part, DATASETS["yellow"], MONTH) for part in (batch, batch[:cut], batch[cut:])]
        whole, before, after = ([bool(match) for match in mask.to_pylist()] for mask in masks)  # type: ignore[union-attr]
        assert whole == before + after
        assert [mask.true_count for mask in masks] == [sum(whole), sum(before), sum(after)]  # type: ignore[union-attr]


FIELDS = st.text(st.sampled_from("ab,\" \n\r'é0"), max_size=6)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(FIELDS, min_size=width, max_size=width).filter(any), max_size=12)
)


@given(
    TABLES,
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([1, 5, 4 << 20]),
)
@settings(max_examples=100, deadline=None)
def test_any_csv_is_read_and_counted_as_it_was_written(
    rows: list[list[str]], end: str, quoting: Any, size: int
) -> None:
    if quoting == csv.QUOTE_MINIMAL:  # Python's writer leaves \r unquoted, and then it does end a record
        rows = [[field.replace("\r", "a") for field in row] for row in rows]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end, quoting=quoting)
    writer.writerows([[f"column {i}" for i in range(len(rows[0]) if rows else 2)], *rows])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "BLOCK", size)
        path = Path(folder, "raw")
        path.write_text(text.getvalue(), newline="")
        with open_raw(path) as raw, closing(raw.chunks()) as chunks:
            found = [list(row.values()) for chunk in chunks for row in chunk.batch.to_pylist()]
            assert raw.records() == len(rows)
    assert found == [[field or None for field in row] for row in rows]


@given(st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", '"a"', ',"b",', "1,2\n"]), max_size=40))
@settings(max_examples=2000)
@example(["a", '"', ",", '"', "a", "\n", "a", '"', "\n"])
@example(["\n", "a", "\r"])
def test_the_quick_count_of_records_is_that_of_the_grammar(parts: list[str]) -> None:
    block = "".join(parts).encode()
    found = csv_records.count(block)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "_is_plain", lambda *_: False)
        assert found == csv_records.count(block)


LINES = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(["1", "1.0", "", "x", "99999999999"]),
            st.sampled_from(["2021-01-05 12:00:00", "2020-12-31 23:59:59", "never", ""]),
            st.sampled_from(["2021-01-05 12:09:00", "2021-01-05 11:00:00", ""]),
            st.sampled_from(["0", "1", "", "1.5", "N/A"]),
        ).map(",".join),
        st.sampled_from(["", "1", "a,b,c,d,e", '"', '1,"2,3,4', '1,5",3,4']),
    ),
    max_size=20,
)


@given(LINES, st.sets(st.sampled_from(sorted(RULES))), st.booleans(), st.sampled_from([16, 4 << 20]))
@settings(max_examples=40, deadline=None)
def test_every_record_is_kept_or_rejected(lines: list[str], reject: set[str], fill: bool, size: int) -> None:
    header = "VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,passenger_count"
    rules = CleanRules(frozenset(reject), fill_missing_passengers=fill)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_records, "BLOCK", size)
        raw, clean, rejects = (Path(folder, name) for name in ("raw", "clean", "rejects"))
        raw.write_text("\n".join([header, *lines]))
        try:
            receipt = clean_month(
                DATASETS["yellow"], MONTH, raw, RAW_RECEIPT, "e-e", rules, clean, rejects, lambda done, total: None
            )
        except BadFile:
            return  # it ends within quotes, or the first records all have other fields than the header
        assert receipt.rows_in == receipt.rows_kept + receipt.rows_rejected
        assert (rows_written(clean), rows_written(rejects)) == (receipt.rows_kept, receipt.rows_rejected)
        assert receipt.rules.keys() >= RULES.keys()


@given(st.lists(TEXTS.filter(lambda text: not set(text) & set(',"\r\n\0') and text), min_size=1, max_size=6))
@settings(max_examples=300, deadline=None)
@example(["0xff", "1"])
@example(["inf", "1"])
@example(["2021-01-05", "2021-01-05 12"])
def test_a_csv_value_means_the_same_whether_it_is_parsed_at_once_or_read_as_text(texts: list[str]) -> None:
    wanted: list[ColumnType] = ["int32", "double", "timestamp[us]"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "raw")
        path.write_text("a,b,c\n" + "".join(f"{text},{text},{text}\n" for text in texts))
        types = {place: ARROW[kind] for place, kind in enumerate(wanted)}
        with open_raw(path) as raw, open_raw(path) as again:
            [typed], [plain] = raw.chunks(types), again.chunks()
    for place, kind in enumerate(wanted):
        at_once, as_text = read(typed.batch.column(place), kind), read(plain.batch.column(place), kind)
        assert at_once[0].equals(as_text[0])
        marks = [lost.to_pylist() if lost is not None else [False] * len(texts) for _, lost in (at_once, as_text)]
        assert marks[0] == marks[1]
