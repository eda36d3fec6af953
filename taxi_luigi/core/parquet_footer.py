"""The end of a parquet file: its rows, its statistics and the receipt in it; and errors about damaged bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import SEEK_END
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from taxi_luigi.core.errors import BadFile
from taxi_luigi.core.receipts import FOOTER_KEY, CleanReceipt
from taxi_luigi.core.text import one_line

MAGIC = b"PAR1"
ENCRYPTED = "an encrypted parquet file, for which taxi_luigi has no keys"


@dataclass(frozen=True)
class Footer:
    """What is read from the end of a parquet file."""

    rows: int
    receipt: CleanReceipt | None
    """None in a file that we did not write"""


def read_footer(file: BinaryIO, where: object) -> Footer:
    """Read no more than the ends of a file; `where` is its address in messages. Raises BadFile."""
    check_ends(file, where)
    with damage(where), pq.ParquetFile(file, pre_buffer=False) as parquet:
        metadata = parquet.metadata
    return Footer(metadata.num_rows, receipt_in(metadata, where))


def receipt_in(metadata: pq.FileMetaData, where: object) -> CleanReceipt | None:
    """Return the receipt in a footer, None without one. Raises BadFile for a receipt that cannot be read."""
    text = (metadata.metadata or {}).get(FOOTER_KEY.encode())
    try:
        return None if text is None else CleanReceipt.from_json(text)
    except ValueError as error:
        raise BadFile(f"{where}: the receipt in its footer cannot be read ({one_line(error)})") from error


def null_counts(metadata: pq.FileMetaData) -> dict[str, int]:
    """Return column → rows without a value, by the statistics of its chunks; without columns that lack them."""
    # Not by metadata.schema: the two hold each other, and 589 footers stayed in memory, 350 MB (pyarrow 26, Nov 2026).
    nulls: dict[str, int] = {}
    unknown = set()
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for position in range(metadata.num_columns):
            chunk = group.column(position)
            statistics, name = chunk.statistics, chunk.path_in_schema
            if statistics is None or not statistics.has_null_count:
                unknown.add(name)
            else:
                nulls[name] = nulls.get(name, 0) + statistics.null_count
    return {name: number for name, number in nulls.items() if name not in unknown}


def filled_columns(file: BinaryIO, where: object) -> frozenset[str]:
    """Return the columns of a clean file that have a value in some row. Raises BadFile as `read_footer`."""
    check_ends(file, where)
    with damage(where), pq.ParquetFile(file, pre_buffer=False) as parquet:
        metadata = parquet.metadata
    return frozenset(name for name, nulls in null_counts(metadata).items() if nulls < metadata.num_rows)


def check_ends(file: BinaryIO, where: object) -> None:
    """Raise BadFile unless the file begins and ends as parquet does; else leave it at its beginning."""
    start = file.read(4)
    length = file.seek(0, SEEK_END)
    file.seek(max(0, length - 4))
    end = file.read(4)
    if start != MAGIC:
        raise BadFile(f"{where}: not a parquet file; it begins {one_line(start)!r}")
    if end != MAGIC or length < 12:
        raise BadFile(f"{where}: a parquet file cut short after {length:,} bytes")
    file.seek(0)


@contextmanager
def damage(where: object) -> Iterator[None]:
    """Raise Arrow's errors about damaged bytes as BadFile; an error of the operating system passes."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if "decrypt" in str(error):  # a parquet file whose footer alone is not encrypted
            raise BadFile(f"{where}: {ENCRYPTED}; write it without encryption") from error
        raise BadFile(f"{where}: the file is damaged ({one_line(error)})") from error
