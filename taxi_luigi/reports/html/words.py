"""Numbers of the page; a dash for one that is not known. Pure."""

from __future__ import annotations

import math

from taxi_luigi.core import units


def count(number: float | None) -> str:
    """`76,518`; a dash for a number that is not known."""
    return "–" if _unknown(number) else f"{number:,.0f}"


def size(number: float | None) -> str:
    """`1.2 GB`, of bytes."""
    return "–" if number is None or math.isnan(number) else units.size(number)


def share(part: float | None) -> str:
    """`12.3 %`, of a share from 0 to 1; what is there never becomes 0 %, what is missing never 100 %."""
    if part is None or math.isnan(part):
        return "–"
    percent = 100 * part
    if percent in (0, 100):
        return f"{percent:.0f} %"
    if percent < 0.01:
        return "< 0.01 %"
    if percent > 99.9:
        return "> 99.9 %"
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.2f} %"


def duration(seconds: float | None) -> str:
    """Return `1 min 12 s`, or a dash."""
    return "–" if seconds is None or math.isnan(seconds) else units.duration(seconds)


def _unknown(number: float | None) -> bool:
    return number is None or math.isnan(number)
