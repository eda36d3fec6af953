"""The top of the page: totals over all colors, the colors beside each other, and what each place holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from taxi_luigi.inventory import Status
from taxi_luigi.reports.html import charts, svg
from taxi_luigi.reports.html.parts import Figure, Table
from taxi_luigi.reports.html.tables import Tables
from taxi_luigi.reports.html.words import count, plural, share, size
from taxi_luigi.reports.status_text import short
from taxi_luigi.tlc.months import Month, month_range


def headline(tables: Sequence[Tables]) -> str:
    """`4,432,123,456 trips in 589 months`."""
    if not tables:
        return "Nothing is held yet"
    trips, months = (sum(each.months[name].sum() for each in tables) for name in ("trips", "held"))
    return f"{count(trips)} trips in {plural(int(months), 'month')}"


def below(tables: Sequence[Tables]) -> str:
    """Which colors, from when to when."""
    if not tables:
        return "No place that luigi.cfg names holds a month."
    held = sorted(month for each in tables for month in (each.held[0], each.held[-1]))
    return f"New York's {', '.join(each.color for each in tables)} trip records, {held[0]} to {held[-1]}"


def tiles(tables: Sequence[Tables]) -> list[tuple[str, str, str]]:
    """The numbers that are read first."""
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


def figure(tables: Sequence[Tables]) -> Figure:
    """A strip of trips for each color, over the same months."""
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
        color = svg.OF_TAXI.get(each.color, svg.INK)
        rows.append(charts.Strip(each.color, note, held, top, color=color, outline=missing))
    return Figure(
        "All colors",
        "Trips by month, each color on a scale of its own. What is dashed is published and not here.",
        charts.strips(months, rows, 64, f"Trips by month of {', '.join(each.color for each in tables)}"),
        hidden=[("Trips of every year", _years(tables))],
    )


def _years(tables: Sequence[Tables]) -> Table:
    years = pd.DataFrame({each.color: each.by_year()["trips"] for each in tables}).sort_index(ascending=False)
    years = years.dropna(how="all")
    rows = [
        (str(year), *map(count, values), count(np.nansum(values)))
        for year, values in zip(years.index, years.to_numpy(), strict=True)
    ]
    return Table(("year", *map(str, years), "all"), rows)


def where(status: Status) -> Table:
    """Every place with the months of each color, and all its rows and bytes as far as it tells them."""
    shown = [color for color in status.colors if not color.empty]
    rows = []
    for place in status.places:
        if place.error is not None:
            rows.append((place.key, *("?" for _ in shown), "no answer", "?"))
            continue
        totals = [color.total(place) for color in shown]
        told = [
            [number for number in (getattr(total, name) for total in totals) if number is not None]
            for name in ("rows", "bytes")
        ]
        numbers = [word(sum(each)) if each else "–" for word, each in zip((count, size), told, strict=True)]
        rows.append((place.key, *(count(total.months) for total in totals), *numbers))
    published = [sum(cell.published_rows is not None for cell in color.cells.values()) for color in shown]
    rows.append(("published", *map(count, published), "", ""))
    return Table(("months in", *(color.color for color in shown), "rows", "bytes"), rows)
