"""Map one batch in any layout to the canonical columns of its record type, which tlc/datasets/ defines.

Columns are matched by name, without regard to case and surrounding blanks; casting.py casts their values without loss.
No row is dropped here: a value that could not be cast is null, and a mask per reason marks its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi.core.errors import LayoutError
from taxi_luigi.core.text import listed, shown
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, JUNK, Column, Dataset, SourceForm, plain
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.arrow_utils import constant, or_false
from taxi_luigi.transform.casting import ARROW, can_become, has_no_value, read, read_codes


@dataclass(frozen=True)
class Layout:
    """The assignment of a raw file's columns to the canonical columns."""

    dataset: Dataset
    month: Month
    schema: pa.Schema
    """canonical"""
    sources: tuple[tuple[int, ...], ...]
    """per canonical column the positions of its sources; none where the file has none, and for file_month"""
    found: dict[str, str]
    """source column → Arrow type, all of them"""
    unknown: dict[str, int]
    """source columns without a canonical column → position"""
    nearest: SourceForm | None
    """the form whose published layout of that month matches the file best; None where no layout is known"""
    missing: tuple[str, ...]
    """canonical columns of the nearest layout that the file lacks"""
    other_form: tuple[str, ...]
    """canonical columns that the file lacks and only the other form's layout of that month has"""
    dropped: tuple[str, ...]
    """those of `other_form` that every published file in this file's container format has: a conversion dropped them"""
    empty: frozenset[int] = frozenset()
    """positions of sources whose type cannot be cast, and that have no value in the whole file"""

    @property
    def types(self) -> dict[int, pa.DataType]:
        """Return the types that a csv reader may parse directly: position of a source → its canonical type.

        Only types whose texts pyarrow's parser and casting.py interpret alike; not int64, of which casting.py accepts
        18 digits.
        """
        pairs = zip(self.dataset.columns, self.sources, strict=True)
        alike = ("int32", "double", "timestamp[us]")
        return {place: ARROW[column.type] for column, places in pairs for place in places if column.type in alike}


@dataclass
class CastErrors:
    """The values of a batch that could not be cast to canonical columns; reasons without any are left out."""

    errors: dict[str, pa.BooleanArray] = field(default_factory=dict)
    """`unreadable:COLUMN` and `ambiguous:COLUMN` → mask of the rows that cannot be stored"""
    unknown_values: dict[str, Counter[str]] = field(default_factory=dict)
    """`unknown_code:COLUMN` → text → rows: texts that are in no value map, null in the batch"""


@dataclass(frozen=True)
class Conformed:
    """A batch in canonical columns, with as many rows as the raw one."""

    batch: pa.RecordBatch
    cast_errors: CastErrors


def canonical_schema(dataset: Dataset) -> pa.Schema:
    """Return the Arrow schema of every clean file of a record type, with each column's description as metadata."""
    return pa.schema(
        [
            pa.field(column.name, ARROW[column.type], metadata={"description": column.description})
            for column in dataset.columns
        ]
    )


def match(
    dataset: Dataset,
    month: Month,
    form: SourceForm,
    schema: pa.Schema,
    where: object,
    values: Callable[[str], Iterable[pa.Array]] | None = None,
) -> Layout:
    """Find the sources of every canonical column.

    Args:
        form: the published form that the file's container suggests
        schema: of the raw file
        where: the file's path, for messages
        values: returns the values of a source column by name, in pieces. It is called for columns whose type cannot be
            cast: one without any value is a column of nulls, which fastparquet writes as bytes. The file's statistics
            are not used, as they may be missing or wrong.
    Raises: LayoutError when a required column is missing, a name occurs twice, several source columns match one
        canonical column, a column with values has a type that cannot be cast, and for a file of another record type
    """
    positions = _positions(schema, where)
    sources = tuple(_sources(column, positions, schema, where) for column in dataset.columns)
    _check_color(dataset, month, form, positions, schema, where)
    empty = _empty(dataset, sources, schema, where, values)
    taken = {position for each in sources for position in each}
    nearest, missing, other_form, dropped = _lacking(dataset, month, form, sources)
    return Layout(
        dataset=dataset,
        month=month,
        schema=canonical_schema(dataset),
        sources=sources,
        found={column.name: str(column.type) for column in schema},
        unknown={
            name: position for position, name in enumerate(schema.names) if position not in taken and name not in JUNK
        },
        nearest=nearest,
        missing=missing,
        other_form=other_form,
        dropped=dropped,
        empty=empty,
    )


def describe_missing(layout: Layout) -> str:
    """Return the missing columns with their published names, and the unknown ones, as text; '' when none is missing."""
    if layout.nearest is None or not layout.missing:
        return ""
    text = f"missing columns, which {_described(layout, layout.nearest, layout.missing)}"
    if not layout.unknown:
        return text
    return (
        f"{text}; unknown columns: {listed(layout.unknown)}; a renamed column shows as one of each:"
        f" {_enter_its_name(layout.dataset)}"
    )


def _enter_its_name(dataset: Dataset) -> str:
    return f"enter its new name in named(…) of {dataset.color} in taxi_luigi/tlc/datasets/"


def _described(layout: Layout, form: SourceForm, names: Sequence[str]) -> str:
    columns = {column.name: column for column in layout.dataset.columns}
    published = [_published(columns[name], layout.month, form) for name in names]
    return f"{layout.dataset.color}'s {form} files of {layout.month} have: {listed(published)}"


def conform(batch: pa.RecordBatch, layout: Layout) -> Conformed:
    """Map one raw batch, of the schema that the layout was matched with, to canonical columns."""
    arrays = []
    cast_errors = CastErrors()
    for column, sources in zip(layout.dataset.columns, layout.sources, strict=True):
        if column.name == FILE_MONTH:
            arrays.append(_file_month(layout.month, batch.num_rows))
        elif not sources:
            arrays.append(pa.nulls(batch.num_rows, ARROW[column.type]))
        else:
            raw = [pa.nulls(batch.num_rows) if place in layout.empty else batch.column(place) for place in sources]
            values = _read(column, raw[0], cast_errors)
            for other in raw[1:]:
                values = _either(column, values, _read(column, other, cast_errors), cast_errors)
            arrays.append(values)
    return Conformed(pa.RecordBatch.from_arrays(arrays, schema=layout.schema), cast_errors)


def _file_month(month: Month, rows: int) -> pa.Array:
    return pa.repeat(constant((month.first_day - date(1970, 1, 1)).days, pa.date32()), rows)


def _read(column: Column, source: pa.Array, cast_errors: CastErrors) -> pa.Array:
    if column.value_map:
        values, lost, unknown = read_codes(source, column.type, column.value_map)
        if unknown.null_count < len(unknown):
            counts = Counter({each["values"]: each["counts"] for each in pc.value_counts(unknown).to_pylist()})
            del counts[None]
            cast_errors.unknown_values[f"unknown_code:{column.name}"] = counts
    else:
        values, lost = read(source, column.type)
    _note(cast_errors, f"unreadable:{column.name}", lost)
    return values


def _either(column: Column, values: pa.Array, others: pa.Array, cast_errors: CastErrors) -> pa.Array:
    """Return the first value of each row; a row with two different values is ambiguous."""
    _note(cast_errors, f"ambiguous:{column.name}", or_false(pc.not_equal(values, others)))
    return pc.coalesce(values, others)


def _note(cast_errors: CastErrors, reason: str, lost: pa.BooleanArray | None) -> None:
    if lost is not None and lost.true_count:
        cast_errors.errors[reason] = pc.or_(lost, cast_errors.errors[reason]) if reason in cast_errors.errors else lost


def _positions(schema: pa.Schema, where: object) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = {}
    for position, name in enumerate(schema.names):
        positions.setdefault(plain(name), []).append(position)
    for name, times in Counter(schema.names).items():
        if times > 1:
            raise LayoutError(f"{where}: {times} columns are called '{shown(name)}'; it is unknown which one to read")
    return positions


def names_of(column: Column) -> dict[str, None]:
    """Return all names that a column may have in a file, by descending priority."""
    return dict.fromkeys(plain(name) for name in (*(each.name for each in column.spellings), column.name))


def _sources(column: Column, positions: dict[str, list[int]], schema: pa.Schema, where: object) -> tuple[int, ...]:
    if column.name == FILE_MONTH:
        return ()
    found = [position for name in names_of(column) for position in positions.get(name, [])]
    if len(found) > 1 and not column.coalesce:
        claims = " and ".join(f"'{shown(schema.names[position])}'" for position in found)
        raise LayoutError(f"{where}: the columns {claims} both mean {column.name}; keep one of them")
    return tuple(found)


def _lacking(
    dataset: Dataset, month: Month, form: SourceForm, sources: Sequence[tuple[int, ...]]
) -> tuple[SourceForm | None, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return `nearest`, `missing`, `other_form` and `dropped` of a Layout."""
    present = {column.name for column, places in zip(dataset.columns, sources, strict=True) if places}
    layouts = {
        each: [column.name for column in columns if not column.optional]
        for each, columns in dataset.layouts(month).items()
    }
    lacking = {each: tuple(name for name in names if name not in present) for each, names in layouts.items()}
    if not lacking:
        return None, (), (), ()
    nearest = min(lacking, key=lambda each: (len(lacking[each]), each != form))
    own = set(layouts[nearest])
    other_form = tuple(name for names in lacking.values() for name in names if name not in own)
    dropped = tuple(name for name in other_form if name in layouts.get(form, ()))
    return nearest, lacking[nearest], other_form, dropped


def _published(column: Column, month: Month, form: SourceForm) -> str:
    names = [name for name in column.source_names(month, form) if name != column.name]
    return f"{column.name} ({' or '.join(names)})" if names else column.name


def _empty(
    dataset: Dataset,
    sources: Sequence[Sequence[int]],
    schema: pa.Schema,
    where: object,
    values: Callable[[str], Iterable[pa.Array]] | None,
) -> frozenset[int]:
    """Return the positions of sources that cannot be cast and have no value. Raise LayoutError for one with values."""
    empty = set()
    for column, places in zip(dataset.columns, sources, strict=True):
        for place in places:
            name, kind = schema.names[place], schema.field(place).type
            if can_become(kind, column.type):
                continue
            if values is None or not all(map(has_no_value, values(name))):
                raise LayoutError(
                    f"{where}: column '{shown(name)}' holds {shown(kind)}, which cannot become {column.type}"
                )
            empty.add(place)
    return frozenset(empty)


def _check_color(
    dataset: Dataset, month: Month, form: SourceForm, positions: dict[str, list[int]], schema: pa.Schema, where: object
) -> None:
    own = {name for column in dataset.columns for name in names_of(column)}
    looks_like = None
    for other in DATASETS.values():
        marks = [names_of(column) for column in _required(other, month, form)]
        if all(positions.keys() & names for names in marks) and any(not (names.keys() & own) for names in marks):
            looks_like = other.color
    missing = [column for column in _required(dataset, month, form) if not positions.keys() & names_of(column)]
    if missing:
        names = ", no column ".join(" or ".join(names_of(column)) for column in missing)
        guess = f"is it a file of {dataset.color}? Of a renamed column, {_enter_its_name(dataset)}"
        if looks_like:
            guess = f"it looks like {looks_like}"
        raise LayoutError(f"{where}: no column {names}; found {listed(schema.names)}; {guess}")
    if looks_like:
        raise LayoutError(f"{where}: a file of {looks_like} under a name of {dataset.color}; fetch the right one")


def _required(dataset: Dataset, month: Month, form: SourceForm) -> list[Column]:
    return [column for column in dataset.columns if column.required and column.is_in(month, form)]
