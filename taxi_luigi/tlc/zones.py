"""TLC's list of taxi zones, which pulocationid and dolocationid number: its columns, and the reading of its csv.

Pure: knows neither where the csv comes from nor where the zones go.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from taxi_luigi.core.errors import BadFile, LayoutError

if TYPE_CHECKING:
    from taxi_luigi.tlc.datasets import ColumnType

TABLE = "taxi_zones"
"""What the table is called in every warehouse."""

COLUMNS: dict[str, ColumnType] = {
    "locationid": "int32",
    "borough": "string",
    "zone": "string",
    "service_zone": "string",
}
"""TLC's names in lower case, in the order of TLC's file."""

MOST_BYTES = 1 << 20
"""What is more than this is no list of zones: TLC's has 12 kB."""

_LARGEST = 2**31 - 1
_TLC = "LocationID, Borough, Zone, service_zone"


class Zone(NamedTuple):
    """One row of the table. `N/A` is one of TLC's texts, as in "service_zone": no text is ever null."""

    locationid: int
    borough: str
    zone: str
    service_zone: str


@dataclass(frozen=True)
class Lookup:
    """The zones of one csv file, in its order."""

    zones: tuple[Zone, ...]
    left_out: tuple[str, ...]
    """columns of the file that we do not know"""


def read_lookup(content: bytes, where: str) -> Lookup:
    """Reads the bytes of a csv file in UTF-8, with or without a byte order mark and quotes.

    Columns are found by name, without regard to case, in any order. `where` is the file's address for what is raised:
    LayoutError when a column is missing or there twice; BadFile when it is no csv of zones, a LocationID is no whole
    number or there twice, or there is no zone at all.
    """
    rows = _rows(_text(content, where), where)
    header = next(rows, None)
    if header is None:
        raise BadFile(f"{where} is empty; it should be TLC's list of taxi zones")
    names = [name.strip() for name in header[1]]
    places = _places(names, where)
    zones: dict[int, Zone] = {}
    for line, row in rows:
        if len(row) != len(names):
            raise BadFile(f"{where}, line {line}: {len(row)} fields where the header has {len(names)}")
        number, *texts = (row[place] for place in places)
        zone = Zone(_number(number, f"{where}, line {line}"), *texts)
        if zone.locationid in zones:
            raise BadFile(f"{where}, line {line}: LocationID {zone.locationid} is there a second time")
        zones[zone.locationid] = zone
    if not zones:
        raise BadFile(f"{where} has a header and no zones")
    return Lookup(tuple(zones.values()), tuple(name for name in names if name.lower() not in COLUMNS))


def _text(content: bytes, where: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(
            f"{where} is no text in UTF-8 (byte {error.start}); it should be TLC's list of taxi zones"
        ) from None
    if "\0" in text:
        raise BadFile(f"{where} has a zero byte, so it is no csv; it should be TLC's list of taxi zones")
    if text.lstrip().startswith("<"):
        raise BadFile(f"{where} is a web page; it should be TLC's list of taxi zones")
    return text


def _rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise BadFile(f"{where}, line {reader.line_num}: {error}") from None


def _places(names: list[str], where: str) -> list[int]:
    """Where in a row the columns of the table are, in the table's order."""
    lower = [name.lower() for name in names]
    found = _shown(", ".join(names))
    for column in COLUMNS:
        if column not in lower:
            raise LayoutError(f"{where} has no column {column}; TLC's list of zones has {_TLC}, this has {found}")
        if lower.count(column) > 1:
            raise LayoutError(f"{where} has the column {column} more than once: {found}")
    return [lower.index(column) for column in COLUMNS]


def _number(text: str, where: str) -> int:
    digits = text.strip()
    if not re.fullmatch(r"[0-9]{1,10}", digits) or int(digits) > _LARGEST:
        raise BadFile(f"{where}: LocationID must be a whole number, not {_shown(text)}")
    return int(digits)


def _shown(text: str) -> str:
    """Something of the file for one line: quoted, and no more than its beginning."""
    return repr(text[:100] + "…" * (len(text) > 100))
