"""One color as a person reads it: a grid with years down and months across, and a line for each place below it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from taxi_luigi.inventory.month_state import Cell, ColorStatus, Place, State
from taxi_luigi.reports.status_signs import SIGNS, months, short
from taxi_luigi.tlc.months import Month

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NUMBERS = 85
"""columns that a grid of numbers takes with those of the years; a terminal may have less"""


class Block:
    """A color's grid: of one sign for each month, or with `rows` of numbers; `letters` instead of signs."""

    def __init__(self, color: ColorStatus, rows: bool, letters: bool, width: int) -> None:
        self._color = color
        self._rows = rows
        self._letters = letters
        self._summed = not rows or width >= _NUMBERS

    def text(self) -> RenderableType:
        """All of it."""
        title = Text(self._color.color, style="bold")
        done = self._color.counts[State.EVERYWHERE]
        title.append(f"  {done} of {months(self._color.expected)}", style="not bold")
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
        if place.silent:
            return [Text("?", style="yellow"), Text("no answer", style="yellow"), Text()]
        total = self._color.total(place)
        rows = "" if total.rows is None else f"{total.rows:,}"
        size = "" if total.bytes is None else decimal(total.bytes)
        return [Text(str(total.months)), Text(rows), Text(size)]
