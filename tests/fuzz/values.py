"""Columns of every type that a parquet file can have, with the values that are hard to read, and texts that are."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

TEXTS = [
    "", " ", "N/A", "null", "nan", "-nan", "inf", "-inf", "1e999", "1e-999", "0x10", "0xffffffff", "1.0", "+1", "-1",
    "1.5", ".5", "5.", "1,5", "007", "1" * 18, "1" * 19, "9223372036854775807", "9" * 40, "1_000", "\u0661", " 7 ",
    "2147483648", "2021-01-05 12:00:00", "2021-01-05T12:00", "2021-01-05 12", "2021-02-30 00:00:00", "05/01/2021",
    "2021-01-05 24:00:00", "0000-00-00 00:00:00", "9999-12-31 23:59:59.999999", "12021-01-05 00:00:00",
    "2021-01-05 12:00:00.1234567", "2021-01-05 12:00:00Z", "2021-01-05 12:00:00+05:00", "CRD", "cmt", "Y", "n", "*",
    "a\0b", "two\nlines", "caf\u00e9", "'", "x" * 300, "True",
]  # fmt: skip

_I64 = 2**63 - 1
_INTEGERS = [0, 1, 2, 7, 99, 264, 265, -1, 127]
_BIG = [*_INTEGERS, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, _I64, -_I64 - 1]
_FLOATS = [0.0, -0.0, 1.0, 1.5, -3.0, float("nan"), float("inf"), -float("inf"), 3e9, 2.0**63, 6e4]
_DOUBLES = [*_FLOATS, 1e308, 5e-324, 2.0**53]
_TICKS = [0, 1, 1_609_848_000, 1_609_848_000_000, 1_609_848_000_000_000, 1_609_848_000_000_000_001, _I64, -_I64]
_DECIMALS = [Decimal(text) for text in ("0", "1", "1.50", "-3", "264", "2147483648", "9007199254740993")]

KINDS: Sequence[tuple[pa.DataType, Sequence[Any]]] = [
    (pa.null(), [None]),
    (pa.bool_(), [True, False]),
    (pa.int8(), _INTEGERS[:5]),
    (pa.int32(), [*_INTEGERS, 2**31 - 1]),
    (pa.int64(), _BIG),
    (pa.uint8(), [0, 1, 255]),
    (pa.uint64(), [0, 1, 2**63, 2**64 - 1]),
    (pa.float16(), _FLOATS[:8]),
    (pa.float32(), _FLOATS),
    (pa.float64(), _DOUBLES),
    (pa.decimal128(20, 2), _DECIMALS),
    (pa.decimal256(60, 3), _DECIMALS),
    (pa.decimal32(5, 1), _DECIMALS[:5]),
    (pa.string(), TEXTS),
    (pa.large_string(), TEXTS),
    (pa.string_view(), TEXTS),
    (pa.dictionary(pa.int8(), pa.string()), TEXTS),
    (pa.dictionary(pa.int32(), pa.large_string()), TEXTS),
    (pa.date32(), [date(2021, 1, 5), date(1, 1, 1), date(9999, 12, 31), 2**31 - 1, -(2**31)]),
    (pa.timestamp("s"), _TICKS[:3]),
    (pa.timestamp("ms"), _TICKS),
    (pa.timestamp("us"), _TICKS),
    (pa.timestamp("ns"), _TICKS),
    (pa.timestamp("us", "UTC"), _TICKS),
    (pa.timestamp("us", "America/New_York"), _TICKS),
    (pa.time32("ms"), [0, 1]),
    (pa.time64("ns"), [0, 1]),
    (pa.duration("s"), [0, 1]),
    (pa.binary(), [b"", b"N", b"\xff\xfe"]),
    (pa.large_binary(), [b"N"]),
    (pa.binary_view(), [b"N"]),
    (pa.binary(4), [b"abcd"]),
    (pa.list_(pa.int32()), [[], [1], [None]]),
    (pa.large_list(pa.string()), [["x"]]),
    (pa.struct([("a", pa.int8()), ("b\nc", pa.string())]), [{"a": 1, "b\nc": "x"}]),
    (pa.map_(pa.string(), pa.int8()), [[("x", 1)]]),
]


def any_column(rows: int, rng: random.Random) -> pa.Array:
    """Values of one type, some of them null; all of them the same now and then."""
    kind, values = rng.choice(KINDS)
    values = [rng.choice(values)] if rng.random() < 0.3 else values
    nulls = rng.choice([0.0, 0.2, 1.0])
    return column(kind, [None if rng.random() < nulls else rng.choice(values) for _ in range(rows)])


def column(kind: pa.DataType, values: list[Any]) -> pa.Array:
    """pa.array, which knows no date beyond Python's."""
    if kind == pa.date32():
        days = [each if each is None or isinstance(each, int) else (each - date(1970, 1, 1)).days for each in values]
        return pa.array(days, pa.int32()).view(kind)
    if pa.types.is_float16(kind):
        return pa.array(values, pa.float32()).cast(kind)
    return pa.array(values, kind)


def no_utf_8(rows: int) -> pa.Array:
    """A text column with bytes that are no text, which only a damaged parquet file has."""
    return pa.array([b"caf\xe9"] * rows, pa.binary()).view(pa.string())
