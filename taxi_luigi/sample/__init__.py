"""TLC-shaped months from a seed: the layouts, types and defects of the real files, and not one real row.

For trying the pipeline without a network, for tests, and for the benchmarks. The same seed, color, month and number of
rows give the same bytes. Nothing in the pipeline itself uses this.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from taxi_luigi.sample.files import file_name, write_month
from taxi_luigi.sample.layouts import Form
from taxi_luigi.sample.zones import write_zones
from taxi_luigi.tlc.months import Month

__all__ = ["Form", "write_month", "write_samples", "write_zones"]

ZONES_FILE = "taxi_zone_lookup.csv"


def write_samples(
    folder: Path, colors: Iterable[str], months: Iterable[Month], rows: int, seed: int = 0, form: Form = "parquet"
) -> list[Path]:
    """Write the months of every color, and the zones, into one folder.

    A file that exists is kept, whatever it holds: remove it to have it written again.

    Args:
        folder: made when it is missing
        rows: of each month
        seed: the same seed gives the same bytes
        form: of the months; the zones are always csv
    Returns:
        the files that were written
    Raises:
        UsageError: a month has no known layout, or has less than one row
    """
    written = []
    ordered = list(months)
    for color in colors:
        for month in ordered:
            if not (folder / file_name(color, month, form)).exists():
                written.append(write_month(folder, color, month, rows, seed, form))
    if not (folder / ZONES_FILE).exists():
        written.append(write_zones(folder / ZONES_FILE, seed))
    return written
