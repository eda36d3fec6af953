"""Made-up trips as the files that TLC and its csv mirror publish: parquet, csv and csv.gz.

`layouts.py` has the columns of a file, `trips.py` their values, `csv_text.py` their text in a csv.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack
from io import BufferedIOBase
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from taxi_luigi.core.atomic_files import publish, temporary
from taxi_luigi.core.errors import UsageError
from taxi_luigi.sample.chunk import CHUNK, Chunk, Made
from taxi_luigi.sample.csv_text import header, lines
from taxi_luigi.sample.layouts import CsvEra, Form, csv_layout, parquet_layout
from taxi_luigi.sample.trips import array, canonical, trips
from taxi_luigi.tlc.months import Month

ROW_GROUP = 1_048_576
"""TLC's own since 2024"""


def file_name(color: str, month: Month, form: Form) -> str:
    """Return `yellow_tripdata_2021-01.parquet`, the name that TLC and the mirror give to a month's file."""
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
    """Write one month into a folder, in place of an existing file.

    Args:
        rows: does not change how much memory it takes
        seed: the same seed gives the same bytes
        row_group_rows: of parquet, each 400 bytes of memory; None: as many as TLC's own files have
    Returns:
        the file
    Raises:
        UsageError: the month has no known layout, or `rows` is below 1
    """
    if rows < 1:
        raise UsageError(f"a made-up month needs one row at least, not {rows}")
    chunks = (Chunk(color, month, rows, start, min(start + CHUNK, rows), seed, form) for start in range(0, rows, CHUNK))
    final = folder / file_name(color, month, form)
    if form == "parquet":
        schema = pa.schema([(name, pa.type_for_alias(type)) for name, type in parquet_layout(color, month).items()])
        with temporary(final) as unfinished:
            _write_parquet(unfinished, month, schema, chunks, row_group_rows or ROW_GROUP)
            publish(unfinished, final)
    else:
        era = csv_layout(color, month, form)
        with temporary(final) as unfinished:
            _write_csv(unfinished, form, era, chunks)
            publish(unfinished, final)
    return final


def _write_parquet(path: Path, month: Month, schema: pa.Schema, chunks: Iterator[Chunk], row_group_rows: int) -> None:
    # TLC went from gzip to zstd with the 2023-02 files. Level 1: made-up months must be fast to write, not small.
    compression = "zstd" if month >= Month(2023, 2) else "gzip"
    batches = (_batch(trips(chunk), schema, chunk.size) for chunk in chunks)
    with pa.parquet.ParquetWriter(path, schema, compression=compression, compression_level=1) as writer:
        for group in _regroup(batches, row_group_rows):
            writer.write_table(group, row_group_size=row_group_rows)


def _batch(made: dict[str, Made], schema: pa.Schema, size: int) -> pa.RecordBatch:
    return pa.record_batch([_column(made, field, size) for field in schema], schema)


def _column(made: dict[str, Made], field: pa.Field, size: int) -> pa.Array:
    if pa.types.is_null(field.type):
        return pa.nulls(size)
    return array(made[canonical(field.name)]).cast(field.type)


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


def _write_csv(path: Path, form: Form, era: CsvEra, chunks: Iterator[Chunk]) -> None:
    with ExitStack() as stack:
        plain = stack.enter_context(path.open("wb"))
        file: BufferedIOBase = plain
        if form == "csv.gz":
            # No name and no time in the gzip header: the same trips give the same bytes.
            file = stack.enter_context(gzip.GzipFile("", "wb", compresslevel=6, fileobj=plain, mtime=0))
        file.write(header(era))
        for chunk in chunks:
            file.write(lines(era, chunk, trips(chunk)))
