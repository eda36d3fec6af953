"""The status as a person reads it: a grid per color, as many beside each other as there is room for, and what is to
be said of them. The same without a terminal, one grid below the other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from taxi_luigi.history import Run
from taxi_luigi.inventory.inventory import Status
from taxi_luigi.inventory.month_state import State
from taxi_luigi.reports.status_block import Block
from taxi_luigi.reports.status_signs import SIGNS, months, spans, without_address
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.staleness import Reason

_GAP = 4
"""columns between two grids"""
_ENDLESS = 10_000
"""columns of a file or a pipe, where no line is broken"""


def show(status: Status, rows: bool, named: bool, runs: Sequence[Run]) -> None:
    """Prints it. With `rows`, numbers instead of signs; unless the colors were `named`, those of which nothing is here
    are one line for all of them. `runs` are the last ones, the newest first.
    """
    terminal = sys.stdout.isatty()
    console = Console(highlight=False) if terminal else Console(file=StringIO(), width=_ENDLESS, highlight=False)
    page = Page(status, rows, named, letters=not _writes_signs(sys.stdout.encoding))
    if terminal:
        console.print(page.text(console.width, console.width, runs))
        return
    with console.capture() as capture:
        console.print(page.text(_ENDLESS, 0, runs))
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def _writes_signs(encoding: str) -> bool:
    try:
        "".join(sign.symbol for sign in SIGNS.values()).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


class Page:
    """The parts of the page; `letters` instead of signs."""

    def __init__(self, status: Status, rows: bool, named: bool, letters: bool) -> None:
        self._status = status
        self._rows = rows
        self._letters = letters
        here = [color for color in status.colors if not color.empty]
        self._shown = list(status.colors) if named or not here else here

    def text(self, width: int, beside: int, runs: Sequence[Run]) -> RenderableType:
        """All of it in lines of `width` columns; grids are put beside each other in so many of them."""
        blocks = [Block(color, self._rows, self._letters, width).text() for color in self._shown]
        parts = [*_beside(blocks, width, beside), Text()]
        said = [*self._all(), *self._incomplete(), *self._stale(), *self._not_taken(), *self._withdrawn()]
        said += [*self._absent(), *self._silent()]
        parts += [*said, Text()] if said else []
        parts += self._legend(width)
        if runs:
            parts += [Text(), _runs(runs)]
        return Group(*parts)

    def _all(self) -> Iterator[Text]:
        if len(self._shown) > 1:
            done = sum(color.counts[State.EVERYWHERE] for color in self._shown)
            expected = sum(color.expected for color in self._shown)
            rows = sum(color.rows for color in self._shown)
            yield Text(f"all: {done:,} of {months(expected)}, {rows:,} rows")

    def _incomplete(self) -> Iterator[Text]:
        """Which months are not the same everywhere, and where not."""
        for state, what in ((State.PARTLY, "not in {}"), (State.DIFFERENT, "another edition or row count in {}")):
            sign = SIGNS[state]
            for color in self._shown:
                found: dict[tuple[str, ...], list[Month]] = {}
                for month, cell in color.cells.items():
                    if cell.state is state:
                        found.setdefault(cell.lacking or cell.differing, []).append(month)
                for places, of_them in found.items():
                    where = what.format(" and ".join(places))
                    text = f" {color.color} {where}: {spans(of_them)}"
                    yield Text.assemble((sign.written(self._letters), sign.color), text)

    def _stale(self) -> Iterator[Text]:
        """Months whose rows would be others if they were cleaned today."""
        for color in self._shown:
            found: dict[Reason, list[Month]] = {}
            for month, cell in color.cells.items():
                if cell.stale:
                    found.setdefault(cell.stale, []).append(month)
            for why, of_them in found.items():
                them = "it" if len(of_them) == 1 else "them"
                cure = f"LoadAllMonths --refresh all cleans {them} again"
                yield Text(f"{color.color} {why.value} since: {spans(of_them)}; {cure}")

    def _not_taken(self) -> Iterator[Text]:
        """Months whose file was refused, or failed, at its last attempt."""
        for color in self._status.colors:
            refused = {month: cell.refused for month, cell in color.cells.items() if cell.refused}
            failed = {month: cell.failure for month, cell in color.cells.items() if cell.failure}
            for what, whys in (("refused", refused), ("failed last time", failed)):
                if whys:
                    yield Text(f"{color.color} {what}: {_why(whys)}")

    def _withdrawn(self) -> Iterator[Text]:
        for color in self._shown:
            gone = {month: cell.withdrawn for month, cell in color.cells.items() if cell.withdrawn}
            if gone:
                when = "" if len(gone) > 1 else f" (noticed {min(gone.values())[:10]})"
                yield Text(f"{color.color} withdrawn at the source, and kept here: {spans(gone)}{when}")

    def _absent(self) -> Iterator[Text]:
        absent = [color.color for color in self._status.colors if color not in self._shown]
        if absent:
            here = "in a place that answered" if self._status.silent else "here"
            yield Text(f"nothing is {here} of {', '.join(absent)}")

    def _silent(self) -> Iterator[Text]:
        by_reason: dict[str, list[str]] = {}
        for place in self._status.silent:
            by_reason.setdefault(place.silent, []).append(place.key)
        for reason, places in by_reason.items():
            named = reason.startswith(f"{places[0]} ")  # as a warehouse's errors do
            line = reason if named else f"{' and '.join(places)} cannot be asked: {reason}"
            yield Text.assemble(("?", "yellow"), f" {line}")

    def _legend(self, width: int) -> Iterator[Text]:
        """What the signs mean that are on the page, in lines of whole meanings."""
        line = Text()
        for state in State:
            if not any(color.counts[state] for color in self._shown):
                continue
            sign = SIGNS[state]
            symbol = sign.written(self._letters).replace(" ", "blank")
            number = " or number" if self._rows and state is State.EVERYWHERE else ""
            answered = " that answered" if self._status.silent and state is State.EVERYWHERE else ""
            meaning = Text.assemble((symbol, sign.color), f"{number} {sign.meaning}{answered}   ")
            if line.cell_len + meaning.cell_len > width + 3:
                yield line
                line = Text()
            line.append_text(meaning)
        line.rstrip()
        yield line


def _why(whys: Mapping[Month, str]) -> str:
    """The months with the reason that all of them have, or the first one's."""
    texts = {month: without_address(why, month) for month, why in whys.items()}
    first = min(texts)
    if len({*texts.values()}) == 1:
        return f"{spans(texts)}: {texts[first]}"
    return f"{spans(texts)}; {first}: {texts[first]}"


def _beside(blocks: Sequence[RenderableType], width: int, beside: int) -> Iterator[RenderableType]:
    """Rows of as many blocks as fit."""
    console = Console(width=width)
    widest = max(console.measure(block).maximum for block in blocks)
    across = max(1, (beside + _GAP) // (widest + _GAP))
    for start in range(0, len(blocks), across):
        row = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        for _ in range(across):
            row.add_column(width=widest)
        row.add_row(*blocks[start : start + across])
        if start:
            yield Text()
        yield row


def _runs(runs: Sequence[Run]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("last runs", "took", "exit", "months", "command"):
        table.add_column(heading, justify="right" if heading in ("took", "exit") else "left")
    for run in runs:
        began = datetime.fromisoformat(run.began).astimezone()
        code = "?" if run.exit_code is None else str(run.exit_code)
        table.add_row(f"{began:%Y-%m-%d %H:%M}", _took(run), code, _results(run), Text(run.command))
    return table


def _took(run: Run) -> str:
    """`0:01:12`; ? of a run that did not end."""
    if not run.ended:
        return "?"
    took = datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.began)
    return str(timedelta(seconds=round(took.total_seconds())))


def _results(run: Run) -> str:
    """`2 loaded, 1 failed`."""
    counts = {"loaded": run.loaded, "failed": run.failed}
    told = [f"{count} {result}" for result, count in counts.items() if count]
    return ", ".join(told) or f"{run.already_there} there"
