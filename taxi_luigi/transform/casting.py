"""Cast one column to one canonical type without loss; column_mapping.py does it for whole batches.

Every cast takes an Arrow array and returns the values and, where some could not be cast, a mask of those rows, whose
values are null. The whole column is cast at once; failing rows are searched only when that fails.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi.tlc.datasets import ColumnType
from taxi_luigi.transform.arrow_utils import blank, constant, or_false, text_array

ARROW: dict[ColumnType, pa.DataType] = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "timestamp[us]": pa.timestamp("us"),
    "date32": pa.date32(),
}

NO_VALUE = ("", "n/a", "na", "null", "none", "nan", "\\n")
"""Texts, in lower case and trimmed, that are null in a column of numbers, times or codes; text columns keep them."""

_INTEGER = r"^(?:\+?(-?)0*(\d{1,18})(?:\.0*)?|[+-]?(0)+(?:\.0*)?[eE][+-]?\d+)$"
"""Digits, or a zero as Java's BigDecimal writes one of scale 7 and more, and so Spark, Hive and Arrow: 0E-9."""
_DIGITS_OF = r"\1\2\3"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_TIME = r"^\d{4}-\d\d-\d\d([ T]([01]\d|2[0-3])(:[0-5]\d(:[0-5]\d(\.\d{1,6})?)?)?)?$"

_DIGITS = 18
"""The longest integer that _INTEGER matches."""

_DECIMALS = {32: pa.decimal32, 64: pa.decimal64, 128: pa.decimal128, 256: pa.decimal256}
"""Bit width → decimal type."""

_WHOLE = r"^-?\d{1,19}$"
"""The text of a decimal that may fit into int64, whose largest value, 9223372036854775807, has 19 digits."""

# Years 1 to 9999: the range of BigQuery's DATETIME and Python's datetime. TLC's latest: 3019 (fhv, 2019-02).
_FIRST_TIME = -62_135_596_800_000_000
_LAST_TIME = 253_402_300_799_999_999

Read = tuple[pa.Array, pa.BooleanArray | None]
"""(values, mask of the rows that could not be cast; None: all could)"""


def can_become(found: pa.DataType, wanted: ColumnType) -> bool:
    """Return whether an Arrow type can be cast to a canonical type; not dates to ids, lists, zoned times."""
    found = _plain_type(found)
    if pa.types.is_null(found):
        return True
    if wanted == "timestamp[us]":
        return _is_text(found) or pa.types.is_date(found) or (pa.types.is_timestamp(found) and found.tz is None)
    return _is_text(found) or _is_number(found)


def has_no_value(column: pa.Array) -> bool:
    """Return whether a column of any type has only nulls and NaN."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_floating(column.type):
        column = _without_nan(column)
    return bool(column.null_count == len(column))


def read(column: pa.Array, wanted: ColumnType) -> Read:
    """Cast a column to a canonical type, for types that `can_become` it.

    NaN becomes null, as pandas writes a missing number as NaN. Numbers are cast to integers only when they are whole
    and fit, times to microseconds only when no digit is lost, in the years 1 to 9999.

    Returns: the values, and a mask of the rows that could not be cast (None: all could)
    """
    target = ARROW[wanted]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_decimal(column.type):
        if pa.types.is_integer(target):
            return _whole_decimals(column, target)
        if pa.types.is_floating(target) and _is_usual(column.type):
            column = pc.cast(column, pa.string())  # pyarrow 26 casts 0.47 to the double 0.47000000000000003
    if pa.types.is_string_view(column.type) or pa.types.is_decimal(column.type):
        column = _text(column)
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), target), None
    if target == pa.string():
        return _as_text(column)
    if _is_text(column.type):
        return _from_text(column, target)
    return _exact(column, target)


def read_codes(
    column: pa.Array, wanted: ColumnType, codes: Mapping[str, str | None]
) -> tuple[pa.Array, pa.BooleanArray | None, pa.Array]:
    """Cast a column of codes to a canonical type, with its texts replaced by `codes`.

    A text that is neither a code nor a number is an unknown value: null in the values, without being a cast error.
    Where the codes are text themselves, every text outside `codes` is unknown, and numbers are looked up as text too.
    The casts work on the distinct texts, of which a column of codes has few.

    Args:
        column: of any type that `can_become` the canonical one
        wanted: the canonical type
        codes: text, in lower case and trimmed → code as text; None: no value
    Returns: the values; a mask of the rows that could not be cast (None: all could); per row the unknown value or null
    """
    if wanted != "string" and not _is_text(_plain_type(column.type)):
        return *read(column, wanted), pa.nulls(len(column), pa.string())
    if not pa.types.is_dictionary(column.type):
        column = (column if _is_text(column.type) else _text(column)).dictionary_encode()
    values, lost, unknown = _distinct_codes(_text(column.dictionary), wanted, codes)
    where = column.indices
    if lost is not None:
        lost = or_false(lost.take(where))
    return values.take(where), lost, unknown.take(where)


def _distinct_codes(
    text: pa.Array, wanted: ColumnType, codes: Mapping[str, str | None]
) -> tuple[pa.Array, pa.BooleanArray | None, pa.Array]:
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(text))
    code = pc.index_in(plain, text_array(codes))
    mapped = pc.cast(text_array(codes.values()), ARROW[wanted]).take(code)
    known = pc.or_(pc.is_valid(code), pc.is_in(plain, text_array(NO_VALUE)))
    if wanted == "string":
        return mapped, None, blank(text, known)
    unknown = blank(text, pc.or_(known, pc.match_substring_regex(plain, _NUMBER)))
    values, lost = _from_text(blank(text, pc.or_(known, pc.is_valid(unknown))), ARROW[wanted])
    return pc.coalesce(mapped, values), lost, unknown


def _plain_type(found: pa.DataType) -> pa.DataType:
    return found.value_type if pa.types.is_dictionary(found) else found


def _is_text(found: pa.DataType) -> bool:
    return bool(pa.types.is_string(found) or pa.types.is_large_string(found) or pa.types.is_string_view(found))


def _is_number(found: pa.DataType) -> bool:
    return bool(pa.types.is_integer(found) or pa.types.is_floating(found) or pa.types.is_decimal(found))


def _text(column: pa.Array) -> pa.StringArray:
    """Return the column as text; decimals in plain notation without trailing zeros: 1000, 1.5, 0.00000012.

    Arrow 26 writes these three as 1E+3, 1.500000000 and 1.20E-7, depending on the scale of the column.
    """
    if not pa.types.is_decimal(column.type):
        return pc.cast(column, pa.string())
    scale = column.type.scale
    unscaled = pc.cast(column.view(_DECIMALS[column.type.bit_width](column.type.precision, 0)), pa.string())
    if scale <= 0:
        return pc.replace_substring_regex(unscaled, r"^(-?[1-9]\d*)$", r"\1" + "0" * -scale)
    digits = pc.replace_substring_regex(unscaled, r"^(-?)(\d+)$", r"\1" + "0" * scale + r"\2")
    text = pc.replace_substring_regex(digits, rf"^(-?)0*(\d+)(\d{{{scale}}})$", r"\1\2.\3")
    return pc.replace_substring_regex(text, r"\.?0*$", "")


def _is_usual(kind: pa.DataType) -> bool:
    """Return whether Arrow's own casts of a decimal type are correct.

    With a negative scale, pyarrow 26 casts the decimal64 -2.147483648E+21 to the integer -7661335449692012544; with a
    scale beyond the precision of the type, it returns the text '<scale out of range, cannot format Decimal32 value>'.
    """
    return bool(0 <= kind.scale <= kind.precision)


def _whole_decimals(column: pa.Array, target: pa.DataType) -> Read:
    """Cast decimals of any scale to integers; values that are not whole or do not fit are cast errors."""
    if _is_usual(column.type):
        try:
            return pc.cast(column, target), None
        except pa.ArrowInvalid:  # one is not whole or does not fit
            pass
    text = _text(column)
    lost = or_false(pc.invert(pc.match_substring_regex(text, _WHOLE)))
    values, far = _exact(pc.cast(blank(text, lost), pa.decimal128(19, 0)), target)
    return values, lost if far is None else pc.or_(lost, far)


def _exact(column: pa.Array, target: pa.DataType) -> Read:
    """Cast numbers to numbers, and times to times."""
    column = _without_nan(column)
    lost = None
    if column.type != target:
        try:
            column = pc.cast(column, target)
        except pa.ArrowInvalid:
            column, lost = _cast_and_compare(column, target)
    if pa.types.is_timestamp(target):
        return _storable(column, lost)
    return column, lost


def _without_nan(column: pa.Array) -> pa.Array:
    if column.type in (pa.float16(), pa.float32()):
        column = pc.cast(column, pa.float64())
    if column.type == pa.float64():
        nan = pc.is_nan(column)
        if nan.true_count:
            column = blank(column, nan)
    return column


def _cast_and_compare(column: pa.Array, target: pa.DataType) -> Read:
    """Cast without checks; a value that differs after the cast back is a cast error."""
    try:
        values = pc.cast(column, target, safe=False)
        lost = or_false(pc.not_equal(pc.cast(values, column.type, safe=False), column))
        if pa.types.is_unsigned_integer(column.type):  # -1 survives the cast back as well
            lost = pc.or_(lost, or_false(pc.less(pc.cast(values, pa.float64(), safe=False), 0)))
    except pa.ArrowInvalid:  # a time so far out of range that even the unchecked cast fails
        values, lost = pa.nulls(len(column), target), pc.is_valid(column)
    return blank(values, lost), lost


def _storable(column: pa.Array, lost: pa.BooleanArray | None) -> Read:
    range_ = pc.min_max(column.view(pa.int64()))
    if not range_["min"].is_valid or (range_["min"].as_py() >= _FIRST_TIME and range_["max"].as_py() <= _LAST_TIME):
        return column, lost
    ticks = column.view(pa.int64())
    far = or_false(pc.or_(pc.less(ticks, _FIRST_TIME), pc.greater(ticks, _LAST_TIME)))
    return blank(column, far), far if lost is None else pc.or_(lost, far)


def _as_text(column: pa.Array) -> Read:
    """Keep texts unchanged; empty and blank ones become null. A zero byte is an error: PostgreSQL cannot store it."""
    if pa.types.is_floating(column.type):
        column = _without_nan(column)
    if column.type != pa.string():
        column = pc.cast(column, pa.string())
    nothing = pc.ascii_is_space(column)
    if pc.min(pc.binary_length(column)).as_py() == 0:
        nothing = pc.or_(nothing, pc.equal(pc.binary_length(column), constant(0, pa.int32())))
    if nothing.true_count:
        column = blank(column, or_false(nothing))
    # Most columns have no zero byte. To search the buffer takes 0.2 ns a row, to search each text 6 ns (Nov 2026).
    if b"\0" not in b"".join(filter(None, column.buffers()[2:])):
        return column, None
    lost = pc.match_substring(column, "\0")
    if not lost.true_count:
        return column, None
    lost = or_false(lost)
    return blank(column, lost), lost


def _from_text(column: pa.Array, target: pa.DataType) -> Read:
    values = _try_direct_cast(column, target)
    if values is not None:
        return _exact(values, target)
    text = pc.utf8_trim_whitespace(pc.cast(column, pa.string()))
    text = blank(text, pc.is_in(pc.utf8_lower(text), text_array(NO_VALUE)))
    if pa.types.is_timestamp(target):
        readable, through = _is_time(text), target
    elif pa.types.is_integer(target):
        readable, through = pc.match_substring_regex(text, _INTEGER), pa.int64()
        text = pc.replace_substring_regex(text, _INTEGER, _DIGITS_OF)
    else:
        readable, through = pc.match_substring_regex(text, _NUMBER), target
    unreadable = pc.invert(pc.fill_null(readable, True))
    values = pc.cast(blank(text, unreadable), through)
    if pa.types.is_floating(target):  # 1e999 becomes infinity
        infinite = or_false(pc.is_inf(values))
        values, unreadable = blank(values, infinite), pc.or_(unreadable, infinite)
    values, lost = _exact(values, target)
    return values, unreadable if lost is None else pc.or_(unreadable, lost)


def _try_direct_cast(column: pa.Array, target: pa.DataType) -> pa.Array | None:
    """Cast the texts by Arrow alone; None when Arrow rejects one, or accepts a notation that is not allowed here.

    Arrow parses 0xffffffff as -1, and inf as a number. The meaning of a text must not depend on the other texts of its
    column, so the caller then checks all of them.
    """
    try:
        values = pc.cast(column, target)
    except pa.ArrowInvalid:
        return None
    if pa.types.is_floating(target):
        return None if pc.is_finite(values).false_count else values
    if pa.types.is_integer(target):
        texts = b"".join(filter(None, column.buffers()[2:]))
        if b"x" in texts or b"X" in texts or (pc.max(pc.binary_length(column)).as_py() or 0) > _DIGITS:
            return None
    return values


def _is_time(text: pa.Array) -> pa.BooleanArray:
    """Return whether each text is a valid time. strptime parses 30 February as 2 March: compare it."""
    shaped = pc.match_substring_regex(text, _TIME)
    day = pc.utf8_slice_codeunits(blank(text, pc.invert(pc.fill_null(shaped, False))), 0, 10)
    there = pc.strptime(day, format="%Y-%m-%d", unit="s", error_is_null=True)
    back = pc.equal(pc.strftime(there, format="%Y-%m-%d"), day)
    return pc.and_(shaped, pc.if_else(pc.is_null(text), None, pc.fill_null(back, False)))
