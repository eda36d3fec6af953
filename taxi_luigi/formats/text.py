"""csv and csv.gz: blocks of whole records, each parsed into a batch of text columns.

Inflating and counting run on one thread, parsing on another, so that the caller's own work is the third.
"""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from isal import igzip, isal_zlib

from taxi_luigi.errors import BadFile, LayoutError
from taxi_luigi.formats import records
from taxi_luigi.formats.ahead import ahead
from taxi_luigi.formats.header import HEAD, Header, read_header
from taxi_luigi.formats.raw import BrokenRecord, Chunk, Format, damage, one_line

GZIP_MAGIC = b"\x1f\x8b"

_LINE_ENDS = (b"\n", b"\r")


class CsvRaw:
    """A raw csv file, inflated or not: every column is text, and an empty field null."""

    records_hint: int | None = None

    def __init__(self, path: Path, found: Format, stream: BinaryIO) -> None:
        self.format = found
        self._path = path
        self._blocks = records.blocks(stream, path)
        self._records = 0
        first = next(self._blocks, b"")
        self._header = read_header(first[:HEAD], path)
        self._rest = first[self._header.length :]
        self.schema = pa.schema([(name, pa.string()) for name in self._header.names])

    def chunks(self) -> Generator[Chunk, None, None]:
        return ahead(self._parsed(ahead(self._counted())))

    def records(self) -> int:
        return self._records

    def count(self) -> int:
        for _ in self._counted():
            pass
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
        fields = 0

        def keep(row: pyarrow.csv.InvalidRow) -> str:
            nonlocal fields
            broken.append(BrokenRecord(row.number, row.text))
            fields = row.actual_columns
            return "skip"

        names = [str(position) for position in range(self._header.width)]  # a header may name two columns alike
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
        if broken and not block.endswith(_LINE_ENDS) and broken[-1].number == records.count(block):
            _judge_end(fields, self._header, broken[-1].text, self._path)
        if broken and not table.num_rows and first == 1:
            raise LayoutError(
                f"{self._path}: the header names {len(self.schema)} columns, and no row of the first"
                f" {len(broken):,} has as many fields; the first is {one_line(broken[0].text)!r}"
            )
        arrays = [column.combine_chunks() for column in table.columns]
        chunk = Chunk(pa.RecordBatch.from_arrays(arrays[: len(self.schema)], schema=self.schema), first, broken)
        return _without_surplus(chunk, arrays[len(self.schema) :])


def check_end(head: bytes, tail: bytes, path: Path) -> None:
    """Raises BadFile when a file that begins and ends with these bytes ends within a record, as far as they show."""
    last = tail[max(tail.rfind(end) for end in _LINE_ENDS) + 1 :]
    if last and last.count(b'"') % 2 == 0:  # else a line break within quotes, which counting the records will tell
        text = last.decode("utf-8", "backslashreplace")
        _judge_end(len(next(csv.reader([text]))), read_header(head, path), text, path)


def _judge_end(fields: int, header: Header, text: str, path: Path) -> None:
    """The last record, which no line end follows, may be whole; with fewer fields than the others it is not."""
    if fields < header.width:
        raise BadFile(
            f"{path}: cut short: its last line has {fields} of {header.width} fields and no end, {one_line(text)!r};"
            " fetch it again"
        )


def _without_surplus(chunk: Chunk, surplus: Sequence[pa.Array]) -> Chunk:
    """A row with a value in a field that has no name is a broken record: one comma too many moved its values."""
    if all(column.null_count == len(column) for column in surplus):
        return chunk
    filled = pc.fill_null(
        reduce(pc.or_kleene, [pc.not_equal(pc.utf8_trim_whitespace(each), "") for each in surplus]), False
    )
    rows = pc.indices_nonzero(filled).to_numpy()
    whole = [column.take(rows).to_pylist() for column in (*chunk.batch.columns, *surplus)]
    numbers = chunk.ordinals(rows) - chunk.first + 1
    moved = [
        BrokenRecord(int(number), ",".join(field or "" for field in fields))
        for number, *fields in zip(numbers, *whole, strict=True)
    ]
    return Chunk(
        chunk.batch.filter(pc.invert(filled)),
        chunk.first,
        sorted((*chunk.broken, *moved), key=lambda record: record.number),
    )


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
