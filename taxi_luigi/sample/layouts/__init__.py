"""Which columns TLC's file of a month has, in which order, of which types and how written: what made-up files copy.

Tables of values, one module per color, and their look-up. They are checked against real files by the tests.
`datasets` is the other side of this: what the pipeline makes of all these layouts. The two are kept apart so that one
can test the other.
"""

from __future__ import annotations

from taxi_luigi.core.errors import UsageError
from taxi_luigi.sample.layouts.eras import CsvEra, Form, Layouts
from taxi_luigi.sample.layouts.fhv import FHV
from taxi_luigi.sample.layouts.fhvhv import FHVHV
from taxi_luigi.sample.layouts.green import GREEN
from taxi_luigi.sample.layouts.yellow import YELLOW
from taxi_luigi.tlc.months import Month

__all__ = ["CsvEra", "Form", "csv_layout", "parquet_layout"]

_COLORS = {"yellow": YELLOW, "green": GREEN, "fhv": FHV, "fhvhv": FHVHV}


def parquet_layout(color: str, month: Month) -> dict[str, str]:
    """Column → Arrow type of one month's parquet file. Raises UsageError where TLC has published none."""
    layouts = _of(color)
    era = next((era for era in reversed(layouts.parquet) if era.first <= month), None)
    if era is None:
        raise UsageError(f"no parquet of {color} {month} to make up: TLC's begin with {layouts.parquet[0].first}")
    types = dict(era.columns)
    for exception in layouts.exceptions:
        types |= {name: exception.type for name in types if exception.holds(name, month)}
    return types


def csv_layout(color: str, month: Month, form: Form) -> CsvEra:
    """The csv of one month: TLC's own, or the mirror's for csv.gz where they differ. Raises UsageError."""
    layouts = _of(color)
    own = [era for era in layouts.csv if Month.parse(era.first) <= month]
    if not own or month > layouts.last_csv:
        raise UsageError(
            f"no {form} of {color} {month} to make up: "
            f"TLC published csv for {layouts.csv[0].first}..{layouts.last_csv}, parquet from {layouts.parquet[0].first}"
        )
    mirrored = [era for era in layouts.mirror if Month.parse(era.first) <= month] if form == "csv.gz" else []
    return (mirrored or own)[-1]


def _of(color: str) -> Layouts:
    if color not in _COLORS:
        raise UsageError(f"no made-up months of color {color!r}: there are {', '.join(_COLORS)}")
    return _COLORS[color]
