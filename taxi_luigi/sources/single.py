"""A file that is no month's: at one address, small, and got as patiently as a month."""

from __future__ import annotations

from pathlib import Path

from taxi_luigi.core.errors import SourceError
from taxi_luigi.core.redaction import public_url
from taxi_luigi.sources.base import Fetched, HttpSettings, NotPublished, Transport, human
from taxi_luigi.sources.folder import Folder
from taxi_luigi.sources.http import Web
from taxi_luigi.sources.url_template import is_web


class SingleFile:
    """The file at an address that `parse_address` gave, of at most `most` bytes; a person named it in `setting`."""

    def __init__(self, address: str, net: HttpSettings, setting: str, most: int) -> None:
        self._address = address
        self._setting = setting
        self._most = most
        self._transport: Transport = Web(net, setting) if is_web(address) else Folder(Path(address).parent, setting)

    def fetch(self, into: Path) -> Fetched:
        """Writes the whole file to `into`, a temporary name that the caller removes when this raises.

        Raises SourceError when the file is not there, is too large or is not handed over, and StorageError when the
        disk has no room for it. An OSError is of the disk that `into` is on.
        """
        try:
            return self._transport.fetch(self._address, into, self._check)
        except NotPublished as error:
            raise SourceError(f"{error}; check {self._setting}") from error

    def _check(self, arrived: int, total: int) -> None:
        if max(arrived, total) > self._most:
            raise SourceError(
                f"{public_url(self._address)}: is larger than {human(self._most)}, so it is not the file wanted; "
                f"check {self._setting}"
            )
