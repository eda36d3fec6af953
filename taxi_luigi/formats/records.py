"""A csv file's bytes → blocks that end where a record ends, and the number of records in each.

Records are counted here by looking for line ends, so that the csv parser's own count can be held against it.
What its fields are is the business of the parser (text.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from taxi_luigi.errors import BadFile

BLOCK = 4 << 20
"""Bytes read at a time; some 40,000 yellow trips."""

LONGEST_RECORD = 16 * BLOCK

# A quote opens a field only where a field begins: 5" elsewhere is text. That is also how pyarrow reads it.
# No possessive group around a group: the engine of Python 3.11.2, which Debian 12 has, gets that wrong.
_QUOTES = rb'"[^"]*+(?:""[^"]*+)*"(?!")'
_FIELD = rb"(?:" + _QUOTES + rb'[^,\r\n]*+|(?!")[^,\r\n]*+)'
_FIELDS = _FIELD + rb"(?:," + _FIELD + rb")*"
_RECORD = re.compile(rb"(?!\Z|[\r\n])" + _FIELDS)
_RECORDS = re.compile(rb"(?:" + _FIELDS + rb"[\r\n])*")


def blocks(stream: BinaryIO, where: object) -> Iterator[bytes]:
    """Whole records in pieces of about BLOCK bytes.

    Raises BadFile when one record is longer than LONGEST_RECORD, and when the file ends within quotes.
    """
    rest = b""
    while more := stream.read(BLOCK):
        block = rest + more
        end = _end_of_records(block)
        if end:
            yield block[:end]
        rest = block[end:]
        if len(rest) > LONGEST_RECORD:
            raise BadFile(f"{where}: no line ends within {len(rest):,} bytes, so it is no csv file; fetch it again")
    if rest:
        if _end_of_records(rest + b"\n") <= len(rest):
            raise BadFile(
                f"{where}: ends within a quoted field, so it was cut short or a quote is astray; fetch it again"
            )
        yield rest


def count(block: bytes) -> int:
    """Records in a block of whole ones; blank lines are none."""
    if b'"' in block:
        return len(_RECORD.findall(block))
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\n\n" in block or block.startswith(b"\n"):
        return sum(map(bool, block.split(b"\n")))
    return block.count(b"\n") + (not block.endswith(b"\n") and bool(block))


def _end_of_records(block: bytes) -> int:
    """Where the last whole record ends; 0 when there is none."""
    whole = _RECORDS.match(block) if b'"' in block else None
    return block.rfind(b"\n") + 1 if whole is None else whole.end()
