"""Asking the lakes and warehouses that luigi.cfg names what they hold, and going on when one does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from taxi_luigi import config
from taxi_luigi.core.errors import ForeignTable, TaxiError
from taxi_luigi.storage.lake import Lake
from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import Warehouse

T = TypeVar("T")

Tell = Callable[[str], None]
"""Called once, with one line, for each store that cannot be asked."""

WORKSPACE = "clean"
"""The workspace's clean/, which is counted whether or not luigi.cfg names it as the lake local."""


@dataclass(frozen=True)
class Table:
    """What a warehouse holds of one color: rows per month, counted, and as its markers say."""

    rows: dict[Month, int]
    marked: dict[Month, int]


class Stores:
    """All of them, each asked about one color at a time. One that does not answer is told of, and not asked again."""

    def __init__(self, tell: Tell) -> None:
        settings = config.settings()
        self.clean_is_lake = "local" in settings.lakes
        self.lakes: dict[str, Lake] = {WORKSPACE: config.clean_lake()}
        self.lakes |= {name: config.lake(name) for name in settings.lakes if name != "local"}
        self.warehouses: dict[str, Warehouse] = {name: config.warehouse(name) for name in settings.warehouses}
        self._tell = tell
        self._silent: set[str] = set()
        self._said: set[str] = set()

    def listed(self, dataset: Dataset) -> dict[str, set[Month] | None]:
        """Lake → the months that it holds; None when it does not answer."""
        return {name: self._ask(f"lake {name}", partial(_months, lake, dataset)) for name, lake in self.lakes.items()}

    def tables(self, dataset: Dataset) -> dict[str, Table | None]:
        """Warehouse → its table, counted; None when it does not answer."""
        return {
            name: self._ask(f"warehouse {name}", partial(_table, warehouse, dataset))
            for name, warehouse in self.warehouses.items()
        }

    def _ask(self, name: str, question: Callable[[], T]) -> T | None:
        if name in self._silent:
            return None
        try:
            return question()
        except TaxiError as error:
            if not isinstance(error, ForeignTable):  # which is of one table
                self._silent.add(name)
            if str(error) not in self._said:  # the markers are of every color
                self._said.add(str(error))
                self._tell(f"{name} cannot be asked: {error}")
            return None


def _months(lake: Lake, dataset: Dataset) -> set[Month]:
    return set(lake.list(dataset.color))


def _table(warehouse: Warehouse, dataset: Dataset) -> Table:
    rows = warehouse.count(dataset)
    return Table(rows, {month: marker.rows for month, marker in warehouse.loaded_months(dataset).items()})
