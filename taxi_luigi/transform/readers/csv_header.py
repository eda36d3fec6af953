"""Read the first lines of a csv file: its column names, and the number of unnamed fields in its rows.

TLC's green files of 2013-08 to 2015-06 and 2016-07 to -12, and yellow's of 2016-07 to -12, end each row, but not the
header, with two empty fields. Blank lines and blanks around names occur in TLC's files, too, and are ignored.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from taxi_luigi.core.errors import BadFile
from taxi_luigi.core.text import one_line

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

HEAD = 1 << 16
"""Bytes of a file that are searched for the header and the first rows."""

LINE_END = re.compile(rb"\r\n?|\n")

_ROWS = 100
"""Rows whose fields are counted."""


@dataclass(frozen=True)
class Header:
    """The header of a csv file."""

    names: tuple[str, ...]
    surplus: int
    """empty fields of the rows beyond the names"""
    length: int
    """bytes up to the first row, or to a blank line before it"""

    @property
    def width(self) -> int:
        """Fields in a row."""
        return len(self.names) + self.surplus


def read_header(head: bytes, where: object) -> Header:
    """Return the header of a file whose first HEAD bytes, or all, are `head`. Raise BadFile."""
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip(b"\r\n")
    line, *rest = LINE_END.split(text, maxsplit=1)
    rows = rest[0] if rest else b""
    if not rest and len(head) >= HEAD:
        raise BadFile(f"{where}: its first line is no header: it does not end within {len(head):,} bytes")
    if line and not rest:  # it may have lost any number of names
        raise BadFile(f"{where}: cut short: its header has no line end, {one_line(line.decode('utf-8', 'replace'))!r}")
    try:
        names = next(csv.reader([line.decode("utf-8", "backslashreplace")]), [])
    except csv.Error as error:
        raise BadFile(f"{where}: its first line is no header ({error})") from error
    while names and not names[-1].strip():
        names.pop()
    if not names:
        raise BadFile(f"{where}: its first line names no columns")
    return Header(tuple(names), _surplus(rows, len(names)), len(head) - len(rows))


def _surplus(rows: bytes, names: int) -> int:
    """Return the number of empty fields that most of the first rows have beyond the names."""
    reader = csv.reader(io.StringIO(rows.decode("utf-8", "backslashreplace"), newline=""))
    beyond: Counter[int] = Counter()
    try:
        for row in islice((row for row in reader if row), _ROWS):
            if len(row) >= names and not any(field.strip() for field in row[names:]):
                beyond[len(row) - names] += 1
    except csv.Error:  # the parser reports the row later
        pass
    return max(beyond, key=beyond.__getitem__, default=0)
