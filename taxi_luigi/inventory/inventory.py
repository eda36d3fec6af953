"""What each place holds, month by month: raw/ and clean/ of the workspace, every lake, every warehouse.

All places are listed at the same time: a lake by one listing for each record type, a warehouse by one reading of each
table's markers. A place that cannot be listed holds nothing, and its error is a value of the inventory: plan, status,
verify and report each decide what to do about it. The only files opened are the records of failed months.

The second half, `raw_has`, `lake_has` and `warehouse_has`, is about one month in one place, for Luigi's targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, Self, TypeVar

from taxi_luigi import config
from taxi_luigi.core.concurrency import ask_all
from taxi_luigi.core.errors import ForeignTable, TaxiError
from taxi_luigi.core.logs import failure_line, log
from taxi_luigi.core.receipts import FILE, Edition, Failure, RawReceipt, source_digest
from taxi_luigi.storage import Entry
from taxi_luigi.storage.lake import Lake, summary_in
from taxi_luigi.storage.raw_month import FAILURE, RawMonth, is_failure
from taxi_luigi.storage.zones_file import ZonesFile
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.shards import Shard

T = TypeVar("T")
Kind = Literal["raw", "clean", "lake", "warehouse"]

RAW, CLEAN = "raw", "clean"
"""keys of the two places in the workspace; `clean` is also the lake called local"""

_PARALLEL = 8
"""records of failures read at a time: in a bucket, each is a request"""


@dataclass(frozen=True)
class Holding:
    """One month in one place, as the listing or the marker describes it."""

    bytes: int | None = None
    rows: int | None = None
    edition: str = ""
    """'' where the listing does not show it"""
    loaded_at: str = ""
    """UTC, ISO 8601; of markers"""
    counted: int | None = None
    """rows in a warehouse's table, where they were counted; `rows` is then None where no marker is"""
    records: int | None = None
    """of markers: records of the file that can be stored, whatever rules took out"""


@dataclass(frozen=True)
class Place:
    """Raw or clean files of the workspace, a lake, or a warehouse, with what it holds."""

    name: str
    """raw, clean, or the name of the lake or warehouse"""
    kind: Kind
    required: bool
    """whether every month should be there: a lake or warehouse of luigi.cfg, `clean` where the lake local is one"""
    holdings: Mapping[str, Mapping[Month, Holding]] = field(default_factory=dict)
    """color → month → what is there"""
    errors: Mapping[str, TaxiError] = field(default_factory=dict)
    """color → why it could not be listed; the place holds nothing of it, as far as is known"""
    files: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """color → names of all files; of `raw`"""
    zones: int = 0
    """rows of the taxi zones in a warehouse, where they were counted; 1 of a lake that has them"""

    @property
    def key(self) -> str:
        """`raw`, `clean`, `lake NAME` or `warehouse NAME`: a lake and a warehouse may share a name."""
        return self.name if self.kind in ("raw", "clean") else f"{self.kind} {self.name}"

    @property
    def error(self) -> TaxiError | None:
        """The first error; None where all record types could be listed."""
        return next(iter(self.errors.values()), None)

    def months(self, color: str) -> Mapping[Month, Holding]:
        """Return what is held of one record type."""
        return self.holdings.get(color, {})


def lake_key(name: str) -> str:
    """Return the key of the lake called NAME."""
    return CLEAN if name == "local" else f"lake {name}"


def warehouse_key(name: str) -> str:
    """Return the key of the warehouse called NAME."""
    return f"warehouse {name}"


def store_keys() -> list[str]:
    """Return the keys of the lakes and warehouses that luigi.cfg names, where every month should be."""
    settings = config.settings()
    return [*map(lake_key, settings.lakes), *map(warehouse_key, settings.warehouses)]


def error_lines(places: Iterable[Place]) -> list[str]:
    """Return one line for each error: `cannot list raw and clean: …`; places with the same error share a line."""
    by_error: dict[str, list[str]] = {}
    for place in places:
        for error in dict.fromkeys(map(str, place.errors.values())):
            by_error.setdefault(error, []).append(place.key)
    return [
        f"cannot list {error}" if error.startswith((f"{keys[0]} ", f"{keys[0]}:"))  # as errors of warehouses do
        else f"cannot list {' and '.join(keys)}: {error}"
        for error, keys in by_error.items()
    ]  # fmt: skip


class Inventory:
    """What the places hold of some record types: place → color → month → Holding.

    Args:
        colors: the record types
        counted: whether rows in the warehouses' tables are counted too, which reads the tables
        zones: whether the rows of the taxi zones are counted
        shard: whose file is read of a warehouse with a file for each; None: all files
    """

    def __init__(
        self, colors: Iterable[str], counted: bool = False, zones: bool = False, shard: Shard | None = None
    ) -> None:
        self.colors = tuple(colors)
        self._counted, self._zones, self._shard = counted, zones, shard
        self._places: dict[str, Place] = {}

    @classmethod
    def ask(
        cls,
        colors: Iterable[str],
        keys: Iterable[str] | None = None,
        counted: bool = False,
        zones: bool = False,
        shard: Shard | None = None,
    ) -> Self:
        """List the places with these keys, at the same time.

        Args:
            colors: the record types
            keys: `Place.key` of each; by default those of raw, clean, and all lakes and warehouses
            counted: as of the class
            zones: as of the class
            shard: as of the class
        Raises:
            ConfigError: for settings of which no store can be made; a store's own errors are `Place.errors`
        """
        inventory = cls(colors, counted, zones, shard)
        inventory._ask([RAW, CLEAN, *store_keys()] if keys is None else keys)
        return inventory

    @property
    def places(self) -> list[Place]:
        """The places that were listed, in that order."""
        return list(self._places.values())

    @property
    def errors(self) -> list[str]:
        """One line for each reason why places could not be listed."""
        return error_lines(self.places)

    def place(self, key: str) -> Place:
        """Return a place; list it now if it was not listed before."""
        if key not in self._places:
            self._ask([key])
        return self._places[key]

    def has_raw_file(self, color: str, month: Month) -> bool:
        """Return whether the workspace has the month's raw file, with or without its receipt."""
        return config.raw_month(color, month).name in self._raw_files(color)

    def failure_names(self, color: str, month: Month) -> list[str]:
        """Return the names of the records of a month's failures, also of places that luigi.cfg no longer names."""
        raw = config.raw_month(color, month).name
        return [name for name in self._raw_files(color) if is_failure(name, raw)]

    def failures(self, color: str, months: Iterable[Month]) -> dict[Month, dict[str, Failure]]:
        """Return month → place → why its file was not taken at the last attempt; months without a record are left out.

        A place is '' for the clean file, which comes first, `lake NAME` or `warehouse NAME`. Only records that the
        listing of raw/ shows are read.
        """
        files, settings = self._raw_files(color), config.settings()
        if not any(name.endswith(FAILURE) for name in files):
            return {}
        places = ["", *(f"lake {name}" for name in settings.lakes), *map(warehouse_key, settings.warehouses)]
        records = [
            (month, raw, place)
            for month, raw in ((month, config.raw_month(color, month)) for month in months)
            for place in places
            if raw.failure_name(place) in files
        ]
        found: dict[Month, dict[str, Failure]] = {}
        with ThreadPoolExecutor(_PARALLEL) as pool:
            read = pool.map(lambda record: _failure(record[1], record[2]), records)
            for (month, _, place), failure in zip(records, read, strict=True):
                if failure is not None:
                    found.setdefault(month, {})[place] = failure
        return found

    def _raw_files(self, color: str) -> frozenset[str]:
        return self.place(RAW).files.get(color, frozenset())

    def _ask(self, keys: Iterable[str]) -> None:
        # Stores are made here: settings that are wrong are an error of the caller, not of a place.
        questions = {key: self._question(key) for key in dict.fromkeys(keys)}
        for key, answer in ask_all(questions).items():
            if isinstance(answer, TaxiError):
                raise answer
            self._places[key] = answer

    def _question(self, key: str) -> Callable[[], Place]:
        settings = config.settings()
        kind, _, name = key.partition(" ")
        if kind == RAW:
            return self._raw()
        if kind == CLEAN:
            return self._lake(Place(CLEAN, "clean", "local" in settings.lakes), config.clean_lake())
        if kind == "lake":
            return self._lake(Place(name, "lake", True), config.lake(name))
        return self._warehouse(name)

    def _raw(self) -> Callable[[], Place]:
        store, source, now = config.workspace(), config.source(), Month.of(date.today())

        def holdings(color: str, files: Mapping[str, Entry]) -> dict[Month, Holding]:
            """Files without a receipt are not held: they are downloaded again."""
            names = {
                f"raw/{color}/{source.file_name(color, month)}": month
                for month in (month_range(DATASETS[color].first_month, now) if files else ())
            }
            return {
                names[name]: Holding(entry.bytes)
                for name, entry in files.items()
                if name in names and f"{name}.receipt.json" in files
            }

        def ask() -> Place:
            listed, errors = _by_color(self.colors, lambda color: store.list(f"raw/{color}"))
            held = {color: holdings(color, files) for color, files in listed.items()}
            names = {color: frozenset(files) for color, files in listed.items()}
            return Place(RAW, "raw", False, held, errors, files=names)

        return ask

    def _lake(self, place: Place, lake: Lake) -> Callable[[], Place]:
        def months(color: str) -> dict[Month, Holding]:
            return {month: _listed(entry, color, month) for month, entry in lake.list(color).items()}

        zones_here = self._zones and place.required and not config.settings().warehouses

        def ask() -> Place:
            try:
                zones = int(zones_here and ZonesFile(lake).exists())
            except TaxiError as error:
                return Place(place.name, place.kind, place.required, errors=dict.fromkeys(self.colors, error))
            return Place(place.name, place.kind, place.required, *_by_color(self.colors, months), zones=zones)

        return ask

    def _warehouse(self, name: str) -> Callable[[], Place]:
        warehouse = config.warehouse(name, self._shard)

        def months(color: str) -> dict[Month, Holding]:
            dataset = DATASETS[color]
            counts = warehouse.count(dataset) if self._counted else {}
            markers = warehouse.loaded_months(dataset)
            held = {month: Holding(counted=rows) for month, rows in counts.items()}
            for month, marker in markers.items():
                counted = counts.get(month, 0) if self._counted else None
                held[month] = Holding(None, marker.rows, marker.edition, marker.loaded_at, counted, marker.records)
            return held

        def ask() -> Place:
            try:
                zones = warehouse.zones() if self._zones else 0
            except TaxiError as error:
                return Place(name, "warehouse", True, errors=dict.fromkeys(self.colors, error))
            return Place(name, "warehouse", True, *_by_color(self.colors, months), zones=zones)

        return ask


def _by_color(colors: Iterable[str], question: Callable[[str], T]) -> tuple[dict[str, T], dict[str, TaxiError]]:
    """List a place for one record type after the other; stop at an error, as each can take half a minute."""
    answers: dict[str, T] = {}
    errors: dict[str, TaxiError] = {}
    down: TaxiError | None = None
    for color in colors:
        if down is not None:
            errors[color] = down
            continue
        try:
            answers[color] = question(color)
        except TaxiError as error:
            errors[color] = error
            if not isinstance(error, ForeignTable):  # which is about one table: the warehouse itself answers
                down = error
    return answers, errors


def _listed(entry: Entry, color: str, month: Month) -> Holding:
    """Return the holding; it has rows and edition where the listing shows labels, as Google Cloud Storage's does."""
    summary = summary_in(entry, color, month)
    return Holding(entry.bytes) if summary is None else Holding(entry.bytes, summary.rows, summary.edition)


def _failure(raw: RawMonth, place: str) -> Failure | None:
    """Return the record; None for one that was removed in the meantime."""
    try:
        return raw.failure(place)
    except (TaxiError, OSError) as error:
        return Failure(FILE, f"cannot read why {raw} was not taken: {failure_line(error)}", "", "", "")


def serves(held: str, wanted: str, any_force: bool = False) -> bool:
    """Return whether a month held in one edition is as good as the wanted one.

    Args:
        held: its edition
        wanted: the same; '' accepts any
        any_force: whether the same content is enough, whichever `--force` made it
    """
    if wanted in ("", held):
        return True
    mine, its = Edition.read(held), Edition.read(wanted)
    return mine is not None and its is not None and mine.serves(its, any_force)


def raw_serves(held: str, wanted: str, any_force: bool = False) -> bool:
    """Return the same as `serves` for raw files, whose editions (`Edition.for_raw`) have no recipe."""
    if wanted in ("", held):
        return True
    (mine, _, made), (its, _, needed) = held.partition("-"), wanted.partition("-")
    return Edition(mine, "", made).serves(Edition(its, "", needed), any_force)


def lake_has(lake: Lake, color: str, month: Month, wanted: str = "", any_force: bool = False) -> bool:
    """Return whether a lake holds the month; a lake that cannot be read does not.

    Args:
        lake: the lake
        color: the record type
        month: the month
        wanted: edition, as in `serves`
        any_force: as in `serves`
    """
    try:
        stored = lake.stat(color, month)
    except TaxiError as error:
        log.debug("%s counts as not there: %s", lake.url(color, month), error)
        return False
    return stored is not None and serves(stored.summary.edition, wanted, any_force)


def warehouse_has(
    name: str, color: str, month: Month, wanted: str = "", any_force: bool = False, shard: Shard | None = None
) -> bool:
    """Return whether a warehouse has a marker of the month; arguments as of `lake_has`.

    `shard` is the one whose file is read of a warehouse with a file for each; None: the month's own.
    """
    try:
        warehouse = config.warehouse_of_month(name, color, month) if shard is None else config.warehouse(name, shard)
        markers = warehouse.loaded_months(DATASETS[color])
    except TaxiError as error:
        log.debug("%s counts as not there: %s", f"{name}:{DATASETS[color].table}/{month}", error)
        return False
    return month in markers and serves(markers[month].edition, wanted, any_force)


def raw_has(color: str, month: Month, wanted: str = "", any_force: bool = False) -> bool:
    """Return whether the workspace has the raw file of today's source, as downloaded; arguments as of `lake_has`."""
    raw = config.raw_month(color, month)
    try:
        receipt = raw.receipt()
    except TaxiError as error:
        log.debug("%s counts as not there: %s", raw, error)
        return False
    if receipt is None or not raw_serves(receipt.edition, wanted, any_force):
        return False
    address = config.source().url(color, month)
    if receipt.url != address:
        log.info("%s came from %s, not from %s: it will be downloaded again", raw, receipt.url, address)
        return False
    return bool(wanted) or not _replaced_since(color, month, receipt)


def _replaced_since(color: str, month: Month, receipt: RawReceipt) -> bool:
    """Return whether this file failed when it was cleaned, and the source has another one by now.

    The source gets a request for such months alone, and not where an edition is required, as that names the file.
    """
    raw = config.raw_month(color, month)
    failure = raw.failure()
    if failure is None or failure.source != receipt.source:
        return False
    seen = config.source().look(color, month).seen
    if seen is None or source_digest(seen) == failure.source:
        return False
    log.debug("%s failed, and the source has another file by now: it is downloaded again", raw)
    return True
