"""matplotlib's SVG, made fit for a page: no fixed size, the page's own colors and letters, a text for who cannot see.

What stays is paths and texts, without ids, so that many charts can be in one page.
"""

from __future__ import annotations

import re
from html import escape

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
"""What charts are drawn in → the page's variables, which differ by color of taxi and by light and dark."""

INK, SOFT, LINE, ACCENT, TINT, BAND = list(COLORS)[:6]
OF_TAXI = dict(zip(("yellow", "green", "fhv", "fhvhv"), list(COLORS)[6:], strict=True))
"""color of taxi → what it is drawn in beside the others"""

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


def fit(drawn: str, title: str, kind: str) -> str:
    """The `<svg>` of a whole document that matplotlib wrote; `kind` is its class, `title` its text alternative."""
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
    told = escape(title)
    return f'<svg class="{kind}" role="img" aria-label="{told}" {box[0]}><title>{told}</title>{rest}'


def _rounded(number: re.Match[str]) -> str:
    """To a tenth of a point: a third of the page would be digits that nobody can see."""
    return f"{float(number[0]):.1f}".removesuffix(".0")
