"""Validation of addresses, and the template of `[taxi] source` for the address and file name of each month.

Pure: opens no file or connection. An address is a URL of http or https, credentials included, or a path on disk.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from urllib.parse import unquote, urlsplit

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.redaction import value
from taxi_luigi.core.text import one_line
from taxi_luigi.sources.transport import SOURCE
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range

_FIELDS = {"color", "year", "month"}
_EXAMPLE = "{color}_tripdata_{year}-{month:02}.parquet"
_LONGEST_NAME = 200
"""bytes of a file's name: file systems allow 255, and the names of receipts and temporary files are longer"""
_LONGEST_ADDRESS = 4000
"""characters; PATH_MAX is 4096, and servers accept URLs of 8,000"""
_SHOWN = 300
"""characters of a template in a message"""
_ALMOST = re.compile(r"[A-Za-z][\w+.-]+:/|[^/]*:[^/]*@|[^/]*@[^/]*:")
"""the beginning of a URL that lacks a slash or its scheme"""
_BRACE = "a brace in a user, a password or a query is written twice, or %7B and %7D"
_UNPRINTABLE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")
"""also bytes of a path that are not UTF-8, which no receipt and no table can hold"""
_PROBES = (Month(2009, 1), Month(2030, 12))


@dataclass(frozen=True)
class Template:
    """A valid template, made by parse_template."""

    text: str

    @property
    def is_web(self) -> bool:
        """Whether the files are on a web server."""
        return is_web(self.text)

    @property
    def root(self) -> Path:
        """The deepest folder whose name has no field; it must exist even when nothing is published."""
        fixed = ""
        for literal, field, _, _ in Formatter().parse(self.text):
            fixed += literal
            if field is not None:
                break
        return path_of(fixed[: fixed.rfind("/") + 1] or ".")

    def address(self, color: str, month: Month) -> str:
        """Return the URL with its credentials, for requests only, or the path."""
        filled = self.text.format(color=color, year=month.year, month=month.month)
        return filled if self.is_web else str(path_of(filled))

    def file_name(self, color: str, month: Month) -> str:
        """Return the last part of the address, decoded and without the query."""
        address = self.address(color, month)
        if not self.is_web:
            return Path(address).name
        return unquote(urlsplit(address).path.rpartition("/")[2])


@cache
def parse_template(text: str) -> Template:
    """Parse and validate a template; once, as all names of 22 years are compared.

    Args:
        text: a URL of http(s), a `file://` URL, or a path, which may be relative to the working folder. The file's name
            must differ from month to month, so it has {year} and {month}.
    Raises:
        ConfigError: the template is invalid; the message shows no password
    """
    if not text.strip():
        raise ConfigError(f"{SOURCE} is empty; it is a URL or a path such as /data/trips/{_EXAMPLE}")
    _check_scheme(text, SOURCE)
    _check_fields(text)
    template = Template(text)
    _check_names(template)
    return template


def parse_address(text: str, setting: str) -> str:
    """Return the address of one file, from a URL of http(s), a `file://` URL or a path. Raise ConfigError."""
    _check_scheme(text, setting)
    if len(text) > _LONGEST_ADDRESS:
        raise _invalid(text, f"an address has at most {_LONGEST_ADDRESS:,} characters", setting)
    return text if is_web(text) else str(path_of(text))


def is_web(text: str) -> bool:
    """Return whether the address is a URL of http(s)."""
    return text[:8].lower().startswith(("http://", "https://"))


def path_of(text: str) -> Path:
    """Return the path of a `file://` URL, percent-decoded; a path is returned unchanged."""
    if text[:7].lower() == "file://":
        return Path(unquote("/" + text[7:].partition("/")[2]))
    return Path(text)


def _invalid(text: str, what: str, setting: str = SOURCE) -> ConfigError:
    return ConfigError(f"{setting} = {one_line(value(text), _SHOWN)}: {what}")


def _check_scheme(text: str, setting: str) -> None:
    scheme, separator, rest = text.partition("://")
    if text != text.strip():
        raise _invalid(text, "has spaces around it", setting)
    if _UNPRINTABLE.search(unquote(text)):
        raise _invalid(text, "has a character that is not printable", setting)
    if not separator:
        if _ALMOST.match(text):
            raise _invalid(text, "is neither a URL, which begins with https://, nor a path", setting)
        return
    scheme = scheme.lower()
    if scheme not in ("http", "https", "file"):
        raise _invalid(text, f"{value(scheme)}:// is not supported; use https://, http://, file:// or a path", setting)
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]  # where a client ends it, whatever a password contains
    if scheme == "file" and host not in ("", "localhost"):
        raise _invalid(text, "a file:// URL of this machine begins with file:///", setting)
    if scheme != "file" and not host.rpartition("@")[2]:
        raise _invalid(text, "has no host", setting)
    if scheme != "file" and re.search(r":(?!\d*$)[^\]]*$", host.rpartition("@")[2]):
        # Not shown: what looks like a port may be a password with a slash in it.
        raise ConfigError(f"{setting}: the port in its URL is not a number; a / in a password is written %2F, an @ %40")


def _check_fields(text: str) -> None:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise _invalid(text, f"{error}; a brace outside a field is written twice") from error
    for _, field, spec, _ in parts:
        if field is None:
            continue
        known = field in _FIELDS and not re.search(r"{|\d{3}", spec or "")
        if not known and f"{{{field}" not in value(text):
            raise _invalid(text, _BRACE)
        if field not in _FIELDS:
            raise _invalid(text, f"unknown field {{{field}}}; the fields are {{color}}, {{year}} and {{month}}")
        if "{" in (spec or ""):
            raise _invalid(text, f"{{{field}:{spec}}} has a field within its format")
        if re.search(r"\d{3}", spec or ""):
            # Refused before it is formatted: {month:99999999} would take 100 MB for every address.
            raise _invalid(
                text, f"{{{field}:{str(spec)[:20]}}} has a width or precision of 100 or more; write {{month:02}}"
            )
    missing = [field for field in ("year", "month") if field not in (field_ for _, field_, _, _ in parts)]
    if missing:
        raise _invalid(text, f"has no {{{missing[0]}}}; a file's name is like {_EXAMPLE}")


def _specs(text: str) -> list[tuple[str, str]]:
    return [(field, spec) for _, field, spec, _ in Formatter().parse(text) if field is not None and spec]


def _check_names(template: Template) -> None:
    months = list(month_range(*_PROBES))
    try:
        names = [template.file_name("yellow", month) for month in months]
        addresses = [template.address(color, month) for color in DATASETS for month in months]
    except (ValueError, TypeError, OverflowError) as error:
        hidden = any(f"{{{field}:{spec}" not in value(template.text) for field, spec in _specs(template.text))
        why = _BRACE if hidden else f"bad format: {error}; write {{month:02}} for two digits"
        raise _invalid(template.text, why) from None
    if any("/" in name or not name.isprintable() or name in ("", ".", "..") for name in names):
        raise _invalid(template.text, f"{names[0]!r} is not a file name; it is like {_EXAMPLE}")
    if max(len(os.fsencode(name)) for name in names) > _LONGEST_NAME:
        raise _invalid(template.text, f"a file's name has at most {_LONGEST_NAME} bytes; it is like {_EXAMPLE}")
    if max(map(len, addresses)) > _LONGEST_ADDRESS:
        raise _invalid(template.text, f"an address has at most {_LONGEST_ADDRESS:,} characters")
    if any(_UNPRINTABLE.search(address) for address in addresses):
        raise _invalid(template.text, f"has a character that is not printable; it is like {_EXAMPLE}")
    if len(set(names)) < len(names):
        raise _invalid(template.text, f"months share the file name {names[0]!r}; it must hold {{year}} and {{month}}")
    if len(set(addresses[:: len(months)])) not in (1, len(DATASETS)):
        raise _invalid(template.text, "record types share an address; write {color} without a format")
