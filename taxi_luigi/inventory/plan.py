"""What is still to be done, of the months asked for and the zones: one listing per lake, one query per table, and HEAD
requests only for what must be downloaded.

Decides and counts; schedules nothing. A store that does not answer counts as holding nothing; one that luigi.cfg has
wrong is a ConfigError.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from taxi_luigi import config
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import log
from taxi_luigi.core.receipts import Edition, SourceFingerprint, source_digest
from taxi_luigi.inventory import held
from taxi_luigi.inventory.found import Found, Stores, Workspace, without
from taxi_luigi.sources import Look, Published
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import guards
from taxi_luigi.transform.staleness import Recipe, Why, is_right, wanted_edition

ColorMonth = tuple[str, Month]

_STAMPED = "%Y%m%dT%H%M%SZ"
_STAMP = re.compile(r"\d{8}T\d{6}Z")
"""how an edition says when it was forced, UTC"""


@dataclass(frozen=True)
class Missing:
    """One month that is not everywhere as it should be; `edition` is '' unless a certain one is wanted."""

    color: str
    month: Month
    lakes: tuple[str, ...]
    warehouses: tuple[str, ...]
    edition: str = ""
    why: Why = Why.MISSING
    bytes: int | None = 0
    """to be downloaded; None when the source did not say how many"""


@dataclass
class Plan:
    """What a run has to do, and what it has not."""

    missing: list[Missing] = field(default_factory=list)
    already_there: dict[str, list[Month]] = field(default_factory=dict)
    not_published: dict[str, list[Month]] = field(default_factory=dict)
    """what the source has not; a month that a person named is in `missing` too, so that the run ends as missing data"""
    withdrawn: dict[str, list[Month]] = field(default_factory=dict)
    """what is held, and the source has no more; it stays"""
    offered: dict[str, list[Month]] = field(default_factory=dict)
    """what is held, and the source was asked about and has"""
    unasked: list[str] = field(default_factory=list)
    """why the source could not be asked whether it has something newer, one line for each month"""
    refused: dict[ColorMonth, str] = field(default_factory=dict)
    """months that are held, and whose published file was refused before → why; what is held stays"""
    failed: dict[ColorMonth, str] = field(default_factory=dict)
    """months that are missing, and whose file was not taken at its last attempt → why"""
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


def backlog(wanted: Mapping[ColorMonth, bool], force: bool = False, recheck: Container[Month] | None = None) -> Plan:
    """Sorts the months asked for, `(color, month) → named`; with `force` all of them are missing.

    Unless it is None, months held that were cleaned by other rules are missing too, and those of `recheck` that TLC has
    rewritten since. Zones are not forced: they are missing where there are none.
    """
    stores, settings = Stores(), config.settings()
    result = Plan(zones=tuple(name for name in settings.warehouses if settings.zones and not stores.zones(name)))
    found = stores.to_load([stores.find(color, month) for color, month in wanted])
    workspace = Workspace()
    looks = _look(found, force, recheck, workspace)
    now = datetime.now(UTC)
    for each in found:
        look = looks.get((each.color, each.month))
        named = wanted[each.color, each.month]
        gone = look is not None and look.published is Published.NO
        missing: Missing | None
        if force and gone and each.held and not named:
            missing = None
        elif force:
            missing = _forced(each, look, workspace, now)
        else:
            missing = (_stale(each, look) if recheck is not None else None) or _lacking(each, look)
        if missing is not None and not force:
            missing = _without_refused(missing, each, workspace, result)
        _sort(each, look, missing, named, result=result)
    return result


def _without_refused(missing: Missing, each: Found, workspace: Workspace, result: Plan) -> Missing | None:
    """The same without the places for which the file that is wanted there was refused before; None when none is left.

    Of a month that no place holds, why its file was not taken is noted, and the month stays missing.
    """
    failures = workspace.failures(each.color, each.month)
    if not failures:
        return missing
    wanted, settings = Edition.read(missing.edition), config.check_version()
    in_force = {
        place: failure
        for place, failure in failures.items()
        if wanted is not None and guards.still_refused(failure, wanted.source, wanted.recipe, settings)
    }
    if not in_force or not each.held:
        result.failed[each.color, each.month] = next(iter(failures.values())).why
        return missing
    result.refused[each.color, each.month] = next(iter(in_force.values())).why
    if "" in in_force:  # the file never became a clean one, so no place can get it
        return _lacking(each, None)
    # A place that lacks the month by now takes the file: it was refused for what the place held.
    lakes = tuple(name for name in missing.lakes if each.lakes[name] is None or f"lake {name}" not in in_force)
    refusing = {*missing.lakes} - {*lakes}
    # A listing without labels does not tell the edition, so a lake that has taken the file already is named, too.
    lakes = tuple(
        name for name in lakes if not held.in_lake(config.lake(name), each.color, each.month, missing.edition)
    )
    warehouses = tuple(
        name for name in missing.warehouses if each.warehouses[name] is None or f"warehouse {name}" not in in_force
    )
    # A warehouse gets what its lake holds, so it cannot have a file that the lake refuses.
    warehouses = tuple(name for name in warehouses if config.lake_for(name) not in refusing)
    return replace(missing, lakes=lakes, warehouses=warehouses) if lakes or warehouses else _lacking(each, None)


def _lacking(each: Found, look: Look | None) -> Missing | None:
    """What is to be done where it is not; None when it is everywhere."""
    if not each.lacks:
        return None
    to_download = 0 if look is None or look.published is Published.NO else None
    size = look.seen.bytes if look is not None and look.seen is not None else to_download
    return Missing(each.color, each.month, without(each.lakes), without(each.warehouses), bytes=size)


def _stale(each: Found, look: Look | None) -> Missing | None:
    """What is to be done when one of the stores has it from another file or by other rules than are now right."""
    held = each.editions()
    if not held:
        return None
    recipe = config.recipe(each.color, each.month)
    right = wanted_edition(held, look.seen if look else None, recipe)
    if right is None:
        return None
    lakes, warehouses = (_other(places, right.edition.source, recipe) for places in (each.lakes, each.warehouses))
    size = look.seen.bytes if right.why is Why.REPUBLISHED and look is not None and look.seen is not None else 0
    return Missing(each.color, each.month, lakes, warehouses, str(right.edition), right.why, size)


def _other(stores: dict[str, str | None], source: str, recipe: Recipe) -> tuple[str, ...]:
    return tuple(name for name, edition in stores.items() if not edition or not is_right(edition, source, recipe))


def _look(
    found: list[Found], force: bool, recheck: Container[Month] | None, workspace: Workspace
) -> dict[ColorMonth, Look]:
    """Asks the source once for all: about what is to be downloaded, and what may have been rewritten."""
    download = [
        each
        for each in found
        if force or (each.lacks and (not _at_hand(each, workspace) or workspace.failure_names(each.color, each.month)))
    ]
    again = [each for each in found if recheck is not None and each.held and each.month in recheck]
    return config.source().look_all(dict.fromkeys((each.color, each.month) for each in download + again))


def _sort(each: Found, look: Look | None, missing: Missing | None, named: bool, result: Plan) -> None:
    if look is not None and look.published is Published.NO:
        gone = result.withdrawn if each.held else result.not_published
        gone.setdefault(each.color, []).append(each.month)
        if not each.held and not named and (each.color, each.month) not in result.failed:
            return
    if look is not None and look.published is Published.YES and each.held:
        result.offered.setdefault(each.color, []).append(each.month)
    if look is not None and look.published is Published.UNKNOWN and each.held:
        result.unasked.append(look.why)
    if missing is not None:
        result.missing.append(missing)
    else:
        result.already_there.setdefault(each.color, []).append(each.month)


def _forced(each: Found, look: Look | None, workspace: Workspace, now: datetime) -> Missing:
    seen = (look.seen if look else None) or SourceFingerprint(None, None, None)
    stamp = _next_stamp(_editions(each, workspace), now)
    edition = str(Edition(source_digest(seen), str(config.recipe(each.color, each.month)), stamp))
    return Missing(each.color, each.month, (*each.lakes,), (*each.warehouses,), edition, Why.FORCED, seen.bytes)


def _editions(each: Found, workspace: Workspace) -> list[str]:
    """Those of all that a forced run replaces; what cannot be read has none."""
    lakes = [config.lake(name) for name, edition in each.lakes.items() if edition == ""]
    if workspace.has_clean(each.color, each.month):
        lakes.append(config.clean_lake())
    told = [edition for edition in (*each.lakes.values(), *each.warehouses.values()) if edition]
    try:
        stored = [lake.stat(each.color, each.month) for lake in lakes]
        raw = config.raw_month(each.color, each.month).receipt() if workspace.has_raw(each.color, each.month) else None
    except TaxiError as error:
        log.debug("what is held of %s %s is not known: %s", each.color, each.month, error)
        return told
    kept = [] if raw is None else [str(Edition(raw.source, "raw", raw.edition.partition("-")[2]))]
    return told + [entry.summary.edition for entry in stored if entry is not None] + kept


def _next_stamp(held: Iterable[str], now: datetime) -> str:
    """The present second; a later one where a month was forced in it, or while a clock was ahead.

    What is held with an earlier stamp is done again, and what another run puts there meanwhile, with this or a later
    one, serves as well.
    """
    stamps = [edition.stamp for edition in map(Edition.read, held) if edition is not None]
    before = max((stamp for stamp in stamps if _STAMP.fullmatch(stamp)), default="")
    if before < f"{now:{_STAMPED}}":
        return f"{now:{_STAMPED}}"
    return f"{datetime.strptime(before, _STAMPED) + timedelta(seconds=1):{_STAMPED}}"


def _at_hand(each: Found, workspace: Workspace) -> bool:
    """Whether the month can be completed without the source."""
    loaded_from = {config.lake_for(name) for name in without(each.warehouses)}
    if not without(each.lakes) and None not in loaded_from:
        return True
    if workspace.has_clean(each.color, each.month) and held.in_lake(config.clean_lake(), each.color, each.month):
        return True
    return workspace.has_raw(each.color, each.month) and held.in_raw(each.color, each.month)


def held_everywhere(color: str, month: Month) -> bool:
    """Whether every lake and warehouse named has the month; one that cannot be asked has not."""
    settings = config.settings()
    return all(held.in_lake(config.lake(name), color, month) for name in settings.lakes) and all(
        month in Stores().in_warehouse(name, color) for name in settings.warehouses
    )


def drop_spent(months: Iterable[ColorMonth]) -> None:
    """Removes the raw and clean files that `keep_raw` and `keep_clean` do not keep; for months held everywhere.

    What a lake's listing shows may be half a copy, and these files the only good ones: the lakes' targets decide.
    """
    settings, workspace, lake = config.settings(), Workspace(), config.clean_lake()
    for color, month in months:
        raw_is_spent = not settings.keep_raw and workspace.has_raw(color, month)
        clean_is_spent = not settings.keep_clean and workspace.has_clean(color, month)
        if not (raw_is_spent or clean_is_spent):
            continue
        if not all(held.in_lake(config.lake(name), color, month) for name in settings.lakes):
            continue
        if raw_is_spent:
            raw = config.raw_month(color, month)
            raw.remove()
            log.info("Removed %s: keep_raw = false, and every lake and warehouse has the month", raw)
        if clean_is_spent:
            lake.remove(color, month)
            clean = lake.url(color, month)
            log.info("Removed %s: keep_clean = false, and every lake and warehouse has the month", clean)
