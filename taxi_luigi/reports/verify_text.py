"""The verification as text: a table with a row for each month and a column for each place, and one line at the end."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from taxi_luigi.core.text import several
from taxi_luigi.core.units import plural
from taxi_luigi.inventory.verify import Count, VerifiedMonth

_WIDTH = len("99,999,999")
"""TLC's largest month has 23,864,598 rows; a column's width is set before its numbers are known."""
_LINE = 100
"""columns that a difference is wrapped at"""
_NAMED = 4
"""months whose two counts the last line shows; of more it names the first and the last, as each has a line above"""


def heading(verified: VerifiedMonth, widest_color: int) -> str:
    """Return the names of the columns: `published`, `raw`, …, each lake and each warehouse."""
    columns = "  ".join(f"{count.place:>{_width(count)}}" for count in _counts(verified))
    return f"{'':<{widest_color}} {'month':<7}  {columns}"


def text(verified: VerifiedMonth, widest_color: int) -> str:
    """Return the row `green 2021-01      76,518      76,518 …`, and lines with `≠` for what does not agree."""
    counts = verified.counts
    columns = "  ".join(f"{count!s:>{_width(count)}}" for count in _counts(verified))
    row = f"{verified.color:<{widest_color}} {verified.month}  {columns}"
    refused = ["raw was refused"] if counts.other_raw and counts.refused else []
    refused += [f"{count.place} refused the month" for count in counts.counts if count.refused]
    below = [f"≠ {difference}" for difference in verified.differences]
    below += [f"{', '.join(refused)}, and what is held stays"] if refused else []
    return "\n".join([row, *(_wrapped(line) for line in below)])


def _counts(verified: VerifiedMonth) -> tuple[Count, ...]:
    return Count("published", verified.counts.published), *verified.counts.counts


def _width(count: Count) -> int:
    return max(_WIDTH, len(count.place))


def _wrapped(line: str) -> str:
    return fill(
        line, _LINE, initial_indent="    ", subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    )


def closing(months: Sequence[VerifiedMonth], all_listed: bool) -> str:
    """Return how many months and rows there are, which months differ, and which have other rows than TLC published.

    Args:
        months: all that were verified
        all_listed: whether every place could be listed
    """
    if not months:
        return "no month is held in any place" + ("" if all_listed else " that could be listed")
    rows = sum(each.counts.kept.rows or 0 for each in months if each.counts.kept)
    differ = [f"{each.color} {each.month}" for each in months if each.differences]
    if differ:
        verdict = f"{plural(len(differ), 'month')} {'differs' if len(differ) == 1 else 'differ'}: {', '.join(differ)}"
    else:
        verdict = "no difference" + ("" if all_listed else " among the places that could be listed")
    return f"{plural(len(months), 'month')}, {plural(rows, 'row')}: {verdict}{_published(months)}"


def _published(months: Sequence[VerifiedMonth]) -> str:
    """`; 1 month has another number of rows than TLC published (yellow 2019-01: 60,000 of 7,696,617)`, or nothing."""
    unlike = [each for each in months if each.counts.unlike_published]
    if not unlike:
        return ""
    if len(unlike) <= _NAMED:
        named = [f"{each.color} {each.month}: {each.counts.records:,} of {each.counts.published:,}" for each in unlike]
    else:
        by_color: dict[str, list[str]] = {}
        for each in unlike:
            by_color.setdefault(each.color, []).append(str(each.month))
        named = [f"{color} {several(found)}" for color, found in by_color.items()]
    have = "has" if len(unlike) == 1 else "have"
    return f"; {plural(len(unlike), 'month')} {have} another number of rows than TLC published ({'; '.join(named)})"
