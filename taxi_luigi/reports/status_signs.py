"""How a state, a number of rows and several months are written where there is little room. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from taxi_luigi.inventory.month_state import State
from taxi_luigi.tlc.months import Month


@dataclass(frozen=True)
class Sign:
    """One state in one character. What it says must not hang on the color."""

    symbol: str
    letter: str
    """for terminals that have no such symbol"""
    color: str
    meaning: str

    def written(self, letters: bool) -> str:
        """The sign, or its letter."""
        return self.letter if letters else self.symbol


SIGNS = {
    State.EVERYWHERE: Sign("■", "#", "green", "in every lake and warehouse"),
    State.PARTLY: Sign("▣", "+", "yellow", "missing in some"),
    State.DIFFERENT: Sign("≠", "!", "bold red", "in all, but not the same"),
    State.CLEAN: Sign("c", "c", "cyan", "cleaned, no more"),
    State.RAW: Sign("r", "r", "cyan", "downloaded, no more"),
    State.PUBLISHED: Sign("·", ".", "", "published, not here"),
    State.UNKNOWN: Sign("?", "?", "yellow", "no store has answered"),
    State.NOT_PUBLISHED: Sign(" ", " ", "", "not known to be published"),
}


def short(number: int) -> str:
    """At most five characters, three digits that count: 305, 7.62k, 40.7k, 14.1M, 1.79B."""
    value, unit = float(number), ""
    for larger in ("k", "M", "B"):
        if value < 999.5:  # else rounding to three digits would write 1e+03
            break
        value, unit = value / 1000, larger
    if not unit:
        return str(number)
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"


def spans(several: Iterable[Month]) -> str:
    """`2024-01..2024-03, 2024-06`: in order, as a person would type them after --months."""
    parts: list[tuple[Month, Month]] = []
    for month in sorted(several):
        if parts and parts[-1][1].plus(1) == month:
            parts[-1] = parts[-1][0], month
        else:
            parts.append((month, month))
    return ", ".join(str(first) if first == last else f"{first}..{last}" for first, last in parts)


def without_address(why: str, month: Month) -> str:
    """Why a month failed, without the address of its file in front, where it is written beside the month."""
    address, _, rest = why.partition(": ")
    is_address = "/" in address and " " not in address and str(month) in address
    return " ".join((rest if rest and is_address else why).split())


def months(count: int) -> str:
    """`1 month`, `1,234 months`."""
    return f"{count:,} month{'s' * (count != 1)}"
