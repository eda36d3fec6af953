"""Texts of published files, cut to what a line, a receipt and a page have room for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Name = TypeVar("Name")

LONGEST = 60
"""characters of a column's name, its type or a value that are shown; TLC's longest name has 22"""

_LISTED, _LINE = 30, 1_500
"""names in a line, as many as any of TLC's files has, and their characters"""

_LOOKED_AT = 4_096
"""characters of a text that are looked at for one line"""


def cut(text: str, longest: int = LONGEST) -> str:
    """Return the text, or the beginning and length of a longer one: `AAAA… (5,242,880 characters)`.

    The result has `longest` characters at most, so to cut it again changes nothing.
    """
    if len(text) <= longest:
        return text
    end = f"… ({len(text):,} characters)"
    return text[: longest - len(end)] + end


def shown(what: object) -> str:
    """Return the beginning of a column's name or type, printable: names in a file may be anything."""
    text = str(what)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def listed(names: Iterable[Name], show: Callable[[Name], str] = shown) -> str:
    """Return the first names, as many as fit into a line, and the number of the others."""
    texts, room = [], _LINE
    everything = list(names)
    for name in everything[:_LISTED]:
        texts.append(show(name))
        room -= len(texts[-1])
        if room <= 0:
            break
    more = len(everything) - len(texts)
    return ", ".join(texts) + (f" and {more:,} more" if more > 0 else "")


def unwrapped(text: object) -> str:
    """Return the whole text on one line: every run of blanks and line ends becomes one blank."""
    return " ".join(str(text).split())


def one_line(text: object, width: int = 100) -> str:
    """Return the beginning of a text, fit for the one line of an error: printable, `width` characters at most."""
    words = unwrapped("".join(c if c.isprintable() else " " for c in str(text)[:_LOOKED_AT]))
    return words if len(words) <= width else words[: width - 1] + "…"


def several(months: Iterable[str]) -> str:
    """Return the months in order, all of them or the first and the last."""
    ordered = sorted(months)
    return ", ".join(ordered) if len(ordered) <= 4 else f"{ordered[0]} … {ordered[-1]}"
