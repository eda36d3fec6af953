"""Canonical trips from the lake as a pandas DataFrame, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from taxi_luigi import config
from taxi_luigi.core.errors import StorageError, UsageError
from taxi_luigi.inventory.inventory import Inventory, lake_key
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Selection

if TYPE_CHECKING:
    import pandas as pd


def read_trips(
    color: str, months: str | Iterable[str], columns: Sequence[str] | None = None, lake: str | None = None
) -> pd.DataFrame:
    """Return the trips of some months, in month order, with the canonical columns and types of the record type.

    All of it is read into memory, about 200 bytes a row: name the columns that you need.

    Args:
        color: yellow, green, fhv or fhvhv
        months: as on the command line ("2024-01", "2024-01..2024-03", "2024", "all"), or several such texts; named
            months must be in the lake, the others are read as far as they are
        columns: names of columns; by default all
        lake: a name in luigi.cfg; by default the first one there
    Raises: UsageError for a record type, month or column that does not exist; StorageError for a named month that the
        lake does not hold, and for a lake that cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if color not in DATASETS:
        raise UsageError(f"color must be one of {', '.join(DATASETS)}, not {color!r}")
    known = [column.name for column in DATASETS[color].columns]
    for column in columns or ():
        if column not in known:
            raise UsageError(f"{color} has no column {column!r}; its columns are {', '.join(known)}")
    name = lake if lake is not None else (*config.settings().lakes, "local")[0]
    place = Inventory([color]).place(lake_key(name))
    if place.error is not None:
        raise place.error
    tables = []
    selected = Selection.parse(months if isinstance(months, str) else ",".join(months)).resolve(date.today())
    for month, named in selected.items():
        if month in place.months(color):
            # One open file: read_table() opens it twice, and the month may be replaced in between.
            with config.lake(name).reading(color, month) as path, pq.ParquetFile(path) as file:
                tables.append(file.read(columns=columns))
        elif named:
            raise StorageError(
                f"the lake {name} does not hold {color} {month}: run luigi --module taxi_luigi CleanMonth "
                f"--color {color} --month {month}"
            )
    if not tables:
        raise StorageError(f"the lake {name} holds no month of {color} in {months}")
    trips: pd.DataFrame = pa.concat_tables(tables).to_pandas()
    return trips
