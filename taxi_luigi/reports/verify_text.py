"""The verification as a person reads it: a line for each month, its counts in columns, and one line at the end."""

from __future__ import annotations

from collections.abc import Sequence

from taxi_luigi.core.text import several
from taxi_luigi.inventory.judge import Count
from taxi_luigi.inventory.verify import Line

_WIDTH = len("99,999,999")
"""TLC's largest month has 23,864,598 rows; a column's width is set before its numbers are known."""
_NAMED = 4
"""months whose two counts the last line shows; of more it names the first and the last, as each has a line above"""


def text(line: Line, widest_color: int) -> str:
    """`green 2021-01      76,518 published ·     76,518 raw · …`, with `≠` and the reasons when it disagrees."""
    counts = (Count("published", line.found.published), *line.found.counts)
    columns = " · ".join(f"{count!s:>{_WIDTH}} {count.place}" for count in counts)
    reasons = f"  ≠ {'; '.join(line.differences)}" if line.differences else ""
    found = line.found
    refused = ["raw was refused"] if found.other_raw and found.refused else []
    refused += [f"{count.place} refused the month" for count in found.counts if count.refused]
    stays = f"  {', '.join(refused)}, and what is held stays" if refused else ""
    return f"{line.color:<{widest_color}} {line.month}  {columns}{reasons}{stays}"


def closing(lines: Sequence[Line], all_asked: bool) -> str:
    """How many months and rows there are, which months differ, and which have other rows than TLC published."""
    if not lines:
        return "no month is held in any place" + ("" if all_asked else " that could be asked")
    rows = sum(line.found.kept.rows or 0 for line in lines if line.found.kept)
    differ = [f"{line.color} {line.month}" for line in lines if line.differences]
    if differ:
        verdict = f"{_months(len(differ))} {'differs' if len(differ) == 1 else 'differ'}: {', '.join(differ)}"
    else:
        verdict = "no difference" + ("" if all_asked else " among the places that could be asked")
    return f"{_months(len(lines))}, {rows:,} rows: {verdict}{_published(lines)}"


def _published(lines: Sequence[Line]) -> str:
    """`; 1 month has another number of rows than TLC published (yellow 2019-01: 60,000 of 7,696,617)`, or nothing."""
    unlike = [line for line in lines if line.found.unlike_published]
    if not unlike:
        return ""
    if len(unlike) <= _NAMED:
        each = [f"{line.color} {line.month}: {line.found.records:,} of {line.found.published:,}" for line in unlike]
    else:
        months: dict[str, list[str]] = {}
        for line in unlike:
            months.setdefault(line.color, []).append(str(line.month))
        each = [f"{color} {several(found)}" for color, found in months.items()]
    have = "has" if len(unlike) == 1 else "have"
    return f"; {_months(len(unlike))} {have} another number of rows than TLC published ({'; '.join(each)})"


def _months(count: int) -> str:
    return f"{count} month" if count == 1 else f"{count} months"
