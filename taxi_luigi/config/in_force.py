"""Every setting in force, as the file that it comes from has it, without secrets. Nothing is checked here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from luigi.configuration import get_config

from taxi_luigi.config.options import STORES
from taxi_luigi.core import redaction, settings_files

DEFAULT, PACKAGED = "default", "packaged"
"""where a setting comes from, if not from a file of the user's"""

_ADDRESSES = ("notify", "urls")
_VARIABLE = re.compile(r"\$\{[^}]+\}")


@dataclass(frozen=True)
class Setting:
    """One key of one section."""

    section: str
    key: str
    value: str
    """as written, in one line and without secrets: `${NAME}` stays, as its value may be one"""
    source: str
    """the path of a file, PACKAGED or DEFAULT"""


def in_force() -> list[Setting]:
    """The settings that any file has, and those of each lake and warehouse that has a section, in the files' order."""
    parser = get_config()
    files = {PACKAGED: settings_files.parsed(settings_files.PACKAGED.read_text("utf-8"))}
    for layer in settings_files.layers():
        if layer.path.is_file():
            files[str(layer.path)] = settings_files.parsed(layer.path.read_text("utf-8"))
    found = []
    for section in parser.sections():
        for key, value in parser.items(section, raw=True):
            sources = [source for source, each in files.items() if each.has_option(section, key)]
            found.append(Setting(section, key, masked(section, key, value), sources[-1] if sources else DEFAULT))
        noun, _, name = section.partition(".")
        kind = parser.get(section, "type", name, raw=True)
        for key in sorted(STORES.get(noun, {}).get(kind, set()) - {"type", *parser.options(section)}):
            # The code's defaults are those that the packaged file has for the section named like the type.
            value = files[PACKAGED].get(f"{noun}.{kind}", key, fallback="")
            found.append(Setting(section, key, value, DEFAULT))
    return found


def masked(section: str, key: str, value: str) -> str:
    """A value as people may see it, also one that is not as it should be."""
    text = " ".join(value.split())
    if (section, key) == _ADDRESSES:
        return ", ".join(map(_address, re.split(r"[,\s]+", text))) if text else ""
    if text and is_secret(key) and not _VARIABLE.fullmatch(text):
        return redaction.MASK
    return redaction.value(text)


def is_secret(key: str) -> bool:
    """Whether a key of that name has a secret for its value, rather than the name of a file."""
    return bool(redaction.SECRET_NAME.search(key)) and not key.endswith(("_file", "_path"))


def _address(text: str) -> str:
    """One of apprise's, which is a password from its scheme on."""
    if _VARIABLE.fullmatch(text):
        return text
    scheme, colon, _ = text.partition("://")
    return f"{scheme}://{redaction.MASK}" if colon and scheme.isalnum() else redaction.MASK
