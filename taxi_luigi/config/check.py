"""Whether luigi.cfg is valid: each section and key is known, each value can be read, each store can be built.

Asks no store: what only its server knows is the preflight's.
"""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from luigi.configuration import get_config
from luigi.parameter import UnconsumedParameterWarning

from taxi_luigi.config import locks, luigis
from taxi_luigi.config.notifications import Settings as Notices
from taxi_luigi.config.options import STORES, get, store_type
from taxi_luigi.config.overlap import check_overlap
from taxi_luigi.config.sections import (
    clean,
    clean_rules,
    download,
    limits,
    names_of,
    notices,
    notify,
    settings,
    taxi,
    value_checks,
)
from taxi_luigi.config.stores import lake, source, store_checks, warehouse, workspace
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.health import Status
from taxi_luigi.core.redaction import looks_like_key
from taxi_luigi.storage.local import FolderStore


def known_keys() -> dict[str, set[str]]:
    """Section → the keys that somebody reads, for the package's own sections and one store of each type."""
    sections = {section.__name__: set(dict(section.get_params())) for section in (taxi, clean, download, notify)}
    for noun, kinds in STORES.items():
        sections |= {f"{noun}.{kind}": keys for kind, keys in kinds.items()}
    return sections


def check(tasks: dict[str, set[str]], addresses: Callable[[Notices], None]) -> None:
    """Looks at every section and key.

    Args:
        tasks: our task families and their parameters
        addresses: raises ConfigError where apprise does not take an address
    Raises: ConfigError, for the first fault
    """
    for look in _looks(tasks, addresses):
        look()


def faults(tasks: dict[str, set[str]], addresses: Callable[[Notices], None]) -> list[str]:
    """Everything that is wrong, a line each; the arguments are as for `check`."""
    found: dict[str, None] = {}
    looks = _looks(tasks, addresses)
    with warnings.catch_warnings():  # Luigi's, of keys that are among the faults
        warnings.filterwarnings("ignore", r".* by the task '(taxi|clean|download|notify)'", UnconsumedParameterWarning)
        while True:
            try:
                for look in looks:
                    look()
            except ConfigError as error:
                found[str(error)] = None
            else:
                return list(found)


def _looks(tasks: dict[str, set[str]], addresses: Callable[[Notices], None]) -> Iterator[Callable[[], object]]:
    """Each raises ConfigError for one thing; what is made of a thing that is wrong repeats that one's line."""
    yield from (_check_profile, _check_locks)
    known = {name: keys for name, keys in known_keys().items() if "." not in name} | tasks
    for section in get_config().sections():
        yield partial(_check_section, section, known)
        for key in get_config().options(section):
            yield partial(_check_key, section, key, known)
    yield from luigis.checks()
    yield from value_checks()
    yield from (settings, _check_workspace)
    for noun, build in (("lake", lake), ("warehouse", warehouse)):
        yield partial(names_of, noun)
        for name in _names_of(noun):
            yield from store_checks(noun, name)
            yield partial(build, name)
    yield from (source, check_overlap, lambda: addresses(notices()), clean_rules, limits)


def _names_of(noun: str) -> tuple[str, ...]:
    """None where they cannot be read, which has a line already."""
    try:
        return names_of(noun)
    except ConfigError:
        return ()


def _check_profile() -> None:
    """Luigi warns of a file that is not there and goes on without it (3.8.1): into another warehouse than was meant."""
    named = os.environ.get("LUIGI_CONFIG_PATH", "")
    if named and not Path(named).is_file():
        raise ConfigError(f"LUIGI_CONFIG_PATH names no file: {Path(named).absolute()}")


def _check_locks() -> None:
    locks.check(Path(get("core", "lock_pid_dir", None) or ""))


def _keys(section: str, known: dict[str, set[str]]) -> set[str] | None:
    """Those that are read in a section; None of a section that is none of ours."""
    if section.startswith(("lake.", "warehouse.")):
        noun, _, name = section.partition(".")
        return STORES[noun][store_type(noun, name)]
    return known.get(section)


def _check_section(section: str, known: dict[str, set[str]]) -> None:
    if _keys(section, known) is None:
        _, dot, name = section.partition(".")
        stores = [f"{each}.{name}" for each in STORES] if dot else ["lake.NAME", "warehouse.NAME"]
        for near in difflib.get_close_matches(section, [*known, *stores], n=1, cutoff=0.75):
            raise ConfigError(f"the section [{section}] in luigi.cfg is read by nobody; did you mean [{near}]?")


def _check_key(section: str, key: str, known: dict[str, set[str]]) -> None:
    keys = _keys(section, known)
    if keys is None:
        return
    if key not in keys:
        raise ConfigError(f"[{section}] has no setting {key!r}; its settings are {', '.join(sorted(keys))}")
    # Of a value that cannot be read, Luigi tells with a traceback
    if looks_like_key(get(section, key, None) or ""):
        file = "wants a file's name, and its value" if key.endswith(("_file", "path")) else "has a value that"
        raise ConfigError(
            f"[{section}] {key} {file} looks like a key itself: write the key into a file that only you can read, and "
            "name that in credentials_file"
        )


def _check_workspace() -> None:
    """A folder must be one that we may write in; a bucket is looked at by the preflight."""
    store = workspace()
    if isinstance(store, FolderStore):
        for finding in store.findings():
            if finding.verdict is Status.ERROR:
                raise ConfigError(f"[taxi] workspace {finding.line}")
