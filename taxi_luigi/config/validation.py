"""Validate luigi.cfg: each section and key is known, each value can be read, each store can be built.

Luigi's own sections and flags too, as it shows a traceback for their values (3.8.1). Sends no request: what only a
server can answer is checked by the preflight.
"""

from __future__ import annotations

import configparser
import difflib
import os
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import luigi
from luigi.configuration import get_config
from luigi.interface import core
from luigi.parameter import ParameterException, UnconsumedParameterWarning
from luigi.task_register import Register

from taxi_luigi.config import locks
from taxi_luigi.config.factories import (
    STORES,
    lake,
    source,
    store_checks,
    store_class,
    store_type,
    warehouse,
    workspace,
)
from taxi_luigi.config.luigi_cfg import get, packaged
from taxi_luigi.config.notifications import Settings as Notices
from taxi_luigi.config.overlap import check_overlap
from taxi_luigi.config.sections import SECTIONS, clean_rules, limits, names_of, notices, settings, value_checks
from taxi_luigi.core import release, settings_files
from taxi_luigi.core.cloud import is_server
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.health import Status
from taxi_luigi.core.logs.failures import unreadable
from taxi_luigi.core.redaction import looks_like_key, value
from taxi_luigi.core.settings import declared
from taxi_luigi.storage.local import FolderStore

_RPC = {"rpc_connect_timeout": float, "rpc_retry_attempts": int, "rpc_retry_wait": int}
"""keys of [core] that Luigi reads outside the class of that section"""
_PORTS = range(1, 65536)
_WRITTEN_FOR = re.compile(r"^#.*\btaxi_luigi (\d+(?:\.\d+)*)", re.M)
"""the version in a comment before the first section, as docs/configuration.py writes it into config/luigi.cfg"""


def known_keys() -> dict[str, set[str]]:
    """Return section → its keys, of our sections and of one store of each type, whose classes are imported."""
    found = {section: _keys_of(*kinds) for section, kinds in SECTIONS.items()}
    for noun, types in STORES.items():
        found |= {f"{noun}.{each}": _store_keys(noun, each) for each in types}
    return found


def _keys_of(*kinds: type) -> set[str]:
    return {key for kind in kinds for key in declared(kind)}


def _store_keys(noun: str, kind: str) -> set[str]:
    return {"type", *_keys_of(store_class(noun, kind).Settings)}


def check(tasks: dict[str, set[str]], addresses: Callable[[Notices], None]) -> None:
    """Check every section, key and value.

    Args:
        tasks: our task families and their parameters
        addresses: raises ConfigError where apprise does not take an address
    Raises:
        ConfigError: for the first error
    """
    for look in _looks(tasks, addresses):
        look()


def faults(tasks: dict[str, set[str]], addresses: Callable[[Notices], None]) -> list[str]:
    """Return a line for each error; arguments as of `check`."""
    found: dict[str, None] = {}
    looks = _looks(tasks, addresses)
    with warnings.catch_warnings():  # Luigi's, about keys that are among the errors
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
    """Yield checks that raise ConfigError for one thing each; one that depends on an invalid thing repeats its line."""
    yield from (_check_profile, _check_locks, _check_defaults)
    known = {section: _keys_of(*kinds) for section, kinds in SECTIONS.items()} | tasks
    for section in get_config().sections():
        yield partial(_check_section, section, known)
        for key in get_config().options(section):
            yield partial(_check_key, section, key, known)
    yield from _luigi_checks()
    yield from value_checks()
    yield from (settings, _check_workspace)
    for noun, build in (("lake", lake), ("warehouse", warehouse)):
        yield partial(names_of, noun)
        for name in _names_of(noun):
            yield from store_checks(noun, name)
            yield partial(build, name)
    yield from (source, check_overlap, lambda: addresses(notices()), clean_rules, limits)


def _names_of(noun: str) -> tuple[str, ...]:
    """Return the names of `[taxi]`; none when they cannot be read, which is an error of its own."""
    try:
        return names_of(noun)
    except ConfigError:
        return ()


def _check_profile() -> None:
    """Raise ConfigError for a missing file: Luigi only warns (3.8.1), and would load into the default warehouse."""
    named = os.environ.get("LUIGI_CONFIG_PATH", "")
    if named and not Path(named).is_file():
        raise ConfigError(f"LUIGI_CONFIG_PATH names no file: {Path(named).absolute()}")


def _check_locks() -> None:
    locks.check(Path(get("core", "lock_pid_dir", None) or ""))


def _check_defaults() -> None:
    """Raise ConfigError for the section that gives its keys to every other one, [resources] and [lake.s3] too."""
    keys = get_config().defaults()
    if keys:
        raise ConfigError(
            f"[DEFAULT] in luigi.cfg would give {', '.join(sorted(keys))} to every section: write each setting into "
            "its own section"
        )


def _keys(section: str, known: dict[str, set[str]]) -> set[str] | None:
    """Return the keys of a section; None for one that is not ours."""
    noun, dot, name = section.partition(".")
    if not dot or noun not in STORES:
        return known.get(section)
    kind = store_type(noun, name)
    if packaged().has_section(f"{noun}.{kind}"):
        # Where these suffice, the class is not imported, as its module may import a driver
        keys = {"type", *packaged().options(f"{noun}.{kind}")}
        if keys.issuperset(get_config().options(section)):
            return keys
    return _store_keys(noun, kind)


def _check_section(section: str, known: dict[str, set[str]]) -> None:
    if _keys(section, known) is None:
        _, dot, name = section.partition(".")
        stores = [f"{each}.{name}" for each in STORES] if dot else ["lake.NAME", "warehouse.NAME"]
        for near in difflib.get_close_matches(section, [*known, *stores], n=1, cutoff=0.75):
            raise ConfigError(f"unknown section [{section}] in luigi.cfg; did you mean [{near}]?")


def _check_key(section: str, key: str, known: dict[str, set[str]]) -> None:
    keys = _keys(section, known)
    if keys is None:
        return
    if key not in keys:
        raise ConfigError(
            f"[{section}] has no setting {key!r}; its settings are {', '.join(sorted(keys))}{_later(section, key)}"
        )
    # Luigi shows a traceback for a value that cannot be read
    if looks_like_key(get(section, key, None) or ""):
        file = "is a file's name, and its value" if key.endswith(("_file", "path")) else "has a value that"
        raise ConfigError(
            f"[{section}] {key} {file} looks like a key itself: write the key into a file that only you can read, and "
            "name that in credentials_file"
        )


def _later(section: str, key: str) -> str:
    """Return which version reads a setting that this one lacks, for the end of a line.

    The last file that has the setting may name the version that it was written for. '' where that is not a later one.
    """
    installed = release()
    texts = {layer.path: layer.path.read_text("utf-8") for layer in settings_files.layers() if layer.path.is_file()}
    having = [path for path, text in texts.items() if settings_files.parsed(text).has_option(section, key)]
    if not having:  # a flag, or a program that sets it
        return ""
    above = re.split(r"^\[", texts[having[-1]], maxsplit=1, flags=re.M)[0]
    named = _WRITTEN_FOR.search(above)
    if named is None:
        return f"; this is taxi_luigi {installed}, and a later version may read it"
    if _order(named[1]) <= _order(installed):
        return ""
    return f"; {having[-1]} is written for taxi_luigi {named[1]}, and this is {installed}: install that version"


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _check_workspace() -> None:
    """Raise ConfigError for a folder without write access; a bucket is checked by the preflight."""
    store = workspace()
    if isinstance(store, FolderStore):
        for check in store.checks():
            if check.status is Status.ERROR:
                raise ConfigError(f"[taxi] workspace {check.message}")


# ---- Luigi's own ---------------------------------------------------------------------------------------------------


def _luigi_checks() -> Iterator[Callable[[], object]]:
    """Yield a check for each value of Luigi's own sections and flags, which raises ConfigError."""
    sections = get_config().sections()
    for name in Register.task_names():
        section = Register.get_task_cls(name)
        if issubclass(section, luigi.Config) and section.__module__.startswith("luigi.") and name in sections:
            yield from (partial(_read, section, key) for key, _ in section.get_params())
    for key, kind in _RPC.items():
        yield partial(_number, "core", key, kind)
    if "resources" in sections:
        yield from (partial(_number, "resources", key, int) for key in get_config().options("resources"))
    yield from (_workers, _scheduler)


def _read(section: type[luigi.Config], key: str) -> object:
    """Return the value of a parameter, by flags, files and its default."""
    family = section.get_task_family()
    try:
        return dict(section.get_params())[key].task_value(family, key)
    except (ValueError, TypeError, LookupError, ParameterException, configparser.Error) as error:
        raise ConfigError(unreadable(family, key, error)) from None


def _known(key: str) -> Any:
    """Return a value of [core]; None when it cannot be read, which is an error of its own."""
    try:
        return _read(core, key)
    except ConfigError:
        return None


def _number(section: str, key: str, kind: Callable[[str], float]) -> None:
    if not get_config().has_option(section, key):
        return
    try:
        text = str(get_config().get(section, key))
    except (configparser.Error, ValueError) as error:
        raise ConfigError(unreadable(section, key, error)) from None
    try:
        kind(text)
    except ValueError:
        raise ConfigError(f"[{section}] {key} must be a number, not {text!r}") from None


def _workers() -> None:
    number = _known("workers")
    if number is not None and number < 1:
        raise ConfigError(f"[core] workers, or --workers, is how many tasks run at a time, from 1 on, not {number}")


def _scheduler() -> None:
    port, url = _known("scheduler_port"), str(_known("scheduler_url") or "")
    if port is not None and port not in _PORTS:
        raise ConfigError(f"[core] scheduler_port, or --scheduler-port, is from 1 to {_PORTS[-1]}, not {port}")
    if not url or url.startswith("http+unix://"):
        return
    if not is_server(url):
        raise ConfigError(
            f"[core] scheduler_url, or --scheduler-url, is like http://HOST:8082, not {value(url)}; in a user or "
            "password write @ as %40, : as %3A, / as %2F, ? as %3F and # as %23"
        )
