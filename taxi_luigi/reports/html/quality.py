"""The figures on the rows of one record type: rules, stray dates, rejects, codes, missing columns, replaced months."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from taxi_luigi.core.receipts import DROPPED, LAYOUT, CleanReceipt, Edition
from taxi_luigi.core.text import cut
from taxi_luigi.core.units import plural
from taxi_luigi.reports.html import charts
from taxi_luigi.reports.html.data import STRAY, Tables
from taxi_luigi.reports.html.parts import Figure, Table, count, share
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, spans
from taxi_luigi.transform import unusual
from taxi_luigi.transform.clean_settings import Limits
from taxi_luigi.transform.guards import fewer_than_published
from taxi_luigi.transform.rules import FILL_MISSING_PASSENGERS, RULES
from taxi_luigi.transform.unusual import RECORDS

Word = Callable[[float | None], str]
"""The format of a number."""

_MEANING = {name: rule.reason for name, rule in RULES.items()} | {FILL_MISSING_PASSENGERS: "passenger_count is missing"}
_FAULTS = {
    "unreadable": "a value of {} that cannot be read",
    "ambiguous": "a value of {} with two readings",
}
_MONTHS = 12
"""The newest months that a table by month shows unfolded."""
_TEXTS = 40
"""The most unknown codes that the page lists; the receipts have all."""


def figures(tables: Tables, limits: Limits) -> Iterator[Figure]:
    """Yield the figures of a record type with at least one receipt."""
    yield _replaced(tables)
    yield _fewer(tables, limits)
    yield _unusual(tables)
    yield _rules(tables)
    yield _stray(tables)
    yield _rejected(tables)
    yield _missing(tables)
    yield _left_out(tables)
    yield _unmapped(tables)
    yield _odd(tables)


def _replaced(tables: Tables) -> Figure:
    replaced = {month: receipt for month, receipt in tables.receipts.items() if receipt.replaced}
    if not replaced:
        return Figure("Replaced months", f"None: no month took the place of another{_as_far(tables)}.")
    money = DATASETS[tables.color].money
    rows = []
    for month in sorted(replaced, reverse=True):
        receipt = replaced[month]
        before: Mapping[str, float] = receipt.replaced.get("sums") or {}
        sums = [f"{_dollars(before, name)} → {_dollars(receipt.sums, name)}" for name in money]
        records = f"{count(receipt.replaced.get('records'))} → {count(receipt.records)}"
        rows.append((str(month), _because(receipt), records, *sums))
    head = ("month", "because", "records", *money)
    return Figure(
        "Replaced months",
        f"{plural(len(rows), 'month')} took the place of another: records that can be stored, before → after"
        f"{', and dollars in them' if money else ''}; – where an old receipt lacks them.",
        table=Table(head, rows[:_MONTHS], words=(0, 1)),
        hidden=[("All replaced months", Table(head, rows, words=(0, 1)))] if len(rows) > _MONTHS else [],
    )


def _because(receipt: CleanReceipt) -> str:
    before, now = Edition.read(str(receipt.replaced.get("edition"))), Edition.read(receipt.edition)
    if before is None or now is None:
        return "–"
    if now.stamp and now.stamp != before.stamp:
        return "forced"
    return "published anew" if before.source != now.source else "cleaned anew"


def _dollars(sums: Mapping[str, float], name: str) -> str:
    return f"{sums[name]:,.2f}" if name in sums else "–"


def _fewer(tables: Tables, limits: Limits) -> Figure:
    found = {month: fewer_than_published(receipt, limits) for month, receipt in tables.receipts.items()}
    rows = [
        (str(month), count(numbers[0]), count(numbers[1]), share(numbers[0] / numbers[1]))
        for month, numbers in sorted(found.items(), reverse=True)
        if numbers is not None
    ]
    if not rows:
        return Figure(
            "Fewer records than published",
            f"None{_as_far(tables)}. Only files that came from TLC or the csv mirror are compared.",
        )
    head = ("month", "records", "published", "share")
    return Figure(
        "Fewer records than published",
        f"{plural(len(rows), 'month')} with less than [clean] fewest_rows = {limits.fewest_rows:g} of the records that "
        "TLC is known to have published.",
        table=Table(head, rows[:_MONTHS]),
        hidden=[("All months with fewer records", Table(head, rows))] if len(rows) > _MONTHS else [],
    )


def unusual_months(tables: Tables) -> dict[Month, list[str]]:
    """Return the held months of a record type with what is unusual; published counts stand in for what is not held."""
    published = tables.months["published"].dropna()
    known = {Month.parse(str(month)): {RECORDS: rows} for month, rows in published.items()}
    known |= {month: unusual.figures(each.receipt, each.nulls) for month, each in tables.accounts.items()}
    found = {month: unusual.phrases(unusual.unusual(month, known)) for month in tables.accounts}
    return {month: phrases for month, phrases in found.items() if phrases}


def _unusual(tables: Tables) -> Figure:
    rows = [(str(month), each) for month, found in sorted(unusual_months(tables).items())[::-1] for each in found]
    text = (
        "Records, null shares and rule shares far from those of the two months before and of the same month in five "
        "years, by median and median absolute deviation."
    )
    if not rows:
        return Figure("Unusual months", f"None{_as_far(tables)}. {text}")
    head = ("month", "what")
    return Figure(
        "Unusual months",
        text,
        table=Table(head, rows[:_MONTHS], words=(0, 1)),
        hidden=[("All that is unusual", Table(head, rows, words=(0, 1)))] if len(rows) > _MONTHS else [],
    )


def _missing(tables: Tables) -> Figure:
    found: dict[tuple[str, str], list[Month]] = {}
    for month, receipt in tables.receipts.items():
        other = "csv" if receipt.raw_format == "parquet" else "parquet"
        whose = {LAYOUT: "the month's layout", DROPPED: f"the month's {other} layout alone"}
        for name, kind in receipt.missing.items():
            if kind in whose:
                found.setdefault((name, whose[kind]), []).append(month)
    if not found:
        return Figure("Missing columns", f"None: every file has the columns of its month's layout{_as_far(tables)}.")
    rows = [(name, whose, spans(months), count(len(months))) for (name, whose), months in sorted(found.items())]
    return Figure(
        "Missing columns",
        "Columns that TLC is known to have published for the month and that its file lacks; they are empty here.",
        table=Table(("column", "is in", "months", "number"), rows, words=(0, 1, 2)),
    )


def _odd(tables: Tables) -> Figure:
    found: dict[str, list[Month]] = {}
    for month, receipt in tables.receipts.items():
        for phrase in receipt.warnings:
            found.setdefault(phrase, []).append(month)
    if not found:
        return Figure("Warnings", f"None{_as_far(tables)}.")
    rows = [(phrase, spans(months), count(len(months))) for phrase, months in sorted(found.items())]
    return Figure("Warnings", table=Table(("warning", "months", "number"), rows, words=(0, 1)))


def _rules(tables: Tables) -> Figure:
    rules = tables.rules.drop(columns=STRAY, errors="ignore")
    total = tables.months["read"].sum()
    switched_on = {name for name in rules if name in tables.rejected and tables.rejected[name].sum()}
    changed = {name for receipt in tables.receipts.values() for name, rows in receipt.changed.items() if rows}
    rows = [
        (
            str(name),
            _MEANING.get(str(name), ""),
            "taken out" if name in switched_on else "changed" if name in changed else "counted",
            *_sums(rules[name], total),
        )
        for name in rules
    ]
    return Figure(
        "Rules",
        "Rows that each rule of [clean] applies to, as a share of the month's rows. A rule takes rows out only where "
        "it is switched on, and changes them where it fills in; a row can be under several.",
        _strips(tables, rules, f"{tables.color}: share of rows under each rule, by month", of_all=True),
        Table(("rule", "finds rows in which", "they are", "rows", "share", "most in"), rows, words=(0, 1, 2)),
        [("Rows under each rule, by month", by_month(rules))],
    )


def _stray(tables: Tables) -> Figure:
    stray, read = tables.stray, tables.months["read"]
    if not stray.sum():
        return Figure("Stray dates", f"Every trip begins in the month of its file{_as_far(tables)}.")
    worst = str(stray.idxmax())
    return Figure(
        "Stray dates",
        f"{count(stray.sum())} trips ({share(stray.sum() / read.sum())}) begin outside the month of their file; most "
        f"of them, {count(stray.max())}, in {worst}. They stay in that file's month, unless the rule {STRAY} is on.",
        _strips(tables, stray.to_frame("trips"), f"{tables.color}: trips with stray dates, by month", 56),
        hidden=[("Trips with stray dates, by month", by_month(stray.to_frame("trips")))],
    )


def _rejected(tables: Tables) -> Figure:
    rejected = tables.rejected.loc[:, tables.rejected.sum() > 0]
    if rejected.empty:
        return Figure("Rejects", f"No row was taken out: every row of the file is there{_as_far(tables)}.")
    total = tables.months["read"].sum()
    rows = [(str(name), _why(str(name)), *_sums(rejected[name], total)) for name in rejected]
    return Figure(
        "Rejects",
        f"{plural(int(rejected.sum().sum()), 'row')} taken out, each under its first reason; rejected/ has them.",
        _strips(tables, rejected, f"{tables.color}: rows taken out under each reason, by month"),
        Table(("reason", "because of", "rows", "share", "most in"), rows, words=(0, 1)),
        [("Rows taken out, by month", by_month(rejected))],
    )


def _left_out(tables: Tables) -> Figure:
    found: dict[tuple[str, str], dict[Month, float]] = {}
    for month, receipt in tables.receipts.items():
        for name, column in receipt.left_out.items():
            found.setdefault((cut(name), cut(str(column.get("type", "")))), {})[month] = float(column.get("nulls", 0.0))
    if not found:
        return Figure("Columns left out", "None: every column in TLC's files is known.")
    rows = [(name, kind, spans(months), share(_of_all(months, tables))) for (name, kind), months in found.items()]
    text = "Columns in TLC's files that taxi_luigi does not know; they are in the raw files alone."
    return Figure(
        "Columns left out", text, table=Table(("column", "type", "months", "without a value"), rows, words=(0, 1, 2))
    )


def _unmapped(tables: Tables) -> Figure:
    found: dict[tuple[str, str], dict[Month, int]] = {}
    for month, receipt in tables.receipts.items():
        for reason, texts in receipt.unmapped.items():
            for text, number in texts.items():
                counted = found.setdefault((reason.partition(":")[2], cut(text)), {})
                counted[month] = counted.get(month, 0) + number
    if not found:
        return Figure("Unknown codes", "None: every code in TLC's files has a meaning.")
    worst = sorted(found.items(), key=lambda each: -sum(each[1].values()))
    rows = [
        (column, text, spans(months), count(sum(months.values()))) for (column, text), months in worst[:_TEXTS]
    ]  # fmt: skip
    more = f" {len(found) - _TEXTS:,} more texts are in the receipts." if len(found) > _TEXTS else ""
    return Figure(
        "Unknown codes",
        f"Texts without a known meaning; the rows are there without that value.{more}",
        table=Table(("column", "text", "months", "rows"), rows, words=(0, 1, 2)),
    )


def _as_far(tables: Tables) -> str:
    """Return the restriction to add to a sentence when some held months lack a receipt."""
    return ", of the months with a receipt" if len(tables.accounts) < tables.months["held"].sum() else ""


def _of_all(shares: Mapping[Month, float], tables: Tables) -> float:
    """Return the share of all rows from the shares of months."""
    rows = {month: tables.receipts[month].rows_in for month in shares}
    return sum(shares[month] * rows[month] for month in shares) / max(1, sum(rows.values()))


def by_month(table: pd.DataFrame) -> Table:
    """Return the table of counts by month, the newest first."""
    known = table.dropna(how="all").iloc[::-1]
    rows = [(str(month), *map(count, values)) for month, values in zip(known.index, known.to_numpy(), strict=True)]
    return Table(("month", *map(str, table)), rows)


def _sums(counts: pd.Series[float], total: float) -> tuple[str, str, str]:
    """Return the rows, their share, and the month with most of them."""
    summed = counts.sum()
    most = f"{counts.idxmax()} ({count(counts.max())})" if summed else "–"
    return count(summed), share(summed / total if total else None), most


def _why(reason: str) -> str:
    kind, _, column = reason.partition(":")
    return _MEANING.get(reason) or _FAULTS.get(kind, "").format(column)


def _strips(tables: Tables, counts: pd.DataFrame, title: str, height: int = 30, of_all: bool = False) -> str:
    """Return strips of rows by month, as counts or as shares `of_all` rows, without names that have none."""
    held, read = tables.held, tables.months["read"]
    rows = []
    for name in counts:
        summed = counts[name].sum()
        if not summed:
            continue
        values = (counts[name] / read if of_all else counts[name]).loc[held]
        word: Word = share if of_all else count
        total = summed / read.sum() if of_all else summed
        note = f"{word(total)}, peak {word(values.max())} in {values.idxmax()}"
        rows.append(charts.Strip(str(name), note, np.asarray(values, dtype=np.float64), float(values.max()), word=word))
    return charts.strips(held, rows, height, title) if rows else ""
