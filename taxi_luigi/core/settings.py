"""The declaration of a setting: key, default, meaning and parser, once, as a field of its section's dataclass.

    @dataclass(frozen=True)
    class Settings:
        wait: float = setting("60", "Seconds to wait for another process that has the file open.", number)

From such fields come the keys that a section has, the values that are read from luigi.cfg, the comments in
config/luigi.cfg and the tables in docs/configuration.md. `config` has the class of each section. Pure, but for
`project_folder`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from taxi_luigi.core import settings_files
from taxi_luigi.core.errors import ConfigError

T = TypeVar("T")

_MOST = 1_000_000_000
"""of any number in a section; a socket takes no timeout of 300 years"""
_DECLARED = "setting"


@dataclass(frozen=True)
class Setting:
    """One key of a section."""

    field: str
    """the name of the dataclass's field that has its value"""
    key: str
    """its name in luigi.cfg"""
    default: str
    """as luigi.cfg has it"""
    meaning: str
    """Markdown: what it does, with unit and allowed range"""
    parse: Callable[[str], Any]
    """raises ValueError, whose text goes on after `[SECTION] KEY`, or ConfigError with a line of its own"""

    def value(self, section: str, text: str) -> Any:
        """Parse the text that luigi.cfg has in a section.

        Raises:
            ConfigError: the value is invalid; one line with section and key
        """
        try:
            return self.parse(text)
        except ValueError as error:
            raise ConfigError(f"[{section}] {self.key} {error}") from None


def setting(default: str, meaning: str, parse: Callable[[str], T] = str, key: str = "") -> T:  # type: ignore[assignment]
    """Declare a setting, as the default of a dataclass's field.

    Args:
        default: as luigi.cfg has it; parsed when an instance is made without a value for the field
        meaning: Markdown: what it does, with unit and allowed range
        parse: of the text; see `Setting.parse`
        key: in luigi.cfg, where the field has another name
    """

    def made() -> T:
        return parse(default)

    found: T = field(default_factory=made, metadata={_DECLARED: (key, default, meaning, parse)})
    return found


@cache
def declared(section: type) -> dict[str, Setting]:
    """Return key → setting, in the order of the fields of a section's dataclass."""
    found = {}
    for each in fields(section):
        if _DECLARED in each.metadata:
            key, *more = each.metadata[_DECLARED]
            found[key or each.name] = Setting(each.name, key or each.name, *more)
    return found


def read(kind: Callable[..., T], section: str, texts: Mapping[str, str]) -> T:
    """Parse the values of a section.

    Args:
        kind: the dataclass
        section: its name in luigi.cfg, for errors
        texts: key → text; a missing key has its default

    Raises:
        ConfigError: the first value that is invalid
    """
    known = declared(kind)
    return kind(**{
        each.field: each.value(section, texts.get(key, each.default)) for key, each in known.items()
    })  # fmt: skip


# ---- parsers ---------------------------------------------------------------------------------------------------------


def whole(text: str) -> int:
    """Parse a whole number above 0."""
    return _positive(text, int)


def number(text: str) -> float:
    """Parse a number above 0."""
    return _positive(text, float)


def _positive(text: str, kind: Callable[[str], T]) -> T:
    try:
        value: Any = kind(text)
    except ValueError:
        raise ValueError(f"must be a number, not {text!r}") from None
    if not value > 0:
        raise ValueError(f"must be more than 0, not {text!r}")
    if value > _MOST:
        raise ValueError(f"must be at most {_MOST:,}, not {text!r}")
    return value  # type: ignore[no-any-return]


def share(text: str) -> float:
    """Parse a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(f"is a share from 0 to 1, as 0.05 for 5 in 100, not {text!r}")
    return value


def boolean(text: str) -> bool:
    """Parse `true` or `false`."""
    if text not in ("true", "false"):
        raise ValueError(f"is true or false, not {text!r}")
    return text == "true"


def names(text: str) -> tuple[str, ...]:
    """Parse names separated by commas, each once; none of an empty text."""
    found = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    if len(set(found)) < len(found):
        raise ValueError(f"names something twice: {text!r}")
    return found


def optional(text: str) -> str | None:
    """Return None for an empty text."""
    return text or None


def optional_path(text: str) -> Path | None:
    """Parse a path, as `absolute`; None for an empty text."""
    return absolute(text) if text else None


def absolute(text: str) -> Path:
    """Return the absolute path of one in luigi.cfg: `~` is the user's home, others are relative to the project.

    Raises:
        ValueError: a name in it is not UTF-8; receipts and tables could not hold it
    """
    path = (project_folder() / Path(text).expanduser()).resolve()
    if any("\ud800" <= character <= "\udfff" for character in str(path)):
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise ValueError(f"is {shown}, and a name in it is not UTF-8: rename the folder, or set another path")
    return path


@cache
def project_folder() -> Path:
    """Return the folder that relative paths are relative to, the same one during a process."""
    return settings_files.project_folder()
