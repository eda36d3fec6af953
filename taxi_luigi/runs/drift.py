"""What a run found in its months that a person should know though nothing failed, in a few lines for all of them.

Pure: what is remarked on is in each month's receipt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from taxi_luigi.core.text import LONGEST, several

_NAMED = 5
"""columns, or texts of one column, that a line names; a receipt has all of them"""


@dataclass(frozen=True)
class Remark:
    """What is odd about one cleaned month, as in its receipt."""

    color: str
    month: str
    left_out: dict[str, dict[str, Any]]
    """column → {"type": Arrow type, "nulls": null share from 0 to 1}"""
    unmapped: dict[str, dict[str, int]]
    """`unknown_code:COLUMN` → text → rows"""
    missing: list[str] = field(default_factory=list)
    """columns that the month's layout has and the file lacks"""
    warnings: list[str] = field(default_factory=list)
    """phrases"""
    fewer: tuple[int, int] | None = None
    """(records, published) of a month with fewer records than TLC published"""


def warnings(remarks: Iterable[Remark], keep_raw: bool) -> list[str]:
    """A line per color that left columns out or lacks some, one per color and column with texts that no map knows, and
    one per color and other oddity.
    """
    lines = []
    for color, of_color in _by_color(remarks).items():
        lines += _left_out(color, of_color, keep_raw) + _missing(color, of_color) + _unmapped(color, of_color)
        lines += _others(color, of_color)
    return lines


def fewer(remarks: Iterable[Remark]) -> list[str]:
    """A line per month with fewer records than TLC published."""
    return [
        f"{color} {each.month} has {each.fewer[0]:,} records, where TLC published {each.fewer[1]:,}"
        for color, of_color in _by_color(remarks).items()
        for each in of_color
        if each.fewer
    ]


def _by_color(remarks: Iterable[Remark]) -> dict[str, list[Remark]]:
    """Color → its months in order, each once: a task that ran twice remarked twice."""
    by_month = {(each.color, each.month): each for each in remarks}
    return {
        color: [by_month[key] for key in sorted(by_month) if key[0] == color]
        for color in dict.fromkeys(color for color, _ in by_month)
    }


def _missing(color: str, remarks: list[Remark]) -> list[str]:
    months: dict[str, list[str]] = {}
    for each in remarks:
        for name in each.missing:
            months.setdefault(name, []).append(each.month)
    if not months:
        return []
    texts = [f"{name} in {several(of_name)}" for name, of_name in months.items()]
    return [f"{color}: empty, as the files lack them: {_few(texts)}"]


def _others(color: str, remarks: list[Remark]) -> list[str]:
    months: dict[str, list[str]] = {}
    for each in remarks:
        for text in each.warnings:
            months.setdefault(text, []).append(each.month)
    return [f"{color} {several(of_text)}: {text}" for text, of_text in months.items()]


def _left_out(color: str, remarks: list[Remark], keep_raw: bool) -> list[str]:
    columns: dict[str, dict[str, dict[str, Any]]] = {}
    others = 0
    for each in remarks:
        for name, found in each.left_out.items():
            if "columns" in found:  # those for which the receipt has no room
                others = max(others, found["columns"])
            else:
                columns.setdefault(name, {})[each.month] = found
    if not columns:
        return []
    texts = [_column(name, months) for name, months in columns.items()]
    where = "the raw files keep them" if keep_raw else "keep_raw = false removes the raw files, which have them"
    return [f"{color}: left out columns that taxi_luigi does not know: {_few(texts, others)}; {where}"]


def _column(name: str, months: dict[str, dict[str, Any]]) -> str:
    types = " or ".join([_shown(kind) for kind in dict.fromkeys(found["type"] for found in months.values())][:_NAMED])
    percent = sorted({round(100 * found["nulls"]) for found in months.values()})
    share = " to ".join(str(each) for each in dict.fromkeys((percent[0], percent[-1])))
    shown = name if name.isidentifier() and len(name) <= LONGEST else _quoted(name)
    return f"{shown} ({types}, {share} % null) in {several(months)}"


def _unmapped(color: str, remarks: list[Remark]) -> list[str]:
    reasons: dict[str, dict[str, dict[str, int]]] = {}
    for each in remarks:
        for reason, texts in each.unmapped.items():
            for text, rows in texts.items():
                reasons.setdefault(reason, {}).setdefault(text, {})[each.month] = rows
    told = []
    for reason, found in reasons.items():
        counts = {text: sum(months.values()) for text, months in found.items()}
        texts_ = [
            f"{_quoted(text)} in {several(found[text])} ({counts[text]:,} row{'s' * (counts[text] != 1)})"
            for text in sorted(counts, key=lambda text: -counts[text])
        ]
        column = reason.partition(":")[2]
        told.append(f"{color}: {column} has texts that taxi_luigi does not know, kept as null: {_few(texts_)}")
    return told


def _shown(text: str) -> str:
    """A nested type names fields, and a file may call its fields anything."""
    return text if text.isprintable() and len(text) <= LONGEST else _quoted(text)


def _few(texts: list[str], others: int = 0) -> str:
    """The first of the texts, and how many more there are with `others` that the receipts only count."""
    beyond = max(len(texts) - _NAMED, 0) + others
    return "; ".join(texts[:_NAMED]) + (f"; {beyond:,} more in the receipts" if beyond else "")


def _quoted(text: str) -> str:
    """Receipts have cut it already, and named its length."""
    return repr(text[:LONGEST] + "…" * (len(text) > LONGEST))
