"""The data of the report: times from the history, and tables of them and of the footers of clean files.

A month whose footer cannot be read keeps the values of its marker. The layouts are the columns that the receipts
recorded.

Every table has a row for each month of one record type, as `2024-01`, in order and without gaps. NaN is an unknown
value; 0 is a number that was counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from taxi_luigi import config, history
from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.core.text import cut
from taxi_luigi.inventory import ColorStatus, State
from taxi_luigi.inventory.accounts import Account, Accounts, ColorMonth
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, Column
from taxi_luigi.tlc.months import Month


def read_times(months: Sequence[ColorMonth]) -> dict[ColorMonth, dict[str, float]]:
    """Return month → step → seconds of its latest execution, from this machine's history of the last year.

    A step is `DownloadMonth`, `CleanMonth`, `UploadMonth LAKE` or `LoadMonth WAREHOUSE`.

    Raises: StorageError when the history cannot be read
    """
    times: dict[ColorMonth, dict[str, float]] = {}
    wanted = set(months)
    for task in history.done_tasks(config.settings().state):
        key = (task.color, Month.parse(task.month)) if task.color else None
        if key in wanted:
            step = task.task if task.store in ("", "local") else f"{task.task} {task.store}"
            times.setdefault(key, {}).setdefault(step, task.seconds)
    return times


@dataclass(frozen=True)
class Span:
    """Consecutive held months whose files have the same columns."""

    months: tuple[Month, ...]
    form: str
    """parquet, csv or csv.gz"""
    columns: int
    added: tuple[str, ...]
    """compared with the span before; empty in the first"""
    gone: tuple[str, ...]
    retyped: tuple[str, ...]
    """`name: old type → new type`"""


def layout_spans(receipts: Mapping[Month, CleanReceipt]) -> list[Span]:
    """Return the spans of months with the same columns, in any order, and types, by month."""
    grouped: list[tuple[list[Month], CleanReceipt]] = []
    for month in sorted(receipts):
        receipt = receipts[month]
        if grouped and _key(grouped[-1][1]) == _key(receipt):
            grouped[-1][0].append(month)
        else:
            grouped.append(([month], receipt))
    found = []
    before: Mapping[str, str] | None = None
    for months, receipt in grouped:
        found.append(_span(months, receipt, before))
        before = receipt.layout
    return found


def names_over_time(column: Column, receipts: Mapping[Month, CleanReceipt]) -> list[str]:
    """Return the names of a column in all files, each once, the earliest first."""
    return list(dict.fromkeys(name for month in sorted(receipts) for name in column.names_in(receipts[month].layout)))


def _key(receipt: CleanReceipt) -> tuple[str, dict[str, str]]:
    return receipt.raw_format, receipt.layout


def _span(months: list[Month], receipt: CleanReceipt, before: Mapping[str, str] | None) -> Span:
    now = receipt.layout
    old = now if before is None else before
    return Span(
        months=tuple(months),
        form=receipt.raw_format,
        columns=len(now),
        added=tuple(cut(name) for name in now if name not in old),
        gone=tuple(cut(name) for name in old if name not in now),
        retyped=tuple(
            f"{cut(name)}: {cut(old[name])} → {cut(now[name])}"
            for name in now
            if name in old and old[name] != now[name]
        ),
    )


STRAY = "outside_file_month"
"""The rule that counts trips that begin outside the month of their file."""


_WAY = {"DownloadMonth": 0, "CleanMonth": 1, "UploadMonth": 2, "LoadMonth": 3}


@dataclass(frozen=True)
class Tables:
    """The numbers of one record type."""

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
        """Return the receipts that could be read."""
        return {month: account.receipt for month, account in self.accounts.items()}

    @property
    def stray(self) -> pd.Series[float]:
        """Return the trips of each month that begin outside the month of their file."""
        return self.rules[STRAY] if STRAY in self.rules else pd.Series(float("nan"), index=self.months.index)

    @property
    def held(self) -> list[str]:
        """Return all months from the first held one to the last."""
        there = self.months.index[self.months["held"]]
        return list(self.months.loc[there[0] : there[-1]].index) if len(there) else []

    @property
    def around(self) -> pd.DataFrame:
        """Return the rows of `months` from a year before the first held month to a year after the last."""
        first, last = (list(self.months.index).index(month) for month in (self.held[0], self.held[-1]))
        return self.months.iloc[max(0, first - 12) : last + 13]

    def by_year(self) -> pd.DataFrame:
        """Return the sums of each year, with `held` as the number of held months; NaN where no value is known."""
        table = self.months.assign(stray=self.stray)
        year = table.index.str[:4].rename("year")
        sums = table.drop(columns="held").groupby(year).sum(min_count=1)
        return sums.assign(held=table["held"].groupby(year).sum())

    def grid(self) -> pd.DataFrame:
        """Return the trips as a table of years by months 1 to 12."""
        values = self.months["trips"]
        table = values.groupby([values.index.str[:4], values.index.str[5:].astype(int)]).first().unstack()
        return table.reindex(columns=range(1, 13))


def tables_of(status: ColorStatus, accounts: Accounts, times: Mapping[ColorMonth, Mapping[str, float]]) -> Tables:
    """Build the tables of one record type, from its first month that is published or held to its last.

    Args:
        status: of the record type
        accounts: footers of its clean files
        times: month → step → seconds, of all record types
    """
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
    """Return the sort key of a step, in the order of a month's steps."""
    task, _, store = step.partition(" ")
    return _WAY.get(task, len(_WAY)), store


def _number(value: int | None) -> float:
    return float("nan") if value is None else float(value)


def _counts(
    by_month: Mapping[Month, Mapping[str, float]], index: pd.Index[str], missing: float | None = None
) -> pd.DataFrame:
    """Return a table of months by names, in order of occurrence; `missing` is for names that a month lacks."""
    names = list(dict.fromkeys(name for counted in by_month.values() for name in counted))
    rows = {str(month): {name: counted.get(name, missing) for name in names} for month, counted in by_month.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=names, dtype=float).reindex(index)


def _nulls(color: str, accounts: Mapping[Month, Account], index: pd.Index[str]) -> pd.DataFrame:
    columns = [column for column in DATASETS[color].columns if column.name != FILE_MONTH]
    rows = {
        str(month): {
            column.name: account.nulls[column.name] / account.rows
            for column in columns
            if account.rows and column.name in account.nulls and column.names_in(account.receipt.layout)
        }
        for month, account in accounts.items()
    }
    names = [column.name for column in columns]
    return pd.DataFrame.from_dict(rows, orient="index", columns=None, dtype=float).reindex(index=index, columns=names)
