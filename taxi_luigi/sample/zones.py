"""A zone lookup with TLC's columns, numbers and quoting, and made-up names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from taxi_luigi.core import atomic_files

ZONES = 265
UNKNOWN, OUTSIDE = 264, 265
AIRPORTS = (1, 132, 138)
"""Newark, JFK and LaGuardia, as in TLC's list: fares depend on them"""

_BOROUGHS = (("EWR", 1), ("Queens", 69), ("Bronx", 43), ("Manhattan", 69), ("Staten Island", 20), ("Brooklyn", 61))
_FIRST = (
    "Alder Amber Birch Cedar Copper Elm Falcon Fern Garnet Hazel Heron Iron Juniper Linden Maple Otter Quarry Slate"
)
_SECOND = "Bank Bend Corner Cross Dale Field Gate Green Heath Hill Landing Mill Point Reach Row Square"


def write_zones(path: Path, seed: int = 0) -> Path:
    """Write 265 made-up zones as csv, with LocationID, Borough, Zone and service_zone; return the path.

    Rows 264 and 265 are the unknown zone and everything outside the city, as in TLC's list; only text is quoted.
    """
    lines = ['"LocationID","Borough","Zone","service_zone"']
    lines += [f'{number},"{borough}","{zone}","{service}"' for number, borough, zone, service in _zones(seed)]
    with atomic_files.temporary(path) as unfinished:
        unfinished.write_text("\r\n".join([*lines, ""]), encoding="ascii", newline="")
        atomic_files.publish(unfinished, path)
    return path


def _zones(seed: int) -> list[tuple[int, str, str, str]]:
    random = np.random.default_rng([seed, ZONES])
    boroughs = [name for name, count in _BOROUGHS[1:] for _ in range(count)]
    random.shuffle(boroughs)
    names = [f"{first} {second}" for first in _FIRST.split() for second in _SECOND.split()]
    random.shuffle(names)
    rows = [(1, "EWR", f"{names[0]} Airport", "EWR")]
    for number, borough, name in zip(range(2, UNKNOWN), boroughs, names[1:], strict=False):
        rows.append(
            (number, "Queens", f"{name} Airport", "Airports") if number in AIRPORTS else _zone(number, borough, name)
        )
    return [*rows, (UNKNOWN, "Unknown", "N/A", "N/A"), (OUTSIDE, "N/A", "Outside of NYC", "N/A")]


def _zone(number: int, borough: str, name: str) -> tuple[int, str, str, str]:
    return number, borough, name, "Yellow Zone" if borough == "Manhattan" else "Boro Zone"
