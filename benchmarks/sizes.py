"""The size of a clean file, beside pyarrow's default encodings and the smallest encoding of each column.

`python -m benchmarks.sizes CLEAN` measures one file of taxi_luigi's, made up or real, and prints a line of JSON.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from benchmarks import harness
from benchmarks.harness import Scope, Way, said
from benchmarks.months import made

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MONTHS = {
    "yellow": ("2021-01", 2_600_000),
    "green": ("2021-01", 76_000),
    "fhv": ("2021-01", 1_200_000),
    "fhvhv": ("2021-01", 2_600_000),
}
"""record type → month, rows; dense months and a sparse one, as TLC's are"""


def table(scope: Scope) -> str:
    """Clean a month of each record type, and measure its file."""
    rows = []
    for color, (month, count) in MONTHS.items():
        raw = made(scope.folder, color, month, scope.of(count))
        clean = raw.with_name("clean.parquet")
        harness.run(Way("clean it", ("benchmarks.clean", "ours", str(raw), str(clean))))
        found = harness.run(Way("measure it", ("benchmarks.sizes", str(clean)))).said
        cells = [f"{color} {month}, {scope.of(count):,} rows", f"{clean.stat().st_size / 1e6:.2f}"]
        rows.append([*cells, *(f"{found['ours'] / found[name]:.3f}" for name in ("default", "smallest"))])
    head = ["month", "clean MB", "× pyarrow's default", "× smallest of each column"]
    return harness.markdown(head, rows)


def _measure(clean: Path) -> None:
    """Print the bytes of the same rows in the same row groups, all with zstd at the level of taxi_luigi."""
    import pyarrow.parquet as pq

    began = perf_counter()
    with pq.ParquetFile(clean) as file:
        # Columns one by one, as a dense month in whole is large.
        rows, group = file.metadata.num_rows, file.metadata.row_group(0).num_rows
        ours, default, smallest = _column_bytes(file.metadata), 0, 0
        for name in file.schema_arrow.names:
            column = file.read([name])
            sizes = {encoding: _size(column, group, encoding) for encoding in _encodings(column.schema.field(0).type)}
            default += sizes["dictionary"]
            smallest += min(sizes.values())
    said(rows, began, ours=ours, default=default, smallest=smallest)


def _encodings(type: pa.DataType) -> list[str]:
    import pyarrow.types as types

    found = ["dictionary", "PLAIN"]
    if types.is_string(type):
        return [*found, "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
    if types.is_floating(type):
        return [*found, "BYTE_STREAM_SPLIT"]
    return [*found, "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]


def _size(column: pa.Table, group: int, encoding: str) -> int:
    """Return the bytes of a file with one column: `dictionary` is pyarrow's default, which falls back to plain."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    options: dict[str, Any] = {}
    if encoding != "dictionary":
        options = {"use_dictionary": False, "column_encoding": {column.column_names[0]: encoding}}
    out = pa.BufferOutputStream()
    pq.write_table(column, out, row_group_size=group, compression="zstd", compression_level=1, **options)
    return _column_bytes(pq.read_metadata(pa.BufferReader(out.getvalue())))


def _column_bytes(metadata: pq.FileMetaData) -> int:
    """Return the bytes of all columns, without the footer."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return sum(group.column(place).total_compressed_size for group in groups for place in range(group.num_columns))


if __name__ == "__main__":
    _measure(Path(sys.argv[1]))
