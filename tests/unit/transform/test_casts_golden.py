"""What edge values of each source type become in each canonical type, as long as CAST_VERSION is what it is.

A held month was cleaned by the casts of its time. When an outcome below changes, months that have such a value would
now be cleaned to other rows, and only a new CAST_VERSION makes them stale. More values may be added at any time.
"""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from taxi_luigi.tlc.datasets import DATASETS, ColumnType
from taxi_luigi.tlc.datasets.mapping import CAST_VERSION
from taxi_luigi.transform.casting import read, read_codes

OF_VERSION = 1
"""The CAST_VERSION whose outcomes these are."""

LOST = "cannot be stored"
UNKNOWN = "a text that no map knows"
NAN, INF = float("nan"), float("inf")
NOON = datetime(2024, 1, 31, 12, 34, 56)
FIRST, LAST = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)

# fmt: off
READ: list[tuple[ColumnType, pa.DataType, list[tuple[Any, list[Any]]]]] = [
    # canonical type, source type, outcome → values
    ("int32", pa.string(), [
        (1, ["1", "+1", "01", "1.", "1.0", "1.000", " 1 ", "\t1\n"]),
        (0, ["0", "-0", "00"]),
        (-1, ["-1", "-001.0"]),
        (2147483647, ["2147483647"]),
        (-2147483648, ["-2147483648"]),
        (None, ["", "  ", "N/A", "na", "NULL", "None", "NaN", "\\N", None]),
        (LOST, ["1.5", "-", "abc", "1e3", "0x10", "0xffffffff", "2147483648", "-2147483649", "999999999999999999",
                "9999999999999999999", "1,234", "1 234", "1_000", "٣", "true", "inf", "2024-01-31"]),
    ]),
    ("int32", pa.float64(), [
        (1, [1.0]), (0, [0.0, -0.0]), (2147483647, [2147483647.0]), (None, [NAN, None]),
        (LOST, [1.5, 2147483648.0, INF, -INF, 1e300, 5e-324]),
    ]),
    ("int32", pa.float32(), [(16777216, [16777216.0]), (None, [NAN, None]), (LOST, [1.5, 2147483648.0])]),
    ("int32", pa.int64(), [
        (1, [1]), (-2147483648, [-2147483648]), (None, [None]), (LOST, [2147483648, -2147483649]),
    ]),
    ("int32", pa.uint32(), [(2147483647, [2147483647]), (None, [None]), (LOST, [2147483648, 4294967295])]),
    ("int32", pa.uint8(), [(255, [255]), (None, [None])]),
    ("int32", pa.decimal128(6, 2), [(1, [Decimal("1.00")]), (None, [None]), (LOST, [Decimal("1.50")])]),
    ("int32", pa.null(), [(None, [None])]),
    ("int64", pa.string(), [
        (1, ["1", "000000000000000000001"]),
        (5, ["5.0"]),
        (-999999999999999999, ["-999999999999999999"]),
        (None, ["", "n/a", None]),
        (LOST, ["5.5", "1000000000000000000", "9223372036854775807"]),
    ]),
    ("int64", pa.float64(), [
        (9007199254740994, [9007199254740994.0]), (None, [NAN, None]), (LOST, [1.5, 9.3e18, -9.3e18, INF]),
    ]),
    ("int64", pa.uint64(), [
        (9223372036854775807, [9223372036854775807]), (None, [None]), (LOST, [9223372036854775808, 2**64 - 1]),
    ]),
    ("double", pa.string(), [
        (1.5, ["1.5", "+1.5", "01.5", "1.50", " 1.5 ", "15e-1", "15E-1"]),
        (0.5, [".5"]),
        (5.0, ["5", "5."]),
        (0.1, ["0.1"]),
        (-0.0, ["-0.0"]),
        (0.0, ["0", "1e-999"]),
        (1.7976931348623157e308, ["17976931348623157e292"]),
        (None, ["", "N/A", "nan", "NaN", "null", "\\N", None]),
        (LOST, ["1e999", "-1e999", "inf", "-inf", "infinity", "1,234.56", "1,5", "$5", "5 USD", "--5", "1.2.3", "0x10",
                "0x1p3", "(5.00)", "1_0", "abc", "."]),
    ]),
    ("double", pa.float64(), [
        (1.5, [1.5]), (-0.0, [-0.0]), (INF, [INF]), (-INF, [-INF]), (None, [NAN, None]),
    ]),
    ("double", pa.float32(), [(0.10000000149011612, [0.1]), (INF, [INF]), (None, [NAN, None])]),
    ("double", pa.int64(), [
        (1.0, [1]), (9007199254740992.0, [9007199254740992]), (None, [None]), (LOST, [9007199254740993]),
    ]),
    ("double", pa.uint64(), [(1.0, [1]), (None, [None]), (LOST, [2**64 - 1])]),
    ("double", pa.decimal128(6, 2), [(0.47, [Decimal("0.47")]), (0.0, [Decimal("0.00")]), (None, [None])]),
    ("string", pa.string(), [
        ("a", ["a"]), (" a ", [" a "]), ("N/A", ["N/A"]), ("null", ["null"]), ("nan", ["nan"]), ("Bé", ["Bé"]),
        (None, ["", "  ", "\t", None]),
        (LOST, ["a\0b", "\0"]),
    ]),
    ("string", pa.int64(), [("1", [1]), ("-1", [-1]), (None, [None])]),
    ("string", pa.float64(), [("1", [1.0]), ("1.5", [1.5]), ("1e+22", [1e22]), ("inf", [INF]), (None, [NAN, None])]),
    ("timestamp[us]", pa.string(), [
        (NOON, ["2024-01-31 12:34:56", "2024-01-31T12:34:56", " 2024-01-31 12:34:56 ", "2024-01-31 12:34:56.0"]),
        (NOON.replace(second=0), ["2024-01-31 12:34"]),
        (NOON.replace(minute=0, second=0), ["2024-01-31 12"]),
        (datetime(2024, 1, 31), ["2024-01-31"]),
        (datetime(2024, 2, 29), ["2024-02-29"]),
        (NOON.replace(microsecond=123456), ["2024-01-31 12:34:56.123456"]),
        (NOON.replace(microsecond=100000), ["2024-01-31 12:34:56.1"]),
        (FIRST, ["0001-01-01 00:00:00"]),
        (LAST, ["9999-12-31 23:59:59.999999"]),
        (None, ["", "N/A", "null", None]),
        (LOST, ["2024-01-31 12:34:56.1234567", "2024-02-30 00:00:00", "2023-02-29", "2024-01-31 24:00:00",
                "2024-01-31 23:60:00", "2024-01-31 23:59:60", "0000-12-31 00:00:00", "10000-01-01", "2024-13-01",
                "2024-1-5", "01/31/2024", "31.01.2024", "20240131", "1706704496", "2024-01-31 12:34:56Z",
                "2024-01-31 12:34:56+00:00", "2024-01-31 12:34:56 PM", "abc"]),
    ]),
    ("timestamp[us]", pa.date32(), [
        (datetime(2024, 1, 31), [date(2024, 1, 31)]), (FIRST, [date(1, 1, 1)]), (None, [None]),
    ]),
    ("timestamp[us]", pa.date64(), [(datetime(2024, 1, 31), [date(2024, 1, 31)]), (None, [None])]),
    # Numbers of ticks since 1970: what lies beyond Python's own years.
    ("timestamp[us]", pa.timestamp("s"), [
        (datetime(1970, 1, 1), [0]), (FIRST, [-62135596800]), (LAST.replace(microsecond=0), [253402300799]),
        (None, [None]), (LOST, [-62135596801, 253402300800, 2**62]),
    ]),
    ("timestamp[us]", pa.timestamp("us"), [
        (FIRST, [-62135596800000000]), (LAST, [253402300799999999]), (None, [None]),
        (LOST, [-62135596800000001, 253402300800000000]),
    ]),
    ("timestamp[us]", pa.timestamp("ns"), [
        (datetime(1970, 1, 1, 0, 0, 0, 1), [1000]), (None, [None]), (LOST, [1, 1001, -999]),
    ]),
]

CODES: list[tuple[str, pa.DataType, list[tuple[Any, list[Any]]]]] = [
    # canonical column of yellow, source type, outcome → values
    ("payment_type", pa.string(), [
        (1, ["CRD", " Cre ", "credit", "1", "1.0"]), (7, ["7"]), (-1, ["-1"]), (None, ["", "N/A", "nan", None]),
        (UNKNOWN, ["barter", "$1"]), (LOST, ["1.5", "99999999999", "1e2"]),
    ]),
    ("payment_type", pa.float64(), [(1, [1.0]), (None, [NAN, None]), (LOST, [1.5])]),
    ("store_and_fwd_flag", pa.string(), [
        ("Y", ["Y", " y ", "1", "1.0"]), ("N", ["n", "0", "0.0"]), (None, ["", "*", "nan", "N/A", None]),
        (UNKNOWN, ["X", "2", "yes"]),
    ]),
    ("store_and_fwd_flag", pa.float64(), [("N", [0.0]), ("Y", [1.0]), (None, [NAN, None]), (UNKNOWN, [2.0])]),
]
# fmt: on

HOW = (
    "casts read this value otherwise than in version {version}: if that is right, enter the new outcome, raise "
    "CAST_VERSION in tlc/datasets/mapping.py and OF_VERSION here; every month is then stale, and cleaned again"
)


def flat(table: list[tuple[Any, pa.DataType, list[tuple[Any, list[Any]]]]]) -> list[Any]:
    return [
        pytest.param(
            wanted, kind, [(value, outcome) for outcome, values in outcomes for value in values], id=f"{kind}-{wanted}"
        )
        for wanted, kind, outcomes in table
    ]


def column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).view(kind)
    return pa.array(values, kind)


def same(found: Any, expected: Any) -> bool:
    """Minus zero is another value than zero, and 1 than 1.0."""
    if isinstance(found, float) and isinstance(expected, float):
        return found == expected and math.copysign(1, found) == math.copysign(1, expected)
    return type(found) is type(expected) and bool(found == expected)


def check(values: list[Any], expected: list[Any], found: list[Any]) -> None:
    differ = [each for each in zip(values, expected, found, strict=True) if not same(each[2], each[1])]
    assert not differ, HOW.format(version=OF_VERSION)


def outcomes(result: pa.Array, lost: pa.BooleanArray | None, unknown: pa.Array | None = None) -> list[Any]:
    masks = [None if each is None else each.to_pylist() for each in (lost, unknown)]
    found = []
    for row, value in enumerate(result.to_pylist()):
        is_lost = masks[0] is not None and masks[0][row]
        is_unknown = masks[1] is not None and masks[1][row] is not None
        assert value is None or not (is_lost or is_unknown)
        found.append(LOST if is_lost else UNKNOWN if is_unknown else value)
    return found


def test_these_outcomes_are_those_of_the_casts_version() -> None:
    assert CAST_VERSION == OF_VERSION, "look whether each outcome below is meant, and raise OF_VERSION"


@pytest.mark.parametrize(("wanted", "kind", "pairs"), flat(READ))
def test_edge_values_are_read_as_in_this_version_of_the_casts(
    wanted: ColumnType, kind: pa.DataType, pairs: list[tuple[Any, Any]]
) -> None:
    """All in one column, where the slow way is taken, and each alone, where the fast one is."""
    values, expected = [value for value, _ in pairs], [outcome for _, outcome in pairs]
    check(values, expected, outcomes(*read(column(values, kind), wanted)))
    check(values, expected, [outcomes(*read(column([value], kind), wanted))[0] for value in values])


@pytest.mark.parametrize(("name", "kind", "pairs"), flat(CODES))
def test_codes_are_read_as_in_this_version_of_the_casts(
    name: str, kind: pa.DataType, pairs: list[tuple[Any, Any]]
) -> None:
    (of_yellow,) = [each for each in DATASETS["yellow"].columns if each.name == name]
    values, expected = [value for value, _ in pairs], [outcome for _, outcome in pairs]
    check(values, expected, outcomes(*read_codes(column(values, kind), of_yellow.type, of_yellow.value_map)))
    alone = [read_codes(column([value], kind), of_yellow.type, of_yellow.value_map) for value in values]
    check(values, expected, [outcomes(*each)[0] for each in alone])
