"""A lake: the clean months of every color in one store, as `{color}/{color}_tripdata_{YYYY-MM}.parquet`.

Looks into a file no further than its receipt, and only where the store did not keep the receipt's summary beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from taxi_luigi.core.errors import BadFile, StorageError, force_command, replaced_meanwhile
from taxi_luigi.core.logs import log
from taxi_luigi.core.receipts import ReceiptSummary
from taxi_luigi.storage import Entry, Progress, Store, no_progress
from taxi_luigi.tlc.months import Month

if TYPE_CHECKING:
    from taxi_luigi.core.parquet_footer import Footer


def object_name(color: str, month: Month) -> str:
    """`yellow/yellow_tripdata_2024-01.parquet`: a clean month's name in every lake, its rejects' under `rejected/`."""
    return f"{color}/{color}_tripdata_{month}.parquet"


def summary_in(entry: Entry, color: str, month: Month) -> ReceiptSummary | None:
    """What a clean file's labels say, so that no file is read; None when they are not ours, or of another month.

    Clouds copy labels with the bytes to whatever name. Objects of before December 2026 do not say which month they are.
    """
    labels = {"color": color, "month": str(month), **entry.labels}
    return ReceiptSummary.from_labels(labels) if (labels["color"], labels["month"]) == (color, str(month)) else None


def gone(url: str) -> StorageError:
    """The error of a clean file that was there when the run was planned."""
    return StorageError(f"{url} has gone since it was made; run the same command again")


def damaged(url: str, why: str, color: str, month: Month) -> StorageError:
    """The error of a clean file that cannot be loaded, however often it is tried."""
    return StorageError(f"{url} cannot be used: {why}; make it again: {force_command(color, month)}")


def cause(error: BadFile, where: object) -> str:
    """What is wrong with a clean file that lies at `where`."""
    return str(error).removeprefix(f"{where}: ")


def _labels(summary: ReceiptSummary, color: str, month: Month) -> dict[str, str]:
    return {**summary.labels(), "color": color, "month": str(month)}


@cache
def _warn_once(line: str) -> None:
    """A file is looked at when the run is planned, and by its tasks."""
    log.warning("%s", line)


@dataclass(frozen=True)
class Stored:
    """A month as a lake holds it."""

    entry: Entry
    summary: ReceiptSummary


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
        """What the lake holds of one month; None when nothing, or a file that is not this month as we write it.

        The labels are believed where the store keeps them, else the receipt in the file's footer is read.
        """
        entry = self.store.stat(self.name(color, month))
        if entry is None:
            return None
        summary = summary_in(entry, color, month)
        if summary is None:
            summary = self._summary(color, month)
        return None if summary is None else Stored(entry, summary)

    def check(self, color: str, month: Month, stored: Stored) -> None:
        """Looks into a file that is about to be read and whose labels alone were seen: is its receipt theirs?

        Raises StorageError, which names the command that makes the month again, when it is not; Replaced when it is not
        the file that was seen any more.
        """
        if not stored.entry.labels:  # its footer was read in their place
            return
        try:
            found, why = self._receipt(color, month)
        except FileNotFoundError:
            raise gone(self.url(color, month)) from None
        if found is None or found.labels() != stored.summary.labels():
            now = self.store.stat(self.name(color, month))
            if now is None or now.version != stored.entry.version:
                raise replaced_meanwhile(self.url(color, month))
            raise damaged(self.url(color, month), why or "its receipt is not the one in its labels", color, month)

    def _summary(self, color: str, month: Month) -> ReceiptSummary | None:
        """Those in the footer's receipt; None, and a log line, when that is none of this month."""
        try:
            found, why = self._receipt(color, month)
        except FileNotFoundError:
            return None
        if found is None:
            _warn_once(f"{self.url(color, month)}: {why}; it counts as not there")
        return found

    def _receipt(self, color: str, month: Month) -> tuple[ReceiptSummary | None, str]:
        """The summary in the footer's receipt, or why there are none of this month. Raises FileNotFoundError."""
        url = self.url(color, month)
        try:
            footer = self.footer(color, month)
        except BadFile as error:
            return None, cause(error, url)
        receipt = footer.receipt
        if receipt is None:
            return None, "it was not written by taxi_luigi, it has no receipt"
        if (receipt.color, receipt.month) != (color, str(month)):
            return None, f"by its receipt it is {receipt.color} {receipt.month}"
        return receipt.summary, ""

    def footer(self, color: str, month: Month) -> Footer:
        """Rows and whole receipt, from the end of the month's file. Raises FileNotFoundError, or BadFile as formats."""
        from taxi_luigi.core.parquet_footer import read_footer  # pyarrow: not on the path of a run with nothing to do

        with self.opened(color, month) as file:
            return read_footer(file, self.url(color, month))

    def filled(self, color: str, month: Month) -> frozenset[str]:
        """The columns of the month's file that have a value in some row. Raises as `footer`."""
        from taxi_luigi.core.parquet_footer import filled_columns

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
        self, written: Path, color: str, month: Month, summary: ReceiptSummary, progress: Progress = no_progress
    ) -> None:
        """Puts what was written under `writing` in place; readers see the old bytes until they see all of the new."""
        self.store.publish(written, self.name(color, month), _labels(summary, color, month), progress)

    def put(
        self, clean: Path, color: str, month: Month, summary: ReceiptSummary, progress: Progress = no_progress
    ) -> None:
        """Stores a copy of a clean file; readers see the old bytes until they see all of the new."""
        self.store.put(clean, self.name(color, month), _labels(summary, color, month), progress)

    def take(self, source: Lake, color: str, month: Month, progress: Progress = no_progress) -> Stored:
        """Copies a month from another lake, inside the store where both are in one; returns what is then held here."""
        held = source.stat(color, month)
        if held is None:
            raise gone(source.url(color, month))
        source.check(color, month, held)
        labels = _labels(held.summary, color, month)
        if not self.store.copy(source.store, source.name(color, month), self.name(color, month), labels):
            from taxi_luigi.core.parquet_footer import read_footer

            with source.reading(color, month) as clean, clean.open("rb") as file:
                # Of the very bytes that are sent: another run may have replaced the file since it was looked at
                receipt = read_footer(file, source.url(color, month)).receipt
                if receipt is None:
                    raise replaced_meanwhile(source.url(color, month))
                self.put(clean, color, month, receipt.summary, progress)
        stored = self.stat(color, month)
        if stored is None:
            raise StorageError(f"{self.url(color, month)} was written and is not there")
        if not stored.summary.same_content(held.summary):
            raise replaced_meanwhile(self.url(color, month))
        return stored

    def remove(self, color: str, month: Month) -> None:
        """Takes a month out; one that is not there is no error."""
        self.store.remove(self.name(color, month))

    def url(self, color: str, month: Month) -> str:
        """Return a month's address for messages and logs."""
        return self.store.url(self.name(color, month))

    def page(self, color: str, month: Month) -> str:
        """Return the web page that shows the month's file; '' where there is none."""
        return self.store.page(self.name(color, month))
