"""Split the bytes of a csv file into blocks that end with a record, and count the records of each.

Records are counted by their line ends, independently of the csv parser, so that the two counts can be compared. Fields
are parsed in csv_blocks.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from taxi_luigi.core.errors import BadFile

BLOCK = 2 << 20
"""Bytes read at a time; some 20,000 yellow trips. Twice as many took 30 MB more and no less time (Nov 2026)."""

LONGEST_RECORD = 1 << 20
"""The most bytes of a record; a trip has some 200. A longer one is not csv, or has an unbalanced quote."""

_WINDOW = 256 << 10
"""Bytes that an expression matches at a time. Its engine stores all fields and records of a match for backtracking:
550 MB for 4 MB of commas after one quote, more than 8 GB for 64 MB of them (Nov 2026)."""


_LF, _CR, _COMMA, _QUOTE = b'\n\r,"'

# A quote opens a field only at the field's beginning: elsewhere 5" is text, as for pyarrow.
# No possessive group around a group: the engine of Python 3.11.2, which Debian 12 has, gets that wrong.
_QUOTES = rb'"[^"]*+(?:""[^"]*+)*"(?!")'
_FIELD = rb"(?:" + _QUOTES + rb'[^,\r\n]*+|(?!")[^,\r\n]*+)'
_FIELDS = _FIELD + rb"(?:," + _FIELD + rb")*"
_RECORD = re.compile(rb"(?!\Z|[\r\n])" + _FIELDS)
_RECORDS = re.compile(rb"(?:" + _FIELDS + rb"[\r\n])*")


def blocks(stream: BinaryIO, where: object) -> Iterator[tuple[bytes, int]]:
    """Yield whole records in blocks of about BLOCK bytes, each with its number of records, without blank lines.

    Args:
        stream: the inflated csv
        where: the file, for messages
    Raises: BadFile when a record is longer than LONGEST_RECORD, and when the file ends within quotes
    """
    rest = b""
    scratch = np.empty(BLOCK + LONGEST_RECORD, bool)
    while more := stream.read(BLOCK):
        cut = max(more.rfind(b"\n"), more.rfind(b"\r")) + 1
        block = b"".join((rest, memoryview(more)[:cut]))  # one copy instead of two: 130 MB of a month
        end, records = _whole_records(block, scratch)
        if end:
            yield (block if end == len(block) else block[:end]), records
        rest = b"".join((memoryview(block)[end:], memoryview(more)[cut:]))
        if len(rest) > LONGEST_RECORD:
            raise BadFile(
                f"{where}: no line ends within {len(rest):,} bytes, so it is no csv file or a quote is astray"
            )
    if rest:
        end, records = _whole_records(rest + b"\n", scratch)
        if end <= len(rest):
            raise BadFile(f"{where}: ends within a quoted field, so it was cut short or a quote is astray")
        yield rest, records


def count(block: bytes) -> int:
    """Return the number of records in a block of whole ones."""
    return _whole_records(block if block.endswith(b"\n") else block + b"\n", np.empty(len(block) + 1, bool))[1]


def _whole_records(block: bytes, scratch: np.ndarray) -> tuple[int, int]:
    """Return the end of the last whole record of a block, and the number of records up to there; 0, 0 if none.

    `scratch` is a mask at least as long as the block; to allocate one per block takes as long as to fill it.
    """
    text = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(np.equal(text, _LF, out=scratch[: len(text)]))
    if _is_plain(block, text, ends, scratch):
        lengths = np.diff(ends, prepend=-1) - 1
        blank = (lengths == 0) | ((lengths == 1) & (text[ends - 1] == _CR))
        return (int(ends[-1]) + 1 if len(ends) else 0), len(ends) - int(np.count_nonzero(blank))
    if b'"' not in block:
        ends = np.flatnonzero((text == _LF) | (text == _CR))
        return (int(ends[-1]) + 1 if len(ends) else 0), int(np.count_nonzero(np.diff(ends, prepend=-1) > 1))
    end = _end_of_records(block)
    return end, sum(1 for _ in _RECORD.finditer(block, 0, end))


def _end_of_records(block: bytes) -> int:
    """Return the end of the last whole record, with any quotes and line ends; of records up to LONGEST_RECORD."""
    end, window = 0, _WINDOW
    while whole := _RECORDS.match(block, end, end + window):
        if whole.end() == end:
            if end + window >= len(block) or window > LONGEST_RECORD:
                break
            window *= 2
        end = whole.end()
    return end


def _is_plain(block: bytes, text: np.ndarray, ends: np.ndarray, scratch: np.ndarray) -> bool:
    """Return whether every record is one line that ends with a line feed, as in almost all blocks of all files.

    Vectorised, as the expressions above process 30 MB/s, and fhv's months of 2018 have up to 24 million rows with all
    fields quoted. Quotes are plain when they come in pairs, at the beginning and the end of a field, without a line end
    between them; blocks with others, such as doubled quotes, are matched by the expressions.
    """
    if not len(ends):
        return b"\r" not in block and b'"' not in block
    if b"\r" in block:
        before_last = len(text) - 1  # a last one may be half of a line end
        returns = np.count_nonzero(np.equal(text[:before_last], _CR, out=scratch[:before_last]))
        if returns != np.count_nonzero(text[ends[ends > 0] - 1] == _CR):
            return False
    if b'"' not in block:
        return True
    quotes = np.flatnonzero(text[: ends[-1]] == _QUOTE)
    opening, closing = quotes[0::2], quotes[1::2]
    if len(opening) != len(closing) or np.any(np.searchsorted(quotes, ends) % 2):
        return False
    before, after = text[opening - 1], text[closing + 1]
    opens = (before == _COMMA) | (before == _LF) | (opening == 0)
    closes = (after == _COMMA) | (after == _LF) | (after == _CR)
    return bool(opens.all() and closes.all())
