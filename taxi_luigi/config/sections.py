"""The sections of luigi.cfg that have a fixed name, and their values, typed.

They are Luigi Config sections, so each key can be given on the command line too (`--taxi-workspace /mnt/lake`).
All are text here: what a value may be is said in one line by whoever reads it, not by a parser's traceback.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import luigi

from taxi_luigi.config.files import absolute, project_folder
from taxi_luigi.config.flags import EmptyFlags
from taxi_luigi.config.kept import kept
from taxi_luigi.config.notifications import Settings as Notices
from taxi_luigi.config.notifications import settings_of
from taxi_luigi.core import redaction
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.sources import parse_address, parse_template
from taxi_luigi.storage import is_remote
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import CleanRules, Limits
from taxi_luigi.transform.clean_settings import check_version as check_version_of
from taxi_luigi.transform.staleness import Recipe

if TYPE_CHECKING:
    from taxi_luigi.sources import HttpSettings
    from taxi_luigi.transform.clean_settings import CleanRules

T = TypeVar("T", int, float)

TLC = "https://d37ci6vzurychx.cloudfront.net"
ZONES = "[taxi] zones"
_LEAST_BANDWIDTH = 1000
"""bytes a second; below it a month of 50 MB takes more than half a day"""
_NO_FOLDER = re.compile(r"[A-Za-z][\w+.-]+:/|[^/]*:[^/]*@|[^/]*@[^/]*:")
"""a URL, also one that lacks a slash or its scheme"""
_MOST = 1_000_000_000
"""of any number in a section; a socket takes no timeout of 300 years"""


class taxi(EmptyFlags, luigi.Config):  # noqa: N801 the class name is the section's name in luigi.cfg
    """What to load, from where to where."""

    source = luigi.Parameter(default=f"{TLC}/trip-data/{{color}}_tripdata_{{year}}-{{month:02}}.parquet")
    zones = luigi.Parameter(default=f"{TLC}/misc/taxi_zone_lookup.csv")
    workspace = luigi.Parameter(default="data")
    lake = luigi.Parameter(default="local")
    warehouse = luigi.Parameter(default="duckdb")
    keep_raw = luigi.Parameter(default="true")
    keep_clean = luigi.Parameter(default="true")
    state = luigi.Parameter(default="data/state")


class clean(EmptyFlags, luigi.Config):  # noqa: N801
    """What is done to a month's rows."""

    reject = luigi.Parameter(default="")
    fill_missing_passengers = luigi.Parameter(default="")
    unknown_columns = luigi.Parameter(default="warn")
    most_rejected = luigi.Parameter(default="0.01")
    missing_columns = luigi.Parameter(default="fail")
    fewest_rows = luigi.Parameter(default="0.9")


class download(EmptyFlags, luigi.Config):  # noqa: N801
    """How patient a download is."""

    attempts = luigi.Parameter(default="5")
    backoff = luigi.Parameter(default="1")
    connect_timeout = luigi.Parameter(default="10")
    read_timeout = luigi.Parameter(default="60")
    lowest_speed = luigi.Parameter(default="1000")
    parallel = luigi.Parameter(default="6")
    at_once = luigi.Parameter(default="6")
    bandwidth = luigi.Parameter(default="")


class notify(EmptyFlags, luigi.Config):  # noqa: N801
    """Who is told of a run, and of what."""

    urls = luigi.Parameter(default="")
    events = luigi.Parameter(default="failed, drift, fewer, refreshed, not_published_for")
    not_published_for = luigi.Parameter(default="210")


@dataclass(frozen=True)
class Settings:
    """The settings of `[taxi]`, typed. Paths are absolute."""

    source: str
    zones: str
    """a URL or an absolute path; '' when no zones are loaded"""
    workspace: str
    """gs://… or s3://…, or an absolute path"""
    lakes: tuple[str, ...]
    warehouses: tuple[str, ...]
    keep_raw: bool
    keep_clean: bool
    state: Path
    """this machine's own: the history and the logs"""


@kept
def settings() -> Settings:
    """Raises ConfigError, one line, for the first value that cannot be."""
    section = taxi()
    lakes, warehouses = names_of("lake"), names_of("warehouse")
    if not lakes and not warehouses:
        raise ConfigError("[taxi] lake and warehouse are both empty: name at least one")
    keep_clean = _boolean("taxi", "keep_clean", section.keep_clean)
    if not keep_clean and "local" in lakes:
        raise ConfigError("[taxi] keep_clean = false would empty the local lake: leave local out of lake first")
    for key in ("workspace", "state"):
        _check_folder(key, getattr(section, key))
    workspace = section.workspace if is_remote(section.workspace) else str(absolute(section.workspace))
    if is_remote(workspace) and "local" in lakes:
        raise ConfigError(
            f"[taxi] lake = local is the workspace's clean/ folder, and the workspace is {workspace}: leave local out, "
            "or name a lake there (gcs, s3)"
        )
    return Settings(
        source=_source_template(section.source),
        zones=_zones_address(section.zones),
        workspace=workspace,
        lakes=lakes,
        warehouses=warehouses,
        keep_raw=_boolean("taxi", "keep_raw", section.keep_raw),
        keep_clean=keep_clean,
        state=absolute(section.state),
    )


def names_of(noun: str) -> tuple[str, ...]:
    """The lakes or warehouses that `[taxi]` names."""
    return _names("taxi", noun, getattr(taxi(), noun))


def value_checks() -> Iterator[Callable[[], object]]:
    """Each raises ConfigError for one value, where settings(), net() and the others stop at the first."""
    of_taxi, of_clean = taxi(), clean()
    for key in ("keep_raw", "keep_clean"):
        yield partial(_boolean, "taxi", key, getattr(of_taxi, key))
    for key in ("workspace", "state"):
        yield partial(_check_folder, key, getattr(of_taxi, key))
    yield partial(_source_template, of_taxi.source)
    yield partial(_zones_address, of_taxi.zones)
    yield from (partial(_net, key) for key in _net_keys())
    yield partial(positive, "notify", "not_published_for", notify().not_published_for, int)
    yield from (_rejected, _filled, _unknown_columns)
    for key in ("most_rejected", "fewest_rows"):
        yield partial(share, "clean", key, getattr(of_clean, key))
    yield partial(_missing_columns, of_clean.missing_columns)


def _check_folder(key: str, text: str) -> None:
    if not text.strip():
        raise ConfigError(f"[taxi] {key} is empty: name a folder, as in the default, data")
    if key == "state" and is_remote(text):
        raise ConfigError(f"[taxi] state is a folder on this machine's own disk, not {text}")
    if not is_remote(text) and _NO_FOLDER.match(text):
        like = "data, gs://BUCKET/FOLDER or s3://BUCKET/FOLDER" if key == "workspace" else "data/state"
        raise ConfigError(f"[taxi] {key} is like {like}, not {redaction.value(text)}")


@kept
def net() -> HttpSettings:
    """The patience of `[download]`."""
    from taxi_luigi.sources import HttpSettings

    numbers: dict[str, Any] = {key: _net(key) for key in _net_keys()}
    found = HttpSettings(**numbers)
    least = max(_LEAST_BANDWIDTH, found.lowest_speed)
    if 0 < found.bandwidth < least:
        raise ConfigError(
            f"[download] bandwidth is {found.bandwidth:g} bytes a second: set {least:,.0f} or more, as lowest_speed is "
            f"{found.lowest_speed:g}, or leave it empty for no limit"
        )
    return found


def _net_keys() -> list[str]:
    from taxi_luigi.sources import HttpSettings

    return [field.name for field in fields(HttpSettings)]


def _net(key: str) -> float:
    text: str = getattr(download(), key)
    if key == "bandwidth" and not text.strip():
        return 0.0
    return positive("download", key, text, int if key in ("attempts", "parallel", "at_once") else float)


@kept
def notices() -> Notices:
    """Whom `[notify]` names, and what they want to be told."""
    section = notify()
    days = positive("notify", "not_published_for", section.not_published_for, int)
    return settings_of(section.urls, section.events, days)


@kept
def clean_rules() -> CleanRules:
    """The switches of `[clean]`."""
    return CleanRules(frozenset(_rejected()), _filled() == "0", _unknown_columns())


def _rejected() -> tuple[str, ...]:
    return _names("clean", "reject", clean().reject)


def _filled() -> str:
    text: str = clean().fill_missing_passengers
    if text not in ("", "0"):
        raise ConfigError(f"[clean] fill_missing_passengers is 0 or empty, not {text!r}")
    return text


def _unknown_columns() -> Literal["warn", "fail"]:
    text: Literal["warn", "fail"] = clean().unknown_columns
    if text not in ("warn", "fail"):
        raise ConfigError(f"[clean] unknown_columns is warn or fail, not {text!r}")
    return text


@kept
def limits() -> Limits:
    """How much worse than expected a month may be, by `[clean]`."""
    section = clean()
    return Limits(
        share("clean", "most_rejected", section.most_rejected),
        _missing_columns(section.missing_columns),
        share("clean", "fewest_rows", section.fewest_rows),
    )


@kept
def check_version() -> str:
    """Digest of the settings that can refuse a month."""
    return check_version_of(clean_rules(), limits())


@kept
def recipe(color: str, month: Month) -> Recipe:
    """How a month is cleaned today."""
    return Recipe.of(clean_rules(), DATASETS[color], month)


def _missing_columns(text: str) -> Literal["fail", "warn"] | frozenset[str]:
    if text == "fail":
        return "fail"
    if text == "warn":
        return "warn"
    names = _names("clean", "missing_columns", text)
    known = {column.name for dataset in DATASETS.values() for column in dataset.columns} - {FILE_MONTH}
    strange = sorted({*names} - known)
    if not names or strange:
        what = f"; no record type has a column {strange[0]!r}" if strange else ""
        raise ConfigError(
            f"[clean] missing_columns is fail, warn, or names of columns as docs/schema.md has them, not {text!r}{what}"
        )
    return frozenset(names)


def _source_template(text: str) -> str:
    """A relative path becomes absolute; URLs stay. The project folder's own braces are no fields."""
    if text.strip() and "://" not in text and not _NO_FOLDER.match(text):
        folder = str(project_folder()).replace("{", "{{").replace("}", "}}")
        text = str(folder / Path(text).expanduser())
    parse_template(text)
    return text


def _zones_address(text: str) -> str:
    if not text:
        return ""
    return parse_address(text if "://" in text or _NO_FOLDER.match(text) else str(absolute(text)), ZONES)


def _names(section: str, key: str, text: str) -> tuple[str, ...]:
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    if len(set(names)) < len(names):
        raise ConfigError(f"[{section}] {key} names something twice: {text!r}")
    return names


def _boolean(section: str, key: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise ConfigError(f"[{section}] {key} is true or false, not {text!r}")
    return text == "true"


def share(section: str, key: str, text: str) -> float:
    """A number from 0 to 1, or a ConfigError that names the key."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ConfigError(f"[{section}] {key} is a share from 0 to 1, as 0.05 for 5 in 100, not {text!r}")
    return value


def positive(section: str, key: str, text: str, number: Callable[[str], T]) -> T:
    """A number above zero, or a ConfigError that names the key."""
    try:
        value = number(text)
    except ValueError as error:
        raise ConfigError(f"[{section}] {key} must be a number, not {text!r}") from error
    if not value > 0:
        raise ConfigError(f"[{section}] {key} must be more than 0, not {text!r}")
    if value > _MOST:
        raise ConfigError(f"[{section}] {key} must be at most {_MOST:,}, not {text!r}")
    return value
