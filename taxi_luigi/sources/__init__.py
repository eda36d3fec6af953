"""Where the published months come from: a web server or a folder, by one template.

    url_template.py   what the setting `source` may be, and the address of a month
    http.py           asking a web server whether a file is there
    http_download.py  getting it, over breaks and rewrites
    http_exchange.py  one request and its answer: all that a server sends is read there
    http_retry.py     which failures are tried again, how often, and what they are called
    packing.py        what a server packed a file in once more
    environment.py    the variables for proxies and certificates: which proxy or file of certificates is at fault
    folder.py         both, for files on disk
    slots.py          how many are got at a time, of all runs of this machine, and how fast
    single.py         a file that is no month's, at one address
    base.py           the values that a source hands out

Whether the bytes are trips is not looked at here, and neither Luigi nor configuration is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources.base import (
    Fetched,
    HttpSettings,
    Look,
    NotPublished,
    Progress,
    Published,
    Transport,
    check_space,
)
from taxi_luigi.sources.folder import Folder
from taxi_luigi.sources.http import Web
from taxi_luigi.sources.single import SingleFile
from taxi_luigi.sources.url_template import Template, parse_address, parse_template
from taxi_luigi.tlc.months import Month

__all__ = [
    "Fetched",
    "HttpSettings",
    "Look",
    "NotPublished",
    "Progress",
    "Published",
    "SingleFile",
    "Source",
    "check_space",
    "open_source",
    "parse_address",
    "parse_template",
]


class Source:
    """The months that one publisher has, by color and month.

    Nothing is held open between two calls, so a source can be used on both sides of a fork.
    """

    def __init__(self, template: Template, transport: Transport) -> None:
        self._template = template
        self._transport = transport

    def url(self, color: str, month: Month) -> str:
        """Where a month is, for people, logs and receipts: user, password and query are masked, a path is a path."""
        return public_url(self._template.address(color, month))

    def file_name(self, color: str, month: Month) -> str:
        """The name of a month's file as published: the last part of its URL, decoded and without the query."""
        return self._template.file_name(color, month)

    def look(self, color: str, month: Month) -> Look:
        """Whether a month is there, without getting it. Never raises for what the publisher answers.

        A web server is asked once per process and URL, children included; a folder every time.
        """
        return self._transport.look(self._template.address(color, month))

    def look_all(self, pairs: Iterable[tuple[str, Month]]) -> dict[tuple[str, Month], Look]:
        """`look` for many, at most `HttpSettings.parallel` at a time. No thread is left when it returns."""
        addresses = {(color, month): self._template.address(color, month) for color, month in pairs}
        looks = self._transport.look_all(addresses.values())
        return {pair: looks[address] for pair, address in addresses.items()}

    def fetch(self, color: str, month: Month, into: Path, progress: Progress) -> Fetched:
        """Writes the whole file of a month to `into`, a temporary name that the caller removes when this raises.

        Raises NotPublished, SourceError when the publisher doesn't hand it over, and StorageError when the disk has no
        room for it. An OSError is of the disk that `into` is on.
        """
        return self._transport.fetch(self._template.address(color, month), into, progress)


def open_source(template: str, net: HttpSettings) -> Source:
    """The source of a template; ConfigError when there is something wrong with the template. Connects to nothing."""
    parsed = parse_template(template)
    return Source(parsed, Web(net) if parsed.is_web else Folder(parsed.root))
