"""A raw file → a stream of Arrow batches, whatever its format: parquet, csv, csv.gz, told apart by their bytes.

Here is also what makes a file whole, and the receipt in a parquet footer. What the columns mean is not known here.
"""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from isal import igzip, isal_zlib

from taxi_luigi import records
from taxi_luigi.errors import BadFile, LayoutError
from taxi_luigi.receipt import FOOTER_KEY, CleanReceipt

Format = Literal["parquet", "csv", "csv.gz"]

BATCH_ROWS = 65_536
"""Rows in a batch of parquet."""

_HEAD = 65_536
_PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"
_LFS = b"version https://git-lfs"


@dataclass(frozen=True)
class BrokenRecord:
    """A csv record with more or fewer fields than the header."""

    number: int
    """among its chunk's records, from 1"""
    text: str


@dataclass(frozen=True)
class Chunk:
    """Some consecutive records: those that made rows, and those that did not."""

    batch: pa.RecordBatch
    first: int
    """ordinal of the first record in the file, from 1"""
    broken: Sequence[BrokenRecord] = ()


class RawFile(Protocol):
    """An open raw file."""

    format: Format
    schema: pa.Schema
    """as found; every column of a csv is string, and an empty field null"""
    records_hint: int | None
    """how many records there are, where that is known beforehand"""

    def chunks(self) -> Iterator[Chunk]:
        """All records, once. Raises BadFile where the file turns out to be damaged."""

    def records(self) -> int:
        """How many records the file holds, counted without the parser; once `chunks` is exhausted."""


def sniff(path: Path) -> Format:
    """What a file is by its first bytes. Raises BadFile, which quotes them, when it is none of the three."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise BadFile(f"{path}: the file is empty; fetch it again")
    if head.startswith(_PARQUET):
        return "parquet"
    if not head.startswith(_GZIP):
        _expect_csv(head, path)
        return "csv"
    with _inflated(path) as stream:
        _expect_csv(stream.read(_HEAD), path)
    return "csv.gz"


def check_whole(path: Path) -> Format:
    """`sniff`, and whether the file is there to its end: parquet's footer, gzip's checksums. Raises BadFile."""
    found = sniff(path)
    if found == "parquet":
        _open_parquet(path).close()
    elif found == "csv.gz":
        with _inflated(path) as stream:
            while stream.read(1 << 20):
                pass
    return found


@contextmanager
def open_raw(path: Path) -> Iterator[RawFile]:
    """Opens a raw file of any format. Raises BadFile, also while its chunks are read."""
    found = sniff(path)
    if found == "parquet":
        with _open_parquet(path) as file:
            yield _Parquet(path, file)
    elif found == "csv.gz":
        with _inflated(path) as stream:
            yield _Csv(path, found, stream)
    else:
        with path.open("rb") as stream:
            yield _Csv(path, found, stream)


def read_receipt(path: Path) -> CleanReceipt | None:
    """The receipt in a parquet file's footer; None when it carries none. Raises BadFile when it is no parquet file."""
    with _open_parquet(path) as file:
        text = (file.metadata.metadata or {}).get(FOOTER_KEY.encode())
    try:
        return None if text is None else CleanReceipt.from_json(text)
    except ValueError as error:
        raise BadFile(f"{path}: the receipt in its footer cannot be read ({_one_line(error)}); clean it again") from error


class _Parquet:
    format: Format = "parquet"

    def __init__(self, path: Path, file: pq.ParquetFile) -> None:
        self._path, self._file = path, file
        self.schema = file.schema_arrow
        self.records_hint: int | None = file.metadata.num_rows

    def chunks(self) -> Iterator[Chunk]:
        first = 1
        with _damage(self._path):
            for batch in self._file.iter_batches(BATCH_ROWS):
                yield Chunk(batch, first)
                first += batch.num_rows

    def records(self) -> int:
        return int(self._file.metadata.num_rows)


class _Csv:
    records_hint: int | None = None

    def __init__(self, path: Path, found: Format, stream: BinaryIO) -> None:
        self.format = found
        self._path = path
        self._blocks = records.blocks(stream, path)
        self._records = 0
        head = next(self._blocks, b"").removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
        header, _, self._rest = re.sub(rb"\r\n?", b"\n", head[:_HEAD]).partition(b"\n")
        self._rest += head[_HEAD:]
        names = next(csv.reader([header.decode("utf-8", "backslashreplace")]))
        self.schema = pa.schema([(name, pa.string()) for name in names])

    def chunks(self) -> Iterator[Chunk]:
        for block in self._all_blocks():
            chunk = self._parse(block, self._records + 1)
            self._records += records.count(block)
            yield chunk

    def records(self) -> int:
        return self._records

    def _all_blocks(self) -> Iterator[bytes]:
        if self._rest:
            yield self._rest
        yield from self._blocks

    def _parse(self, block: bytes, first: int) -> Chunk:
        if not block.isascii():  # bytes that are no UTF-8 stay visible: \xe9
            block = block.decode("utf-8", "backslashreplace").encode()
        broken: list[BrokenRecord] = []

        def keep(row: pyarrow.csv.InvalidRow) -> str:
            broken.append(BrokenRecord(row.number, row.text))
            return "skip"

        names = [str(position) for position in range(len(self.schema))]  # a header may name two columns alike
        with _damage(self._path):
            table = pyarrow.csv.read_csv(
                pa.BufferReader(block),
                # One thread: only then does pyarrow number the broken rows. One block: ours.
                pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
                pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                ),
            )
        if broken and not table.num_rows and first == 1:
            raise LayoutError(
                f"{self._path}: the header names {len(names)} columns, and no row of the first"
                f" {len(broken):,} has as many fields; the first is {_one_line(broken[0].text)!r}"
            )
        arrays = [column.combine_chunks() for column in table.columns]
        return Chunk(pa.RecordBatch.from_arrays(arrays, schema=self.schema), first, broken)


def _open_parquet(path: Path) -> pq.ParquetFile:
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0, 2)
        length = file.tell()
        file.seek(max(0, length - 4))
        end = file.read(4)
    if start != _PARQUET:
        raise BadFile(f"{path}: not a parquet file; it begins {_one_line(start)!r}")
    if end != _PARQUET or length < 12:
        raise BadFile(f"{path}: a parquet file cut short after {length:,} bytes; fetch it again")
    with _damage(path):
        # pyarrow's default reads ahead by whole row groups: 398 MB instead of 182 for 13.7 million rows (Nov 2026).
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=65_536)


@contextmanager
def _inflated(path: Path) -> Iterator[BinaryIO]:
    try:
        with igzip.open(path, "rb") as stream:
            yield cast(BinaryIO, stream)
    except (EOFError, igzip.BadGzipFile, isal_zlib.error, zlib.error) as error:
        raise BadFile(f"{path}: a gzip file that is cut short or damaged ({_one_line(error)}); fetch it again") from error


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turns what Arrow says of damaged bytes into BadFile; an error of the operating system keeps its number."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BadFile(f"{path}: damaged ({_one_line(error)}); fetch it again") from error


def _expect_csv(head: bytes, path: Path) -> None:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    line = text.splitlines()[0] if text else b""
    if text.startswith(b"<"):
        what = "a web page or an error in XML"
    elif text.startswith((b"{", b"[")):
        what = "a message in JSON"
    elif text.startswith(_LFS):
        what = "a pointer of Git LFS, not the file it points to"
    elif b"," in line and b"\0" not in line:
        return
    else:
        what = "neither parquet nor csv nor csv.gz"
    raise BadFile(f"{path}: {what}; it begins {_one_line(text[:400].decode('utf-8', 'replace'))!r}; fetch it again")


def _one_line(text: object, width: int = 100) -> str:
    words = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return words if len(words) <= width else words[: width - 1] + "…"
