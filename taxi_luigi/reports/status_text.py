"""The status as text: a grid per record type, as many beside each other as there is room for, and notes below.

Years go down and months across, with a sign or a number for each month, and a line for each place below the grid.
Without a terminal, one grid is below the other and no line is broken.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from taxi_luigi.core.text import unwrapped
from taxi_luigi.core.units import duration, plural, size
from taxi_luigi.history import RunResult
from taxi_luigi.inventory import Cell, ColorStatus, Place, Reason, State, Status
from taxi_luigi.tlc.months import Month, spans

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBERS = 85
"""columns of a grid of numbers with those of the years; a terminal may have fewer"""
_GAP = 4
"""columns between two grids"""
_ENDLESS = 10_000
"""columns of a file or a pipe, where no line is broken"""


@dataclass(frozen=True)
class Sign:
    """One state in one character, which is understood without its color."""

    symbol: str
    letter: str
    """for terminals that have no such symbol"""
    color: str
    meaning: str

    def written(self, letters: bool) -> str:
        """Return the symbol, or its letter."""
        return self.letter if letters else self.symbol


SIGNS = {
    State.EVERYWHERE: Sign("■", "#", "green", "in every lake and warehouse"),
    State.PARTLY: Sign("▣", "+", "yellow", "missing in some"),
    State.DIFFERENT: Sign("≠", "!", "bold red", "in all, but not the same"),
    State.CLEAN: Sign("c", "c", "cyan", "cleaned, no more"),
    State.RAW: Sign("r", "r", "cyan", "downloaded, no more"),
    State.PUBLISHED: Sign("·", ".", "", "published, not here"),
    State.UNKNOWN: Sign("?", "?", "yellow", "no store could be listed"),
    State.NOT_PUBLISHED: Sign(" ", " ", "", "not known to be published"),
}


def short(number: int) -> str:
    """Return a number in at most five characters, with three significant digits: 305, 7.62k, 40.7k, 14.1M, 1.79B."""
    value, unit = float(number), ""
    for larger in ("k", "M", "B"):
        if value < 999.5:  # else rounding to three digits would write 1e+03
            break
        value, unit = value / 1000, larger
    if not unit:
        return str(number)
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"


def without_address(why: str, month: Month) -> str:
    """Return why a month failed, without the address of its file at the beginning, for a line that names the month."""
    address, _, rest = why.partition(": ")
    is_address = "/" in address and " " not in address and str(month) in address
    return unwrapped(rest if rest and is_address else why)


def show(status: Status, rows: bool, named: bool, runs: Sequence[RunResult]) -> None:
    """Print the status.

    Args:
        status: of the record types
        rows: whether numbers of rows stand instead of signs
        named: whether the record types were named; else those of which nothing is here are one line
        runs: the last ones, the newest first
    """
    terminal = sys.stdout.isatty()
    console = Console(highlight=False) if terminal else Console(file=StringIO(), width=_ENDLESS, highlight=False)
    page = Page(status, rows, named, letters=not _can_encode_signs(sys.stdout.encoding))
    if terminal:
        console.print(page.text(console.width, console.width, runs))
        return
    with console.capture() as capture:
        console.print(page.text(_ENDLESS, 0, runs))
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))


def _can_encode_signs(encoding: str) -> bool:
    try:
        "".join(sign.symbol for sign in SIGNS.values()).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


class Page:
    """Grids, notes, legend and last runs; arguments as of `show`, and with `letters`, letters instead of symbols."""

    def __init__(self, status: Status, rows: bool, named: bool, letters: bool) -> None:
        self._status = status
        self._rows = rows
        self._letters = letters
        here = [color for color in status.colors if not color.empty]
        self._shown = list(status.colors) if named or not here else here

    def text(self, width: int, beside: int, runs: Sequence[RunResult]) -> RenderableType:
        """Return all of it in lines of `width` columns; `beside` columns are filled with grids beside each other."""
        blocks = [Block(color, self._rows, self._letters, width).text() for color in self._shown]
        parts = [*_beside(blocks, width, beside), Text()]
        notes = [*self._all(), *self._incomplete(), *self._stale(), *self._not_taken(), *self._withdrawn()]
        notes += [*self._absent(), *self._errors()]
        parts += [*notes, Text()] if notes else []
        parts += self._legend(width)
        if runs:
            parts += [Text(), _runs(runs)]
        return Group(*parts)

    def _all(self) -> Iterator[Text]:
        if len(self._shown) > 1:
            done = sum(color.counts[State.EVERYWHERE] for color in self._shown)
            expected = sum(color.expected for color in self._shown)
            rows = sum(color.rows for color in self._shown)
            yield Text(f"all: {done:,} of {plural(expected, 'month')}, {plural(rows, 'row')}")

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
        """Months whose file was refused, or failed, at the last attempt."""
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
            here = "in a place that could be listed" if self._status.errors else "here"
            yield Text(f"nothing is {here} of {', '.join(absent)}")

    def _errors(self) -> Iterator[Text]:
        for line in self._status.errors:
            yield Text.assemble(("?", "yellow"), f" {line}")

    def _legend(self, width: int) -> Iterator[Text]:
        """What the signs on the page mean; a line ends between two meanings."""
        line = Text()
        for state in State:
            if not any(color.counts[state] for color in self._shown):
                continue
            sign = SIGNS[state]
            symbol = sign.written(self._letters).replace(" ", "blank")
            number = " or number" if self._rows and state is State.EVERYWHERE else ""
            listed = " that could be listed" if self._status.errors and state is State.EVERYWHERE else ""
            meaning = Text.assemble((symbol, sign.color), f"{number} {sign.meaning}{listed}   ")
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


def _runs(runs: Sequence[RunResult]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("last runs", "took", "exit", "months", "command"):
        table.add_column(heading, justify="right" if heading == "took" else "left")
    for run in runs:
        began = datetime.fromisoformat(run.began).astimezone()
        took = "?" if run.seconds is None else duration(run.seconds)
        table.add_row(f"{began:%Y-%m-%d %H:%M}", took, run.exit, _results(run), Text(run.command))
    return table


def _results(run: RunResult) -> str:
    """`2 loaded, 1 failed`."""
    counts = {"loaded": run.loaded, "failed": run.failed}
    parts = [f"{count} {result}" for result, count in counts.items() if count]
    return ", ".join(parts) or f"{run.already_there} there"


class Block:
    """One record type: a grid of signs, or with `rows` of numbers, and a line for each place below it."""

    def __init__(self, color: ColorStatus, rows: bool, letters: bool, width: int) -> None:
        self._color = color
        self._rows = rows
        self._letters = letters
        self._summed = not rows or width >= _NUMBERS

    def text(self) -> RenderableType:
        """Return all of it."""
        title = Text(self._color.color, style="bold")
        done = self._color.counts[State.EVERYWHERE]
        title.append(f"  {done} of {plural(self._color.expected, 'month')}", style="not bold")
        return Group(title, self._grid(), self._places())

    def _grid(self) -> Table:
        # A number is written close to its sign, which leaves no room for a blank before it.
        gap, width = (0, 6) if self._rows else (1, 1)
        grid = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
        grid.add_column("", style="dim", width=5 - gap)
        for name in _MONTHS:
            grid.add_column(name if self._rows else name[0], justify="right", width=width)
        if self._summed:
            grid.add_column("rows", justify="right", width=8 - gap)
        known = {month for month, cell in self._color.cells.items() if cell.state is not State.NOT_PUBLISHED}
        for year in sorted({month.year for month in known}):
            cells = [self._color.cells.get(Month(year, number)) for number in range(1, 13)]
            total = sum(cell.rows or 0 for cell in cells if cell)
            sums = [Text(short(total) if total else "")] if self._summed else []
            grid.add_row(str(year), *map(self._cell, cells), *sums)
        return grid

    def _cell(self, cell: Cell | None) -> Text:
        if cell is None:
            return Text(" ")
        sign = SIGNS[cell.state]
        symbol = sign.written(self._letters)
        if not self._rows or cell.rows is None:
            return Text(symbol, style=sign.color)
        if cell.state is State.EVERYWHERE:
            return Text(short(cell.rows))
        return Text(symbol + short(cell.rows), style=sign.color)

    def _places(self) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
        table.add_column("")
        for heading, width in (("months", 6), ("rows", 13), ("bytes", 9)):
            table.add_column(heading, justify="right", width=width)
        for place in self._color.places:
            table.add_row(place.name, *self._held(place))
        return table

    def _held(self, place: Place) -> list[Text]:
        if self._color.color in place.errors:
            return [Text("?", style="yellow"), Text("no answer", style="yellow"), Text()]
        total = self._color.total(place)
        rows = "" if total.rows is None else f"{total.rows:,}"
        return [Text(str(total.months)), Text(rows), Text("" if total.bytes is None else size(total.bytes))]
