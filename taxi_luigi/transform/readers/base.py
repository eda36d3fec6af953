"""The interface of an open raw file, which the module of each format implements."""

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
    """Consecutive records: the rows of a batch, and the broken records between them."""

    batch: pa.RecordBatch
    first: int
    """ordinal of the first record in the file, from 1"""
    broken: Sequence[BrokenRecord] = ()
    """by number"""
    text: Callable[[], pa.RecordBatch] | None = None
    """return the batch with all columns as text; None where they are not parsed to other types"""

    def raw(self) -> pa.RecordBatch:
        """Return the rows as published: those of a csv as text, where the batch may have parsed values."""
        return self.batch if self.text is None else self.text()

    def ordinals(self, rows: np.ndarray) -> np.ndarray:
        """Return the ordinals in the file of rows of the batch: each broken record before a row adds one."""
        broken = np.array([record.number for record in self.broken], np.int64) - np.arange(len(self.broken))
        ordinals: np.ndarray = self.first + rows.astype(np.int64) + np.searchsorted(broken, rows + 1, side="right")
        return ordinals


class RawFile(Protocol):
    """An open raw file."""

    format: Format
    schema: pa.Schema
    """as found; every column of a csv is string"""
    records_hint: int | None
    """number of records, where it is known before reading"""

    def chunks(self, types: Types = NO_TYPES) -> Generator[Chunk, None, None]:
        """Yield all records, once.

        Args:
            types: requested types by a csv column's position. A chunk has them where all values up to its end can be
                parsed; all other csv columns are text, with null for an empty field.
        Raises: BadFile for a damaged file, when the damage is reached
        """

    def column(self, name: str) -> Iterator[pa.Array]:
        """Yield the values of one column of a parquet file in pieces, independently of `chunks`.

        Raises: BadFile for a damaged file, when the damage is reached
        """

    def records(self) -> int:
        """Return the number of records, counted without the parser; valid when `chunks` is exhausted."""

    def count(self) -> int:
        """Return the number of records without `chunks`. Raise BadFile for a damaged file."""
