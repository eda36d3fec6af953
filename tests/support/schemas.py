"""Every layout that TLC is known to have published, from TLC_DATA's schemas.json, without the pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

from taxi_luigi.tlc.datasets import SourceForm
from taxi_luigi.tlc.months import Month, month_range

COLORS = ("yellow", "green", "fhv", "fhvhv")
LAST = Month(2026, 8)
"""The last month seen; a layout without an end is taken to go on until then."""


class Published(NamedTuple):
    """The names in the files of one month, in one form."""

    color: str
    month: Month
    form: SourceForm
    names: tuple[str, ...]


def eras(folder: Path, color: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and description of each span of months with one layout."""
    yield from json.loads((folder / "schemas.json").read_text())[color]["eras"].items()


def spans(name: str, era: dict[str, Any]) -> Iterator[Month]:
    """The months of an era, of which one has a hole."""
    first, last = Month.parse(era["first_month"]), Month.parse(era["last_month"] or str(LAST))
    hole = {Month(2010, 2), Month(2010, 3)} if name == "2010-01, 2010-04..2010-12" else set()
    return (month for month in month_range(first, last) if month not in hole)


def published(folder: Path, color: str) -> Iterator[Published]:
    """The layout of each month and form; fields without a name, which csv's trailing commas make, are left out."""
    for name, era in eras(folder, color):
        for form in get_args(SourceForm):
            if era.get(form):
                names = tuple(column for column, _ in era[form] if column)
                for month in spans(name, era):
                    yield Published(color, month, form, names)
