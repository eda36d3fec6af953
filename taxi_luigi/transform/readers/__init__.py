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


def sniff(path: Path, where: object = None) -> Format:
    """Return the format of a file by its first bytes. Raise BadFile with what it is instead, if it is no raw format."""
    where = where or path
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise BadFile(f"{where}: the file is empty")
    if head.startswith(MAGIC):
        return "parquet"
    if not head.startswith(GZIP_MAGIC):
        expect_csv(head, where)
        return "csv"
    with inflated(path, where) as stream:
        expect_csv(stream.read(HEAD), where, packed=True)
    return "csv.gz"


def check_whole(path: Path, where: object = None) -> Format:
    """Return the format of a file and check that it is complete: parquet's footer, gzip's checksums, csv's last line.

    Raises: BadFile, which names `where`, or else the path
    """
    where = where or path
    found = sniff(path, where)
    if found == "parquet":
        open_parquet(path, where).close()
    elif found == "csv.gz":
        with inflated(path, where) as stream:
            head = tail = stream.read(HEAD)
            while more := stream.read(1 << 20):
                tail = (tail + more)[-HEAD:]
        check_end(head, tail, where)
    else:
        with path.open("rb") as file:
            head = file.read(HEAD)
            file.seek(-min(HEAD, path.stat().st_size), SEEK_END)
            check_end(head, file.read(), where)
    return found


def count_records(path: Path) -> int:
    """Return the records of a raw file: those in parquet's footer, or those counted in a csv.

    Raises: BadFile
    """
    with open_raw(path) as raw:
        return raw.count()


@contextmanager
def open_raw(path: Path, where: object = None) -> Iterator[RawFile]:
    """Open a raw file of any format.

    Args:
        path: of the bytes; `Store.reading` yields a temporary one
        where: the file's lasting name, for messages; None: the path
    Raises: BadFile, also while the chunks are read
    """
    where = where or path
    found = sniff(path, where)
    if found == "parquet":
        with open_parquet(path, where) as file:
            yield ParquetRaw(file, where)
    elif found == "csv.gz":
        with inflated(path, where) as stream:
            yield CsvRaw(found, stream, where)
    else:
        with path.open("rb") as stream:
            yield CsvRaw(found, stream, where)
