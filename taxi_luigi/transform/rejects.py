"""The rows that were taken out of a month: their ordinals, reasons and raw values as text.

One schema for all record types and layouts; parquet_writer.py writes the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxi_luigi.core.text import cut
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.arrow_utils import text_array
from taxi_luigi.transform.readers import Chunk

FIELD_COUNT = "field_count"
"""The reason of a csv record with more or fewer fields than the header; its raw text is under the key LINE."""

LINE = "line"

SLICE = 8_192
"""Rejects built at a time: each takes some 1 kB of memory, and as much again while it is built."""

SLICE_BYTES = 64 << 20
"""Bytes of raw values built into rejects at a time, or one row: an Arrow text array has 2 GB at most."""

SCHEMA = pa.schema(
    [
        pa.field("file_month", pa.date32()),
        pa.field("record", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("raw", pa.map_(pa.string(), pa.string())),
    ]
)
"""`record` is the ordinal in the raw file, from 1 and without the header; `raw` is source column → text."""


LONGEST_VALUE = 150
"""Characters of a raw value shown in a message; a whole csv record may be one value."""


_LOOKED_AT = 64
"""Rows read at a time to find one: raw values may be long."""


def first_values(path: Path, reasons: Collection[str] | None = None) -> dict[str, str]:
    """Return the raw values of the first row in a file of rejects, long ones cut; empty when there is no such row.

    Args:
        path: the file of rejects
        reasons: consider only rows with one of these; None: all rows
    """
    found: tuple[int, int, int] | None = None
    with pq.ParquetFile(path) as file:
        # Broken records of csv come after the rows of their piece of the file, so the first row need not be the first.
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["record", "reason"])
            records = table["record"].to_numpy()
            if reasons is not None:
                wanted = pc.is_in(table["reason"], value_set=text_array(reasons)).to_numpy()
                records = np.where(wanted, records, np.iinfo(np.int64).max)
            place = int(records.argmin())
            if (reasons is None or wanted[place]) and (found is None or records[place] < found[0]):
                found = int(records[place]), group, place
        if found is None:
            return {}
        _, group, place = found
        batches = file.iter_batches(_LOOKED_AT, row_groups=[group], columns=["raw"])
        raw = next(islice(batches, place // _LOOKED_AT, None))["raw"][place % _LOOKED_AT]
    return {name: cut(str(value), LONGEST_VALUE) for name, value in raw.as_py()}


def of_rows(chunk: Chunk, reasons: pa.StringArray, month: Month) -> Iterator[pa.RecordBatch]:
    """Yield rejects for the rows of the chunk's batch that have a reason, built lazily.

    Args:
        chunk: of the raw file
        reasons: one for each row of the batch; null for a row to keep
        month: of the file
    """
    rows = pc.indices_nonzero(pc.is_valid(reasons))
    raw = chunk.raw()
    size = min(SLICE, max(1, SLICE_BYTES * raw.num_rows // max(raw.nbytes, 1)))
    for start in range(0, len(rows), size):
        some = rows.slice(start, size)
        yield _batch(month, chunk.ordinals(some.to_numpy()), reasons.take(some), _raw(raw, some))


def of_broken(chunk: Chunk, month: Month) -> Iterator[pa.RecordBatch]:
    """Yield rejects for the chunk's broken records, built lazily."""
    texts = pa.array([record.text for record in chunk.broken], pa.string())
    records = np.array([record.number for record in chunk.broken], np.int64) + (chunk.first - 1)
    raw = pa.MapArray.from_arrays(
        np.arange(len(texts) + 1, dtype=np.int32), pa.repeat(pa.scalar(LINE), len(texts)), texts
    )
    yield _batch(month, records, pa.repeat(pa.scalar(FIELD_COUNT), len(texts)), raw)


def _batch(month: Month, records: np.ndarray, reasons: pa.Array, raw: pa.MapArray) -> pa.RecordBatch:
    months = pa.repeat(pa.scalar(month.first_day, pa.date32()), len(reasons))
    return pa.RecordBatch.from_arrays([months, pa.array(records, pa.int64()), reasons, raw], schema=SCHEMA)


def _raw(batch: pa.RecordBatch, wanted: pa.Array) -> pa.MapArray:
    """Return one map per row, column name → text. The values are stored column by column and taken row by row."""
    rows, columns = len(wanted), batch.num_columns
    values = pa.concat_arrays([_text(column, wanted) for column in batch.columns])
    by_row = np.arange(rows * columns).reshape(columns, rows).T.ravel()
    names = pa.array(batch.schema.names, pa.string()).take(pa.array(np.tile(np.arange(columns), rows)))
    offsets = np.arange(0, rows * columns + 1, max(columns, 1), dtype=np.int32)
    return pa.MapArray.from_arrays(offsets, names, values.take(pa.array(by_row)))


def _text(column: pa.Array, rows: pa.Array) -> pa.StringArray:
    """Return the rows as text; null for types without a text form, such as lists, which only unknown columns have."""
    if pa.types.is_string_view(column.type):  # from which pyarrow 26 cannot take rows
        column = pc.cast(column, pa.string())
    try:
        column = column.take(rows)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return pc.cast(column, pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.nulls(len(rows), pa.string())
