"""The verification as a person reads it: a line for each month, its counts in columns, and one line at the end."""

from __future__ import annotations

from collections.abc import Sequence

from taxi_luigi.verify import Line
from taxi_luigi.verify.judge import Count

_WIDTH = len("99,999,999")
"""TLC's largest month has 23,864,598 rows; a column's width is set before its numbers are known."""


def text(line: Line, widest_color: int) -> str:
    """`green 2021-01      76,518 published ·     76,518 raw · …`, with `≠` and the reasons when it disagrees."""
    counts = (Count("published", line.found.published), *line.found.counts)
    columns = " · ".join(f"{count!s:>{_WIDTH}} {count.place}" for count in counts)
    reasons = f"  ≠ {'; '.join(line.differences)}" if line.differences else ""
    return f"{line.color:<{widest_color}} {line.month}  {columns}{reasons}"


def closing(lines: Sequence[Line], all_asked: bool) -> str:
    """How many months and rows there are, and which months differ."""
    if not lines:
        return "no month is held in any place" + ("" if all_asked else " that could be asked")
    rows = sum(line.found.kept.rows or 0 for line in lines if line.found.kept)
    differ = [f"{line.color} {line.month}" for line in lines if line.differences]
    if differ:
        verdict = f"{_months(len(differ))} {'differs' if len(differ) == 1 else 'differ'}: {', '.join(differ)}"
    else:
        verdict = "no difference" + ("" if all_asked else " among the places that could be asked")
    return f"{_months(len(lines))}, {rows:,} rows: {verdict}"


def _months(count: int) -> str:
    return f"{count} month" if count == 1 else f"{count} months"
