"""Whether luigi.cfg can be meant: somebody reads each section and key, each value can be, each store can be built.

Asks no store: what only its server knows is the preflight's.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from luigi.configuration import get_config

from taxi_luigi import locks
from taxi_luigi.checks import Verdict
from taxi_luigi.config.options import STORES, get, store_type
from taxi_luigi.config.overlap import check_overlap
from taxi_luigi.config.sections import clean, clean_rules, download, limits, notices, notify, settings, taxi
from taxi_luigi.config.stores import lake, source, warehouse, workspace
from taxi_luigi.errors import ConfigError
from taxi_luigi.notify import check as check_addresses
from taxi_luigi.stores.folder import FolderStore


def known_keys() -> dict[str, set[str]]:
    """Section → the keys that somebody reads, for the package's own sections and one store of each type."""
    sections = {section.__name__: set(dict(section.get_params())) for section in (taxi, clean, download, notify)}
    for noun, kinds in STORES.items():
        sections |= {f"{noun}.{kind}": keys for kind, keys in kinds.items()}
    return sections


def check(tasks: dict[str, set[str]]) -> None:
    """Raises ConfigError for a section or key that nobody reads; `tasks` are our task families and their parameters."""
    _check_profile()
    locks.check(Path(get("core", "lock_pid_dir", None) or ""))
    known = {name: keys for name, keys in known_keys().items() if "." not in name} | tasks
    for section in get_config().sections():
        _check_section(section, known)
    _check_workspace()
    for name in settings().lakes:
        lake(name)
    for name in settings().warehouses:
        warehouse(name)
    source()
    check_overlap()
    check_addresses(notices())
    clean_rules()
    limits()


def _check_profile() -> None:
    """Luigi warns of a file that is not there and goes on without it (3.8.1): into another warehouse than was meant."""
    named = os.environ.get("LUIGI_CONFIG_PATH", "")
    if named and not Path(named).is_file():
        raise ConfigError(f"LUIGI_CONFIG_PATH names no file: {Path(named).absolute()}")


def _check_section(section: str, known: dict[str, set[str]]) -> None:
    keys = known.get(section)
    if section.startswith(("lake.", "warehouse.")):
        noun, _, name = section.partition(".")
        keys = STORES[noun][store_type(noun, name)]
    elif keys is None:
        for near in difflib.get_close_matches(section, [*known, "lake.NAME", "warehouse.NAME"], n=1, cutoff=0.75):
            raise ConfigError(f"the section [{section}] in luigi.cfg is read by nobody; did you mean [{near}]?")
        return
    for key in get_config().options(section):
        if key not in keys:
            raise ConfigError(f"[{section}] has no setting {key!r}; its settings are {', '.join(sorted(keys))}")
        if section in known:
            get(section, key, None)  # of a value that cannot be read, Luigi tells with a traceback


def _check_workspace() -> None:
    """A folder must be one that we may write in; a bucket is looked at by the preflight."""
    store = workspace()
    if isinstance(store, FolderStore):
        for finding in store.findings():
            if finding.verdict is Verdict.WRONG:
                raise ConfigError(f"[taxi] workspace {finding.line}")
