"""What the page says of one color: trips, columns, sizes and times; of its rows, quality.py."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from taxi_luigi.inventory import ColorStatus, State
from taxi_luigi.reports.html import charts, layouts, quality
from taxi_luigi.reports.html.accounts import Accounts
from taxi_luigi.reports.html.parts import Figure, Section, Table
from taxi_luigi.reports.html.tables import Tables
from taxi_luigi.reports.html.words import count, duration, plural, share, size
from taxi_luigi.reports.status_text import spans, without_address
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import Limits
from taxi_luigi.transform.staleness import Reason

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LISTED = 6
"""columns that a line of a layout names"""
_WANTING = {
    State.PARTLY: "not in {}",
    State.DIFFERENT: "not the same in {}",
    State.CLEAN: "cleaned, no more",
    State.RAW: "downloaded, no more",
    State.PUBLISHED: "published, not here",
    State.UNKNOWN: "no store has answered",
}


def section(status: ColorStatus, tables: Tables, accounts: Accounts, limits: Limits) -> Section:
    """All of one color of which something is held; `limits` are those of `[clean]`."""
    figures = [_trips(tables)]
    if tables.accounts:
        figures += [_columns(tables), *quality.figures(tables, limits)]
    figures.append(_sizes(tables))
    return Section(
        color=status.color,
        meaning=DATASETS[status.color].meaning,
        facts=_facts(tables),
        wanting=[*_wanting(status), *_not_as_today(status), *_unaccounted(status, accounts)],
        figures=figures,
    )


def _facts(tables: Tables) -> list[tuple[str, str]]:
    held = tables.months[tables.months["held"]]
    return [
        ("trips", count(held["trips"].sum())),
        ("months", count(len(held))),
        ("from", str(held.index[0])),
        ("to", str(held.index[-1])),
        ("clean", size(held["clean"].sum(min_count=1))),
        ("as published", size(held["raw"].sum(min_count=1))),
    ]


def _wanting(status: ColorStatus) -> Iterator[str]:
    for state, words in _WANTING.items():
        found: dict[tuple[str, ...], list[Month]] = {}
        for month, cell in status.cells.items():
            if cell.state is state:
                found.setdefault(cell.lacking if state is State.PARTLY else cell.differing, []).append(month)
        for places, months in found.items():
            yield f"{words.format(' and '.join(places))}: {spans(months)} ({plural(len(months), 'month')})"
    gone = [month for month, cell in status.cells.items() if cell.withdrawn]
    if gone:
        yield f"withdrawn at the source, and kept here: {spans(gone)}"


def _not_as_today(status: ColorStatus) -> Iterator[str]:
    """Months that would be cleaned to other rows today, and those whose file was not taken."""
    stale: dict[Reason, list[Month]] = {}
    whys: dict[tuple[str, str], list[Month]] = {}
    for month, cell in status.cells.items():
        if cell.stale:
            stale.setdefault(cell.stale, []).append(month)
        for what, why in (("refused", cell.refused), ("failed last time", cell.failure)):
            if why:
                whys.setdefault((what, without_address(why, month)), []).append(month)
    for change, months in stale.items():
        yield f"{change.value} since: {spans(months)} ({plural(len(months), 'month')})"
    for (what, why), months in whys.items():
        yield f"{what}: {spans(months)}: {why}"


def _unaccounted(status: ColorStatus, accounts: Accounts) -> Iterator[str]:
    by_reason: dict[str, list[Month]] = {}
    for (color, month), why in accounts.lacking.items():
        if color == status.color:
            by_reason.setdefault(why, []).append(month)
    for why, months in by_reason.items():
        yield f"no receipt, as {why}; what is shown is what markers and listings say: {spans(months)}"


def _trips(tables: Tables) -> Figure:
    months = tables.around
    trips, published = (months[name].to_numpy(dtype=float) for name in ("trips", "published"))
    held = np.where(months["held"], trips, np.nan)
    dashed = " A dashed line is a month that TLC has published and that is not here." if np.isnan(held).any() else ""
    grid = tables.grid().dropna(how="all")
    rows = [
        (str(year), *("" if np.isnan(value) else count(value) for value in values), count(np.nansum(values)))
        for year, values in zip(grid.index[::-1], grid.to_numpy()[::-1], strict=True)
    ]
    title = f"{tables.color}: trips by month from {months.index[0]} to {months.index[-1]}"
    return Figure(
        "Trips by month",
        f"Rows of each month's file.{dashed}",
        charts.trips(list(months.index), held, published, title),
        _years(tables),
        [("Trips of every month", Table(("", *_NAMES, "year"), rows))],
    )


def _years(tables: Tables) -> Table:
    years = tables.by_year().iloc[::-1]
    rows = [
        (
            str(year),
            count(row["held"]),
            count(row["trips"]),
            count(row["rejected"]),
            count(row["stray"]),
            size(row["raw"]),
            size(row["clean"]),
            duration(row["seconds"]),
        )
        for year, row in years.iterrows()
        if row["held"]
    ]
    return Table(("year", "months", "trips", "rejected", "stray dates", "as published", "clean", "time to load"), rows)


def _columns(tables: Tables) -> Figure:
    held, rows = tables.held, []
    trips = np.array(
        [tables.accounts[month].rows if month in tables.accounts else 0 for month in map(Month.parse, held)]
    )
    columns = [column for column in DATASETS[tables.color].columns if column.name != FILE_MONTH]
    for column in columns:
        nulls = tables.nulls.loc[held, column.name].to_numpy(dtype=float)
        there = np.isfinite(nulls)
        files = int(there.sum())
        told = f"{share(float(np.average(nulls[there], weights=trips[there])))} missing" if files else "in no file"
        note = told if files in (0, len(tables.accounts)) else f"{told}, {plural(files, 'file')}"
        rows.append(charts.Strip(column.name, note, 1 - nulls, 1.0, there.astype(float)))
    title = f"{tables.color}: which columns TLC's files have in which month, and how much of them is filled"
    return Figure(
        "Columns by month",
        "A light band is a month whose file has the column; it is filled as high as the share of rows with a value.",
        charts.strips(held, rows, 16, title),
        _layouts(tables),
        [("Share of rows without a value, by month", _nulls(tables)), ("What TLC called each column", _names(tables))],
    )


def _layouts(tables: Tables) -> Table:
    rows = []
    for number, span in enumerate(layouts.spans(tables.receipts)):
        changes = [f"+ {_listed(span.added)}"] if span.added else []
        changes += [f"− {_listed(span.gone)}"] if span.gone else []
        changes += [_listed(span.retyped)] if span.retyped else []
        what = "; ".join(changes) if number else "the first that is held"
        first, last = span.months[0], span.months[-1]
        when = str(first) if first == last else f"{first}..{last}"
        sizes = (count(len(span.months)), count(span.columns))
        rows.append((when, *sizes, span.form, what or "another format"))
    return Table(("layout of", "months", "columns", "format", "what changed"), rows, words=(0, 3, 4))


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _nulls(tables: Tables) -> Table:
    known = tables.nulls.dropna(how="all").dropna(how="all", axis=1).iloc[::-1]
    rows = [(str(month), *map(share, values)) for month, values in zip(known.index, known.to_numpy(), strict=True)]
    return Table(("month", *map(str, known)), rows)


def _names(tables: Tables) -> Table:
    receipts = tables.receipts
    rows = [
        (column.name, ", ".join(layouts.names_over_time(column, receipts)) or "–", column.meaning)
        for column in DATASETS[tables.color].columns
        if column.name != FILE_MONTH
    ]
    return Table(("column", "in TLC's files", "meaning"), rows, words=(0, 1, 2))


def _sizes(tables: Tables) -> Figure:
    held = tables.held
    rows = [
        _strip("as published", tables.months.loc[held, "raw"], size),
        _strip("clean", tables.months.loc[held, "clean"], size),
        *(_strip(str(step), tables.seconds[step].loc[held], duration) for step in tables.seconds),
    ]
    known = pd.concat([tables.months[["raw", "clean"]], tables.seconds], axis=1).dropna(how="all").iloc[::-1]
    words = [size, size, *(duration for _ in tables.seconds)]
    numbers = [
        (str(month), *(word(value) for word, value in zip(words, values, strict=True)))
        for month, values in zip(known.index, known.to_numpy(), strict=True)
    ]
    title = f"{tables.color}: size of each month's files, and how long its steps took"
    timed = "as this machine last did each of them" if len(tables.seconds.columns) else "not in this machine's history"
    return Figure(
        "Sizes and loading times",
        f"Bytes of TLC's file and of the clean one; the times are {timed}.",
        charts.strips(held, [row for row in rows if row is not None], 34, title),
        hidden=[("Sizes and times, by month", Table(("month", "as published", "clean", *tables.seconds), numbers))],
    )


def _strip(label: str, values: pd.Series[float], word: quality.Word) -> charts.Strip | None:
    """None where nothing is known."""
    if not values.notna().any():
        return None
    note = f"{word(values.sum())}, peak {word(values.max())} in {values.idxmax()}"
    return charts.Strip(label, note, np.asarray(values, dtype=np.float64), float(values.max()))
