"""Write the two parquet files of a month: the clean rows, and the rejects if there are any.

clean.py provides the rows; this module encodes them and writes the receipt into the footers.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from taxi_luigi.core.receipts import FOOTER_KEY, CleanReceipt

REJECT_GROUP = 16_384
"""The fewest rows in a row group of rejects, except the last of each call."""


class MonthFiles:
    """A context manager that creates a month's two files, appends batches to them, and closes them."""

    def __init__(self, clean: Path, rejects: Path) -> None:
        self._paths = {"clean": clean, "rejects": rejects}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for path in self._paths.values():
            path.unlink(missing_ok=True)
        return self

    def __exit__(self, *failure: object) -> None:
        self._open.close()

    def write_clean(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Append one row group to the clean file; the first call creates the file, even without rows."""
        self._append("clean", pa.Table.from_batches(batches, schema))

    def write_rejects(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        """Append the batches to the rejects in row groups of REJECT_GROUP rows; the first batch creates the file."""
        held: list[pa.RecordBatch] = []
        for batch in batches:
            held.append(batch)
            if sum(each.num_rows for each in held) >= REJECT_GROUP:
                self._append("rejects", pa.Table.from_batches(held, schema))
                held = []
        if held:
            self._append("rejects", pa.Table.from_batches(held, schema))

    def sign(self, receipt: CleanReceipt) -> None:
        """Write the receipt into the footers; to be called last."""
        for writer in self._writers.values():
            writer.add_key_value_metadata({FOOTER_KEY: receipt.to_json()})

    def _append(self, which: str, table: pa.Table) -> None:
        writer = self._writers.get(which)
        if writer is None:
            writer = self._writers[which] = self._create(self._paths[which], table.schema)
        if table.num_rows:
            writer.write_table(table, row_group_size=table.num_rows)

    def _create(self, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
        file = self._open.enter_context(pa.OSFile(str(path), "wb"))
        times = [field.name for field in schema if pa.types.is_timestamp(field.type)]
        writer = pq.ParquetWriter(
            file,
            schema,
            compression="zstd",
            compression_level=1,
            # Times hardly repeat, so a dictionary costs time and space. With delta encoding, eight green months were
            # 4 to 12 % smaller than plain, and 22 to 30 % smaller than with dictionaries (Nov 2026).
            use_dictionary=[name for name in schema.names if name not in times] if times else True,
            column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED") or None,
        )
        return self._open.enter_context(writer)


def rows_written(path: Path) -> int:
    """Return the rows in the footer of a finished file; 0 when there is no file."""
    return int(pq.read_metadata(path).num_rows) if path.exists() else 0
