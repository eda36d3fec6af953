"""The content of the page: headline, totals, overview and places, and the section of each record type.

The figures on the quality of the rows of a section are in quality.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from taxi_luigi.core.units import plural
from taxi_luigi.history import RunResult
from taxi_luigi.inventory import ColorStatus, State, Status
from taxi_luigi.inventory.accounts import Accounts
from taxi_luigi.reports.html import charts, quality, trips
from taxi_luigi.reports.html.data import Tables, layout_spans, names_over_time
from taxi_luigi.reports.html.parts import Figure, Section, Table, count, duration, share, size
from taxi_luigi.reports.status_text import short, without_address
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH
from taxi_luigi.tlc.months import Month, month_range, spans
from taxi_luigi.transform.clean_settings import Limits
from taxi_luigi.transform.staleness import Reason


def headline(tables: Sequence[Tables]) -> str:
    """Return `4,432,123,456 trips in 589 months`."""
    if not tables:
        return "Nothing is held yet"
    trips, months = (sum(each.months[name].sum() for each in tables) for name in ("trips", "held"))
    return f"{count(trips)} trips in {plural(int(months), 'month')}"


def below(tables: Sequence[Tables]) -> str:
    """Return the line below the headline: record types, first and last month."""
    if not tables:
        return "No place that luigi.cfg names holds a month."
    held = sorted(month for each in tables for month in (each.held[0], each.held[-1]))
    return f"New York's {', '.join(each.color for each in tables)} trip records, {held[0]} to {held[-1]}"


def tiles(tables: Sequence[Tables]) -> list[tuple[str, str, str]]:
    """Return the key numbers as (label, number, explanation)."""
    if not tables:
        return []
    every = pd.concat([each.months for each in tables])
    held = every[every["held"]]
    published = int(every["published"].notna().sum())
    there = int((every["held"] & every["published"].notna()).sum())
    read, rejected = held["read"].sum(min_count=1), held["rejected"].sum(min_count=1)
    stray = sum(each.stray.sum() for each in tables)
    accounts = sum(len(each.accounts) for each in tables)
    return [
        ("published months", f"{there:,} of {published:,}", "of these colors, as far as known, are here"),
        ("as published", size(held["raw"].sum(min_count=1)), "downloaded, as the source has it"),
        ("clean", size(held["clean"].sum(min_count=1)), "in one place, as parquet"),
        ("taken out", count(rejected), f"{share(rejected / read if read else None)} of all rows"),
        ("stray dates", count(stray), "begin outside their file's month"),
        ("receipts", f"{accounts:,} of {len(held):,}", "months whose account could be read"),
    ]


_RECENT = 12
"""held months of each record type whose unusual figures the top of the page names"""


def glance(last: RunResult | None, alerts: Sequence[str], tables: Sequence[Tables]) -> list[str]:
    """Return the lines that the page begins with.

    Args:
        last: the last run that loads months, where the history has one
        alerts: months that failed, are overdue or have fewer records than published, in lines
        tables: of each record type with held months
    """
    if last is None:
        lines = ["No run that loads months is in this machine's history."]
    else:
        ended = f"ended {last.ended[:16].replace('T', ' ')} UTC" if last.ended else "has not ended"
        done = f"{plural(last.loaded, 'month')} loaded ({count(last.rows)} rows), {count(last.failed)} failed"
        lines = [f"The last run {ended}, exit code {last.exit}: {done}, {count(last.already_there)} already there."]
    lines += [f"{line[:1].upper()}{line[1:]}" for line in alerts]
    for each in tables:
        recent = [Month.parse(month) for month in each.held[-_RECENT:]]
        found = quality.unusual_months(each)
        lines += [f"Unusual: {each.color} {month}: {phrase}" for month in recent for phrase in found.get(month, ())]
    return lines if len(lines) > 1 else [*lines, "No month needs attention."]


def overview(tables: Sequence[Tables]) -> Figure:
    """Return the figure with a strip of trips for each record type, over the same months."""
    if not tables:
        return Figure("All colors")
    first, last = (Month.parse(pick(each.months.index[end] for each in tables)) for pick, end in ((min, 0), (max, -1)))
    months = [str(month) for month in month_range(first, last)]
    rows = []
    for each in tables:
        of_all = each.months.reindex(months)
        there = of_all["held"].eq(True).to_numpy()
        trips, published = (of_all[name].to_numpy(dtype=float) for name in ("trips", "published"))
        held, missing = np.where(there, trips, np.nan), np.where(there, np.nan, published)
        top = float(np.nanmax(np.concatenate([held, missing, [1.0]])))
        note = f"{short(int(np.nansum(held)))} trips"
        if np.isfinite(held).any():
            best = each.months["trips"].where(each.months["held"]).idxmax()
            note += f", peak {short(int(np.nanmax(held)))} in {best}"
        color = charts.OF_TAXI.get(each.color, charts.INK)
        rows.append(charts.Strip(each.color, note, held, top, color=color, outline=missing))
    return Figure(
        "All colors",
        "Trips by month, each color on a scale of its own. Dashed months are published and not here.",
        charts.strips(months, rows, 64, f"Trips by month of {', '.join(each.color for each in tables)}"),
        hidden=[("Trips of every year", _years_by_color(tables))],
    )


def _years_by_color(tables: Sequence[Tables]) -> Table:
    years = pd.DataFrame({each.color: each.by_year()["trips"] for each in tables}).sort_index(ascending=False)
    years = years.dropna(how="all")
    rows = [
        (str(year), *map(count, values), count(np.nansum(values)))
        for year, values in zip(years.index, years.to_numpy(), strict=True)
    ]
    return Table(("year", *map(str, years), "all"), rows)


def places(status: Status) -> Table:
    """Return the table of places: months of each record type, and total rows and bytes as far as they are known."""
    shown = [color for color in status.colors if not color.empty]
    rows = []
    for place in status.places:
        if place.error is not None:
            rows.append((place.key, *("?" for _ in shown), "no answer", "?"))
            continue
        totals = [color.total(place) for color in shown]
        known = [
            [number for number in (getattr(total, name) for total in totals) if number is not None]
            for name in ("rows", "bytes")
        ]
        numbers = [word(sum(each)) if each else "–" for word, each in zip((count, size), known, strict=True)]
        rows.append((place.key, *(count(total.months) for total in totals), *numbers))
    published = [sum(cell.published_rows is not None for cell in color.cells.values()) for color in shown]
    rows.append(("published", *map(count, published), "", ""))
    return Table(("months in", *(color.color for color in shown), "rows", "bytes"), rows)


_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LISTED = 6
"""The most columns that a row of the layouts lists."""
_PROBLEMS = {
    State.PARTLY: "not in {}",
    State.DIFFERENT: "not the same in {}",
    State.CLEAN: "cleaned, no more",
    State.RAW: "downloaded, no more",
    State.PUBLISHED: "published, not here",
    State.UNKNOWN: "no store could be listed",
}


def section(status: ColorStatus, tables: Tables, accounts: Accounts, limits: Limits) -> Section:
    """Return the section of a record type with held months.

    Args:
        status: of the record type
        tables: its numbers
        accounts: footers of clean files, for the reasons of missing ones
        limits: of `[clean]`
    """
    figures = [_trips(tables), *trips.figures(tables)]
    if tables.accounts:
        figures += [_columns(tables), *quality.figures(tables, limits)]
    figures.append(_sizes(tables))
    return Section(
        color=status.color,
        meaning=DATASETS[status.color].meaning,
        facts=_facts(tables),
        problems=[*_problems(status), *_not_as_today(status), *_unaccounted(status, accounts)],
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


def _problems(status: ColorStatus) -> Iterator[str]:
    for state, words in _PROBLEMS.items():
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
    """Yield lines on stale months, and on months whose file was refused or failed."""
    stale: dict[Reason, list[Month]] = {}
    reasons: dict[tuple[str, str], list[Month]] = {}
    for month, cell in status.cells.items():
        if cell.stale:
            stale.setdefault(cell.stale, []).append(month)
        for what, why in (("refused", cell.refused), ("failed last time", cell.failure)):
            if why:
                reasons.setdefault((what, without_address(why, month)), []).append(month)
    for change, months in stale.items():
        yield f"{change.value} since: {spans(months)} ({plural(len(months), 'month')})"
    for (what, why), months in reasons.items():
        yield f"{what}: {spans(months)}: {why}"


def _unaccounted(status: ColorStatus, accounts: Accounts) -> Iterator[str]:
    by_reason: dict[str, list[Month]] = {}
    for (color, month), why in accounts.missing.items():
        if color == status.color:
            by_reason.setdefault(why, []).append(month)
    for why, months in by_reason.items():
        yield f"no receipt, as {why}; the numbers are those of markers and listings: {spans(months)}"


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
        filled = f"{share(float(np.average(nulls[there], weights=trips[there])))} missing" if files else "in no file"
        note = filled if files in (0, len(tables.accounts)) else f"{filled}, {plural(files, 'file')}"
        rows.append(charts.Strip(column.name, note, 1 - nulls, 1.0, there.astype(float), word=_filled))
    title = f"{tables.color}: which columns TLC's files have in which month, and how much of them is filled"
    return Figure(
        "Columns by month",
        "A light band is a month whose file has the column; it is filled as high as the share of rows with a value.",
        charts.strips(held, rows, 16, title),
        _layouts(tables),
        [
            ("Share of rows without a value, by month", _nulls(tables)),
            ("Names of each column in TLC's files", _names(tables)),
        ],
    )


def _filled(part: float) -> str:
    return f"{share(part)} filled"


def _layouts(tables: Tables) -> Table:
    rows = []
    for number, span in enumerate(layout_spans(tables.receipts)):
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
        (column.name, ", ".join(names_over_time(column, receipts)) or "–", column.meaning)
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
    """Return None where no value is known."""
    if not values.notna().any():
        return None
    note = f"{word(values.sum())}, peak {word(values.max())} in {values.idxmax()}"
    return charts.Strip(label, note, np.asarray(values, dtype=np.float64), float(values.max()), word=word)
