"""What every format promises of an open raw file. The formats themselves are beside it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa

Format = Literal["parquet", "csv", "csv.gz"]

Types = Mapping[int, pa.DataType]
NO_TYPES: Types = MappingProxyType({})


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
    """by number"""
    text: Callable[[], pa.RecordBatch] | None = None
    """makes the batch anew, all columns text, where it was parsed to other types"""

    def raw(self) -> pa.RecordBatch:
        """The rows as published: of csv their text as it stands, where the batch may hold what it was read as."""
        return self.batch if self.text is None else self.text()

    def ordinals(self, rows: np.ndarray) -> np.ndarray:
        """Where rows of the batch stand in the file: every broken record before one moves it on by one."""
        broken = np.array([record.number for record in self.broken], np.int64) - np.arange(len(self.broken))
        ordinals: np.ndarray = self.first + rows.astype(np.int64) + np.searchsorted(broken, rows + 1, side="right")
        return ordinals


class RawFile(Protocol):
    """An open raw file."""

    format: Format
    schema: pa.Schema
    """as found; every column of a csv is string"""
    records_hint: int | None
    """how many records there are, where that is known beforehand"""

    def chunks(self, types: Types = NO_TYPES) -> Generator[Chunk, None, None]:
        """All records, once. Raises BadFile where the file turns out to be damaged.

        A csv's columns come as text, an empty field as null. `types` (by a column's position) asks for others: a chunk
        has them where all of its values, and all before it, allow.
        """

    def column(self, name: str) -> Iterator[pa.Array]:
        """The values of one column, in pieces, beside `chunks` and not from them; of parquet alone.

        Raises BadFile where the file turns out to be damaged.
        """

    def records(self) -> int:
        """How many records the file holds, counted without the parser; once `chunks` is exhausted."""

    def count(self) -> int:
        """The same, in place of `chunks`. Raises BadFile where the file turns out to be damaged."""
