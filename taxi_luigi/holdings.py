"""What is still to be done, of the months asked for and the zones: one listing per lake, one query per table, and HEAD
requests only for what must be downloaded.

Decides and counts; schedules nothing. A store that does not answer counts as holding nothing; one that luigi.cfg has
wrong is a ConfigError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from taxi_luigi import config
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import ConfigError, TaxiError
from taxi_luigi.logs import log
from taxi_luigi.months import Month
from taxi_luigi.receipt import Edition, Seen, source_digest
from taxi_luigi.sources import Published
from taxi_luigi.targets import RawTarget, lake_target

T = TypeVar("T")

ColorMonth = tuple[str, Month]


@dataclass(frozen=True)
class Missing:
    """One month that is not everywhere it should be; `edition` is '' unless a certain one is wanted."""

    color: str
    month: Month
    lakes: tuple[str, ...]
    warehouses: tuple[str, ...]
    edition: str = ""


@dataclass
class Backlog:
    """What a run has to do, and what it has not."""

    missing: list[Missing] = field(default_factory=list)
    already_there: dict[str, list[Month]] = field(default_factory=dict)
    not_published: dict[str, list[Month]] = field(default_factory=dict)
    """what the source has not; a month that a person named is in `missing` too, so that the run ends as missing data"""
    zones: tuple[str, ...] = ()
    """the warehouses that lack the zones; none when luigi.cfg names no list of them"""

    @property
    def months(self) -> dict[str, list[Month]]:
        """The missing ones of each color."""
        missing: dict[str, list[Month]] = {}
        for each in self.missing:
            missing.setdefault(each.color, []).append(each.month)
        return missing

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.missing and not self.zones


def backlog(wanted: dict[ColorMonth, bool], force: bool) -> Backlog:
    """Sorts the months asked for, `(color, month) → named`; with `force` all of them are missing.

    Zones are not forced: they are missing where there are none.
    """
    settings, stores = config.settings(), _Stores()
    result = Backlog(zones=tuple(name for name in settings.warehouses if settings.zones and not stores.zones(name)))
    candidates: list[Missing] = []
    for color in dict.fromkeys(color for color, _ in wanted):
        lakes = {name: stores.in_lake(name, color) for name in settings.lakes}
        warehouses = {name: stores.in_warehouse(name, color) for name in settings.warehouses}
        for month in (month for wanted_color, month in wanted if wanted_color == color):
            lacking = Missing(
                color,
                month,
                tuple(name for name, months in lakes.items() if force or month not in months),
                tuple(name for name, months in warehouses.items() if force or month not in months),
            )
            if lacking.lakes or lacking.warehouses:
                candidates.append(lacking)
            else:
                result.already_there.setdefault(color, []).append(month)
    _ask_source(candidates, wanted, force, result)
    return result


def _ask_source(candidates: list[Missing], wanted: dict[ColorMonth, bool], force: bool, result: Backlog) -> None:
    workspace = _Workspace()
    to_download = [(each.color, each.month) for each in candidates if force or not _at_hand(each, workspace)]
    looks = config.source().look_all(to_download)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ") if force else ""
    for each in candidates:
        look = looks.get((each.color, each.month))
        if look is not None and look.published is Published.NO:
            result.not_published.setdefault(each.color, []).append(each.month)
            if not wanted[each.color, each.month]:
                continue
        if force:
            seen = (look.seen if look else None) or Seen(None, None, None)
            edition = str(Edition(source_digest(seen), config.clean_rules().recipe, stamp))
            result.missing.append(Missing(each.color, each.month, each.lakes, each.warehouses, edition))
        else:
            result.missing.append(each)


class _Workspace:
    """What the workspace has of each color, listed when it is first asked for: it may be a bucket."""

    def __init__(self) -> None:
        self._listed: dict[str, set[str]] = {}

    def has(self, name: str) -> bool:
        """Whether there is a file of that name; a workspace that cannot be asked has none."""
        folder = name.rpartition("/")[0]
        if folder not in self._listed:
            try:
                self._listed[folder] = set(config.workspace().list(folder))
            except TaxiError as error:
                log.warning("the workspace cannot be asked what it holds: %s", error)
                self._listed[folder] = set()
        return name in self._listed[folder]

    def has_clean(self, color: str, month: Month) -> bool:
        return self.has(config.clean_lake().name(color, month))

    def has_raw(self, color: str, month: Month) -> bool:
        return self.has(RawTarget(color, month).name)


def _at_hand(each: Missing, workspace: _Workspace) -> bool:
    """Whether the month can be completed without the source."""
    loaded_from = {config.lake_for(name) for name in each.warehouses}
    if not each.lakes and None not in loaded_from:
        return True
    if workspace.has_clean(each.color, each.month):
        return True
    return workspace.has_raw(each.color, each.month) and RawTarget(each.color, each.month).exists()


class _Stores:
    """Lakes and warehouses, asked what they hold. One that does not answer is not asked again: it costs a minute."""

    def __init__(self) -> None:
        self._silent: set[str] = set()

    def in_lake(self, name: str, color: str) -> set[Month]:
        return self._ask(f"lake {name}", lambda: set(config.lake(name).list(color))) or set()

    def in_warehouse(self, name: str, color: str) -> set[Month]:
        held = self._ask(f"warehouse {name}", lambda: set(config.warehouse(name).loaded_months(DATASETS[color])))
        return held or set()

    def zones(self, name: str) -> int:
        return self._ask(f"warehouse {name}", lambda: config.warehouse(name).zones()) or 0

    def _ask(self, store: str, question: Callable[[], T]) -> T | None:
        if store in self._silent:
            return None
        try:
            return question()
        except ConfigError:
            raise
        except TaxiError as error:
            self._silent.add(store)
            log.warning("%s cannot be asked what it holds: %s", store, error)
            return None


def held_everywhere(color: str, month: Month) -> bool:
    """Whether every lake and warehouse named has the month; one that cannot be asked has not."""
    settings = config.settings()
    return all(lake_target(name, color, month).exists() for name in settings.lakes) and all(
        month in _Stores().in_warehouse(name, color) for name in settings.warehouses
    )


def drop_spent(months: Iterable[ColorMonth]) -> None:
    """Removes the raw and clean files that `keep_raw` and `keep_clean` do not keep; for months held everywhere."""
    settings, workspace, lake = config.settings(), _Workspace(), config.clean_lake()
    for color, month in months:
        if not settings.keep_raw and workspace.has_raw(color, month):
            raw = RawTarget(color, month)
            raw.remove()
            log.info("Removed %s: keep_raw = false, and every lake and warehouse has the month", raw)
        if not settings.keep_clean and workspace.has_clean(color, month):
            lake.remove(color, month)
            clean = lake.url(color, month)
            log.info("Removed %s: keep_clean = false, and every lake and warehouse has the month", clean)
