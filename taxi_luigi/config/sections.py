"""The sections of luigi.cfg with a fixed name, and the dataclasses that declare their settings.

They are Luigi Config sections too, so each key can be given on the command line (`--taxi-workspace /mnt/lake`). Luigi
handles them as text: a value is parsed by its declaration alone (`taxi_luigi.core.settings`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import luigi

from taxi_luigi.config import notifications
from taxi_luigi.config.flags import EmptyFlags
from taxi_luigi.config.luigi_cfg import kept
from taxi_luigi.core import redaction
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.settings import absolute, boolean, declared, names, number, project_folder, read, setting
from taxi_luigi.sources import HttpSettings, parse_address, parse_template
from taxi_luigi.storage import CLOUDS, is_remote, remote_forms
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import CleanRules, Limits
from taxi_luigi.transform.clean_settings import check_version as check_version_of
from taxi_luigi.transform.staleness import Recipe

TLC = "https://d37ci6vzurychx.cloudfront.net"
ZONES = "[taxi] zones"
_LEAST_BANDWIDTH = 1000
"""bytes a second; at less, a month of 50 MB takes more than half a day"""
_NO_FOLDER = re.compile(r"[A-Za-z][\w+.-]+:/|[^/]*:[^/]*@|[^/]*@[^/]*:")
"""a URL, also one that lacks a slash or its scheme"""


def _source_template(text: str) -> str:
    """Make a relative path absolute, with the project folder's own braces escaped; leave URLs as they are."""
    if text.strip() and "://" not in text and not _NO_FOLDER.match(text):
        folder = str(project_folder()).replace("{", "{{").replace("}", "}}")
        text = str(folder / Path(text).expanduser())
    parse_template(text)
    return text


def _zones_address(text: str) -> str:
    if not text:
        return ""
    return parse_address(text if "://" in text or _NO_FOLDER.match(text) else str(absolute(text)), ZONES)


def _workspace(text: str) -> str:
    if is_remote(text):
        return text
    return str(_folder(text, f"data, {remote_forms()}"))


def _state(text: str) -> Path:
    if is_remote(text):
        raise ValueError(f"is a folder on this machine's own disk, not {text}")
    return _folder(text, "data/state")


def _folder(text: str, like: str) -> Path:
    if not text.strip():
        raise ValueError("is empty: name a folder, as in the default, data")
    if _NO_FOLDER.match(text):
        raise ValueError(f"is like {like}, not {redaction.value(text)}")
    return absolute(text)


@dataclass(frozen=True)
class Settings:
    """The settings of `[taxi]`, typed. Paths are absolute."""

    source: str = setting(
        f"{TLC}/trip-data/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
        "Where a month's file is, in the notation of Python's str.format. http(s)://, file:// or a path; parquet, csv "
        "and csv.gz are distinguished by their bytes. The mirror of 2019-01..2021-07 as csv.gz is one change of this "
        "line: https://github.com/DataTalksClub/nyc-tlc-data/releases/download/{color}/{color}_tripdata_{year}-"
        "{month:02}.csv.gz",
        _source_template,
    )
    zones: str = setting(
        f"{TLC}/misc/taxi_zone_lookup.csv",
        "The list of the taxi zones, which every warehouse gets as the table taxi_zones, and without a warehouse every "
        "lake as the file taxi_zones.parquet: an address as of source, without fields. Empty: no zones are loaded.",
        _zones_address,
    )
    """a URL or an absolute path; '' when no zones are loaded"""
    workspace: str = setting(
        "data",
        "The folder that holds raw/, clean/ and rejected/. A relative path is relative to the project folder, the "
        f"parent of config/. {remote_forms()} for several machines that share the work; the rest then comes from "
        f"{' or '.join(f'[lake.{kind}]' for kind in CLOUDS.values())}.",
        _workspace,
    )
    """an address in a cloud, or an absolute path"""
    lakes: tuple[str, ...] = setting(
        "local",
        "The lakes that every month goes to: names of `[lake.NAME]` sections, separated by commas.",
        names,
        key="lake",
    )
    warehouses: tuple[str, ...] = setting(
        "duckdb",
        "The warehouses that every month goes to: names of `[warehouse.NAME]` sections, separated by commas.",
        names,
        key="warehouse",
    )
    keep_raw: bool = setting(
        "true", "`false`: the raw file is removed once every lake and warehouse has the month.", boolean
    )
    keep_clean: bool = setting(
        "true",
        "`false`: so is the clean file in the workspace. Leave `local` out of `lake` then.",
        boolean,
    )
    state: Path = setting(
        "data/state",
        "The folder for what this machine remembers: the record of its runs (taxi-luigi history) and their logs. Never "
        "in a bucket, and best on a disk of its own rather than on one that machines share.",
        _state,
    )

    def __post_init__(self) -> None:
        if not self.lakes and not self.warehouses:
            raise ConfigError("[taxi] lake and warehouse are both empty: name at least one")
        if not self.keep_clean and "local" in self.lakes:
            raise ConfigError("[taxi] keep_clean = false would empty the local lake: leave local out of lake first")
        if is_remote(self.workspace) and "local" in self.lakes:
            raise ConfigError(
                f"[taxi] lake = local is the workspace's clean/ folder, and the workspace is {self.workspace}: leave "
                f"local out, or name a lake there ({', '.join(CLOUDS.values())})"
            )


@dataclass(frozen=True)
class Monitor:
    """The settings of `[monitor]`, typed."""

    hours: float = setting(
        "36",
        "Hours without a run that ended well which `taxi-luigi status --check` reports: more than lie between two runs "
        "and the longest of them. 36 is for a nightly run.",
        number,
    )
    free_disk: float = setting(
        "10", "Gigabytes that should be free on each disk that runs write to; less is reported.", number
    )


SECTIONS: dict[str, tuple[type, ...]] = {
    "taxi": (Settings,),
    "clean": (CleanRules, Limits),
    "download": (HttpSettings,),
    "notify": (notifications.Settings,),
    "monitor": (Monitor,),
}
"""Section → the dataclasses that declare its settings"""


def _luigis(section: str, kinds: tuple[type, ...]) -> Any:
    """Return the Luigi Config of a section, which has the values of files and flags as text."""
    keys = {key: luigi.Parameter(default=each.default) for kind in kinds for key, each in declared(kind).items()}
    return type(luigi.Config)(section, (EmptyFlags, luigi.Config), {"__module__": __name__, **keys})


_LUIGIS = {section: _luigis(section, kinds) for section, kinds in SECTIONS.items()}


def texts(section: str) -> dict[str, str]:
    """Return key → text of a section, as in files and flags. Raise ConfigError for one that cannot be read."""
    try:
        found = _LUIGIS[section]()
    except ValueError as error:
        raise ConfigError(failure_line(error) or f"[{section}] cannot be read") from None
    return {key: getattr(found, key) for kind in SECTIONS[section] for key in declared(kind)}


def value_checks() -> Iterator[Callable[[], object]]:
    """Yield a check for each value, which raises ConfigError: settings(), net() and the others stop at the first."""
    for section, kinds in SECTIONS.items():
        try:
            found = texts(section)
        except ConfigError:  # of a key that is read by itself too, for a line of its own
            yield partial(texts, section)
            continue
        for kind in kinds:
            yield from (partial(each.value, section, found[key]) for key, each in declared(kind).items())


@kept
def settings() -> Settings:
    """Return the settings of `[taxi]`. Raise ConfigError for the first invalid value; so do the functions below."""
    return read(Settings, "taxi", texts("taxi"))


def names_of(noun: str) -> tuple[str, ...]:
    """Return the lakes or warehouses of `[taxi]`."""
    found: tuple[str, ...] = declared(Settings)[noun].value("taxi", texts("taxi")[noun])
    return found


@kept
def net() -> HttpSettings:
    """Return the settings of `[download]`. Raise ConfigError, also for a bandwidth below the lowest speed."""
    found = read(HttpSettings, "download", texts("download"))
    least = max(_LEAST_BANDWIDTH, found.lowest_speed)
    if 0 < found.bandwidth < least:
        raise ConfigError(
            f"[download] bandwidth is {found.bandwidth:g} bytes a second: set {least:,.0f} or more, as lowest_speed is "
            f"{found.lowest_speed:g}, or leave it empty for no limit"
        )
    return found


@kept
def notices() -> notifications.Settings:
    """Return the settings of `[notify]`."""
    return read(notifications.Settings, "notify", texts("notify"))


@kept
def monitor() -> Monitor:
    """Return the settings of `[monitor]`."""
    return read(Monitor, "monitor", texts("monitor"))


@kept
def clean_rules() -> CleanRules:
    """Return the switches of `[clean]`."""
    return read(CleanRules, "clean", texts("clean"))


@kept
def limits() -> Limits:
    """Return the limits of `[clean]`, beyond which a month is refused."""
    return read(Limits, "clean", texts("clean"))


@kept
def check_version() -> str:
    """Return the digest of the settings that can refuse a month."""
    return check_version_of(clean_rules(), limits())


@kept
def recipe(color: str, month: Month) -> Recipe:
    """Return how a month is cleaned with the settings in force."""
    return Recipe.of(clean_rules(), DATASETS[color], month)
