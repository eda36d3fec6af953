"""The secrets of this process: those in the settings, the environment and the command line, for redaction to know."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator

from luigi.configuration import get_config

from taxi_luigi.config.in_force import is_secret
from taxi_luigi.core import redaction

_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_NO_SECRETS = ("_FILE", "_PATH", "_DIR", "_HOME", "_ID", "GOOGLE_APPLICATION_CREDENTIALS")
"""how the names of variables end whose value is the name of something"""


def remember() -> None:
    """Called when the package is imported and when a run begins: settings may be set, and flags given, in between."""
    redaction.remember({*_of_settings(), *_of_variables(), *_of_words(sys.argv[1:])})


def _of_settings() -> Iterator[str]:
    parser = get_config()
    for section in parser.sections():
        for key, written in parser.items(section, raw=True):
            try:
                value = str(parser.get(section, key))
            except (configparser.Error, ValueError):  # it cannot be read: whoever reads it says so
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


def _of_value(value: str, named: bool) -> Iterator[str]:
    if redaction.looks_like_key(value):
        yield from (line for line in re.split(r"\\n|[\n\r\"]", value) if len(line) > 30)  # of the key itself
    elif named and value and "://" not in value and not os.path.exists(value):
        yield value
    for address in re.split(r"[\s,]+(?=[A-Za-z][\w+.-]*:/)", value):
        if "@" in address or "?" in address or "#" in address:
            yield from redaction.secrets_of(address)


def _is_secret_variable(name: str) -> bool:
    return bool(redaction.SECRET_NAME.search(name)) and not name.upper().endswith(_NO_SECRETS)
