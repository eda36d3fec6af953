"""What lakes, warehouses and workspace hold: each asked once per color, by a listing or a reading of the markers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeVar

from taxi_luigi import config
from taxi_luigi.core.errors import ConfigError, ForeignTable, TaxiError
from taxi_luigi.core.logs import log
from taxi_luigi.core.receipts import Failure
from taxi_luigi.inventory import held
from taxi_luigi.storage.lake import summary_in
from taxi_luigi.storage.raw_month import is_failure
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month

T = TypeVar("T")

_AT_ONCE = 8
"""files of a lake that are looked at at the same time: a request each, where the listing does not tell"""


@dataclass(frozen=True)
class Found:
    """One month as the stores have it: name → edition, '' of one that does not tell, None where it is not."""

    color: str
    month: Month
    lakes: dict[str, str | None]
    warehouses: dict[str, str | None]

    @property
    def held(self) -> bool:
        """Whether any store has it."""
        return any(edition is not None for edition in (*self.lakes.values(), *self.warehouses.values()))

    @property
    def lacks(self) -> bool:
        """Whether any store has it not."""
        return None in (*self.lakes.values(), *self.warehouses.values())

    def editions(self) -> list[str]:
        """Those that the stores tell; where none does, the footer of the first lake's file says it."""
        told = [edition for edition in (*self.warehouses.values(), *self.lakes.values()) if edition]
        holding = [name for name, edition in self.lakes.items() if edition is not None]
        if told or not holding:
            return told
        stored = config.lake(holding[0]).stat(self.color, self.month)
        return [stored.summary.edition] if stored else []


def without(stores: dict[str, str | None]) -> tuple[str, ...]:
    """Those of some stores that have the month not."""
    return tuple(name for name, edition in stores.items() if edition is None)


class Workspace:
    """What the workspace has of each color, listed when it is first asked for: it may be a bucket."""

    def __init__(self) -> None:
        self._listed: dict[str, set[str]] = {}
        self.silent = False
        """whether it could not be asked"""

    def has(self, name: str) -> bool:
        """Whether there is a file of that name; a workspace that cannot be asked has none."""
        folder = name.rpartition("/")[0]
        if folder not in self._listed:
            try:
                self._listed[folder] = set(config.workspace().list(folder))
            except TaxiError as error:
                log.warning("the workspace cannot be asked what it holds: %s", error)
                self.silent = True
                self._listed[folder] = set()
        return name in self._listed[folder]

    def has_clean(self, color: str, month: Month) -> bool:
        """Whether the clean file is there."""
        return self.has(config.clean_lake().name(color, month))

    def has_raw(self, color: str, month: Month) -> bool:
        """Whether the raw file is there, whatever it was made from."""
        return self.has(config.raw_month(color, month).name)

    def failure_names(self, color: str, month: Month) -> list[str]:
        """The records that say why the month's file was not taken, of places that luigi.cfg names no more too."""
        raw = config.raw_month(color, month).name
        self.has(raw)
        return [name for name in self._listed[raw.rpartition("/")[0]] if is_failure(name, raw)]

    def failures(self, color: str, month: Month) -> dict[str, Failure]:
        """Place → why the month's file was not taken at its last attempt; the place is '' for the clean file.

        A place is `lake NAME` or `warehouse NAME`, of those that luigi.cfg names.
        """
        settings, raw = config.settings(), config.raw_month(color, month)
        places = [
            "",
            *(f"lake {name}" for name in settings.lakes),
            *(f"warehouse {name}" for name in settings.warehouses),
        ]
        found = {place: raw.failure(place) for place in places if self.has(raw.failure_name(place))}
        return {place: failure for place, failure in found.items() if failure is not None}


class Stores:
    """Lakes and warehouses, asked what they hold. One that does not answer is not asked again: it costs a minute."""

    def __init__(self) -> None:
        self._settings = config.settings()
        self.silent: set[str] = set()
        """those that could not be asked"""
        self._unreachable: set[str] = set()
        self._said: set[str] = set()

    def find(self, color: str, month: Month) -> Found:
        """One month; each store is asked once about a color."""
        return Found(
            color,
            month,
            {name: self.in_lake(name, color).get(month) for name in self._settings.lakes},
            {name: self.in_warehouse(name, color).get(month) for name in self._settings.warehouses},
        )

    def to_load(self, found: Sequence[Found]) -> list[Found]:
        """The same months, in which a file that a warehouse is to be loaded from is there if its lake's target says so.

        A name in a listing may be half a copy, or somebody else's file. Asked only where the listing shows no labels,
        and not for a warehouse that does not answer.
        """
        answering = [name for name in self._settings.warehouses if f"warehouse {name}" not in self.silent]
        loaded_from = {name: config.lake_for(name) or "local" for name in answering}
        doubtful = [
            (name, each.color, each.month)
            for each in found
            for name in {loaded_from[warehouse] for warehouse in answering if each.warehouses[warehouse] is None}
            if each.lakes.get(name) == ""
        ]
        if not doubtful:
            return list(found)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            there = pool.map(lambda place: held.in_lake(config.lake(place[0]), *place[1:]), doubtful)
            lost = {place for place, good in zip(doubtful, there, strict=True) if not good}

        def without_lost(each: Found) -> dict[str, str | None]:
            return {
                name: None if (name, each.color, each.month) in lost else edition
                for name, edition in each.lakes.items()
            }

        return [replace(each, lakes=without_lost(each)) for each in found]

    @cache  # noqa: B019 as long as one backlog
    def in_lake(self, name: str, color: str) -> dict[Month, str]:
        """Month → edition, '' where the listing does not tell."""
        held = self._ask(f"lake {name}", lambda: config.lake(name).list(color)) or {}
        labelled = {month: summary_in(entry, color, month) for month, entry in held.items()}
        return {month: summary.edition if summary else "" for month, summary in labelled.items()}

    @cache  # noqa: B019
    def in_warehouse(self, name: str, color: str) -> dict[Month, str]:
        """Month → edition."""
        held = self._ask(f"warehouse {name}", lambda: config.warehouse(name).loaded_months(DATASETS[color])) or {}
        return {month: marker.edition for month, marker in held.items()}

    def zones(self, name: str) -> int:
        """Rows of a warehouse's zones."""
        return self._ask(f"warehouse {name}", lambda: config.warehouse(name).zones()) or 0

    def _ask(self, store: str, question: Callable[[], T]) -> T | None:
        if store in self._unreachable:
            return None
        try:
            return question()
        except ConfigError:
            raise
        except TaxiError as error:
            self.silent.add(store)
            if not isinstance(error, ForeignTable):  # which is of one table
                self._unreachable.add(store)
            if str(error) not in self._said:  # the markers are of every color
                self._said.add(str(error))
                log.warning("%s cannot be asked what it holds: %s", store, error)
            return None
