"""TLC's list of taxi zones, to which pulocationid and dolocationid refer: its columns, and the parser of its csv.

Pure: independent of the csv's source and of the warehouses.
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
"""The name of the table in every warehouse."""

COLUMNS: dict[str, ColumnType] = {
    "locationid": "int32",
    "borough": "string",
    "zone": "string",
    "service_zone": "string",
}
"""TLC's names in lower case, in the order of TLC's file."""

KEY = "locationid"
"""The column that identifies a zone."""

DESCRIPTIONS = {
    "": "TLC's taxi zones, which pulocationid and dolocationid number",
    "locationid": "the number that pulocationid and dolocationid hold",
    "borough": "borough of New York City, or EWR",
    "zone": "name of the zone",
    "service_zone": "Yellow Zone, Boro Zone, Airports or EWR",
}
"""Column → description, and that of the table itself under ''."""

MOST_BYTES = 1 << 20
"""The largest size of a list of zones; TLC's has 12 kB."""

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
    """unknown columns of the file"""


def read_lookup(content: bytes, where: str) -> Lookup:
    """Parse the bytes of a csv file in UTF-8, with or without a byte order mark and quotes.

    Columns are matched by name, without regard to case, in any order.

    Args:
        content: the whole file
        where: the address of the file, for messages
    Raises: LayoutError when a column is missing or occurs twice; BadFile when the file is not a csv of zones, a
        LocationID is not a whole number or occurs twice, or there are no zones
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
    """Yield the rows that are not blank, each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error as error:
        raise BadFile(f"{where}, line {reader.line_num}: {error}") from None


def _places(names: list[str], where: str) -> list[int]:
    """Return the positions in a row of the table's columns, in the table's order."""
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
    """Return a text from the file for a message: quoted, at most its first 100 characters."""
    return repr(text[:100] + "…" * (len(text) > 100))
