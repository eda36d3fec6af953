"""Asks every place what it holds: one listing per lake and color, of raw/ and clean/ too, one reading of each table's
markers. All stores are asked at the same time; no file is opened, and the source is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from taxi_luigi import config
from taxi_luigi.asking import ask_all
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import TaxiError
from taxi_luigi.lakes import Lake
from taxi_luigi.months import Month, month_range
from taxi_luigi.published import published_rows
from taxi_luigi.status.grid import ColorStatus, Held, Kind, Place, color_status
from taxi_luigi.stores import Entry
from taxi_luigi.warehouses import Warehouse

_WORKSPACE = "workspace"

Months = dict[str, dict[Month, Held]]
"""color → month → what is there"""

Answer = dict[str, Months]
"""by the names of a store's places: the workspace has two"""


@dataclass(frozen=True)
class Status:
    """All colors asked for, in every place."""

    colors: Sequence[ColorStatus]
    places: Sequence[Place]

    @property
    def silent(self) -> list[Place]:
        """Those that could not be asked."""
        return [place for place in self.places if place.silent]


def look(colors: Sequence[str], today: date, withdrawn: Mapping[str, Mapping[Month, str]]) -> Status:
    """Asks about these colors; `withdrawn` is what runs noticed of the source (history).

    Raises ConfigError for settings that cannot be; a store's own errors are its silence.
    """
    settings, now = config.settings(), Month.of(today)
    lakes = {name: config.lake(name) for name in settings.lakes if name != "local"}
    warehouses = {name: config.warehouse(name) for name in settings.warehouses}
    questions: dict[str, Callable[[], Answer]] = {_WORKSPACE: _workspace(colors, now)}
    questions |= {f"lake {name}": _of_lake(name, lake, colors) for name, lake in lakes.items()}
    questions |= {f"warehouse {name}": _of_warehouse(name, each, colors) for name, each in warehouses.items()}
    answers = ask_all(questions)
    places = [
        _place("raw", "raw", False, answers[_WORKSPACE]),
        _place("clean", "clean", "local" in settings.lakes, answers[_WORKSPACE]),
        *(_place(name, "lake", True, answers[f"lake {name}"]) for name in lakes),
        *(_place(name, "warehouse", True, answers[f"warehouse {name}"]) for name in warehouses),
    ]
    return Status(
        [
            color_status(
                color,
                DATASETS[color].first_month,
                dict(_published(color, now)),
                withdrawn.get(color, {}),
                places,
                now,
            )
            for color in colors
        ],
        places,
    )


def _place(name: str, kind: Kind, named: bool, answer: Answer | TaxiError) -> Place:
    if isinstance(answer, TaxiError):
        return Place(name, kind, named, silent=str(answer))
    return Place(name, kind, named, answer[name])


def _workspace(colors: Sequence[str], now: Month) -> Callable[[], Answer]:
    """The question to the workspace: its raw/ and clean/."""
    store, lake, source = config.workspace(), config.clean_lake(), config.source()
    names = {
        color: {source.file_name(color, month): month for month in month_range(DATASETS[color].first_month, now)}
        for color in colors
    }

    def ask() -> Answer:
        raw = {color: dict(_raw(store.list(f"raw/{color}"), names[color])) for color in colors}
        return {"raw": raw, "clean": {color: _listed(lake.list(color)) for color in colors}}

    return ask


def _raw(listed: Mapping[str, Entry], months: Mapping[str, Month]) -> Iterator[tuple[Month, Held]]:
    """The raw files of today's source that have their receipt beside them; without it they are downloaded again."""
    for name, entry in listed.items():
        month = months.get(name.rpartition("/")[2])
        if month is not None and f"{name}.receipt.json" in listed:
            yield month, Held(entry.bytes)


def _of_lake(name: str, lake: Lake, colors: Sequence[str]) -> Callable[[], Answer]:
    return lambda: {name: {color: _listed(lake.list(color)) for color in colors}}


def _listed(entries: Mapping[Month, Entry]) -> dict[Month, Held]:
    return {month: _held(entry) for month, entry in entries.items()}


def _held(entry: Entry) -> Held:
    """With rows and edition where the listing shows them, as Google Cloud Storage's does."""
    rows = entry.labels.get("rows", "")
    return Held(entry.bytes, int(rows) if rows.isdecimal() else None, entry.labels.get("edition", ""))


def _of_warehouse(name: str, warehouse: Warehouse, colors: Sequence[str]) -> Callable[[], Answer]:
    def ask() -> Answer:
        return {
            name: {
                color: {
                    month: Held(None, marker.rows, marker.edition, marker.loaded_at)
                    for month, marker in warehouse.loaded_months(DATASETS[color]).items()
                }
                for color in colors
            }
        }

    return ask


def _published(color: str, now: Month) -> Iterator[tuple[Month, int]]:
    """TLC's rows per month, of the parquet files: months that were csv alone, green's first five, are there no more."""
    for month in month_range(DATASETS[color].first_month, now):
        rows = published_rows(color, month, "parquet")
        if rows is not None:
            yield month, rows
