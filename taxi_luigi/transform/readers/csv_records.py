"""A csv file's bytes → blocks that end where a record ends, and the number of records in each.

Records are counted here by looking for line ends, so that the csv parser's own count can be held against it.
What its fields are is the business of the parser (csv.py).
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
"""A trip takes some 200 bytes. What is longer is no csv, or a quote is astray."""

_WINDOW = 256 << 10
"""Bytes that an expression looks at together. Its engine keeps all fields and records of a match in mind, to come back
to them: for 4 MB of commas after one quote it took 550 MB, for 64 MB of them more than 8 GB (Nov 2026)."""


_LF, _CR, _COMMA, _QUOTE = b'\n\r,"'

# A quote opens a field only where a field begins: 5" elsewhere is text. That is also how pyarrow reads it.
# No possessive group around a group: the engine of Python 3.11.2, which Debian 12 has, gets that wrong.
_QUOTES = rb'"[^"]*+(?:""[^"]*+)*"(?!")'
_FIELD = rb"(?:" + _QUOTES + rb'[^,\r\n]*+|(?!")[^,\r\n]*+)'
_FIELDS = _FIELD + rb"(?:," + _FIELD + rb")*"
_RECORD = re.compile(rb"(?!\Z|[\r\n])" + _FIELDS)
_RECORDS = re.compile(rb"(?:" + _FIELDS + rb"[\r\n])*")


def blocks(stream: BinaryIO, where: object) -> Iterator[tuple[bytes, int]]:
    """Whole records in pieces of about BLOCK bytes, each with its number of records; blank lines are none.

    Raises BadFile when one record is longer than LONGEST_RECORD, and when the file ends within quotes.
    """
    rest = b""
    scratch = np.empty(BLOCK + LONGEST_RECORD, bool)
    while more := stream.read(BLOCK):
        cut = max(more.rfind(b"\n"), more.rfind(b"\r")) + 1
        block = b"".join((rest, memoryview(more)[:cut]))  # what is copied once is not copied again: 130 MB of a month
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
    """Records in a block of whole ones."""
    return _whole_records(block if block.endswith(b"\n") else block + b"\n", np.empty(len(block) + 1, bool))[1]


def _whole_records(block: bytes, scratch: np.ndarray) -> tuple[int, int]:
    """Where the last whole record of a block ends, and how many there are up to there; 0, 0 when there is none.

    `scratch` is a mask as long as the block at least: to make one anew for each block takes as long as to fill it.
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
    """The same, whatever the quotes and line ends; of records up to LONGEST_RECORD."""
    end, window = 0, _WINDOW
    while whole := _RECORDS.match(block, end, end + window):
        if whole.end() == end:
            if end + window >= len(block) or window > LONGEST_RECORD:
                break
            window *= 2
        end = whole.end()
    return end


def _is_plain(block: bytes, text: np.ndarray, ends: np.ndarray, scratch: np.ndarray) -> bool:
    """Whether every record is one line that ends with a line feed, which is so but for few blocks of few files.

    Vectorised, as the expressions above read 30 MB/s, and all fields of fhv's 24 million rows a month of 2018 are
    quoted. Quotes are in order when they come in pairs, one after a field's beginning and one before its end, without
    a line end between them; a doubled quote, for instance, needs the closer look.
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
