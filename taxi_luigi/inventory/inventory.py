"""Asks every place what it holds: one listing per lake and color, of raw/ and clean/ too, one reading of each table's
markers. All stores are asked at the same time; the source is not asked, and no file is opened but the records of months
that were not taken, which few months have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

from taxi_luigi import config
from taxi_luigi.core.concurrency import ask_all
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.receipts import FILE, Failure
from taxi_luigi.inventory.month_state import ColorStatus, Held, Kind, LastFailure, Place, color_status
from taxi_luigi.storage import Entry, Store
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.raw_month import FAILURE, failure_name
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import published_rows
from taxi_luigi.transform import guards
from taxi_luigi.transform.staleness import Recipe
from taxi_luigi.warehouses import Warehouse

_WORKSPACE = "workspace"
_PARALLEL = 8
"""records read at a time: in a bucket each takes a request"""

Months = dict[str, dict[Month, Held]]
"""color → month → what is there"""

Failures = dict[Month, list[Failure]]
"""month → why it was not taken, by place: that of the clean file first"""


@dataclass(frozen=True)
class Answer:
    """What a store says."""

    places: Mapping[str, Months]
    """by the names of the store's places: the workspace has two"""
    failures: Mapping[str, Failures] = field(default_factory=dict)
    """by color; of the workspace"""


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
    workspace = answers[_WORKSPACE]
    failures = {} if isinstance(workspace, TaxiError) else workspace.failures
    return Status([_color(color, now, withdrawn, places, failures.get(color, {})) for color in colors], places)


def _color(
    color: str,
    now: Month,
    withdrawn: Mapping[str, Mapping[Month, str]],
    places: Sequence[Place],
    failures: Failures,
) -> ColorStatus:
    rules, settings, dataset = config.clean_rules(), config.check_version(), DATASETS[color]

    def recipe(month: Month) -> Recipe:
        return Recipe.of(rules, dataset, month)

    def last(month: Month) -> LastFailure:
        """The source is not asked: its file is taken for the one that was not taken."""
        today, found = str(recipe(month)), failures[month]
        stand = [each for each in found if guards.still_refused(each, each.source, today, settings)]
        return LastFailure((stand or found)[0].why, bool(stand))

    return color_status(
        color,
        dataset.first_month,
        dict(_published(color, now)),
        withdrawn.get(color, {}),
        places,
        now,
        recipe,
        {month: last(month) for month in failures},
    )


def _place(name: str, kind: Kind, named: bool, answer: Answer | TaxiError) -> Place:
    if isinstance(answer, TaxiError):
        return Place(name, kind, named, silent=str(answer))
    return Place(name, kind, named, answer.places[name])


def _workspace(colors: Sequence[str], now: Month) -> Callable[[], Answer]:
    """The question to the workspace: its raw/ and clean/, and why months were not taken."""
    store, lake, source, settings = config.workspace(), config.clean_lake(), config.source(), config.settings()
    about = ["", *(f"lake {name}" for name in settings.lakes), *(f"warehouse {name}" for name in settings.warehouses)]
    names = {
        color: {source.file_name(color, month): month for month in month_range(DATASETS[color].first_month, now)}
        for color in colors
    }

    def ask() -> Answer:
        listed = {color: store.list(f"raw/{color}") for color in colors}
        raw = {color: dict(_raw(listed[color], names[color])) for color in colors}
        clean = {color: _listed(lake.list(color)) for color in colors}
        failures = {color: _failures(store, color, listed[color], names[color], about) for color in colors}
        return Answer({"raw": raw, "clean": clean}, failures)

    return ask


def _failures(
    store: Store, color: str, listed: Collection[str], months: Mapping[str, Month], about: Sequence[str]
) -> Failures:
    """Reads the records that are listed; `months` is by raw file's name, `about` the places that they may be about."""
    if not any(name.endswith(FAILURE) for name in listed):
        return {}
    of = {failure_name(f"raw/{color}/{raw}", place): month for place in about for raw, month in months.items()}
    names = [name for name in of if name in listed]
    found: Failures = {}
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for name, failure in zip(names, pool.map(lambda name: _failure(store, name), names), strict=True):
            if failure is not None:
                found.setdefault(of[name], []).append(failure)
    return found


def _failure(store: Store, name: str) -> Failure | None:
    """None for one that went meanwhile, or is no such record."""
    try:
        with store.open(name) as file:
            return Failure.from_json(file.read().decode())
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        return Failure(FILE, f"{store.url(name)} cannot be read: {error.strerror or error}", "", "", "")


def _raw(listed: Mapping[str, Entry], months: Mapping[str, Month]) -> Iterator[tuple[Month, Held]]:
    """The raw files of today's source that have their receipt beside them; without it they are downloaded again."""
    for name, entry in listed.items():
        month = months.get(name.rpartition("/")[2])
        if month is not None and f"{name}.receipt.json" in listed:
            yield month, Held(entry.bytes)


def _of_lake(name: str, lake: Lake, colors: Sequence[str]) -> Callable[[], Answer]:
    return lambda: Answer({name: {color: _listed(lake.list(color)) for color in colors}})


def _listed(entries: Mapping[Month, Entry]) -> dict[Month, Held]:
    return {month: _held(entry) for month, entry in entries.items()}


def _held(entry: Entry) -> Held:
    """With rows and edition where the listing shows them, as Google Cloud Storage's does."""
    rows = entry.labels.get("rows", "")
    return Held(entry.bytes, int(rows) if rows.isdecimal() else None, entry.labels.get("edition", ""))


def _of_warehouse(name: str, warehouse: Warehouse, colors: Sequence[str]) -> Callable[[], Answer]:
    def ask() -> Answer:
        return Answer({
            name: {
                color: {
                    month: Held(None, marker.rows, marker.edition, marker.loaded_at)
                    for month, marker in warehouse.loaded_months(DATASETS[color]).items()
                }
                for color in colors
            }
        })  # fmt: skip

    return ask


def _published(color: str, now: Month) -> Iterator[tuple[Month, int]]:
    """TLC's rows per month, of the parquet files: months that were csv alone, green's first five, are there no more."""
    for month in month_range(DATASETS[color].first_month, now):
        rows = published_rows(color, month, "parquet")
        if rows is not None:
            yield month, rows
