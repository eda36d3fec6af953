"""The panel of a run on a terminal, and its summary: what they show, from the steps and results of tasks. Pure.

A line for each month in hand, also those of other machines; a count per record type of the months that are through; the
failures; and how much of everything is done. Nothing here imports rich before the first frame: a run without a terminal
has no use for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from taxi_luigi.core.units import duration, size
from taxi_luigi.history import Result, TaskResult
from taxi_luigi.runs.month_results import ColorCounts, ColorMonth, ScheduledMonths
from taxi_luigi.runs.progress import Step, amount, number
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_NARROW, _WIDE = 60, 100
"""columns below which lines have their short form, and from which on they have the amounts too"""

_FAILURES = 5
"""the most failures that are shown while a run goes on; its last lines have all of them"""

_SURE = 5.0
"""seconds of work after which the time left is estimated"""

DONE, FAILED = "✓", "✗"
_LETTERS = {DONE: "+", FAILED: "x"}
"""for terminals that have no such sign"""


@dataclass
class Panel:
    """The state of the panel."""

    command: str
    months: ScheduledMonths
    sizes: Mapping[ColorMonth, int]
    """rows or bytes of each month of the run, as published; equal numbers where neither is known"""
    unit: str
    """of the sizes: `rows`, `B` or `months`"""
    not_published: Mapping[str, int] = field(default_factory=dict)
    """record type → months"""
    already_there: Mapping[str, int] = field(default_factory=dict)
    in_hand: dict[tuple[str, str, str, str], Step] = field(default_factory=dict)
    """by task, in the order in which they began"""
    elsewhere: tuple[Step, ...] = ()
    """what other machines do"""

    def begin(self, step: Step) -> None:
        """Show what a task of this run is doing."""
        self.in_hand[step.key] = step

    def end(self, result: TaskResult) -> None:
        """Show that a task has ended. What this run did itself is not counted as another machine's."""
        self.in_hand.pop((result.task, result.color, result.month, result.store), None)
        known = self.months.results.get((result.color, result.month), {})
        if not result.elsewhere or (result.task, result.store) not in known:
            self.months.add(result)

    def counts(self, color: str) -> dict[str, int]:
        """Return what became of the months of a record type → how many."""
        keys = {key for key in (*self.months.steps, *self.months.results) if key[0] == color}
        failed = sum(bool(self.months.failure(key)) for key in keys)
        loaded = sum(self.months.loaded(key) for key in keys)
        return {
            "loaded": loaded,
            "failed": failed,
            "to go": len(keys) - loaded - failed,
            "not published": self.not_published.get(color, 0),
            "already there": self.already_there.get(color, 0),
        }

    @property
    def colors(self) -> list[str]:
        """The record types of the run."""
        found = {key[0] for key in (*self.months.steps, *self.months.results)}
        return [color for color in DATASETS if color in found | {*self.already_there, *self.not_published}]

    @property
    def through(self) -> tuple[float, int]:
        """How much is done, and of how much, in `unit`; months that failed are left out."""
        done, total = 0.0, 0
        for key, of_month in self.sizes.items():
            if not self.months.failure(key):
                done += of_month * self._share(key)
                total += of_month
        return done, total

    def _share(self, key: ColorMonth) -> float:
        """Return how much of a month is done: each of its steps counts the same."""
        steps = self.months.steps.get(key, set())
        if self.months.loaded(key) or not steps:
            return float(self.months.loaded(key))
        ended = sum(not each.error for each in self.months.results.get(key, {}).values())
        running = (step.share or 0.0 for step in self._running if (step.color, step.month) == key)
        return min(1.0, (ended + sum(running)) / len(steps))

    @property
    def _running(self) -> list[Step]:
        return [*self.in_hand.values(), *(step for step in self.elsewhere if step.key not in self.in_hand)]

    def text(self, seconds: float, width: int, height: int, letters: bool = False) -> RenderableType:
        """Return the panel.

        Args:
            seconds: since the run began
            width: columns of the terminal
            height: its lines, of which one stays free
            letters: whether the terminal has no signs
        """
        from rich.console import Group

        colors = [self._color(color, width, letters) for color in self.colors]
        room = max(0, height - 3 - len(colors))
        failures = self._failures(min(_FAILURES, room // 2), width, letters)
        parts = [
            self._head(seconds),
            *self._steps(room - len(failures), width),
            *colors,
            *failures,
            *self._total(seconds, width),
        ]
        return Group(*parts)

    def _head(self, seconds: float) -> RenderableType:
        from rich.table import Table

        hours, rest = divmod(int(seconds), 3600)
        table = Table.grid(expand=True, padding=(0, 1))
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right")
        table.add_row(_text(self.command, "bold"), f"{hours}:{rest // 60:02}:{rest % 60:02}")
        return table

    def _steps(self, room: int, width: int) -> list[RenderableType]:
        """Return a line for each month in hand, and one for those beyond the first `room` lines."""
        steps = self._running
        shown = steps if len(steps) <= room else steps[: max(0, room - 1)]
        rows = []
        for step in shown:
            share = step.share
            percent = "" if share is None else f"{int(100 * share)} %"
            far = amount(step.done, step.total, step.unit) if step.done else ""
            if width < _NARROW:
                doing, figures = step.host or step.doing.partition(" ")[0], [percent]
            else:
                doing = f"{step.doing} on {step.host}" if step.host else step.doing
                figures = [far, percent, _speed(step)] if width >= _WIDE else [percent or far, _speed(step)]
            rows.append((f"{step.color} {step.month}".strip() or step.task, doing, share, figures))
        lines = [_bars(rows)] if rows else []
        more = len(steps) - len(shown)
        return [*lines, _text(f"and {more} more", "dim")] if more and room > 0 else lines

    def _color(self, color: str, width: int, letters: bool) -> RenderableType:
        """Return the count of a record type."""
        counts = self.counts(color)
        narrow = width < _NARROW
        text = _text(f"{color:<6} ")
        text.append(f"{sign(DONE, letters)} {counts['loaded']}{'' if narrow else ' loaded'}", "green")
        if counts["failed"]:
            text.append(f"  {sign(FAILED, letters)} {counts['failed']}{'' if narrow else ' failed'}", "red")
        text.append(f"  {counts['to go']} to go" if counts["to go"] else "")
        if not narrow:
            for what in ("not published", "already there"):
                text.append(f"  {counts[what]} {what}" if counts[what] else "", "dim")
        return text

    def _failures(self, most: int, width: int, letters: bool) -> list[RenderableType]:
        """Return the last failures, a line each, and one for those before."""
        from taxi_luigi.reports.status_text import without_address

        failed = [key for key in self.months.results if self.months.failure(key)]
        shown = failed if len(failed) <= most else failed[len(failed) - most + 1 :] if most else []
        lines = [f"{len(failed) - len(shown)} more failed"] if most and len(shown) < len(failed) else []
        for color, month in shown:
            task, _, why = self.months.failure((color, month)).partition(": ")
            why = without_address(why, Month.parse(month))
            lines.append(f"{color} {month} {why if width < _NARROW else f'{task}: {why}'}")
        return [_text(f"{sign(FAILED, letters)} {line}", "red") for line in lines]

    def _total(self, seconds: float, width: int) -> list[RenderableType]:
        done, total = self.through
        if not total:
            return []
        share = done / total
        figures = [f"{int(100 * share)} %"]
        if width >= _NARROW:
            figures.insert(
                0, f"{_rounded(done, self.unit)} of {_rounded(total, self.unit)} {self.unit}".removesuffix(" B")
            )
        if 0 < share < 1 and seconds >= _SURE:
            figures.append(f"{duration(seconds / share * (1 - share))} left")
        return [_bars([("total", "", share, figures)])]


def _bars(rows: Sequence[tuple[str, str, float | None, list[str]]]) -> RenderableType:
    """Return lines of a subject, what is done, a bar, and figures, below each other; the bars take what is left."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(expand=True, padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, min_width=4)
    for _ in rows[0][3]:
        table.add_column(no_wrap=True, justify="right")
    for subject, doing, share, figures in rows:
        # rich's own color is red on a terminal of 16 colors, as the failures are
        bar = "" if share is None else ProgressBar(total=1.0, completed=share, complete_style="cyan")
        table.add_row(subject, doing, bar, *figures)
    return table


def _text(words: str, style: str = "") -> Text:
    """Return a line that is cut where the terminal ends."""
    from rich.text import Text

    return Text(words, style, no_wrap=True, overflow="ellipsis")


def _speed(step: Step) -> str:
    return f"{number(round(step.done / step.seconds), step.unit)}/s" if step.done and step.seconds > 0 else ""


def _rounded(figure: float, unit: str) -> str:
    if unit == "B":
        return size(figure)
    from taxi_luigi.reports.status_text import short

    return short(round(figure))


def sign(symbol: str, letters: bool) -> str:
    """Return DONE or FAILED, or its letter where the terminal has no such sign."""
    return _LETTERS[symbol] if letters else symbol


def summary(counts: Sequence[ColorCounts], failures: Sequence[str], width: int, letters: bool) -> RenderableType:
    """Return the end of a run: a line for each record type, and what failed.

    Args:
        counts: of each record type
        failures: lines, which a terminal breaks where it ends
        width: columns of the terminal
        letters: whether it has no signs
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines = [Text(f"{sign(FAILED, letters)} {line}", "red") for line in failures]
    if width < _NARROW:
        return Group(*(Text(f"{_mark(each, letters)} {each}", _style(each)) for each in counts), *lines)
    kinds = (
        Result.LOADED,
        Result.REFRESHED,
        Result.NOT_PUBLISHED,
        Result.NOT_FINISHED,
        Result.ELSEWHERE,
        Result.FAILED,
    )
    shown = [kind for kind in kinds if kind is Result.LOADED or any(each.months[kind] for each in counts)]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column()
    table.add_column()
    for name in (*(kind.value for kind in shown), "rows", Result.ALREADY_THERE.value):
        table.add_column(name, justify="right", header_style="dim")
    for each in counts:
        numbers = [len(each.months[kind]) for kind in shown]
        numbers += [sum(each.rows[kind] for kind in (Result.LOADED, Result.REFRESHED)), each.already_there]
        texts = (f"{number:,}" if number else "" for number in numbers)
        table.add_row(Text(_mark(each, letters), _style(each)), each.color, *texts)
    return Group(table, *lines)


def _mark(counts: ColorCounts, letters: bool) -> str:
    return sign(DONE if counts.well else FAILED, letters)


def _style(counts: ColorCounts) -> str:
    return "green" if counts.well else "red"
