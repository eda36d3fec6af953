"""The charts: trips per month, and strips of small bars over the same months, each drawn for a wide and a narrow page.

Everything is placed in points, from the upper left corner. Each mark can be read without its color: by its height, a
dashed line or a label. matplotlib's SVG is adapted to the page: no fixed size, the page's own colors and fonts, a text
alternative, and no ids, so that one page can have many charts.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from taxi_luigi.reports.status_text import short

COLORS = {
    "#010101": "var(--ink)",
    "#020202": "var(--soft)",
    "#030303": "var(--line)",
    "#040404": "var(--accent)",
    "#050505": "var(--tint)",
    "#060606": "var(--band)",
    "#070707": "var(--yellow)",
    "#080808": "var(--green)",
    "#090909": "var(--fhv)",
    "#0a0a0a": "var(--fhvhv)",
}
"""Drawing color → variable of the page, which differs by record type and between light and dark."""

INK, SOFT, LINE, ACCENT, TINT, BAND = list(COLORS)[:6]
OF_TAXI = dict(zip(("yellow", "green", "fhv", "fhvhv"), list(COLORS)[6:], strict=True))
"""Record type → its drawing color beside the others."""

_DROPPED = (
    re.compile(r"^.*?(?=<svg)", re.DOTALL),
    re.compile(r"<metadata>.*?</metadata>", re.DOTALL),
    re.compile(r"<defs>.*?</defs>", re.DOTALL),
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r' (?:id|version|xmlns(?::xlink)?|clip-path)="[^"]*"'),
)
_FONT = re.compile(r"font(?:-family)?: ?(?:(\d[\d.]*px) )?'[^;\"]*")
_PLACES = re.compile(r' (?:d|x|y|transform)="[^"]*"')
_LONG = re.compile(r"\d+\.\d{2,}")
_BLANK = re.compile(r"\s*\n\s*")


def _fit(drawn: str, title: str, kind: str) -> str:
    """Return the `<svg>` of a document by matplotlib; `kind` is its class, `title` its text alternative."""
    for pattern in _DROPPED:
        drawn = pattern.sub("", drawn)
    for color, variable in COLORS.items():
        drawn = drawn.replace(color, variable)
    drawn = _FONT.sub(lambda match: f"font-size: {match[1]}" if match[1] else "", drawn)
    drawn = _PLACES.sub(lambda place: _LONG.sub(_rounded, place[0]), drawn)
    drawn = _BLANK.sub(" ", drawn).replace("<g> ", "<g>").replace("> <", "><")
    opened, _, rest = drawn.partition(">")
    box = re.search(r'viewBox="[^"]*"', opened)
    assert box, "matplotlib writes the view box of every SVG"
    text = escape(title)
    return f'<svg class="{kind}" role="img" aria-label="{text}" {box[0]}><title>{text}</title>{rest}'


def _rounded(number: re.Match[str]) -> str:
    """Round to a tenth of a point: a third of the page would be invisible digits."""
    return f"{float(number[0]):.1f}".removesuffix(".0")


Numbers = np.ndarray[Any, np.dtype[np.float64]]

WIDTHS = {"wide": 1080, "narrow": 356}
"""Width in points on a laptop and on a phone, so that text has the same size as the page's."""
_TEXT, _SMALL = 12, 11
_YEARS = 20
"""points below a chart for the years"""
_YEAR = 34
"""points that a year's number takes with its surroundings"""
_LETTER = 6.4
"""points that a letter takes at most, on average"""


@dataclass(frozen=True)
class Strip:
    """A row of bars; each strip has its own scale, which `note` describes."""

    label: str
    note: str
    values: Numbers
    """one per month; NaN: not known"""
    top: float
    """the value that fills the strip"""
    band: Numbers | None = None
    """where it is 1, the strip has a background: a value is possible"""
    color: str = ACCENT
    outline: Numbers | None = None
    """values drawn as a dashed line over the bars"""
    word: Callable[[float], str] = "{:,.0f}".format
    """a value as text, for the pointer"""


Box = tuple[float, float, float, float]
"""left, right, top and bottom"""
Drawn = tuple[Figure, Sequence[tuple[str, Box]]]
"""a chart, and its fields with the text that the pointer shows on each"""


def trips(months: Sequence[str], held: Numbers, published: Numbers, title: str) -> str:
    """Return the SVG of a bar of trips per month, and a dashed line of published months that are not held.

    Args:
        months: as `2024-01`
        held: trips of held months, else NaN
        published: published trips of months, NaN where not known
        title: the text alternative
    """
    return _both(lambda width: _trips(months, held, published, width), title)


def strips(months: Sequence[str], rows: Sequence[Strip], height: int, title: str) -> str:
    """Return the SVG of strips over the same months.

    Args:
        months: as `2024-01`
        rows: the strips
        height: of each, in points
        title: the text alternative
    """
    return _both(lambda width: _strips(months, rows, height, width), title)


def bars(panels: Sequence[tuple[str, Sequence[str], Sequence[float]]], title: str) -> str:
    """Return the SVG of small bar charts, two beside each other on a wide page.

    Args:
        panels: of each, its heading, the label of each bar, and shares from 0 to 1
        title: the text alternative
    """
    return _both(lambda width: _panels(panels, width), title)


def _both(draw: Callable[[int], Drawn], title: str) -> str:
    drawn = []
    with mpl.rc_context():
        mpl.rcdefaults()  # ignore the user's matplotlibrc
        mpl.rcParams.update({"svg.fonttype": "none", "text.parse_math": False})
        for kind, width in WIDTHS.items():
            written = io.StringIO()
            figure, fields = draw(width)
            figure.savefig(written, format="svg", transparent=True)
            svg = _fit(written.getvalue(), title, kind)
            # A phone has no pointer.
            drawn.append(svg if kind == "narrow" else svg.replace("</svg>", _hover(fields) + "</svg>"))
    return "".join(drawn)


def _hover(fields: Sequence[tuple[str, Box]]) -> str:
    """Return fields that are not seen, with the text that browsers show on each."""
    drawn = (
        f'<rect x="{left:.1f}" y="{top:.0f}" width="{right - left:.1f}" height="{bottom - top:.0f}">'
        f"<title>{escape(text)}</title></rect>"
        for text, (left, right, top, bottom) in fields
    )
    return f'<g class="hover">{"".join(drawn)}</g>'


def _of_months(texts: Sequence[str], edges: Numbers, top: float, bottom: float) -> list[tuple[str, Box]]:
    return [(text, (edges[place], edges[place + 1], top, bottom)) for place, text in enumerate(texts)]


def _trips(months: Sequence[str], held: Numbers, published: Numbers, width: int) -> Drawn:
    wide = width == WIDTHS["wide"]
    height, above, left = (250, 24, 48) if wide else (190, 24, 42)
    missing = np.where(np.isnan(held), published, np.nan)
    every = np.concatenate([held, missing])
    highest = float(np.nanmax(every)) if np.isfinite(every).any() else 1.0
    ticks = [tick for tick in MaxNLocator(4 if wide else 3).tick_values(0, highest or 1) if tick <= highest]
    with _canvas(width, above + height + _YEARS) as (figure, axes):
        base, scale = above + height, height / (highest or 1)
        edges = _years(axes, months, left, width, above, base)
        for tick in ticks[1:]:
            axes.hlines(base - tick * scale, left, width, color=LINE, linewidth=0.7, zorder=0)
            _text(axes, left - 8, base - tick * scale + 4, _tick(tick), SOFT, _SMALL, "right")
        _bars(axes, edges, held * scale, base, ACCENT)
        _outline(axes, edges, missing * scale, base)
        axes.hlines(base, left, width, color=SOFT, linewidth=0.8)
        if np.isfinite(held).any():
            peak = int(np.nanargmax(held))
            place = (edges[peak] + edges[peak + 1]) / 2
            side = "left" if place < width * 0.2 else "right" if place > width * 0.8 else "center"
            if side == "left":
                place = edges[peak]
            label = f"{short(int(held[peak]))} in {months[peak]}"
            _text(axes, place, base - held[peak] * scale - 7, label, INK, _TEXT, side, bold=True)
    texts = []
    for month, here, elsewhere in zip(months, held, missing, strict=True):
        known = f"{elsewhere:,.0f} trips published, not here" if np.isfinite(elsewhere) else "not published"
        texts.append(f"{month}: {here:,.0f} trips" if np.isfinite(here) else f"{month}: {known}")
    return figure, _of_months(texts, edges, above, base)


def _strips(months: Sequence[str], rows: Sequence[Strip], height: int, width: int) -> Drawn:
    wide = width == WIDTHS["wide"]
    left, right, above, gap = (196, width - 232, 0, 9) if wide else (0, width, 18, 8)
    pitch = above + height + gap
    with _canvas(width, pitch * len(rows) + _YEARS) as (figure, axes):
        edges = _years(axes, months, left, right, above, pitch * len(rows) - gap)
        for number, row in enumerate(rows):
            base = number * pitch + above + height
            middle = base - height / 2 + 4 if wide else base - height - 5
            room = left if wide else width - _LETTER * len(row.note)
            _text(axes, 0, middle, _cut(row.label, int(room / _LETTER)), INK, _TEXT)
            _text(axes, width, middle, row.note, SOFT, _SMALL, "right")
            if row.band is not None:
                _bars(axes, edges, np.where(row.band > 0, float(height), np.nan), base, BAND)
            values = np.clip(row.values / (row.top or 1), 0, 1) * height
            # At least one point high: a single stray trip in a million must be visible.
            _bars(axes, edges, np.where(row.values > 0, np.maximum(values, 1.0), values), base, row.color)
            if row.outline is not None:
                _outline(axes, edges, row.outline / (row.top or 1) * height, base)
            axes.hlines(base, left, right, color=LINE, linewidth=0.8)
    texts = [
        "\n".join(
            [
                month,
                *(f"{row.label}: {row.word(float(value))}" for row in rows if np.isfinite(value := row.values[number])),
            ]
        )
        for number, month in enumerate(months)
    ]
    return figure, _of_months(texts, edges, 0, pitch * len(rows) - gap)


def _panels(panels: Sequence[tuple[str, Sequence[str], Sequence[float]]], width: int) -> Drawn:
    beside = 2 if width == WIDTHS["wide"] else 1
    gap, above, height, below = 48, 24, 110, 40
    of_each = (width - gap * (beside - 1)) / beside
    pitch = above + height + below
    fields: list[tuple[str, tuple[float, float, float, float]]] = []
    with _canvas(width, pitch * math.ceil(len(panels) / beside)) as (figure, axes):
        for number, (heading, labels, shares) in enumerate(panels):
            left, top = (number % beside) * (of_each + gap), (number // beside) * pitch
            base, step = top + above + height, of_each / len(labels)
            highest = max(shares) or 1
            _text(axes, left, top + 12, heading, INK, _TEXT, bold=True)
            heights = np.asarray(shares, dtype=np.float64) / highest * height
            _bars(axes, np.linspace(left, left + of_each, len(labels) + 1), heights, base, ACCENT)
            for place, (label, share) in enumerate(zip(labels, shares, strict=True)):
                at = left + place * step
                fields.append((f"{label}: {share:.1%} of the trips", (at, at + step, top + above, base)))
                if place % math.ceil(_LETTER * (max(map(len, labels)) + 1) / step) == 0:
                    _text(axes, at, base + 15, label, SOFT, _SMALL)
            axes.hlines(base, left, left + of_each, color=SOFT, linewidth=0.8)
    return figure, fields


@contextmanager
def _canvas(width: int, height: int) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure whose coordinates are points from its upper left corner."""
    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    yield figure, axes


def _years(axes: Axes, months: Sequence[str], left: float, right: float, top: float, bottom: float) -> Numbers:
    """Draw the years' lines and names; return the edges of the months."""
    edges = np.linspace(left, right, len(months) + 1)
    starts = [place for place, month in enumerate(months) if month.endswith("-01") or place == 0]
    of_year = 12 * (right - left) / max(len(months), 1)
    every = max(1, math.ceil(_YEAR / of_year))
    for place in starts:
        year = int(months[place][:4])
        january = months[place].endswith("-01")
        if january and place:
            axes.vlines(edges[place], top, bottom, color=LINE, linewidth=0.5, zorder=0)
        room = right - edges[place]
        begun = january or len(starts) == 1 or edges[starts[1]] - edges[0] > _YEAR
        if year % every == 0 and begun and (room > _YEAR - 8 or right < axes.get_xlim()[1]):
            _text(axes, edges[place] + (3 if place else 0), bottom + 15, str(year), SOFT, _SMALL)
    return edges


def _bars(axes: Axes, edges: Numbers, heights: Numbers, base: float, color: str) -> None:
    """Draw bars without gaps, equal neighbours as one, none where the height is NaN."""
    if not np.isfinite(heights).any():
        return
    keep = np.ones(len(heights), dtype=bool)
    keep[1:] = ~((heights[1:] == heights[:-1]) | (np.isnan(heights[1:]) & np.isnan(heights[:-1])))
    joined = np.append(edges[:-1][keep], edges[-1])
    axes.stairs(base - heights[keep], joined, baseline=base, fill=True, color=color, linewidth=0, clip_on=False)


def _outline(axes: Axes, edges: Numbers, heights: Numbers, base: float) -> None:
    if np.isfinite(heights).any():
        axes.stairs(
            base - heights, edges, baseline=base, fill=False, color=SOFT, linewidth=1, linestyle=(0, (3, 2)),
            clip_on=False,
        )  # fmt: skip


def _text(
    axes: Axes, x: float, y: float, text: str, color: str, size: int, side: str = "left", bold: bool = False
) -> None:
    axes.text(
        x, y, text, color=color, fontsize=size, ha=side, va="baseline", weight="bold" if bold else "normal",
        clip_on=False,
    )  # fmt: skip


def _tick(value: float) -> str:
    """Return a round number as `15M`."""
    text = short(int(value))
    number = text.rstrip("kMB")
    return f"{float(number):g}{text[len(number) :]}"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
