"""One run as text: the way of its months as bars of letters over time, and the log lines of what failed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rich.text import Text

from taxi_luigi.core.units import duration, plural
from taxi_luigi.history import RunResult
from taxi_luigi.reports.run_way import FAILED, MEANINGS, Failure, Step, Way, clock, length

_STYLES = {"D": "cyan", "C": "yellow", "U": "magenta", "L": "green", FAILED: "bold red"}
_TWO_LINES = 70
"""columns below which what became of a month is on a line of its own, so that the bar has room"""


def gantt(run: RunResult, found: Sequence[Way], width: int) -> Iterator[Text]:
    """Return a line for each month, with its bar, between the times of day and the meanings of the letters.

    Args:
        run: the run
        found: its months
        width: columns of a line
    """
    if not found:
        return
    seconds, wide = length(run, found), width >= _TWO_LINES
    cells = [_cells(way) if wide else (way.label,) for way in found]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = sum(widths) + 2 * len(widths)
    room = max(8, width - left)
    used = {letter for way in found for letter in bar(way.steps, seconds, room).plain} & MEANINGS.keys()
    if used:
        began, ended = clock(run, 0), f"{clock(run, seconds)} UTC"
        yield Text(f"{'':{left}}{began}{ended:>{room - len(began)}}" if room > 22 else f"{'':{left}}{began}", "dim")
    for way, texts in zip(found, cells, strict=True):
        before = "".join(
            _padded(text, size, column) for column, (text, size) in enumerate(zip(texts, widths, strict=True))
        )
        line = Text.assemble(before, bar(way.steps, seconds, room))
        line.rstrip()
        yield line
        if not wide:
            yield Text(f"  {', '.join(filter(None, _cells(way)[1:]))}")
    if used:
        line = Text.assemble(*(part for letter in MEANINGS if letter in used for part in _meaning(letter)), style="dim")
        line.rstrip()
        yield line


def bar(steps: Sequence[Step], seconds: float, width: int) -> Text:
    """Return the steps of a month on a scale of so many seconds, one letter or more each; `x` ends one that failed."""
    letters, starts = [" "] * width, set[int]()
    for step in steps:
        first = min(int(step.start / seconds * width), width - 1)
        while first in starts and first < width - 1:  # each step is seen, however short
            first += 1
        starts.add(first)
        after = min(width, max(first + 1, math.ceil(step.end / seconds * width)))
        letters[first:after] = step.letter * (after - first)
        if step.task.error:
            letters[after - 1] = FAILED
    return Text.assemble(*((letter, _STYLES.get(letter, "")) for letter in letters))


def failure_lines(failures: Sequence[Failure], note: str) -> Iterator[Text]:
    """Return each failure with its lines of the log below; arguments as `run_way.failures` returns them."""
    for failure in failures:
        if failure.name:
            yield Text(f"{failure.name}: {failure.error}", "red")
        yield from (Text(f"  {line}", "dim") for line in failure.lines)
    if note:
        yield Text(note)


def _cells(way: Way) -> tuple[str, ...]:
    """Return label, result, rows and time."""
    if way.result is None:
        return way.label, "", "", ""
    rows = plural(way.result.rows, "row") if way.result.rows else ""
    return way.label, way.result.result.value, rows, duration(way.result.seconds) if way.result.seconds else ""


def _padded(text: str, width: int, column: int) -> str:
    return f"{text:>{width}}  " if column > 1 else f"{text:<{width}}  "


def _meaning(letter: str) -> tuple[tuple[str, str], str]:
    return (letter, _STYLES[letter]), f" {MEANINGS[letter]}  "
