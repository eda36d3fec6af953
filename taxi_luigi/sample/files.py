"""Made-up trips as the files that TLC and its csv mirror publish: parquet, csv and csv.gz.

Which columns a file has is in `layouts.py`, what is in them in `trips.py`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedIOBase
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from taxi_luigi.errors import UsageError
from taxi_luigi.files import publish, temporary
from taxi_luigi.months import Month
from taxi_luigi.sample.layouts import Form, layout
from taxi_luigi.sample.trips import CHUNK, Chunk, Made, trips

ROW_GROUP = 1_048_576
"""TLC's own since 2024"""


def file_name(color: str, month: Month, form: Form) -> str:
    """`yellow_tripdata_2021-01.parquet`: what TLC and the mirror call a month."""
    return f"{color}_tripdata_{month}.{form}"


def write_month(
    folder: Path,
    color: str,
    month: Month,
    rows: int,
    seed: int = 0,
    form: Form = "parquet",
    row_group_rows: int | None = None,
) -> Path:
    """Writes one month of that many rows into a folder, replacing it if it is there, and returns the file.

    Memory grows with `row_group_rows` (150 bytes a row), never with `rows`. Raises UsageError for a month that has no
    known layout and for less than one row.
    """
    if rows < 1:
        raise UsageError(f"a made-up month needs one row at least, not {rows}")
    types = {name: pa.type_for_alias(type) for name, type in layout(color, month, form).items()}
    schema = pa.schema(list(types.items()))
    tables = _tables(color, month, rows, seed, form, schema)
    final = folder / file_name(color, month, form)
    with temporary(final) as unfinished:
        if form == "parquet":
            _write_parquet(unfinished, month, schema, tables, row_group_rows or ROW_GROUP)
        else:
            _write_csv(unfinished, form, schema, tables)
        publish(unfinished, final)
    return final


def _tables(color: str, month: Month, rows: int, seed: int, form: Form, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, CHUNK):
        chunk = Chunk(color, month, rows, start, min(start + CHUNK, rows), seed)
        made = trips(chunk)
        if form != "parquet":
            _as_in_csv(chunk, made)
        yield pa.record_batch([_array(made, field, chunk.size) for field in schema], schema)


def _as_in_csv(chunk: Chunk, made: dict[str, Made]) -> None:
    """The csv's null block has neither vendor nor payment type, where parquet says 2 and 0."""
    null = chunk.positions() >= chunk.null_from
    for name in ("vendorid", "payment_type"):
        made[name] = Made(made[name].values, null)


def _array(made: dict[str, Made], field: pa.Field, size: int) -> pa.Array:
    if pa.types.is_null(field.type):
        return pa.nulls(size)
    column = made[field.name.lower().removeprefix("tpep_").removeprefix("lpep_")]
    if pa.types.is_timestamp(field.type) or column.values.dtype == object:
        return pa.array(column.values, field.type, mask=column.null)
    return pa.array(column.values.astype(field.type.to_pandas_dtype()), mask=column.null)


def _write_parquet(
    path: Path, month: Month, schema: pa.Schema, batches: Iterator[pa.RecordBatch], row_group_rows: int
) -> None:
    # TLC went from gzip to zstd with the 2023-02 files. Level 1: made-up months need no small files, but quick ones.
    compression = "zstd" if month >= Month(2023, 2) else "gzip"
    with pa.parquet.ParquetWriter(path, schema, compression=compression, compression_level=1) as writer:
        for group in _regroup(batches, row_group_rows):
            writer.write_table(group, row_group_size=row_group_rows)


def _regroup(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        while sum(part.num_rows for part in held) >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows)
            held = table.slice(rows).to_batches()
    if held:
        yield pa.Table.from_batches(held)


def _write_csv(path: Path, form: Form, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    with ExitStack() as stack:
        plain = stack.enter_context(path.open("wb"))
        file: BufferedIOBase = plain
        if form == "csv.gz":
            # No name and no time in the gzip header: the same trips give the same bytes.
            file = stack.enter_context(gzip.GzipFile("", "wb", compresslevel=6, fileobj=plain, mtime=0))
        file.write(",".join(schema.names).encode() + b"\r\n")
        options = pa.csv.WriteOptions(include_header=False, quoting_style="none", eol="\r\n")
        with pa.csv.CSVWriter(file, schema, write_options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
