"""Sizes, durations and plurals as text: every table, page, message and error formats them here. Pure."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3600


def size(number: float) -> str:
    """Return `47.6 MB` of bytes, in powers of 1000, as disks and TLC's listing count them; `12 bytes` below 1 kB."""
    from rich.filesize import decimal  # not on the path of a run with nothing to do

    return decimal(int(number))


def duration(seconds: float) -> str:
    """Return `4.2 s`, `12 s`, `1 min 12 s` or `1 h 02 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def plural(number: int, noun: str) -> str:
    """Return `1 month`, `1,234 months`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
