"""What a run has to do, of the months and zones that it is given: missing, stale, refused, forced.

Takes the inventory of lakes and warehouses; it lists the workspace, and sends HEAD requests to the source, only
for months with something to do. Schedules nothing. A store that cannot be listed counts as holding nothing;
settings of which no store can be made are a ConfigError.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from taxi_luigi import config
from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.core.logs import log
from taxi_luigi.core.receipts import Edition, SourceFingerprint, source_digest
from taxi_luigi.inventory.inventory import (
    CLEAN,
    RAW,
    Inventory,
    Place,
    error_lines,
    lake_has,
    lake_key,
    raw_has,
    store_keys,
    warehouse_has,
    warehouse_key,
)
from taxi_luigi.sources import Look, Published
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.shards import Shard
from taxi_luigi.transform import guards
from taxi_luigi.transform.staleness import Reason, Recipe, is_current, wanted_edition

ColorMonth = tuple[str, Month]

_PARALLEL = 8
"""files of a lake that are looked at at the same time, a request each, where the listing shows no labels"""
_STAMPED = "%Y%m%dT%H%M%SZ"
_STAMP = re.compile(r"\d{8}T\d{6}Z")
"""when an edition was forced, UTC"""


@dataclass(frozen=True)
class PlannedMonth:
    """One month to make, and the lakes and warehouses that are to get it."""

    color: str
    month: Month
    lakes: tuple[str, ...]
    warehouses: tuple[str, ...]
    edition: str = ""
    """'' where any edition will do"""
    reason: Reason = Reason.MISSING
    bytes: int | None = 0
    """to be downloaded; None when the source did not show how many"""
    unlisted: tuple[str, ...] = ()
    """`raw` and `clean`, where the workspace was listed and has no such file, so that no task has to look for it"""


@dataclass
class Plan:
    """What a run has to do, and what it does not."""

    to_do: list[PlannedMonth] = field(default_factory=list)
    already_there: dict[str, list[Month]] = field(default_factory=dict)
    not_published: dict[str, list[Month]] = field(default_factory=dict)
    """not at the source; a month that was named is in `to_do` too, so that the run ends as one with missing data"""
    withdrawn: dict[str, list[Month]] = field(default_factory=dict)
    """held, and no longer at the source; the month stays"""
    offered: dict[str, list[Month]] = field(default_factory=dict)
    """held, and found at the source too"""
    unchecked: list[str] = field(default_factory=list)
    """why the source could not be checked for a newer file, one line for each month"""
    refused: dict[ColorMonth, str] = field(default_factory=dict)
    """months that are held, and whose published file was refused before → why; what is held stays"""
    failed: dict[ColorMonth, str] = field(default_factory=dict)
    """months that are missing, and whose file was not taken at its last attempt → why"""
    zones: tuple[str, ...] = ()
    """the warehouses without zones, or the lakes, where luigi.cfg names no warehouse; none when it names no list"""

    @property
    def months(self) -> dict[str, list[Month]]:
        """Record type → the months to do."""
        found: dict[str, list[Month]] = {}
        for planned in self.to_do:
            found.setdefault(planned.color, []).append(planned.month)
        return found

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return not self.to_do and not self.zones

    def joined(self, other: Plan) -> Plan:
        """Return the plan of a run that has both. A month that one of them makes is not there already."""
        to_do = list(dict.fromkeys([*self.to_do, *other.to_do]))
        made = {(each.color, each.month) for each in to_do}

        def both(name: str, without: Container[ColorMonth] = ()) -> dict[str, list[Month]]:
            first, second = getattr(self, name), getattr(other, name)
            months = {
                color: list(dict.fromkeys([*first.get(color, []), *second.get(color, [])]))
                for color in dict.fromkeys([*first, *second])
            }
            return {color: [each for each in found if (color, each) not in without] for color, found in months.items()}

        return Plan(
            to_do,
            both("already_there", made),
            both("not_published"),
            both("withdrawn"),
            both("offered"),
            list(dict.fromkeys([*self.unchecked, *other.unchecked])),
            self.refused | other.refused,
            self.failed | other.failed,
            tuple(dict.fromkeys([*self.zones, *other.zones])),
        )


@dataclass(frozen=True)
class _HeldMonth:
    """One month in the stores: name → edition, '' where it is not shown, None where the month is not."""

    color: str
    month: Month
    lakes: dict[str, str | None]
    warehouses: dict[str, str | None]

    @property
    def held(self) -> bool:
        return any(edition is not None for edition in (*self.lakes.values(), *self.warehouses.values()))

    @property
    def lacks(self) -> bool:
        return None in (*self.lakes.values(), *self.warehouses.values())

    def editions(self) -> list[str]:
        """Those that are shown; where none is, the one in the footer of the first lake's file."""
        shown = [edition for edition in (*self.warehouses.values(), *self.lakes.values()) if edition]
        holding = [name for name, edition in self.lakes.items() if edition is not None]
        if shown or not holding:
            return shown
        stored = config.lake(holding[0]).stat(self.color, self.month)
        return [stored.summary.edition] if stored else []


def make_plan(
    wanted: Mapping[ColorMonth, bool],
    force: bool = False,
    recheck: Container[Month] | None = None,
    shard: Shard | None = None,
) -> Plan:
    """Sort months into what is to be done and what is not.

    Args:
        wanted: (color, month) → True for a month that was named, False for one of a range
        force: whether all of them are to be made anew; not the zones, which are missing where there are none
        recheck: months of which the source is checked for a newer file; unless it is None, months that were cleaned by
            other rules are missing too
        shard: whose months these are; the zones are those of one shard
    Raises:
        ConfigError: for invalid settings; other errors of a store are a warning
    """
    settings = config.settings()
    colors = dict.fromkeys(color for color, _ in wanted)
    zones = bool(settings.zones) and (shard is None or shard.has_zones)
    inventory = Inventory.ask(colors, store_keys(), zones=zones, shard=shard)
    for error in (error for place in inventory.places for error in place.errors.values()):
        if isinstance(error, ConfigError):
            raise error
    for line in inventory.errors:
        log.warning("%s", line)
    keys = {name: warehouse_key(name) for name in settings.warehouses} or {
        name: lake_key(name) for name in settings.lakes
    }
    plan = Plan(zones=tuple(name for name, key in keys.items() if zones and not inventory.place(key).zones))
    stored = _without_lost(_held_months(inventory, wanted), inventory)
    looks = _look(stored, force, recheck, inventory)
    now = datetime.now(UTC)
    for each in stored:
        look = looks.get((each.color, each.month))
        named = wanted[each.color, each.month]
        gone = look is not None and look.published is Published.NO
        planned: PlannedMonth | None
        if force and gone and each.held and not named:
            planned = None
        elif force:
            planned = _forced(each, look, inventory, now)
        else:
            planned = (_stale(each, look) if recheck is not None else None) or _lacking(each, look)
        if planned is not None and not force:
            planned = _without_refused(planned, each, inventory, plan)
        if planned is not None:
            planned = replace(planned, unlisted=_unlisted(each, inventory))
        _sort(each, look, planned, named, plan)
    workspace = [place for place in inventory.places if place.key not in store_keys()]
    for line in error_lines(workspace):
        log.warning("%s", line)
    return plan


def held_everywhere(color: str, month: Month) -> bool:
    """Return whether every lake and warehouse of luigi.cfg has the month; one that cannot be read does not."""
    settings = config.settings()
    return all(lake_has(config.lake(name), color, month) for name in settings.lakes) and all(
        warehouse_has(name, color, month) for name in settings.warehouses
    )


def drop_spent(months: Iterable[ColorMonth]) -> None:
    """Remove the raw and clean files that `keep_raw` and `keep_clean` do not keep; of months that are held everywhere.

    What a lake lists may be half a copy, and these files the only good ones: the lakes' files are looked at first.
    """
    settings, lake = config.settings(), config.clean_lake()
    months = list(months)
    inventory = Inventory(dict.fromkeys(color for color, _ in months))
    for color, month in months:
        raw_is_spent = not settings.keep_raw and inventory.has_raw_file(color, month)
        clean_is_spent = not settings.keep_clean and month in inventory.place(CLEAN).months(color)
        if not (raw_is_spent or clean_is_spent):
            continue
        if not all(lake_has(config.lake(name), color, month) for name in settings.lakes):
            continue
        if raw_is_spent:
            raw = config.raw_month(color, month)
            raw.remove()
            log.info("Removed %s: keep_raw = false, and every lake and warehouse has the month", raw)
        if clean_is_spent:
            lake.remove(color, month)
            clean = lake.url(color, month)
            log.info("Removed %s: keep_clean = false, and every lake and warehouse has the month", clean)
    for line in inventory.errors:
        log.warning("%s", line)


def _held_months(inventory: Inventory, wanted: Iterable[ColorMonth]) -> list[_HeldMonth]:
    settings = config.settings()
    lakes = {name: inventory.place(lake_key(name)) for name in settings.lakes}
    warehouses = {name: inventory.place(warehouse_key(name)) for name in settings.warehouses}

    def editions(places: Mapping[str, Place], color: str, month: Month) -> dict[str, str | None]:
        held = {name: place.months(color).get(month) for name, place in places.items()}
        return {name: None if holding is None else holding.edition for name, holding in held.items()}

    return [
        _HeldMonth(color, month, editions(lakes, color, month), editions(warehouses, color, month))
        for color, month in wanted
    ]


def _without_lost(stored: list[_HeldMonth], inventory: Inventory) -> list[_HeldMonth]:
    """The same months, without the files of lakes that a warehouse is to be loaded from and that are not whole.

    A name in a listing may be half a copy, or another program's file. Looks only at files whose listing shows no
    labels, and not for a warehouse that could not be listed.
    """
    warehouses = config.settings().warehouses
    loaded_from = {
        name: config.lake_for(name) or "local"
        for name in warehouses
        if inventory.place(warehouse_key(name)).error is None
    }
    doubtful = [
        (name, each.color, each.month)
        for each in stored
        for name in {lake for warehouse, lake in loaded_from.items() if each.warehouses[warehouse] is None}
        if each.lakes.get(name) == ""
    ]
    if not doubtful:
        return stored
    with ThreadPoolExecutor(_PARALLEL) as pool:
        good = pool.map(lambda file: lake_has(config.lake(file[0]), *file[1:]), doubtful)
        lost = {file for file, is_good in zip(doubtful, good, strict=True) if not is_good}

    def without_lost(each: _HeldMonth) -> dict[str, str | None]:
        return {
            name: None if (name, each.color, each.month) in lost else edition for name, edition in each.lakes.items()
        }

    return [replace(each, lakes=without_lost(each)) for each in stored]


def _look(
    stored: list[_HeldMonth], force: bool, recheck: Container[Month] | None, inventory: Inventory
) -> dict[ColorMonth, Look]:
    """Look at the source's files once for all months: at what is to be downloaded, and what may have been rewritten."""
    download = [each for each in stored if force or (each.lacks and _needs_source(each, inventory))]
    again = [each for each in stored if recheck is not None and each.held and each.month in recheck]
    return config.source().look_all(dict.fromkeys((each.color, each.month) for each in download + again))


def _needs_source(each: _HeldMonth, inventory: Inventory) -> bool:
    """Whether the month cannot be completed from what is here, or its file failed before and may be another by now."""
    return not _at_hand(each, inventory) or bool(inventory.failure_names(each.color, each.month))


def _at_hand(each: _HeldMonth, inventory: Inventory) -> bool:
    """Whether the month can be completed without the source."""
    loaded_from = {config.lake_for(name) for name in _without(each.warehouses)}
    if not _without(each.lakes) and None not in loaded_from:
        return True
    if each.month in inventory.place(CLEAN).months(each.color) and lake_has(
        config.clean_lake(), each.color, each.month
    ):
        return True
    return inventory.has_raw_file(each.color, each.month) and raw_has(each.color, each.month)


def _unlisted(each: _HeldMonth, inventory: Inventory) -> tuple[str, ...]:
    has_raw = inventory.has_raw_file(each.color, each.month)
    has_clean = each.month in inventory.place(CLEAN).months(each.color)
    found = ((RAW, has_raw), (CLEAN, has_clean))
    return tuple(key for key, has in found if not has and each.color not in inventory.place(key).errors)


def _lacking(each: _HeldMonth, look: Look | None) -> PlannedMonth | None:
    """What is to be done where the month is not; None when it is everywhere."""
    if not each.lacks:
        return None
    to_download = 0 if look is None or look.published is Published.NO else None
    size = look.seen.bytes if look is not None and look.seen is not None else to_download
    return PlannedMonth(each.color, each.month, _without(each.lakes), _without(each.warehouses), bytes=size)


def _stale(each: _HeldMonth, look: Look | None) -> PlannedMonth | None:
    """What is to be done when a store has the month from another file, or by other rules, than are now right."""
    held = each.editions()
    if not held:
        return None
    recipe = config.recipe(each.color, each.month)
    right = wanted_edition(held, look.seen if look else None, recipe)
    if right is None:
        return None
    lakes, warehouses = (_other(stores, right.edition.source, recipe) for stores in (each.lakes, each.warehouses))
    size = look.seen.bytes if right.why is Reason.REPUBLISHED and look is not None and look.seen is not None else 0
    return PlannedMonth(each.color, each.month, lakes, warehouses, str(right.edition), right.why, size)


def _without(stores: Mapping[str, str | None]) -> tuple[str, ...]:
    return tuple(name for name, edition in stores.items() if edition is None)


def _other(stores: Mapping[str, str | None], source: str, recipe: Recipe) -> tuple[str, ...]:
    return tuple(name for name, edition in stores.items() if not edition or not is_current(edition, source, recipe))


def _without_refused(planned: PlannedMonth, each: _HeldMonth, inventory: Inventory, plan: Plan) -> PlannedMonth | None:
    """The same without the places for which the wanted file was refused before; None when none is left.

    Of a month that no place holds, the plan gets why its file failed, and the month stays missing.
    """
    failures = inventory.failures(each.color, [each.month]).get(each.month)
    if not failures:
        return planned
    wanted, settings = Edition.read(planned.edition), config.check_version()
    in_force = {
        place: failure
        for place, failure in failures.items()
        if wanted is not None and guards.still_refused(failure, wanted.source, wanted.recipe, settings)
    }
    if not in_force or not each.held:
        plan.failed[each.color, each.month] = next(iter(failures.values())).why
        return planned
    plan.refused[each.color, each.month] = next(iter(in_force.values())).why
    if "" in in_force:  # the file never became a clean one, so no place can get it
        return _lacking(each, None)
    # A place that lacks the month by now takes the file: it was refused for what the place held.
    lakes = tuple(name for name in planned.lakes if each.lakes[name] is None or f"lake {name}" not in in_force)
    refusing = {*planned.lakes} - {*lakes}
    # A listing without labels does not show the edition, so a lake that has taken the file already is planned, too.
    lakes = tuple(name for name in lakes if not lake_has(config.lake(name), each.color, each.month, planned.edition))
    warehouses = tuple(
        name for name in planned.warehouses if each.warehouses[name] is None or warehouse_key(name) not in in_force
    )
    # A warehouse gets what its lake holds, so it cannot have a file that the lake refuses.
    warehouses = tuple(name for name in warehouses if config.lake_for(name) not in refusing)
    return replace(planned, lakes=lakes, warehouses=warehouses) if lakes or warehouses else _lacking(each, None)


def _forced(each: _HeldMonth, look: Look | None, inventory: Inventory, now: datetime) -> PlannedMonth:
    seen = (look.seen if look else None) or SourceFingerprint(None, None, None)
    stamp = _next_stamp(_editions_to_replace(each, inventory), now)
    edition = str(Edition(source_digest(seen), str(config.recipe(each.color, each.month)), stamp))
    return PlannedMonth(each.color, each.month, (*each.lakes,), (*each.warehouses,), edition, Reason.FORCED, seen.bytes)


def _editions_to_replace(each: _HeldMonth, inventory: Inventory) -> list[str]:
    """The editions that a forced run replaces; a file that cannot be read has none."""
    lakes = [config.lake(name) for name, edition in each.lakes.items() if edition == ""]
    if each.month in inventory.place(CLEAN).months(each.color):
        lakes.append(config.clean_lake())
    shown = [edition for edition in (*each.lakes.values(), *each.warehouses.values()) if edition]
    has_raw = inventory.has_raw_file(each.color, each.month)
    try:
        stored = [lake.stat(each.color, each.month) for lake in lakes]
        raw = config.raw_month(each.color, each.month).receipt() if has_raw else None
    except TaxiError as error:
        log.debug("the editions held of %s %s are not known: %s", each.color, each.month, error)
        return shown
    kept = [] if raw is None else [str(Edition(raw.source, "raw", raw.edition.partition("-")[2]))]
    return shown + [entry.summary.edition for entry in stored if entry is not None] + kept


def _next_stamp(held: Iterable[str], now: datetime) -> str:
    """The present second; a later one where a month was forced in it, or while a clock was ahead.

    What is held with an earlier stamp is made again; what another run stores meanwhile, with this or a later one,
    serves as well.
    """
    stamps = [edition.stamp for edition in map(Edition.read, held) if edition is not None]
    before = max((stamp for stamp in stamps if _STAMP.fullmatch(stamp)), default="")
    if before < f"{now:{_STAMPED}}":
        return f"{now:{_STAMPED}}"
    return f"{datetime.strptime(before, _STAMPED) + timedelta(seconds=1):{_STAMPED}}"


def _sort(each: _HeldMonth, look: Look | None, planned: PlannedMonth | None, named: bool, plan: Plan) -> None:
    if look is not None and look.published is Published.NO:
        gone = plan.withdrawn if each.held else plan.not_published
        gone.setdefault(each.color, []).append(each.month)
        if not each.held and not named and (each.color, each.month) not in plan.failed:
            return
    if look is not None and look.published is Published.YES and each.held:
        plan.offered.setdefault(each.color, []).append(each.month)
    if look is not None and look.published is Published.UNKNOWN and each.held:
        plan.unchecked.append(look.why)
    if planned is not None:
        plan.to_do.append(planned)
    else:
        plan.already_there.setdefault(each.color, []).append(each.month)
