"""The source, lakes and warehouses that luigi.cfg names, built; and the check that nothing in it is misspelled.

A store is a section of its own, `[lake.NAME]` or `[warehouse.NAME]`; its `type` defaults to its name. Only names travel
in tasks: an address or a password is read here, where the store is opened.
"""

from __future__ import annotations

import configparser
import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luigi.configuration import get_config
from luigi.configuration.cfg_parser import InterpolationMissingEnvvarError

from taxi_luigi.config.files import absolute
from taxi_luigi.config.sections import ZONES, clean, clean_rules, download, net, positive, settings, taxi
from taxi_luigi.errors import ConfigError
from taxi_luigi.lakes import Lake
from taxi_luigi.warehouses import Warehouse
from taxi_luigi.zones import MOST_BYTES

if TYPE_CHECKING:
    from taxi_luigi.sources import SingleFile, Source


def source() -> Source:
    """The published months."""
    from taxi_luigi.sources import open_source

    return open_source(settings().source, net())


def zones_file() -> SingleFile:
    """The list of zones. Raises ConfigError when luigi.cfg names none."""
    from taxi_luigi.sources import SingleFile

    address = settings().zones
    if not address:
        raise ConfigError(f"{ZONES} is empty, so there are none to load: set it to a URL or a path of the list")
    return SingleFile(address, net(), ZONES, MOST_BYTES)


def lake(name: str) -> Lake:
    """The lake called NAME: `[lake.NAME]`, or the workspace's clean/ for `local`."""
    from taxi_luigi.lakes.local import LocalLake

    kind, options = _store("lake", name)
    if name == "local":
        return LocalLake(settings().workspace / "clean")
    if "path" not in options:
        raise ConfigError(f"[lake.{name}] path is missing: the folder of this {kind} lake")
    return LocalLake(absolute(options["path"]))


def warehouse(name: str) -> Warehouse:
    """The warehouse called NAME: `[warehouse.NAME]`."""
    kind, options = _store("warehouse", name)
    section = f"warehouse.{name}"
    if kind == "postgres":
        from taxi_luigi.warehouses.postgres import Postgres

        wait = positive(section, "wait", options.get("wait", "600"), float)
        return Postgres(name, options.get("url", ""), options.get("schema", "public"), wait)
    from taxi_luigi.warehouses.duckdb import DuckDB

    wait = positive(section, "wait", options.get("wait", "60"), float)
    path = absolute(options.get("path", "data/warehouse.duckdb"))
    return DuckDB(name, path, options.get("memory_limit", "256MB"), wait)


def writes_alone(name: str) -> bool:
    """Whether the warehouse called NAME takes one writer at a time."""
    return _store("warehouse", name)[0] == "duckdb"


_STORES: dict[str, dict[str, set[str]]] = {
    "lake": {"local": {"type", "path"}},
    "warehouse": {
        "duckdb": {"type", "path", "memory_limit", "wait"},
        "postgres": {"type", "url", "schema", "wait"},
    },
}


def known_keys() -> dict[str, set[str]]:
    """Section → the keys that somebody reads, for the package's own sections and one store of each type."""
    sections = {section.__name__: set(dict(section.get_params())) for section in (taxi, clean, download)}
    for noun, kinds in _STORES.items():
        sections |= {f"{noun}.{kind}": keys for kind, keys in kinds.items()}
    return sections


def check(tasks: dict[str, set[str]]) -> None:
    """Raises ConfigError for a section or key that nobody reads; `tasks` are our task families and their parameters."""
    known = {name: keys for name, keys in known_keys().items() if "." not in name} | tasks
    for section in get_config().sections():
        _check_section(section, known)
    _check_writable(settings().workspace)
    for name in settings().lakes:
        lake(name)
    for name in settings().warehouses:
        warehouse(name)
    source()
    if clean().reject or clean().fill_missing_passengers or clean().unknown_columns != "warn":
        clean_rules()  # imports pyarrow, 70 ms of a run with nothing to do; the defaults need no check


def _check_section(section: str, known: dict[str, set[str]]) -> None:
    keys = known.get(section)
    if section.startswith(("lake.", "warehouse.")):
        noun, _, name = section.partition(".")
        keys = _STORES[noun][_store_type(noun, name)]
    elif keys is None:
        for near in difflib.get_close_matches(section, [*known, "lake.NAME", "warehouse.NAME"], n=1, cutoff=0.75):
            raise ConfigError(f"the section [{section}] in luigi.cfg is read by nobody; did you mean [{near}]?")
        return
    for key in get_config().options(section):
        if key not in keys:
            raise ConfigError(f"[{section}] has no setting {key!r}; its settings are {', '.join(sorted(keys))}")
        if section in known:
            _get(section, key, None)  # of a value that cannot be read, Luigi tells with a traceback


def _check_writable(workspace: Path) -> None:
    """Asks for nothing to be made: the first folder upwards that exists must be one that we may write in."""
    above = next(folder for folder in (workspace, *workspace.parents) if folder.exists())
    if not above.is_dir():
        raise ConfigError(f"[taxi] workspace {workspace}: {above} is not a folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise ConfigError(f"[taxi] workspace {workspace}: no permission to write in {above}")


def _store_type(noun: str, name: str) -> str:
    section = f"{noun}.{name}"
    kind = str(_get(section, "type", name))
    if kind not in _STORES[noun]:
        known = ", ".join(_STORES[noun])
        raise ConfigError(f"[{section}] type is {kind!r}; the types of {noun} are {known} (it defaults to the name)")
    return kind


def _store(noun: str, name: str) -> tuple[str, dict[str, str]]:
    kind = _store_type(noun, name)
    keys = _STORES[noun][kind] - {"type"}
    return kind, dict(_read(f"{noun}.{name}", keys))


def _read(section: str, keys: set[str]) -> Iterator[tuple[str, str]]:
    for key in keys:
        value = _get(section, key, None)
        if value is not None:
            yield key, value


def _get(section: str, key: str, default: str | None) -> str | None:
    """One value; what cannot be read is a ConfigError that shows nothing of the value, which may hold a password."""
    parser = get_config()
    if not parser.has_option(section, key):
        return default
    try:
        return str(parser.get(section, key))
    except InterpolationMissingEnvvarError as error:
        why = str(error).splitlines()[0].partition(". Section")[0]
        raise ConfigError(f"[{section}] {key} cannot be read: {why}") from None
    except configparser.Error:
        raise ConfigError(f"[{section}] {key} cannot be read: a percent sign is written twice there") from None
