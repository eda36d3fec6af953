"""Schema drift: unexpected columns and values in the months of a run that did not fail; a few lines for all months.

Pure. The details are in each month's receipt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taxi_luigi.core.text import LONGEST, several
from taxi_luigi.core.units import plural
from taxi_luigi.history.results import Drift, TaskResult

_NAMED = 5
"""columns, or texts of one column, that a line names; a receipt has all of them"""


def warnings(results: Iterable[TaskResult], keep_raw: bool) -> list[str]:
    """Return a line for each color that left columns out or lacks some, for each column with unknown texts, and for
    each other oddity.

    Args:
        keep_raw: whether the raw files, which have the columns that were left out, are kept
    """
    lines = []
    for color, months in _by_color(results).items():
        lines += _left_out(color, months, keep_raw) + _missing(color, months) + _unmapped(color, months)
        lines += _oddities(color, months)
    return lines


def fewer(results: Iterable[TaskResult]) -> list[str]:
    """Return a line for each month with fewer records than TLC published."""
    return [
        f"{color} {month} has {drift.fewer[0]:,} records, where TLC published {drift.fewer[1]:,}"
        for color, months in _by_color(results).items()
        for month, drift in months.items()
        if drift.fewer
    ]


def phrases(drift: Drift) -> list[str]:
    """Return what is unexpected in one month, in a few words each."""
    columns = [_name(name) for name, found in drift.left_out.items() if "columns" not in found]
    others = sum(found.get("columns", 0) for found in drift.left_out.values())
    return [
        *drift.warnings,
        *([f"left out {_few(columns, others)}"] if columns else []),
        *([f"without {_few(drift.missing)}"] if drift.missing else []),
        *(f"unknown texts in {reason.partition(':')[2]}" for reason in drift.unmapped),
        *([f"{drift.fewer[0]:,} records, where TLC published {drift.fewer[1]:,}"] if drift.fewer else []),
    ]


def _by_color(results: Iterable[TaskResult]) -> dict[str, dict[str, Drift]]:
    """Return color → month, in order → its drift, from the last try of a task that ran twice."""
    found: dict[str, dict[str, Drift]] = {}
    for each in results:
        if each.drift is not None:
            found.setdefault(each.color, {})[each.month] = each.drift
    return {color: dict(sorted(months.items())) for color, months in found.items()}


def _missing(color: str, drifts: dict[str, Drift]) -> list[str]:
    months: dict[str, list[str]] = {}
    for month, drift in drifts.items():
        for name in drift.missing:
            months.setdefault(name, []).append(month)
    if not months:
        return []
    texts = [f"{name} in {several(of_name)}" for name, of_name in months.items()]
    return [f"{color}: empty, as the files lack them: {_few(texts)}"]


def _oddities(color: str, drifts: dict[str, Drift]) -> list[str]:
    months: dict[str, list[str]] = {}
    for month, drift in drifts.items():
        for text in drift.warnings:
            months.setdefault(text, []).append(month)
    return [f"{color} {several(of_text)}: {text}" for text, of_text in months.items()]


def _left_out(color: str, drifts: dict[str, Drift], keep_raw: bool) -> list[str]:
    columns: dict[str, dict[str, dict[str, Any]]] = {}
    others = 0
    for month, drift in drifts.items():
        for name, found in drift.left_out.items():
            if "columns" in found:  # which the receipt only counts
                others = max(others, found["columns"])
            else:
                columns.setdefault(name, {})[month] = found
    if not columns:
        return []
    texts = [_column(name, months) for name, months in columns.items()]
    where = "the raw files keep them" if keep_raw else "keep_raw = false removes the raw files, which have them"
    return [f"{color}: left out columns that taxi_luigi does not know: {_few(texts, others)}; {where}"]


def _column(name: str, months: dict[str, dict[str, Any]]) -> str:
    types = " or ".join([_shown(kind) for kind in dict.fromkeys(found["type"] for found in months.values())][:_NAMED])
    percent = sorted({round(100 * found["nulls"]) for found in months.values()})
    share = " to ".join(str(each) for each in dict.fromkeys((percent[0], percent[-1])))
    return f"{_name(name)} ({types}, {share} % null) in {several(months)}"


def _name(column: str) -> str:
    return column if column.isidentifier() and len(column) <= LONGEST else _quoted(column)


def _unmapped(color: str, drifts: dict[str, Drift]) -> list[str]:
    reasons: dict[str, dict[str, dict[str, int]]] = {}
    for month, drift in drifts.items():
        for reason, texts in drift.unmapped.items():
            for text, rows in texts.items():
                reasons.setdefault(reason, {}).setdefault(text, {})[month] = rows
    lines = []
    for reason, found in reasons.items():
        counts = {text: sum(months.values()) for text, months in found.items()}
        texts_ = [
            f"{_quoted(text)} in {several(found[text])} ({plural(counts[text], 'row')})"
            for text in sorted(counts, key=lambda text: -counts[text])
        ]
        column = reason.partition(":")[2]
        lines.append(f"{color}: {column} has texts that taxi_luigi does not know, kept as null: {_few(texts_)}")
    return lines


def _shown(text: str) -> str:
    """Return a type as text, cut: a nested type has the names of its fields, which come from the file."""
    return text if text.isprintable() and len(text) <= LONGEST else _quoted(text)


def _few(texts: list[str], others: int = 0) -> str:
    """Return the first texts, and the number of the rest with the `others` that receipts only count."""
    beyond = max(len(texts) - _NAMED, 0) + others
    return "; ".join(texts[:_NAMED]) + (f"; {beyond:,} more in the receipts" if beyond else "")


def _quoted(text: str) -> str:
    """Return a text for a line; receipts have cut it already, with its length."""
    return repr(text[:LONGEST] + "…" * (len(text) > LONGEST))
