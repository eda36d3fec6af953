"""Parse one block of whole csv records to a batch by pyarrow: to the requested types where they fit, else to text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from taxi_luigi.core.errors import BadFile, LayoutError
from taxi_luigi.core.parquet_footer import damage
from taxi_luigi.core.text import one_line
from taxi_luigi.transform.readers import csv_records
from taxi_luigi.transform.readers.base import BrokenRecord, Chunk
from taxi_luigi.transform.readers.csv_header import BYTE_ORDER_MARK, Header

LINE_ENDS = (b"\n", b"\r")

_MISFIT = re.compile(r"In CSV column #(\d+): ")
"""The beginning of pyarrow's message on a value that is not of its column's type."""


class BlockParser:
    """Parse the blocks of one file, in order.

    `types` are the requested types by a column's position. Parsing to them directly saves a fifth of the time of
    cleaning (Nov 2026), but is all or nothing: a column with one value that does not fit is parsed as text from its
    block on, and cast by casting.py.
    """

    def __init__(self, where: object, header: Header, types: Mapping[int, pa.DataType]) -> None:
        self._where = where
        self._header = header
        self._types = dict(types)

    def parse(self, block: bytes, first: int) -> Chunk:
        """Parse a block.

        Args:
            block: whole records
            first: ordinal in the file of the first one
        Raises: BadFile for bytes that cannot be parsed, LayoutError when no row of the first block fits the header
        """
        if not block.isascii():  # invalid UTF-8 stays visible: \xe9
            block = block.decode("utf-8", "backslashreplace").encode()
            if block.startswith(BYTE_ORDER_MARK):  # pyarrow would drop it as the mark at a file's beginning
                block = b"\n" + block
        columns, broken = self._read(block)
        if broken and not len(columns[0]) and first == 1:
            raise LayoutError(
                f"{self._where}: the header names {len(self._header.names)} columns, and no row of the first"
                f" {len(broken):,} has as many fields; the first is {one_line(broken[0].text)!r}"
            )
        whole = _nothing_in(columns[len(self._header.names) :])

        def text() -> pa.RecordBatch:
            return self._batch(self._read_as(block, {})[0], whole)

        chunk = Chunk(self._batch(columns, None), first, broken, text if self._types else None)
        return chunk if whole is None else _set_aside(chunk, self._read_as(block, {})[0], whole)

    def _batch(self, columns: Sequence[pa.Array], rows: pa.BooleanArray | None) -> pa.RecordBatch:
        """Return the named columns as a batch; `rows` is a filter, None: all rows."""
        names = list(self._header.names)
        batch = pa.RecordBatch.from_arrays(list(columns[: len(names)]), names=names)
        return batch if rows is None else batch.filter(rows)

    def _read(self, block: bytes) -> tuple[list[pa.Array], list[BrokenRecord]]:
        """Parse a block; a column with a value that is not of its requested type is text from here on."""
        while True:
            try:
                with damage(self._where):
                    columns, broken = self._read_as(block, {} if _has_hexadecimal(block) else self._types)
            except BadFile as error:
                misfit = _MISFIT.match(str(error.__cause__))
                if misfit is None or self._types.pop(int(misfit[1]), None) is None:
                    raise
                continue
            strange = [place for place in self._types if _has_no_number(columns[place])]
            if not strange:
                return columns, broken
            for place in strange:
                del self._types[place]

    def _read_as(self, block: bytes, types: Mapping[int, pa.DataType]) -> tuple[list[pa.Array], list[BrokenRecord]]:
        broken: list[BrokenRecord] = []
        fields = 0

        def keep(row: pyarrow.csv.InvalidRow) -> str:
            nonlocal fields
            broken.append(BrokenRecord(row.number, row.text))
            fields = row.actual_columns
            return "skip"

        names = [str(place) for place in range(self._header.width)]  # a header may name two columns alike
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            # One thread: only then does pyarrow number the broken rows. One block: ours.
            pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
            pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
            pyarrow.csv.ConvertOptions(
                column_types={name: types.get(place, pa.string()) for place, name in enumerate(names)},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        if broken and not block.endswith(LINE_ENDS) and broken[-1].number == csv_records.count(block):
            judge_end(fields, self._header, broken[-1].text, self._where)
        return [column.combine_chunks() for column in table.columns], broken


def _has_hexadecimal(block: bytes) -> bool:
    """Return whether the block may have hexadecimal numbers, which pyarrow accepts: 0xffffffff as -1."""
    return (b"x" in block and b"0x" in block) or (b"X" in block and b"0X" in block)


def _has_no_number(column: pa.Array) -> bool:
    """Return whether a column has infinity or NaN, which pyarrow parses from inf, -nan and 1e999."""
    return bool(pa.types.is_floating(column.type) and pc.is_finite(column).false_count)


def judge_end(fields: int, header: Header, text: str, where: object) -> None:
    """Check the last record of a file without a line end at its end, which is cut short if it lacks fields.

    Args:
        fields: number of fields in the record
        header: of the file
        text: of the record
        where: the file, for messages
    Raises: BadFile
    """
    if fields < header.width:
        raise BadFile(
            f"{where}: cut short: its last line has {fields} of {header.width} fields and no end, {one_line(text)!r}"
        )


def _nothing_in(columns: Sequence[pa.Array]) -> pa.BooleanArray | None:
    """Return a mask of the rows with only blanks in these columns; None when all rows are so."""
    if all(column.null_count == len(column) for column in columns):
        return None
    values = [pc.not_equal(pc.utf8_trim_whitespace(column), "") for column in columns]
    filled = pc.fill_null(reduce(pc.or_kleene, values), False)
    return pc.invert(filled) if filled.true_count else None


def _set_aside(chunk: Chunk, columns: Sequence[pa.Array], whole: pa.BooleanArray) -> Chunk:
    """Turn rows with a value in a field without a name into broken records: an extra comma has moved their values."""
    rows = pc.indices_nonzero(pc.invert(whole)).to_numpy()
    values = [column.take(rows).to_pylist() for column in columns]
    numbers = chunk.ordinals(rows) - chunk.first + 1
    moved = [
        BrokenRecord(int(number), ",".join(field or "" for field in fields))
        for number, *fields in zip(numbers, *values, strict=True)
    ]
    return replace(
        chunk,
        batch=chunk.batch.filter(whole),
        broken=sorted((*chunk.broken, *moved), key=lambda record: record.number),
    )
