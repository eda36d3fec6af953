"""Read csv and csv.gz: split the stream into blocks of whole records, and parse each to a batch (csv_blocks.py).

Inflating and counting run on one thread, parsing on another, beside the caller's own.
"""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
from isal import igzip, isal_zlib

from taxi_luigi.core.errors import BadFile
from taxi_luigi.core.text import one_line
from taxi_luigi.transform.readers import csv_records
from taxi_luigi.transform.readers.ahead import ahead
from taxi_luigi.transform.readers.base import NO_TYPES, Chunk, Format, Types
from taxi_luigi.transform.readers.csv_blocks import LINE_ENDS, BlockParser, judge_end
from taxi_luigi.transform.readers.csv_header import BYTE_ORDER_MARK, HEAD, read_header

GZIP_MAGIC = b"\x1f\x8b"

_BLANK = BYTE_ORDER_MARK + b"\r\n"


class CsvRaw:
    """A raw csv file, inflated or not."""

    records_hint: int | None = None

    def __init__(self, found: Format, stream: BinaryIO, where: object) -> None:
        self.format = found
        self._where = where
        self._blocks = csv_records.blocks(stream, where)
        self._records = 0
        first = b""
        for block, _ in self._blocks:
            first += block
            if first.strip(_BLANK):  # a header without a line end does not come with the blank lines before it
                break
        self._header = read_header(first[:HEAD], where)
        self._rest = first[self._header.length :]
        self.schema = pa.schema([(name, pa.string()) for name in self._header.names])

    def chunks(self, types: Types = NO_TYPES) -> Generator[Chunk, None, None]:
        return ahead(self._parsed(ahead(self._counted()), BlockParser(self._where, self._header, types)))

    def column(self, name: str) -> Iterator[pa.Array]:
        raise NotImplementedError(f"{name}: a csv's columns are all text, which can become anything")

    def records(self) -> int:
        return self._records

    def count(self) -> int:
        for _ in self._counted():
            pass
        return self._records

    def _counted(self) -> Generator[tuple[int, bytes], None, None]:
        """Yield every block with the ordinal of its first record."""
        for block, found in chain([(self._rest, csv_records.count(self._rest))], self._blocks):
            first = self._records + 1
            self._records += found
            if self._records >= first:  # the parser fails on a block of blank lines
                yield first, block

    def _parsed(
        self, blocks: Generator[tuple[int, bytes], None, None], parser: BlockParser
    ) -> Generator[Chunk, None, None]:
        with closing(blocks):
            for first, block in blocks:
                yield parser.parse(block, first)


def check_end(head: bytes, tail: bytes, where: object) -> None:
    """Raise BadFile when a file ends within a record.

    Args:
        head: its first bytes, with the header
        tail: its last bytes
        where: the file, for the message
    """
    last = tail[max(tail.rfind(end) for end in LINE_ENDS) + 1 :]
    if not last:
        return
    header = read_header(head, where)
    if last.count(b'"') % 2 == 0:  # else a line break within quotes, which counting the records detects
        text = last.decode("utf-8", "replace")  # no longer than the bytes: Python's csv has a limit
        judge_end(len(next(csv.reader([text]))), header, text, where)


@contextmanager
def inflated(path: Path, where: object) -> Iterator[BinaryIO]:
    """Open a gzip file of one or several members for reading. Raise BadFile, also while it is read."""
    try:
        with igzip.open(path, "rb") as stream:
            yield cast(BinaryIO, stream)
    except (EOFError, igzip.BadGzipFile, isal_zlib.error) as error:  # type: ignore[misc]
        raise BadFile(f"{where}: a gzip file that is cut short or damaged ({one_line(error)})") from error
