"""Numbers as people read them. Pure."""

from __future__ import annotations

import math

from rich.filesize import decimal

_MINUTE, _HOUR = 60, 3600


def count(number: float | None) -> str:
    """`76,518`; a dash for a number that is not known."""
    return "–" if _unknown(number) else f"{number:,.0f}"


def size(number: float | None) -> str:
    """`1.2 GB`, of bytes."""
    return "–" if number is None or math.isnan(number) else decimal(int(number))


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
    """`4.2 s`, `1 min 12 s`, `1 h 02 min`."""
    if seconds is None or math.isnan(seconds):
        return "–"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def plural(number: int, noun: str) -> str:
    """`1 month`, `1,234 months`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _unknown(number: float | None) -> bool:
    return number is None or math.isnan(number)
