"""The figures on the trips of one record type, from the profiles in its receipts: when, how far, how much, how paid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from taxi_luigi.core.units import plural
from taxi_luigi.reports.html import charts
from taxi_luigi.reports.html.data import Tables
from taxi_luigi.reports.html.parts import Figure, Table, count, share
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import profile

_LATEST = 12
"""held months that the distributions are of: a year, so that each season has its part"""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PAYMENTS = ("Flex Fare", "credit card", "cash", "no charge", "dispute", "unknown", "voided", "other codes")
"""by TLC's codes 0 to 6"""

Profiles = Mapping[Month, Mapping[str, list[int]]]


def figures(tables: Tables) -> Iterator[Figure]:
    """Yield the figures of a record type; none where no receipt has a profile."""
    profiles = {month: receipt.profile for month, receipt in sorted(tables.receipts.items()) if receipt.profile}
    if not profiles:
        return
    latest = dict(list(profiles.items())[-_LATEST:])
    panels = [
        ("by hour of the day", [str(hour) for hour in range(24)], _sum(latest, profile.HOURS)),
        ("by day of the week", list(_DAYS), _weekdays(latest)),
    ]
    steps = {
        profile.FARES: ("by fare, dollars", profile.FARE_STEP),
        profile.DISTANCES: ("by distance, miles", profile.DISTANCE_STEP),
    }
    for key, (heading, step) in steps.items():
        if any(key in each for each in latest.values()):
            values = _sum(latest, key)
            last = len(values) - 1
            labels = [f"{step * place}{'+' if place == last else ''}" for place in range(len(values))]
            panels.append((heading, labels, values))
    yield Figure(
        "What the trips are like",
        f"Shares of the trips of {min(latest)} to {max(latest)} ({plural(len(latest), 'month')}), by when they begin. "
        "Refunds and missing values are left out; a bar begins at its label.",
        charts.bars(
            [(heading, labels, _shares(values)) for heading, labels, values in panels if sum(values)],
            f"{tables.color}: trips by hour, day of the week, fare and distance",
        ),
        hidden=[(f"Trips {heading}", _table(labels, values)) for heading, labels, values in panels],
    )
    if any(any(each.get(profile.PAYMENTS, ())) for each in profiles.values()):
        yield _payments(tables, profiles)


def _payments(tables: Tables, profiles: Profiles) -> Figure:
    held = tables.held
    by_month = {str(month): each[profile.PAYMENTS] for month, each in profiles.items() if profile.PAYMENTS in each}
    rows = []
    for code, name in enumerate(_PAYMENTS):
        values = [_share(by_month[month][code], by_month[month]) if month in by_month else np.nan for month in held]
        total = sum(each[code] for each in by_month.values())
        if total:
            note = share(total / sum(map(sum, by_month.values())))
            highest = float(np.nanmax(values))
            rows.append(charts.Strip(name, note, np.asarray(values, dtype=np.float64), highest, word=share))
    return Figure(
        "Kinds of payment",
        "Share of each month's trips; every strip has its own scale.",
        charts.strips(held, rows, 30, f"{tables.color}: kinds of payment by month"),
    )


def _share(part: int, whole: Sequence[int]) -> float:
    return part / sum(whole) if sum(whole) else float("nan")


def _sum(profiles: Profiles, key: str) -> list[int]:
    return [sum(of_all) for of_all in zip(*(each[key] for each in profiles.values() if key in each), strict=True)]


def _weekdays(profiles: Profiles) -> list[int]:
    days = (profile.weekdays(month, each) for month, each in profiles.items())
    return [sum(of_all) for of_all in zip(*days, strict=True)]


def _shares(values: Sequence[int]) -> list[float]:
    return [each / sum(values) for each in values]


def _table(labels: Sequence[str], values: Sequence[int]) -> Table:
    whole = sum(values)
    return Table(("from", "trips", "share"), [
        (label, count(each), share(each / whole if whole else None)) for label, each in zip(labels, values, strict=True)
    ])  # fmt: skip
