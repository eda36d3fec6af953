"""csv and csv.gz: blocks of whole records, each parsed into a batch of text columns.

Inflating and counting run on one thread, parsing on another, so that the caller's own work is the third.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.csv
from isal import igzip, isal_zlib

from taxi_luigi.errors import BadFile, LayoutError
from taxi_luigi.formats import records
from taxi_luigi.formats.ahead import ahead
from taxi_luigi.formats.raw import BrokenRecord, Chunk, Format, damage, one_line

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CsvRaw:
    """A raw csv file, inflated or not: every column is text, and an empty field null."""

    records_hint: int | None = None

    def __init__(self, path: Path, found: Format, stream: BinaryIO) -> None:
        self.format = found
        self._path = path
        self._blocks = records.blocks(stream, path)
        self._records = 0
        head = next(self._blocks, b"").removeprefix(BYTE_ORDER_MARK).lstrip(b"\r\n")
        header, self._rest = (*re.split(rb"\r\n?|\n", head, maxsplit=1), b"")[:2]
        try:
            names = next(csv.reader([header.decode("utf-8", "backslashreplace")]))
        except csv.Error as error:
            raise BadFile(f"{path}: its first line is no header ({error}); fetch it again") from error
        self.schema = pa.schema([(name, pa.string()) for name in names])

    def chunks(self) -> Generator[Chunk, None, None]:
        return ahead(self._parsed(ahead(self._counted())))

    def records(self) -> int:
        return self._records

    def _counted(self) -> Generator[tuple[int, bytes], None, None]:
        """Every block, with the ordinal of its first record."""
        for block in chain([self._rest], self._blocks):
            first = self._records + 1
            self._records += records.count(block)
            if self._records >= first:  # the parser calls blank lines alone an error
                yield first, block

    def _parsed(self, blocks: Generator[tuple[int, bytes], None, None]) -> Generator[Chunk, None, None]:
        with closing(blocks):
            for first, block in blocks:
                yield self._parse(block, first)

    def _parse(self, block: bytes, first: int) -> Chunk:
        if not block.isascii():  # bytes that are no UTF-8 stay visible: \xe9
            block = block.decode("utf-8", "backslashreplace").encode()
        broken: list[BrokenRecord] = []

        def keep(row: pyarrow.csv.InvalidRow) -> str:
            broken.append(BrokenRecord(row.number, row.text))
            return "skip"

        names = [str(position) for position in range(len(self.schema))]  # a header may name two columns alike
        with damage(self._path):
            table = pyarrow.csv.read_csv(
                pa.BufferReader(block),
                # One thread: only then does pyarrow number the broken rows. One block: ours.
                pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
                pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        if broken and not table.num_rows and first == 1:
            raise LayoutError(
                f"{self._path}: the header names {len(names)} columns, and no row of the first"
                f" {len(broken):,} has as many fields; the first is {one_line(broken[0].text)!r}"
            )
        arrays = [column.combine_chunks() for column in table.columns]
        return Chunk(pa.RecordBatch.from_arrays(arrays, schema=self.schema), first, broken)


@contextmanager
def inflated(path: Path) -> Iterator[BinaryIO]:
    """The bytes within a gzip file, one member or several. Raises BadFile, also while they are read."""
    try:
        with igzip.open(path, "rb") as stream:  # type: ignore[no-untyped-call]
            yield cast(BinaryIO, stream)
    except (EOFError, igzip.BadGzipFile, isal_zlib.error) as error:  # type: ignore[misc]
        raise BadFile(
            f"{path}: a gzip file that is cut short or damaged ({one_line(error)}); fetch it again"
        ) from error
