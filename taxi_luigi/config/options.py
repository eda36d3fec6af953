"""The settings of `[lake.NAME]` and `[warehouse.NAME]` as luigi.cfg has them: which keys there are, and their texts.

Nothing is built here.
"""

from __future__ import annotations

import configparser

from luigi.configuration import get_config
from luigi.configuration.cfg_parser import InterpolationMissingEnvvarError

from taxi_luigi.core.errors import ConfigError

STORES: dict[str, dict[str, set[str]]] = {
    "lake": {
        "local": {"type", "path"},
        "gcs": {"type", "bucket", "prefix", "project", "credentials_file", "endpoint", "chunk_size", "timeout"},
        "s3": {"type", "bucket", "prefix", "endpoint_url", "region", "chunk_size", "timeout"},
    },
    "warehouse": {
        "duckdb": {"type", "path", "memory_limit", "wait"},
        "postgres": {"type", "url", "schema", "wait"},
        "bigquery": {"type", "project", "dataset", "location", "credentials_file", "endpoint", "wait", "patience"},
    },
}
"""Noun → type → keys."""


def store_type(noun: str, name: str) -> str:
    """The type of `[NOUN.NAME]`, which defaults to NAME; ConfigError when there is no such type."""
    section = f"{noun}.{name}"
    kind = str(get(section, "type", name))
    if kind not in STORES[noun]:
        known = ", ".join(STORES[noun])
        raise ConfigError(f"[{section}] type is {kind!r}; the types of {noun} are {known} (it defaults to the name)")
    return kind


def store(noun: str, name: str) -> tuple[str, dict[str, str]]:
    """Type and settings of `[NOUN.NAME]`."""
    kind = store_type(noun, name)
    return kind, options_of(f"{noun}.{name}", STORES[noun][kind])


def options_of(section: str, keys: set[str]) -> dict[str, str]:
    """Those of the keys that the section sets to something, but for `type`."""
    values = ((key, get(section, key, None)) for key in keys - {"type"})
    return {key: value for key, value in values if value}


def get(section: str, key: str, default: str | None) -> str | None:
    """One value; what cannot be read is a ConfigError that shows nothing of the value, which may hold a password."""
    parser = get_config()
    if not parser.has_option(section, key):
        return default
    try:
        return str(parser.get(section, key))
    except InterpolationMissingEnvvarError as error:
        name = str(error).partition("variable ")[2].partition(". Section")[0]
        raise ConfigError(f"[{section}] {key} cannot be read: the environment variable {name} is not set") from None
    except configparser.Error:
        raise ConfigError(f"[{section}] {key} cannot be read: a percent sign is written twice there") from None
