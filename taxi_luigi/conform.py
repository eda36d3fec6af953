"""One batch in any layout → the canonical columns of its color. Which columns those are is in datasets.py.

Columns are found by name, whatever its case and the blanks around it; their values are cast by casts.py without
loss. Rows are never dropped here: what could not be cast is null, and a mask under its reason says where.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from taxi_luigi.casts import ARROW, can_become, constant, read
from taxi_luigi.datasets import FILE_MONTH, Column, Dataset
from taxi_luigi.errors import LayoutError
from taxi_luigi.months import Month


@dataclass(frozen=True)
class Layout:
    """Which column of a raw file becomes which canonical column."""

    dataset: Dataset
    month: Month
    schema: pa.Schema
    """canonical"""
    sources: tuple[int | None, ...]
    """per canonical column the position of its source; None where the file has none, and for file_month"""
    found: dict[str, str]
    """source column → Arrow type, all of them"""
    unknown: dict[str, int]
    """source columns that we do not know → position"""


@dataclass(frozen=True)
class Conformed:
    """A batch in canonical columns, as long as the raw one, and what was lost on the way."""

    batch: pa.RecordBatch
    faults: dict[str, pa.BooleanArray]
    """`unreadable:COLUMN` → mask of the rows in which that column could not be read; only where there are any"""


def canonical_schema(dataset: Dataset) -> pa.Schema:
    """The one Arrow schema of every clean file of a color."""
    return pa.schema([pa.field(column.name, ARROW[column.type]) for column in dataset.columns])


def match(dataset: Dataset, month: Month, schema: pa.Schema, where: object) -> Layout:
    """Finds the source of every canonical column; `where` (the file's path) is for the texts of errors.

    Raises LayoutError when an essential column is missing, when two source columns claim one canonical column, and
    when a column's type cannot mean what it should.
    """
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(schema.names):
        positions.setdefault(_plain(name), []).append(position)
    sources = tuple(_source(column, positions, schema, where) for column in dataset.columns)
    taken = set(sources)
    return Layout(
        dataset=dataset,
        month=month,
        schema=canonical_schema(dataset),
        sources=sources,
        found={field.name: str(field.type) for field in schema},
        unknown={name: position for position, name in enumerate(schema.names) if position not in taken},
    )


def conform(batch: pa.RecordBatch, layout: Layout) -> Conformed:
    """One raw batch in canonical columns; the batch must be of the schema that the layout was matched with."""
    arrays = []
    faults = {}
    for column, source in zip(layout.dataset.columns, layout.sources, strict=True):
        if column.name == FILE_MONTH:
            arrays.append(_file_month(layout.month, batch.num_rows))
        elif source is None:
            arrays.append(pa.nulls(batch.num_rows, ARROW[column.type]))
        else:
            values, lost = read(batch.column(source), column.type)
            arrays.append(values)
            if lost is not None and lost.true_count:
                faults[f"unreadable:{column.name}"] = lost
    return Conformed(pa.RecordBatch.from_arrays(arrays, schema=layout.schema), faults)


def _file_month(month: Month, rows: int) -> pa.Array:
    return pa.repeat(constant((month.first_day - date(1970, 1, 1)).days, pa.date32()), rows)


def _plain(name: str) -> str:
    return name.strip().casefold()


def _source(column: Column, positions: dict[str, list[int]], schema: pa.Schema, where: object) -> int | None:
    if column.name == FILE_MONTH:
        return None
    spellings = dict.fromkeys(_plain(name) for name in (column.name, *column.spellings))
    found = [position for name in spellings for position in positions.get(name, [])]
    if len(found) > 1:
        claims = " and ".join(repr(schema.names[position]) for position in found)
        raise LayoutError(f"{where}: the columns {claims} both mean {column.name}; keep one of them")
    if not found:
        if column.essential:
            raise LayoutError(
                f"{where}: no column {' or '.join(spellings)}; found {', '.join(schema.names)}."
                " Is it a file of this color?"
            )
        return None
    kind = schema.field(found[0]).type
    if not can_become(kind, column.type):
        raise LayoutError(f"{where}: column {schema.names[found[0]]!r} holds {kind}, which cannot become {column.type}")
    return found[0]
