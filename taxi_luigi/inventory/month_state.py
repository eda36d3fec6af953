"""The state of every month of a record type, from what the places hold: what `taxi-luigi status` shows.

`status` lists the places; all else is pure. The source gets no request: what it has published is known up to the date
of row_counts.csv only.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum
from functools import cached_property

from taxi_luigi import config
from taxi_luigi.core.receipts import Edition
from taxi_luigi.inventory.inventory import Holding, Inventory, Place, error_lines
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import published_rows
from taxi_luigi.transform import guards
from taxi_luigi.transform.staleness import Reason, Recipe


class State(Enum):
    """The state of a month. The values are those of `status --json`."""

    EVERYWHERE = "everywhere"
    """in every required lake and warehouse that could be listed"""
    PARTLY = "partly"
    """in some of them"""
    DIFFERENT = "different"
    """in every one of them, but not made from the same file by the same rules, or not with as many rows"""
    CLEAN = "clean"
    """in none of them; a clean file is in the workspace"""
    RAW = "raw"
    """in none of them, nor cleaned; downloaded"""
    PUBLISHED = "published"
    """by TLC, as far as known; not here"""
    UNKNOWN = "unknown"
    """no required place could be listed"""
    NOT_PUBLISHED = "not published"
    """as far as known; not here"""


@dataclass(frozen=True)
class LastFailure:
    """Why a month's file was not taken at its last attempt."""

    why: str
    """one line"""
    stands: bool
    """whether the same file would be refused again: neither settings nor cleaning have changed since"""


@dataclass(frozen=True)
class Cell:
    """One month of one record type."""

    state: State
    published_rows: int | None = None
    """rows of TLC's file, where they are known"""
    held: Mapping[str, Holding] = field(default_factory=dict)
    """key of a place that has the month → its holding, in the order of the places"""
    lacking: tuple[str, ...] = ()
    """names of the places that should have it, could be listed, and do not have it"""
    differing: tuple[str, ...] = ()
    """names of those that have it from another file, by other rules or with other rows than the first one"""
    withdrawn: str = ""
    """of a month that is held: when a run of this machine found that the source no longer has it, UTC, ISO 8601"""
    stale: Reason | None = None
    """of a month that is held: what has changed since it was cleaned, so that its rows would be others today"""
    refused: str = ""
    """of a month that is held: why the file that was to replace it was refused, as long as the refusal stands"""
    failure: str = ""
    """why its file was not taken at its last attempt, where it is not refused"""

    @property
    def rows(self) -> int | None:
        """Rows by the first marker; without markers, by the first lake that lists rows."""
        known = [each.rows for each in self.held.values() if each.rows is not None]
        marked = [each.rows for each in self.held.values() if each.rows is not None and each.loaded_at]
        return next(iter(marked or known), None)


@dataclass(frozen=True)
class Total:
    """All months of one record type in one place. None: not known of any."""

    months: int
    rows: int | None
    bytes: int | None


@dataclass(frozen=True)
class ColorStatus:
    """One record type: its months in order, from its first one to this month."""

    color: str
    places: Sequence[Place]
    cells: Mapping[Month, Cell]

    @cached_property
    def counts(self) -> dict[State, int]:
        """State → months in it."""
        counts = dict.fromkeys(State, 0)
        for cell in self.cells.values():
            counts[cell.state] += 1
        return counts

    @property
    def expected(self) -> int:
        """Months that are published, as far as known, or held."""
        return len(self.cells) - self.counts[State.NOT_PUBLISHED]

    @property
    def empty(self) -> bool:
        """Whether no place holds any month."""
        return not any(cell.held for cell in self.cells.values())

    @property
    def rows(self) -> int:
        """Of all months that are held, each once, as far as known."""
        return sum(cell.rows or 0 for cell in self.cells.values())

    def total(self, place: Place) -> Total:
        """Return what one of the places holds of the record type."""
        held = [cell.held[place.key] for cell in self.cells.values() if place.key in cell.held]
        rows = [each.rows for each in held if each.rows is not None]
        sizes = [each.bytes for each in held if each.bytes is not None]
        return Total(len(held), sum(rows) if rows else None, sum(sizes) if sizes else None)


@dataclass(frozen=True)
class Status:
    """Some record types, in every place."""

    colors: Sequence[ColorStatus]
    places: Sequence[Place]

    @property
    def errors(self) -> list[str]:
        """One line for each reason why places could not be listed."""
        return error_lines(self.places)


def status(
    colors: Sequence[str],
    today: date,
    withdrawn: Mapping[str, Mapping[Month, str]],
    selected: Container[tuple[str, Month]] | None = None,
) -> Status:
    """List every place for these record types.

    Args:
        colors: the record types
        today: the month of this date is the last one
        withdrawn: color → month → when runs of this machine found that the source no longer has it
        selected: (color, month) of those to show; None: all
    Raises:
        ConfigError: for settings of which no store can be made; a store's own errors are `Place.errors`
    """
    inventory = Inventory.ask(colors)
    now, rules, settings = Month.of(today), config.clean_rules(), config.check_version()

    def of_color(color: str) -> ColorStatus:
        dataset = DATASETS[color]
        months = list(month_range(dataset.first_month, now))
        # Of the parquet files: months that were csv alone, green's first five, are no longer published.
        published = {month: published_rows(color, month, "parquet") for month in months}
        failures: dict[Month, LastFailure] = {}
        for month, records in inventory.failures(color, months).items():
            # The source gets no request: its file is taken to be the one that failed.
            recipe = str(Recipe.of(rules, dataset, month))
            stand = [each for each in records.values() if guards.still_refused(each, each.source, recipe, settings)]
            failures[month] = LastFailure((stand or [*records.values()])[0].why, bool(stand))
        found = color_status(
            color,
            dataset.first_month,
            {month: rows for month, rows in published.items() if rows is not None},
            withdrawn.get(color, {}),
            inventory.places,
            now,
            lambda month: Recipe.of(rules, dataset, month),
            failures,
        )
        if selected is None:
            return found
        return replace(found, cells={month: each for month, each in found.cells.items() if (color, month) in selected})

    return Status([of_color(color) for color in colors], inventory.places)


def color_status(
    color: str,
    first: Month,
    published: Mapping[Month, int],
    withdrawn: Mapping[Month, str],
    places: Sequence[Place],
    now: Month,
    recipe: Callable[[Month], Recipe],
    failures: Mapping[Month, LastFailure],
) -> ColorStatus:
    """Put one record type together. Months before `first` or after `now` are in it only where a place holds one.

    Args:
        color: the record type
        first: its first month
        published: TLC's rows per month, as far as known
        withdrawn: when a month was found to be gone from the source, UTC, ISO 8601
        places: with what they hold
        now: this month
        recipe: how a month is cleaned today
        failures: of months whose file was not taken at its last attempt
    """
    held = {month for place in places for month in place.months(color)}
    months = month_range(min([first, *held]), max([now, *held]))
    cells = {month: _cell(color, month, published.get(month), places, recipe) for month in months}
    for month in failures.keys() & cells.keys():
        cells[month] = _with_failure(cells[month], failures[month], places)
    for month in withdrawn:
        if month in held:
            cells[month] = replace(cells[month], withdrawn=withdrawn[month])
    return ColorStatus(color, places, cells)


def _with_failure(cell: Cell, failure: LastFailure, places: Sequence[Place]) -> Cell:
    """A refusal keeps what a store holds; of a month that no store holds, it is a failure like others."""
    stays = failure.stands and any(place.required and place.key in cell.held for place in places)
    return replace(cell, refused=failure.why) if stays else replace(cell, failure=failure.why)


def _cell(
    color: str, month: Month, published: int | None, places: Sequence[Place], recipe: Callable[[Month], Recipe]
) -> Cell:
    held = {place.key: place.months(color)[month] for place in places if month in place.months(color)}
    listed = [place for place in places if place.required and color not in place.errors]
    lacking = tuple(place.name for place in listed if place.key not in held)
    if not listed and published is not None and not held:
        return Cell(State.UNKNOWN, published)
    there = [held[place.key] for place in listed if place.key in held]
    today = recipe(month) if there else None
    stale = _stale(there, today) if today else None
    if today and not lacking:
        differing = _differing(listed, held, today)
        state = State.DIFFERENT if differing else State.EVERYWHERE
        return Cell(state, published, held, (), differing, stale=stale)
    if today:
        return Cell(State.PARTLY, published, held, lacking, stale=stale)
    for state in (State.CLEAN, State.RAW):
        if state.value in held:
            return Cell(state, published, held, lacking)
    return Cell(State.NOT_PUBLISHED if published is None else State.PUBLISHED, published, held, lacking)


def _stale(there: Iterable[Holding], recipe: Recipe) -> Reason | None:
    """What has changed since the month was cleaned, by the first edition of ours for which something has."""
    editions = (Edition.read(each.edition) for each in there)
    changes = (recipe.change_since(edition.recipe) for edition in editions if edition is not None)
    return next((change for change in changes if change is not None), None)


def _differing(places: Sequence[Place], held: Mapping[str, Holding], recipe: Recipe) -> tuple[str, ...]:
    """The places with other rows, or another origin, than the first place that has them in its listing."""
    rows = next((held[place.key].rows for place in places if held[place.key].rows is not None), None)
    origins = {place.key: _origin(held[place.key].edition, recipe) for place in places}
    origin = next(filter(None, origins.values()), "")
    return tuple(
        place.name
        for place in places
        if held[place.key].rows not in (None, rows) or origins[place.key] not in ("", origin)
    )


def _origin(edition: str, recipe: Recipe) -> str:
    """Which file, cleaned how: an edition without the stamp of a forced run.

    An edition that names no column mapping is from before 2026-12, and was cleaned by the first one.
    """
    read = Edition.read(edition)
    if read is None:
        return edition
    rules, _, mapping = read.recipe.partition("_")
    return f"{read.source}-{rules}_{mapping or recipe.first_mapping}"
