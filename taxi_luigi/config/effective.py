"""List every setting in force, with its file and without secrets; collect the secrets for redaction. Checks nothing."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import get_config

from taxi_luigi.config.factories import STORES, store_class
from taxi_luigi.config.luigi_cfg import packaged
from taxi_luigi.core import redaction, settings_files
from taxi_luigi.core.settings import declared
from taxi_luigi.core.text import unwrapped
from taxi_luigi.warehouses import duckdb_memory

DEFAULT, PACKAGED, MACHINE = "default", "packaged", "machine"
"""sources of a setting that no file of the user has, or has empty"""

_OF_MACHINE = {("warehouse", "duckdb", "memory_limit"): lambda: duckdb_memory.limit(duckdb_memory.available())}
"""Noun, type and key of a setting → what applies on this machine where it is empty"""

_ADDRESSES = {("notify", "urls"), ("notify", "color_urls"), ("notify", "heartbeat")}
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_OF_COLOR = re.compile(r"\w+=(\w+://|\$\{)")
_NO_SECRETS = ("_FILE", "_PATH", "_DIR", "_HOME", "_ID", "GOOGLE_APPLICATION_CREDENTIALS")
"""endings of variables whose value is a name or a path, not a secret"""


@dataclass(frozen=True)
class EffectiveSetting:
    """One key of one section."""

    section: str
    key: str
    value: str
    """as written, in a line, without secrets: `${NAME}` stays, as its value may be one; of MACHINE, what applies"""
    source: str
    """the path of a file, PACKAGED, DEFAULT or MACHINE"""


def in_force() -> list[EffectiveSetting]:
    """Return the settings of all files, and those of each lake and warehouse with a section, in the files' order."""
    parser = get_config()
    files = {PACKAGED: packaged()}
    for layer in settings_files.layers():
        if layer.path.is_file():
            files[str(layer.path)] = settings_files.parsed(layer.path.read_text("utf-8"))
    found = []
    for section in parser.sections():
        noun, _, name = section.partition(".")
        kind = parser.get(section, "type", name, raw=True)
        of_section = []
        for key, value in parser.items(section, raw=True):
            sources = [source for source, each in files.items() if each.has_option(section, key)]
            of_section.append((key, masked(section, key, value), sources[-1] if sources else DEFAULT))
        defaults = _defaults(noun, kind)
        of_section += [(key, defaults[key], DEFAULT) for key in sorted(defaults.keys() - {*parser.options(section)})]
        for key, value, source in of_section:
            if not value and (noun, kind, key) in _OF_MACHINE:
                value, source = _OF_MACHINE[noun, kind, key](), MACHINE
            found.append(EffectiveSetting(section, key, value, source))
    return found


def _defaults(noun: str, kind: str) -> dict[str, str]:
    """Return key → default of a store of a type; empty for other sections."""
    if packaged().has_section(f"{noun}.{kind}"):  # made from the class, whose module may import a driver
        return dict(packaged().items(f"{noun}.{kind}"))
    if kind not in STORES.get(noun, {}):
        return {}
    return {key: each.default for key, each in declared(store_class(noun, kind).Settings).items()}


def masked(section: str, key: str, value: str) -> str:
    """Return a value, valid or not, without its secrets.

    Args:
        section: of luigi.cfg
        key: in the section
        value: as written
    """
    text = unwrapped(value)
    if (section, key) in _ADDRESSES:
        return ", ".join(map(_address, re.split(r"[,\s]+", text))) if text else ""
    if text and is_secret(key) and not _VARIABLE.fullmatch(text):
        return redaction.MASK
    return redaction.value(text)


def is_secret(key: str) -> bool:
    """Return whether the value of a key with that name is a secret, and not the name of a file."""
    return bool(redaction.SECRET_NAME.search(key)) and not key.endswith(("_file", "_path"))


def _address(text: str) -> str:
    """Mask a URL of apprise, or `green=URL`, which is a password from its scheme on."""
    color, equals, url = text.partition("=") if _OF_COLOR.match(text) else ("", "", text)
    if not _VARIABLE.fullmatch(url):
        scheme, colon, _ = url.partition("://")
        url = f"{scheme}://{redaction.MASK}" if colon and scheme.isalnum() else redaction.MASK
    return color + equals + url


def remember_secrets() -> None:
    """Pass the secrets of the settings, the environment and the command line to redaction.

    Called when the package is imported and when a run begins, as settings may change in between.
    """
    redaction.remember({*_of_settings(), *_of_variables(), *_of_words(sys.argv[1:]), *_of_flags()})


def _of_settings() -> Iterator[str]:
    parser = get_config()
    for section in parser.sections():
        for key, written in parser.items(section, raw=True):
            try:
                value = str(parser.get(section, key))
            except (configparser.Error, ValueError):  # an error of its own where it is read
                value = written
            named = is_secret(key) or any(map(_is_secret_variable, _VARIABLE.findall(written)))
            yield from _of_value(value, named)


def _of_variables() -> Iterator[str]:
    for name, value in os.environ.items():
        if _is_secret_variable(name) or "://" in value or redaction.looks_like_key(value):
            yield from _of_value(value, _is_secret_variable(name))


def _of_words(words: list[str]) -> Iterator[str]:
    for before, word in zip(["", *words], words, strict=False):
        option, equals, value = word.partition("=") if word.startswith("--") else (before, "", word)
        if equals or not word.startswith("-"):
            yield from _of_value(value, option.startswith("--") and is_secret(option))


def _of_flags() -> Iterator[str]:
    """Yield those of the flags that Luigi has parsed: `luigi.run` takes other words than this process's."""
    parser = CmdlineParser.get_instance()
    for name, value in vars(parser.known_args).items() if parser is not None else ():
        if isinstance(value, str):
            yield from _of_value(value, is_secret(name))


def _of_value(value: str, named: bool) -> Iterator[str]:
    if redaction.looks_like_key(value):
        yield from (line for line in re.split(r"\\n|[\n\r\"]", value) if len(line) > 30)  # of the key itself
    elif named and value and not os.path.exists(value):
        yield from redaction.parts_of(value)
        if "://" not in value:
            yield value
    for address in re.split(r"[\s,]+(?=[A-Za-z][\w+.-]*:/)", value):
        if "@" in address or "?" in address or "#" in address:
            yield from redaction.secrets_of(address)


def _is_secret_variable(name: str) -> bool:
    return bool(redaction.SECRET_NAME.search(name)) and not name.upper().endswith(_NO_SECRETS)
