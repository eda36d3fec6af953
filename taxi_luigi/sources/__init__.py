"""Sources of the published months: a web server or a folder, addressed by one template.

    url_template.py   valid values of the setting `source`, and the address of each month
    transport.py      the protocol of all transports, the settings `[download]`, and the values they return
    folder.py         transport for files on disk
    http.py           transport for web servers: whether files are published
    http_download.py  downloads: resuming, the limit of concurrent downloads, bandwidth
    http_exchange.py  one request and its response, and the classification of errors
    http_session.py   the session of requests, with time limits
    http_retry.py     which responses are retried, how often, and their messages
    packing.py        removes compression that was added on the way
    environment.py    the variables for proxies and certificates, for messages

This package does not check whether the bytes are trips, and imports neither Luigi nor the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from taxi_luigi.core import units
from taxi_luigi.core.errors import SourceError
from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources.folder import Folder
from taxi_luigi.sources.http import Web
from taxi_luigi.sources.transport import (
    SOURCE,
    Fetched,
    HttpSettings,
    Look,
    NotPublished,
    Progress,
    Published,
    Transport,
    check_space,
)
from taxi_luigi.sources.url_template import Template, is_web, parse_address, parse_template
from taxi_luigi.tlc.months import Month

__all__ = [
    "SOURCE",
    "Fetched",
    "HttpSettings",
    "Look",
    "NotPublished",
    "Progress",
    "Published",
    "SingleFile",
    "Source",
    "check_space",
    "is_web",
    "open_source",
    "parse_address",
    "parse_template",
]


class Source:
    """The months of one publisher, by record type and month.

    No connection stays open between two calls, so a source can be used on both sides of a fork.
    """

    def __init__(self, template: Template, transport: Transport) -> None:
        self._template = template
        self._transport = transport

    def url(self, color: str, month: Month) -> str:
        """Return the address of a month for messages, logs and receipts, with user, password and query masked."""
        return public_url(self._template.address(color, month))

    def file_name(self, color: str, month: Month) -> str:
        """Return the name of a month's file as published: the last part of its URL, decoded and without the query."""
        return self._template.file_name(color, month)

    def look(self, color: str, month: Month) -> Look:
        """Check whether a month is published, without downloading it. An error response is part of the result.

        A web server is queried once per process and URL, child processes included; a folder is read each time.
        """
        return self._transport.look(self._template.address(color, month))

    def look_all(self, pairs: Iterable[tuple[str, Month]]) -> dict[tuple[str, Month], Look]:
        """Check many months, at most `HttpSettings.parallel` at a time. No thread is left when it returns."""
        addresses = {(color, month): self._template.address(color, month) for color, month in pairs}
        looks = self._transport.look_all(addresses.values())
        return {pair: looks[address] for pair, address in addresses.items()}

    def fetch(self, color: str, month: Month, into: Path, progress: Progress) -> Fetched:
        """Download the whole file of a month.

        Args:
            into: a temporary name, which the caller removes when this raises
            progress: called with the bytes so far and in all after every chunk
        Raises:
            NotPublished: there is no such file
            SourceError: the file cannot be downloaded
            StorageError: the disk of `into` lacks space for it
            OSError: the disk of `into` failed
        """
        return self._transport.fetch(self._template.address(color, month), into, progress)


class SingleFile:
    """One small file that is not a month's, at a fixed address.

    Args:
        address: as `parse_address` returns it
        net: retries and time limits
        setting: the setting that has the address, for messages
        most: the largest size in bytes
    """

    def __init__(self, address: str, net: HttpSettings, setting: str, most: int) -> None:
        self._address = address
        self._setting = setting
        self._most = most
        self._transport: Transport = Web(net, setting) if is_web(address) else Folder(Path(address).parent, setting)

    def fetch(self, into: Path) -> Fetched:
        """Download the file.

        Args:
            into: a temporary name, which the caller removes when this raises
        Raises:
            SourceError: the file is missing, is too large or cannot be downloaded
            StorageError: the disk of `into` lacks space for it
            OSError: the disk of `into` failed
        """
        try:
            return self._transport.fetch(self._address, into, self._check)
        except NotPublished as error:
            raise SourceError(f"{error}; check {self._setting}") from error

    def _check(self, arrived: int, total: int) -> None:
        if max(arrived, total) > self._most:
            raise SourceError(
                f"{public_url(self._address)}: is larger than {units.size(self._most)}, so it is not the right file; "
                f"check {self._setting}"
            )


def open_source(template: str, net: HttpSettings) -> Source:
    """Return the source of a template, without connecting to it. Raise ConfigError for an invalid template."""
    parsed = parse_template(template)
    return Source(parsed, Web(net) if parsed.is_web else Folder(parsed.root))
