"""Whether the values of Luigi's own sections and flags can be read, of which Luigi tells with a traceback (3.8.1)."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import luigi
from luigi.configuration import get_config
from luigi.interface import core
from luigi.parameter import ParameterException
from luigi.task_register import Register

from taxi_luigi.core.cloud.servers import is_server
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs.failures import unreadable
from taxi_luigi.core.redaction import value

_RPC = {"rpc_connect_timeout": float, "rpc_retry_attempts": int, "rpc_retry_wait": int}
"""keys of [core] that Luigi reads outside the class of that section"""
_PORTS = range(1, 65536)


def checks() -> Iterator[Callable[[], object]]:
    """Each raises ConfigError for one thing that is wrong."""
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
    """The value of a parameter, as flags, files and its default have it."""
    family = section.get_task_family()
    try:
        return dict(section.get_params())[key].task_value(family, key)
    except (ValueError, TypeError, LookupError, ParameterException, configparser.Error) as error:
        raise ConfigError(unreadable(family, key, error)) from None


def _known(key: str) -> Any:
    """Of [core]; None for one that cannot be read, which has its line already."""
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
