"""Files of the workspace that nothing needs any more: raw files with the names of an earlier source.

With another ending in `[taxi] source`, as .csv.gz in place of .parquet, a month is downloaded under another name, and
the file of before stays beside it with its receipt and its records of failures.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from taxi_luigi import config
from taxi_luigi.storage.raw_month import FAILURE
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range

_RECEIPT = ".receipt.json"


def leftovers() -> dict[str, int]:
    """Return name in the workspace → bytes, of every file that an earlier source left; only files that are ours.

    Raises:
        StorageError: the workspace cannot be listed
    """
    source, found = config.source(), dict[str, int]()
    for color, dataset in DATASETS.items():
        files = config.workspace().list(f"raw/{color}")
        months = month_range(dataset.first_month, Month.of(date.today())) if files else ()
        today = {f"raw/{color}/{source.file_name(color, month)}" for month in months}
        found |= {name: entry.bytes for name, entry in files.items() if is_left(name, files.keys(), today)}
    return found


def is_left(name: str, files: Collection[str], today: Collection[str]) -> bool:
    """Return whether a file of raw/ belongs to a raw file that has none of today's names. Pure.

    Args:
        name: of the file
        files: the names of all files beside it
        today: the names of raw files by today's source
    """
    if name.endswith(_RECEIPT):
        return name.removesuffix(_RECEIPT) not in today
    if name.endswith(FAILURE):
        # RAW.failure.json, or RAW.PLACE.failure.json with dots in PLACE
        parts = name.split(".")
        return not any(".".join(parts[:end]) in today for end in range(1, len(parts)))
    return f"{name}{_RECEIPT}" in files and name not in today
