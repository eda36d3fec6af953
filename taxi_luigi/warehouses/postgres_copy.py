"""Copy a clean parquet file into PostgreSQL as a stream of its binary COPY format, a batch of rows at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder

from taxi_luigi.core.errors import BadFile
from taxi_luigi.core.parquet_footer import null_counts
from taxi_luigi.core.text import unwrapped
from taxi_luigi.tlc.datasets import FILE_MONTH
from taxi_luigi.warehouses import Progress
from taxi_luigi.warehouses.ddl import Columns, quoted, sql
from taxi_luigi.warehouses.postgres_connection import Cursor

BATCH_ROWS = 16_384
"""1.12 times as long as the server's own COPY of a ready file; 4,096 took 1.20, 65,536 took 1.17 (November 2026)."""


class _Stream:
    """The file object that psycopg2 reads: a chunk of any size at each call, an empty one at the end.

    The next chunk is encoded while psycopg2 sends this one and the server stores it: without that a load took 1.5 times
    as long as the server alone, with it 1.1 times (November 2026).
    """

    def __init__(self, chunks: Iterator[tuple[bytes, int]], pool: Executor, on_rows: Callable[[int], None]) -> None:
        self.failure: BaseException | None = None
        self._chunks = chunks
        self._pool = pool
        self._on_rows = on_rows
        self._next = pool.submit(next, chunks, None)

    def read(self, _size: int) -> bytes:
        try:
            while (encoded := self._next.result()) is not None:
                self._next = self._pool.submit(next, self._chunks, None)
                chunk, rows = encoded
                if rows:
                    self._on_rows(rows)
                if chunk:  # the encoder returns nothing while its buffer fills
                    return chunk
        except BaseException as failure:
            # psycopg2 ends the COPY and raises its own error instead
            self.failure = failure
            raise
        return b""


def copy_month(
    cursor: Cursor, table: tuple[str, str], clean: Path, expected: Columns, total: int, progress: Progress
) -> int:
    """Copy every row of the file into the table.

    A column that has no value in the whole file is not sent, and so stays NULL: with 19 of yellow's 26 columns the
    server's COPY takes 0.92 of the time, and this process 0.77 of the CPU (2.6 million rows, November 2026).

    Args:
        cursor: a cursor in the transaction of the load.
        table: schema and name of the table, which is new and whose columns have no defaults.
        clean: the parquet file.
        expected: column name → type of the table.
        total: rows of the file, for the progress.
        progress: called after every batch.

    Returns:
        The rows that the server counted.

    Raises:
        BadFile: the file is not parquet, or its columns have other types: in the binary format the server would store
            the eight bytes of a time stamp as a number.
    """
    with (
        _reading(clean),
        pq.ParquetFile(clean, pre_buffer=False, buffer_size=65_536) as file,
        ThreadPoolExecutor(1) as pool,
    ):
        _check(clean, file.schema_arrow, expected)
        sent = _with_values(file)
        names = ", ".join(map(quoted, sent.names))
        copy = sql("COPY {table} ", table=table) + f"({names}) FROM STDIN (FORMAT binary)"
        stream = _Stream(_encoded(file, sent), pool, lambda rows: progress(rows, total))
        try:
            with _without_system_errors():
                cursor.copy_expert(copy, stream)  # type: ignore[arg-type]  # reads by read() alone
        except psycopg2.Error:
            if stream.failure is not None:
                raise stream.failure from None
            raise
    return cursor.rowcount


@contextmanager
def _reading(clean: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's failure, not the file's: pyarrow raises OSError without a number for damaged pages too
        text = unwrapped(error)
        raise BadFile(f"{clean} cannot be read: {text}") from error


@contextmanager
def _without_system_errors() -> Iterator[None]:
    """Suppress what Python prints to stderr when the server ends a connection during a COPY (psycopg2 2.9).

    libpq then reports two errors, and psycopg2 raises the second while the first is pending: a SystemError, which only
    sys.excepthook receives. The hook is replaced for the length of the COPY, usually in the task's own process.
    """
    hook = sys.excepthook

    def without(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not (isinstance(error, SystemError) and isinstance(error.__cause__, psycopg2.Error)):
            hook(kind, error, trace)

    sys.excepthook = without
    try:
        yield
    finally:
        if sys.excepthook is without:  # another thread's is passed on to ours
            sys.excepthook = hook


def _with_values(file: pq.ParquetFile) -> pa.Schema:
    """Return the columns that have a value in some row, or of which the file's statistics do not tell."""
    metadata = file.metadata
    nulls = null_counts(metadata)
    # file_month, which every row has, so that a month without rows has a column too
    return pa.schema(
        field for field in file.schema_arrow if field.name == FILE_MONTH or nulls.get(field.name) != metadata.num_rows
    )


def _encoded(file: pq.ParquetFile, columns: pa.Schema) -> Iterator[tuple[bytes, int]]:
    """Yield the stream in chunks, each with the number of rows encoded so far; 0 for the header and the end."""
    encoder = ArrowToPostgresBinaryEncoder(columns)
    yield encoder.write_header(), 0
    rows = 0
    # Without threads of its own: this one decodes faster than the server stores, and needs 0.9 of the CPU
    for batch in file.iter_batches(BATCH_ROWS, columns=columns.names, use_threads=False):
        rows += batch.num_rows
        yield encoder.write_batch(batch), rows
    yield encoder.finish(), 0


def _check(clean: Path, schema: pa.Schema, expected: Columns) -> None:
    for field in schema:
        kind = str(field.type).removesuffix("[day]")
        if expected.get(field.name) != kind:
            raise BadFile(
                f"{clean} has a column {field.name} of type {kind}, not {expected.get(field.name, 'none')}; "
                "run with --force to make it again"
            )
