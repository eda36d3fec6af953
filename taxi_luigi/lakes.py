"""A lake: the clean months of every color in one store, as `{color}/{color}_tripdata_{YYYY-MM}.parquet`.

Looks into a file no further than its receipt, and only where the store did not keep the receipt's essentials beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from taxi_luigi.errors import BadFile, StorageError
from taxi_luigi.logs import log
from taxi_luigi.months import Month
from taxi_luigi.receipt import Essentials
from taxi_luigi.stores import Entry, Progress, Store, unheard

if TYPE_CHECKING:
    from taxi_luigi.formats import Footer


def object_name(color: str, month: Month) -> str:
    """`yellow/yellow_tripdata_2024-01.parquet`: a clean month's name in every lake, its rejects' under `rejected/`."""
    return f"{color}/{color}_tripdata_{month}.parquet"


@dataclass(frozen=True)
class Stored:
    """A month as a lake holds it."""

    entry: Entry
    essentials: Essentials


class Lake:
    """The months below `folder` of a store, which is the store's root when ''.

    All of it raises StorageError or ConfigError with one line that names the address, as stores do.
    """

    def __init__(self, store: Store, folder: str = "") -> None:
        self.store = store
        self._folder = f"{folder}/" if folder else ""

    def name(self, color: str, month: Month) -> str:
        """The month's name in the store."""
        return self._folder + object_name(color, month)

    def list(self, color: str) -> dict[Month, Entry]:
        """The months that the lake holds of one color, by one listing."""
        pattern = re.compile(
            re.escape(f"{self._folder}{color}/{color}_tripdata_") + r"(\d{4}-(?:0[1-9]|1[0-2]))\.parquet"
        )
        found = ((pattern.fullmatch(name), entry) for name, entry in self.store.list(self._folder + color).items())
        return {Month.parse(match[1]): entry for match, entry in found if match}

    def stat(self, color: str, month: Month) -> Stored | None:
        """What the lake holds of one month; None when nothing, or a file that we did not write."""
        entry = self.store.stat(self.name(color, month))
        if entry is None:
            return None
        essentials = Essentials.from_labels(entry.labels)
        if essentials is None:
            essentials = self._essentials(color, month)
        return None if essentials is None else Stored(entry, essentials)

    def _essentials(self, color: str, month: Month) -> Essentials | None:
        """Those in the footer's receipt; None, and a log line, when it has none that can be read."""
        url = self.url(color, month)
        try:
            footer = self.footer(color, month)
        except FileNotFoundError:
            return None
        except BadFile as error:
            log.warning("%s; the month will be made again", error)
            return None
        if footer.receipt is None:
            log.warning("%s was not written by taxi_luigi: it has no receipt; the month will be made again", url)
            return None
        return footer.receipt.essentials

    def footer(self, color: str, month: Month) -> Footer:
        """Rows and whole receipt, from the end of the month's file. Raises FileNotFoundError, or BadFile as formats."""
        from taxi_luigi.formats import read_footer  # pyarrow: not on the path of a run with nothing to do

        with self.opened(color, month) as file:
            return read_footer(file, self.url(color, month))

    def filled(self, color: str, month: Month) -> frozenset[str]:
        """The columns of the month's file that have a value in some row. Raises as `footer`."""
        from taxi_luigi.formats import filled_columns

        with self.opened(color, month) as file:
            return filled_columns(file, self.url(color, month))

    @contextmanager
    def opened(self, color: str, month: Month) -> Iterator[BinaryIO]:
        """The month's file, of which only what is read is fetched.

        Raises FileNotFoundError, and StorageError for what cannot be read in the block.
        """
        try:
            with self.store.open(self.name(color, month)) as file:
                yield file
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"cannot read {self.url(color, month)}: {error.strerror or error}") from error

    def reading(self, color: str, month: Month) -> AbstractContextManager[Path]:
        """A local file with the month's bytes, for reading only."""
        return self.store.reading(self.name(color, month))

    @contextmanager
    def writing(self, color: str, month: Month) -> Iterator[Path]:
        """A local name to write to before `publish`."""
        with self.store.writing(self.name(color, month)) as path:
            yield path

    def publish(
        self, written: Path, color: str, month: Month, essentials: Essentials, progress: Progress = unheard
    ) -> None:
        """Puts what was written under `writing` in place; readers see the old bytes until they see all of the new."""
        self.store.publish(written, self.name(color, month), essentials.labels(), progress)

    def put(self, clean: Path, color: str, month: Month, essentials: Essentials, progress: Progress = unheard) -> None:
        """Stores a copy of a clean file; readers see the old bytes until they see all of the new."""
        self.store.put(clean, self.name(color, month), essentials.labels(), progress)

    def take(self, source: Lake, color: str, month: Month, progress: Progress = unheard) -> Stored:
        """Copies a month from another lake, inside the store where both are in one; returns what is then held here."""
        held = source.stat(color, month)
        if held is None:
            raise StorageError(f"{source.url(color, month)} has gone since it was made; run the same command again")
        labels = held.essentials.labels()
        if not self.store.copy(source.store, source.name(color, month), self.name(color, month), labels):
            with source.reading(color, month) as clean:
                self.put(clean, color, month, held.essentials, progress)
        stored = self.stat(color, month)
        if stored is None:
            raise StorageError(f"{self.url(color, month)} was written and is not there")
        if stored.essentials != held.essentials:
            raise StorageError(
                f"{self.url(color, month)} was replaced by somebody else meanwhile; run the same command again"
            )
        return stored

    def remove(self, color: str, month: Month) -> None:
        """Takes a month out; one that is not there is no error."""
        self.store.remove(self.name(color, month))

    def url(self, color: str, month: Month) -> str:
        """Where a month is, for people and logs."""
        return self.store.url(self.name(color, month))

    def page(self, color: str, month: Month) -> str:
        """The web page on which a person sees the month's file; '' where there is none."""
        return self.store.page(self.name(color, month))
