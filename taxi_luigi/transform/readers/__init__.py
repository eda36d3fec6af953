"""Read raw files of any format as a stream of Arrow batches: parquet, csv and csv.gz, recognized by their bytes.

Also check that files are complete. Columns are not interpreted here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import SEEK_END
from pathlib import Path

from taxi_luigi.core.errors import BadFile
from taxi_luigi.core.parquet_footer import MAGIC
from taxi_luigi.transform.readers.base import BrokenRecord, Chunk, Format, RawFile
from taxi_luigi.transform.readers.csv import GZIP_MAGIC, CsvRaw, check_end, inflated
from taxi_luigi.transform.readers.csv_header import HEAD
from taxi_luigi.transform.readers.foreign import expect_csv
from taxi_luigi.transform.readers.parquet import ParquetRaw, open_parquet

__all__ = [
    "BrokenRecord",
    "Chunk",
    "Format",
    "RawFile",
    "check_whole",
    "count_records",
    "open_raw",
    "sniff",
]


def sniff(path: Path) -> Format:
    """Return the format of a file by its first bytes. Raise BadFile with what it is instead, if it is no raw format."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise BadFile(f"{path}: the file is empty")
    if head.startswith(MAGIC):
        return "parquet"
    if not head.startswith(GZIP_MAGIC):
        expect_csv(head, path)
        return "csv"
    with inflated(path) as stream:
        expect_csv(stream.read(HEAD), path, packed=True)
    return "csv.gz"


def check_whole(path: Path) -> Format:
    """Return the format of a file and check that it is complete: parquet's footer, gzip's checksums, csv's last line.

    Raises: BadFile
    """
    found = sniff(path)
    if found == "parquet":
        open_parquet(path).close()
    elif found == "csv.gz":
        with inflated(path) as stream:
            head = tail = stream.read(HEAD)
            while more := stream.read(1 << 20):
                tail = (tail + more)[-HEAD:]
        check_end(head, tail, path)
    else:
        with path.open("rb") as file:
            head = file.read(HEAD)
            file.seek(-min(HEAD, path.stat().st_size), SEEK_END)
            check_end(head, file.read(), path)
    return found


def count_records(path: Path) -> int:
    """Return the records of a raw file: those in parquet's footer, or those counted in a csv.

    Raises: BadFile
    """
    with open_raw(path) as raw:
        return raw.count()


@contextmanager
def open_raw(path: Path) -> Iterator[RawFile]:
    """Open a raw file of any format. Raise BadFile, also while its chunks are read."""
    found = sniff(path)
    if found == "parquet":
        with open_parquet(path) as file:
            yield ParquetRaw(path, file)
    elif found == "csv.gz":
        with inflated(path) as stream:
            yield CsvRaw(path, found, stream)
    else:
        with path.open("rb") as stream:
            yield CsvRaw(path, found, stream)
