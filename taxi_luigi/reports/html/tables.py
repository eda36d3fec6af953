"""The numbers of one color as pandas tables: a row for each month, in order, without gaps. Pure.

Every table has the same index, months as `2024-01`. NaN is what is not known; 0 is a number that was counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.inventory import ColorStatus, State
from taxi_luigi.reports.html.accounts import Account, Accounts, ColorMonth
from taxi_luigi.reports.html.layouts import sources
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH
from taxi_luigi.tlc.months import Month

STRAY = "outside_file_month"
"""the rule that counts trips that begin outside the month of their file"""


_WAY = {"DownloadMonth": 0, "CleanMonth": 1, "UploadMonth": 2, "LoadMonth": 3}


@dataclass(frozen=True)
class Tables:
    """All of one color."""

    color: str
    accounts: Mapping[Month, Account]
    months: pd.DataFrame
    """state, held (bool), published, trips, read, rejected, raw and clean (bytes), seconds (of all its steps)"""
    rules: pd.DataFrame
    """rule → rows that it applies to"""
    rejected: pd.DataFrame
    """reason → rows taken out"""
    nulls: pd.DataFrame
    """canonical column → share of rows without a value, NaN where TLC's file has no such column"""
    seconds: pd.DataFrame
    """step → seconds"""

    @property
    def receipts(self) -> dict[Month, CleanReceipt]:
        """Those that could be read."""
        return {month: account.receipt for month, account in self.accounts.items()}

    @property
    def stray(self) -> pd.Series[float]:
        """Trips that begin outside the month of their file."""
        return self.rules[STRAY] if STRAY in self.rules else pd.Series(float("nan"), index=self.months.index)

    @property
    def held(self) -> list[str]:
        """All months from the first that is held to the last."""
        there = self.months.index[self.months["held"]]
        return list(self.months.loc[there[0] : there[-1]].index) if len(there) else []

    @property
    def around(self) -> pd.DataFrame:
        """Of `months`, those that are held, all between them, and up to a year before and after."""
        first, last = (list(self.months.index).index(month) for month in (self.held[0], self.held[-1]))
        return self.months.iloc[max(0, first - 12) : last + 13]

    def by_year(self) -> pd.DataFrame:
        """Sums of each year, with `held` as the number of its months; NaN where nothing is known."""
        table = self.months.assign(stray=self.stray)
        year = table.index.str[:4].rename("year")
        sums = table.drop(columns="held").groupby(year).sum(min_count=1)
        return sums.assign(held=table["held"].groupby(year).sum())

    def grid(self) -> pd.DataFrame:
        """Trips with years down and the numbers of the months across, as 1 to 12."""
        values = self.months["trips"]
        table = values.groupby([values.index.str[:4], values.index.str[5:].astype(int)]).first().unstack()
        return table.reindex(columns=range(1, 13))


def tables_of(status: ColorStatus, accounts: Accounts, times: Mapping[ColorMonth, Mapping[str, float]]) -> Tables:
    """Puts one color's together, from its first month that is published or held to its last."""
    known = [month for month, cell in status.cells.items() if cell.state is not State.NOT_PUBLISHED]
    months = [month for month in status.cells if known[0] <= month <= known[-1]] if known else []
    of_color = {
        month: accounts.found[status.color, month] for month in months if (status.color, month) in accounts.found
    }
    seconds = {month: times[status.color, month] for month in months if (status.color, month) in times}
    index = pd.Index([str(month) for month in months], dtype="str")
    return Tables(
        color=status.color,
        accounts=of_color,
        months=pd.DataFrame([_month(status, month, of_color.get(month), seconds) for month in months], index=index),
        rules=_counts({month: each.receipt.rules for month, each in of_color.items()}, index),
        rejected=_counts({month: each.receipt.rejected for month, each in of_color.items()}, index, 0),
        nulls=_nulls(status.color, of_color, index),
        seconds=_counts(seconds, index).sort_index(axis=1, key=lambda steps: steps.map(_place)),
    )


def _month(
    status: ColorStatus, month: Month, account: Account | None, seconds: Mapping[Month, Mapping[str, float]]
) -> dict[str, object]:
    cell = status.cells[month]
    receipt = account.receipt if account else None
    stored = [held.bytes for key, held in cell.held.items() if key != "raw" and held.bytes is not None]
    raw = cell.held["raw"].bytes if "raw" in cell.held else None
    trips = cell.rows if cell.rows is not None else receipt.rows_kept if receipt else None
    return {
        "held": bool(cell.held),
        "published": _number(cell.published_rows),
        "trips": _number(trips),
        "read": _number(receipt.rows_in if receipt else None),
        "rejected": _number(receipt.rows_rejected if receipt else None),
        "raw": _number(receipt.raw.bytes if receipt else raw),
        "clean": _number(stored[0] if stored else None),
        "seconds": sum(seconds[month].values()) if month in seconds else float("nan"),
    }


def _place(step: str) -> tuple[int, str]:
    """Where in a month's way a step comes."""
    task, _, store = step.partition(" ")
    return _WAY.get(task, len(_WAY)), store


def _number(value: int | None) -> float:
    return float("nan") if value is None else float(value)


def _counts(
    by_month: Mapping[Month, Mapping[str, float]], index: pd.Index[str], missing: float | None = None
) -> pd.DataFrame:
    """Names across in the order in which they come; `missing` is what a month without the name has counted."""
    names = list(dict.fromkeys(name for counted in by_month.values() for name in counted))
    rows = {str(month): {name: counted.get(name, missing) for name in names} for month, counted in by_month.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=names, dtype=float).reindex(index)


def _nulls(color: str, accounts: Mapping[Month, Account], index: pd.Index[str]) -> pd.DataFrame:
    columns = [column for column in DATASETS[color].columns if column.name != FILE_MONTH]
    rows = {
        str(month): {
            column.name: account.nulls[column.name] / account.rows
            for column in columns
            if account.rows and column.name in account.nulls and sources(column, account.receipt.layout)
        }
        for month, account in accounts.items()
    }
    names = [column.name for column in columns]
    return pd.DataFrame.from_dict(rows, orient="index", columns=None, dtype=float).reindex(index=index, columns=names)
