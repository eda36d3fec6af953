"""Build the source, the workspace, the lakes and the warehouses that luigi.cfg names.

A store is a section of its own, `[lake.NAME]` or `[warehouse.NAME]`; its `type` defaults to its name, and names one of
the classes in `STORES`. A task has only the name of a store: its address and password are read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from taxi_luigi.config.luigi_cfg import get, kept
from taxi_luigi.config.sections import ZONES, net, settings
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.settings import declared, read
from taxi_luigi.storage import CLOUDS, LAKES, Store, is_remote, remote_forms
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.storage.raw_month import RawMonth
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.shards import Shard
from taxi_luigi.tlc.zones import MOST_BYTES
from taxi_luigi.warehouses import SHARD, Warehouse

if TYPE_CHECKING:
    from taxi_luigi.sources import SingleFile, Source

STORES = {
    "lake": {kind: each.store for kind, each in LAKES.items()},
    "warehouse": {
        "duckdb": "taxi_luigi.warehouses.duckdb:DuckDB",
        "postgres": "taxi_luigi.warehouses.postgres:Postgres",
        "bigquery": "taxi_luigi.warehouses.bigquery:BigQuery",
    },
}
"""Noun → type → its class, which is imported when it is needed, as its module may import a driver.

A class declares its settings in the dataclass `Settings`; its constructor takes a name and such settings.
"""


def store_type(noun: str, name: str) -> str:
    """Return the type of `[NOUN.NAME]`, which defaults to NAME. Raise ConfigError for an unknown type."""
    section = f"{noun}.{name}"
    kind, known = str(get(section, "type", name)), ", ".join(STORES[noun])
    if kind in STORES[noun]:
        return kind
    if kind != name:
        raise ConfigError(f"[{section}] type is {kind!r}; the types of {noun} are {known}")
    raise ConfigError(
        f"no {noun} is named {name!r}: the names are {known}, and those of sections [{noun}.NAME] with such a type"
    )


def store_class(noun: str, kind: str) -> Any:
    """Import and return the class of a type."""
    module, _, name = STORES[noun][kind].partition(":")
    return getattr(import_module(module), name)


def _texts(section: str, keys: Iterable[str]) -> dict[str, str]:
    """Return key → text of the keys that have a value in a section: an empty value is the default."""
    found = ((key, get(section, key, None)) for key in keys)
    return {key: text for key, text in found if text}


def _store(noun: str, name: str, label: str) -> Any:
    """Build the store of `[NOUN.NAME]`, called `label` in messages."""
    kind = store_class(noun, store_type(noun, name))
    section = f"{noun}.{name}"
    return kind(label, read(kind.Settings, section, _texts(section, declared(kind.Settings))))


def store_checks(noun: str, name: str) -> Iterator[Callable[[], object]]:
    """Yield a check per value of `[NOUN.NAME]`, which raises ConfigError: building the store stops at the first."""
    section = f"{noun}.{name}"
    try:
        known = declared(store_class(noun, store_type(noun, name)).Settings)
        found = _texts(section, known)
    except ConfigError:  # which building it raises too
        return
    if section != "lake.local":
        yield from (partial(each.value, section, found.get(key, each.default)) for key, each in known.items())


@kept
def source() -> Source:
    """Return the source of the published months."""
    from taxi_luigi.sources import open_source

    return open_source(settings().source, net())


@kept
def zones_file() -> SingleFile:
    """Return the source of the list of zones. Raise ConfigError when luigi.cfg names none."""
    from taxi_luigi.sources import SingleFile

    address = settings().zones
    if not address:
        raise ConfigError(f"{ZONES} is empty, so there are none to load: set it to a URL or a path of the list")
    return SingleFile(address, net(), ZONES, MOST_BYTES)


@kept
def workspace() -> Store:
    """Return the store of raw/, clean/ and rejected/: a folder, or a bucket with the settings of that cloud's lake.

    Raises:
        ConfigError: the address names no bucket, or a setting is invalid
    """
    address = settings().workspace
    if not is_remote(address):
        return FolderStore("workspace", FolderStore.Settings(Path(address)))
    scheme, _, place = address.partition("://")
    bucket, _, prefix = place.partition("/")
    if not bucket:
        raise ConfigError(f"[taxi] workspace {address}: names no bucket; it is like {remote_forms()}")
    name = CLOUDS[scheme]
    kind, key = store_class("lake", name), LAKES[name].bucket
    known = declared(kind.Settings)
    for each, text in ((key, bucket), ("prefix", prefix)):
        try:
            known[each].parse(text)
        except ValueError as error:
            raise ConfigError(f"[taxi] workspace {address}: the {each} {error}") from None
    section = f"lake.{name}"
    of_lake = read(kind.Settings, section, {**_texts(section, known), key: bucket})
    built: Store = kind("workspace", replace(of_lake, prefix=prefix))
    return built


@kept
def clean_lake() -> Lake:
    """Return the clean months in the workspace, which are always there; in a folder, they are the lake `local`."""
    return Lake(workspace(), "clean")


@kept
def lake(name: str) -> Lake:
    """Return the lake called NAME: of `[lake.NAME]`, or the workspace's clean/ for `local`. Raise ConfigError."""
    if name != "local":
        return Lake(_store("lake", name, f"lake {name}"))
    if lake_type(name) != "local" or _texts("lake.local", declared(FolderStore.Settings)):
        raise ConfigError("[lake.local] is the workspace's clean/ and takes no settings: give the lake another name")
    return clean_lake()


@kept
def warehouse(name: str, shard: Shard | None = None) -> Warehouse:
    """Return the warehouse called NAME, of `[warehouse.NAME]`.

    Args:
        name: in luigi.cfg
        shard: whose months are written and read, of a warehouse with a file for each shard; None: all files, to read
    """
    built: Any = _store("warehouse", name, name)
    found: Warehouse = built.of_shard(shard) if built.in_a_file else built
    return found


def warehouse_of_month(name: str, color: str, month: Month) -> Warehouse:
    """Return the warehouse called NAME as far as it can have a month: of one with a file for each shard, one file."""
    built: Any = warehouse(name)
    found: Warehouse = built.of_month(color, month) if per_shard(name) else built
    return found


def raw_month(color: str, month: Month) -> RawMonth:
    """Return the month's raw file in the workspace, with its name at the source."""
    return RawMonth(workspace(), f"raw/{color}/{source().file_name(color, month)}")


def written_folders() -> list[Path]:
    """Return the folders on local disks where stores and DuckDB write, and where a killed run may have left files."""
    store, found = workspace(), []
    if isinstance(store, FolderStore):
        parts = [store.root / part for part in ("raw", "clean", "rejected")]
        found += [store.root, *parts, *(part / color for part in parts for color in DATASETS)]
    for name in settings().lakes:
        store = lake(name).store
        if name != "local" and isinstance(store, FolderStore):
            found += [store.root, *(store.root / color for color in DATASETS)]
    found += [path.parent for path in warehouse_files().values()]
    return list(dict.fromkeys(found))


def warehouse_files() -> dict[str, Path]:
    """Return warehouse → path of every warehouse that is a file on this machine."""
    classes = {name: store_class("warehouse", store_type("warehouse", name)) for name in settings().warehouses}
    return {name: cast(Any, warehouse(name)).path for name, each in classes.items() if each.in_a_file}


def check_shard(shard: Shard | None, names: Iterable[str] | None = None) -> None:
    """Raise ConfigError for a warehouse that cannot be loaded by one of N processes, or not by one of all months.

    Args:
        shard: of the process; None for all months
        names: of the warehouses; those of `[taxi]` where it is None
    """
    for name in settings().warehouses if names is None else names:
        found: Any = warehouse(name)
        if per_shard(name):
            found.check_shard(shard)
        elif shard is not None and shard.count > 1 and found.in_a_file:
            raise ConfigError(
                f"shard {shard}: warehouse {name} is one file, {found.path}, which one process at a time can write; "
                f"write {{shard}} into its name ([warehouse.{name}] path) for a file for each shard, or load into "
                "another warehouse"
            )


def per_shard(name: str) -> bool:
    """Return whether the warehouse called NAME has a file for each shard."""
    found: Any = warehouse(name)
    return bool(found.in_a_file) and SHARD in found.path.name


@kept
def lake_type(name: str) -> str:
    """Return the type of the lake called NAME, one of `taxi_luigi.storage.LAKES`."""
    return store_type("lake", name)


@kept
def loads_from(name: str) -> str:
    """Return the type of lake from which the warehouse called NAME reads clean files itself; '' for none."""
    return str(store_class("warehouse", store_type("warehouse", name)).loads_from)


@kept
def single_writer(name: str) -> bool:
    """Return whether the warehouse called NAME allows one writer at a time."""
    return bool(store_class("warehouse", store_type("warehouse", name)).single_writer)


@kept
def lake_for(warehouse_name: str) -> str | None:
    """Return the lake from which a warehouse is loaded; None for the workspace.

    It is the first one in `[taxi] lake`, or the first of the type from which the warehouse reads itself.
    """
    lakes, kind = settings().lakes, loads_from(warehouse_name)
    if kind:
        lakes = tuple(name for name in lakes if lake_type(name) == kind) or lakes
    return None if lakes[:1] in ((), ("local",)) else lakes[0]
