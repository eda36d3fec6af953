"""The state of every month of one color, put together from what each place holds. Pure: nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Literal

from taxi_luigi.core.receipts import Edition
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.transform.staleness import Reason, Recipe

Kind = Literal["raw", "clean", "lake", "warehouse"]


class State(Enum):
    """How far a month is. The values are what programs read."""

    EVERYWHERE = "everywhere"
    """in every lake and warehouse named that answered"""
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
    """published or not, no place that could tell has answered"""
    NOT_PUBLISHED = "not published"
    """as far as known; not here"""


@dataclass(frozen=True)
class Held:
    """One month in one place, as its listing or marker says."""

    bytes: int | None = None
    rows: int | None = None
    edition: str = ""
    """'' where it does not say"""
    loaded_at: str = ""
    """UTC, ISO 8601; of markers"""


@dataclass(frozen=True)
class Place:
    """The raw or clean files of the workspace, a lake, or a warehouse."""

    name: str
    """raw, clean, or the lake's or warehouse's name"""
    kind: Kind
    named: bool
    """whether every month should be there: a lake or warehouse of luigi.cfg, `clean` where the lake local is one"""
    held: Mapping[str, Mapping[Month, Held]] = field(default_factory=dict)
    """color → month → what is there"""
    silent: str = ""
    """why it could not be asked, in one line"""

    @property
    def key(self) -> str:
        """Which place it is; a lake and a warehouse may share a name."""
        return self.name if self.kind in ("raw", "clean") else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class LastFailure:
    """Why a month's file was not taken at its last attempt."""

    why: str
    """one line"""
    stands: bool
    """whether it is a refusal that the same file would meet again: neither settings nor cleaning have changed since"""


@dataclass(frozen=True)
class Cell:
    """One month of one color. `held` is by the places' keys, in their order, without those that have it not."""

    state: State
    published_rows: int | None = None
    """rows of TLC's file, where they are known"""
    held: Mapping[str, Held] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
    """the names of the places that should have it, answered, and have it not"""
    differing: tuple[str, ...] = ()
    """the names of those that have it from another file, by other rules or with other rows than the first one"""
    withdrawn: str = ""
    """of a month that is held: when a run of this machine noticed that the source has it no more, UTC, ISO 8601"""
    stale: Reason | None = None
    """of a month that is held: what has changed since it was cleaned, so that its rows would be others today"""
    refused: str = ""
    """of a month that is held: why the file that was to take its place was refused, as long as the refusal stands"""
    failure: str = ""
    """why its file was not taken at its last attempt, where it is not refused"""

    @property
    def rows(self) -> int | None:
        """As the first marker says that there is; where there is none, a lake that lists its rows."""
        told = [each.rows for each in self.held.values() if each.rows is not None]
        marked = [each.rows for each in self.held.values() if each.rows is not None and each.loaded_at]
        return next(iter(marked or told), None)


@dataclass(frozen=True)
class Total:
    """All months of one color in one place. None: not known of any."""

    months: int
    rows: int | None
    bytes: int | None


@dataclass(frozen=True)
class ColorStatus:
    """One color: its months in order, from its first one to this month."""

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
        """Whether nothing of the color is anywhere."""
        return not any(cell.held for cell in self.cells.values())

    @property
    def rows(self) -> int:
        """Of all months that are held, each once, as far as known."""
        return sum(cell.rows or 0 for cell in self.cells.values())

    def total(self, place: Place) -> Total:
        """What one of the places holds of the color."""
        held = [cell.held[place.key] for cell in self.cells.values() if place.key in cell.held]
        rows = [each.rows for each in held if each.rows is not None]
        sizes = [each.bytes for each in held if each.bytes is not None]
        return Total(len(held), sum(rows) if rows else None, sum(sizes) if sizes else None)


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
    """Puts the color together. A month before `first` or after `now` is in it only where a place holds one.

    Args:
        color: the record type
        first: its first month
        published: TLC's rows per month, as far as known
        withdrawn: when it was noticed that a month had gone from the source
        places: with what they hold
        now: this month
        recipe: how a month is cleaned today
        failures: of months whose file was not taken at its last attempt
    """
    held = {month for place in places for month in place.held.get(color, ())}
    months = month_range(min([first, *held]), max([now, *held]))
    cells = {month: _cell(color, month, published.get(month), places, recipe) for month in months}
    for month in failures.keys() & cells.keys():
        cells[month] = _with_failure(cells[month], failures[month], places)
    for month in withdrawn:
        if month in held:
            cells[month] = replace(cells[month], withdrawn=withdrawn[month])
    return ColorStatus(color, places, cells)


def _with_failure(cell: Cell, failure: LastFailure, places: Sequence[Place]) -> Cell:
    """A refusal keeps what a store holds; of a month that none holds, it is a failure like others."""
    stays = failure.stands and any(place.named and place.key in cell.held for place in places)
    return replace(cell, refused=failure.why) if stays else replace(cell, failure=failure.why)


def _cell(
    color: str, month: Month, published: int | None, places: Sequence[Place], recipe: Callable[[Month], Recipe]
) -> Cell:
    held = {place.key: place.held[color][month] for place in places if month in place.held.get(color, ())}
    asked = [place for place in places if place.named and not place.silent]
    lacking = tuple(place.name for place in asked if place.key not in held)
    if not asked and published is not None and not held:
        return Cell(State.UNKNOWN, published)
    there = [held[place.key] for place in asked if place.key in held]
    today = recipe(month) if there else None
    stale = _stale(there, today) if today else None
    if today and not lacking:
        differing = _differing(asked, held, today)
        state = State.DIFFERENT if differing else State.EVERYWHERE
        return Cell(state, published, held, (), differing, stale=stale)
    if today:
        return Cell(State.PARTLY, published, held, lacking, stale=stale)
    for state in (State.CLEAN, State.RAW):
        if state.value in held:
            return Cell(state, published, held, lacking)
    return Cell(State.NOT_PUBLISHED if published is None else State.PUBLISHED, published, held, lacking)


def _stale(there: Iterable[Held], recipe: Recipe) -> Reason | None:
    """What has changed since it was cleaned, by the first place that says how; editions of others say nothing."""
    editions = (Edition.read(each.edition) for each in there)
    changes = (recipe.change_since(edition.recipe) for edition in editions if edition is not None)
    return next((change for change in changes if change is not None), None)


def _differing(places: Sequence[Place], held: Mapping[str, Held], recipe: Recipe) -> tuple[str, ...]:
    """Those that tell something else than the first place that does; one that does not tell differs from none."""
    rows = next((held[place.key].rows for place in places if held[place.key].rows is not None), None)
    made_from = {place.key: _made_from(held[place.key].edition, recipe) for place in places}
    origin = next(filter(None, made_from.values()), "")
    return tuple(
        place.name
        for place in places
        if held[place.key].rows not in (None, rows) or made_from[place.key] not in ("", origin)
    )


def _made_from(edition: str, recipe: Recipe) -> str:
    """Which file, cleaned how: a month that was forced anew is the same one.

    An edition that names no column mapping is of before 2026-12, and means the first one.
    """
    read = Edition.read(edition)
    if read is None:
        return edition
    rules, _, mapping = read.recipe.partition("_")
    return f"{read.source}-{rules}_{mapping or recipe.first_mapping}"
