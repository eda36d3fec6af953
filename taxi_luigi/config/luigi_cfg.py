"""The texts of luigi.cfg: read all files when the package is imported, return a value, cache what is built from values.

Keys and types of values are in sections.py and factories.py.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Hashable
from functools import cache, wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import LuigiConfigParser, get_config

from taxi_luigi.config import locks
from taxi_luigi.core import settings_files
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs.failures import why_not_interpolated

P = ParamSpec("P")
T = TypeVar("T")

_Texts = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
"""Section → key → value, as written"""

_VARIABLE = re.compile(r"\$\{([^}]+)\}")


def find() -> None:
    """Complete Luigi's settings when the package is imported: the user's files, below them the project's, lowest ours.

    Luigi has read /etc/luigi, the working folder and LUIGI_CONFIG_PATH by then; cron starts elsewhere, and a wheel has
    no config/. So all files are read again in their order, as UTF-8 in every locale, and each key that no file has is
    set from the packaged one. Only a `luigi.configuration.add_config_path` after this reads /etc/luigi once more, and
    puts it above the project's file (3.8.1).
    """
    parser = get_config()
    parser.read([layer.path for layer in settings_files.layers()], encoding="utf-8")
    ours = LuigiConfigParser()
    ours.read(settings_files.PACKAGED, encoding="utf-8")
    for section in ours.sections():
        for key, value in ours.items(section, raw=True):
            if not parser.has_option(section, key):
                parser.set(section, key, value)
    if not parser.has_option("core", "lock_pid_dir"):
        # Luigi's own default, /tmp/luigi, belongs to the first user who ran it, and is one for all settings (3.8.1).
        parser.set("core", "lock_pid_dir", str(locks.folder(values(), settings_files.project_folder())))


@cache
def packaged() -> configparser.RawConfigParser:
    """Return the packaged luigi.cfg, in which docs/configuration.py writes every key of ours with its default."""
    return settings_files.parsed(settings_files.PACKAGED.read_text("utf-8"))


def get(section: str, key: str, default: str | None) -> str | None:
    """Return one value.

    Args:
        section: of luigi.cfg
        key: in the section
        default: what is returned when no file has the key
    Raises:
        ConfigError: the value cannot be read; the message does not contain it, as it may be a password
    """
    parser = get_config()
    if not parser.has_option(section, key):
        return default
    try:
        return str(parser.get(section, key))
    except configparser.InterpolationError as error:
        raise ConfigError(why_not_interpolated(error)) from None


_held: Hashable = None
"""the configuration while a run is under way; None: it may change at any time"""


def hold() -> None:
    """Take the configuration as it is now for unchanged until `release`, so that it is not compared any more.

    A run does so, as it asks for settings 20 times a month, and a comparison reads 80 values.
    """
    global _held
    _held = _now()


def release() -> None:
    """Compare the configuration again."""
    global _held
    _held = None


def _now() -> Hashable:
    return CmdlineParser.get_instance(), values()  # Luigi's `set`, `reload` and flags change them


def kept(make: Callable[P, T]) -> Callable[P, T]:
    """Decorate `make` with a cache by its arguments, given or default, which is valid until the configuration changes.

    Only tests and notebooks change the configuration of a process, and not while a run holds it. Comparing it takes
    30 µs, where settings() takes 3,300 and a store 60 (2 cores, November 2026). A forked child inherits the cache, so
    cached objects hold no connection. Errors are not cached.
    """
    made: tuple[Hashable, dict[Hashable, T]] = (None, {})
    parameters = signature(make)

    @wraps(make)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
        nonlocal made
        now = _held or _now()
        if made[0] is not now and made[0] != now:
            made = (now, {})
        _, results = made
        bound = parameters.bind(*args, **kwargs)
        bound.apply_defaults()  # f(1) and f(1, None) are one object: DuckDB, which it may have running, starts once
        key = tuple(bound.arguments.items())
        if key not in results:
            results[key] = make(*args, **kwargs)
        return results[key]

    return remembered


def values() -> Hashable:
    """Return the values of all sections, and those of the environment variables in them."""
    parser: Any = get_config()
    texts: _Texts = tuple((section, tuple(parser.items(section, raw=True))) for section in parser.sections())
    return texts, tuple(map(os.environ.get, _variables(texts)))


@cache
def _variables(texts: _Texts) -> tuple[str, ...]:
    """Return the names of the environment variables in the values."""
    found = (value for _, items in texts for _, value in items)
    return tuple(dict.fromkeys(name for value in found for name in _VARIABLE.findall(value)))
