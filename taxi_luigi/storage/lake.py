"""A lake: the clean months of every color in one store, as `{color}/{color}_tripdata_{YYYY-MM}.parquet`.

Of a file only the receipt in its footer is read, and only where the store did not keep the receipt's summary beside it.
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
    """Return `yellow/yellow_tripdata_2024-01.parquet`, a clean month's name in every lake."""
    return f"{color}/{color}_tripdata_{month}.parquet"


def summary_in(entry: Entry, color: str, month: Month) -> ReceiptSummary | None:
    """Return the summary in a clean file's labels, without reading the file; None if not ours, or of another month.

    Clouds copy labels with the bytes to any name. Objects of before December 2026 have no label for the month.
    """
    labels = {"color": color, "month": str(month), **entry.labels}
    return ReceiptSummary.from_labels(labels) if (labels["color"], labels["month"]) == (color, str(month)) else None


def gone(url: str) -> StorageError:
    """Return the error for a clean file that was there when the run was planned."""
    return StorageError(f"{url} has gone since it was made; run the same command again")


def damaged(url: str, why: str, color: str, month: Month) -> StorageError:
    """Return the error for a clean file that no further attempt can load.

    Args:
        url: of the file
        why: the damage
        color: with `month`, for the command that makes the file again
        month: of the file
    """
    return StorageError(f"{url} cannot be used: {why}; make it again: {force_command(color, month)}")


def cause(error: BadFile, where: object) -> str:
    """Return the text of an error about a clean file without its address."""
    return str(error).removeprefix(f"{where}: ")


def _labels(summary: ReceiptSummary, color: str, month: Month) -> dict[str, str]:
    return {**summary.labels(), "color": color, "month": str(month)}


@cache
def _warn_once(line: str) -> None:
    """Log a warning once: a file is read when the run is planned, and by its tasks."""
    log.warning("%s", line)


@dataclass(frozen=True)
class Stored:
    """A month as a lake holds it."""

    entry: Entry
    summary: ReceiptSummary


class Lake:
    """The months below `folder` of a store; '' is the store's root.

    All methods raise StorageError or ConfigError with one line that names the address, as those of stores do.
    """

    def __init__(self, store: Store, folder: str = "") -> None:
        self.store = store
        self._folder = f"{folder}/" if folder else ""

    def name(self, color: str, month: Month) -> str:
        """Return the month's name in the store."""
        return self.in_root(object_name(color, month))

    def in_root(self, name: str) -> str:
        """Return the name in the store of a file of the lake."""
        return self._folder + name

    def list(self, color: str) -> dict[Month, Entry]:
        """Return the months that the lake holds of one color, by one listing."""
        pattern = re.compile(
            re.escape(f"{self._folder}{color}/{color}_tripdata_") + r"(\d{4}-(?:0[1-9]|1[0-2]))\.parquet"
        )
        found = ((pattern.fullmatch(name), entry) for name, entry in self.store.list(self._folder + color).items())
        return {Month.parse(match[1]): entry for match, entry in found if match}

    def stat(self, color: str, month: Month) -> Stored | None:
        """Return what the lake holds of one month; None for no file, or one that is not this month as we write it.

        The summary is that of the labels where the store keeps them, else that of the receipt in the file's footer.
        """
        entry = self.store.stat(self.name(color, month))
        if entry is None:
            return None
        summary = summary_in(entry, color, month)
        if summary is None:
            summary = self._summary(color, month)
        return None if summary is None else Stored(entry, summary)

    def check(self, color: str, month: Month, stored: Stored) -> None:
        """Compare the receipt of a file that is about to be read with its labels, if only those were read before.

        Raises:
            StorageError: it is another one; the line names the command that makes the month again
            Replaced: the file was replaced meanwhile
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
        """Return the summary of the footer's receipt; None, after a warning, when it is none of this month."""
        try:
            found, why = self._receipt(color, month)
        except FileNotFoundError:
            return None
        if found is None:
            _warn_once(f"{self.url(color, month)}: {why}; it counts as not there")
        return found

    def _receipt(self, color: str, month: Month) -> tuple[ReceiptSummary | None, str]:
        """Return the summary of the footer's receipt, or why there is none of this month. Raises FileNotFoundError."""
        url = self.url(color, month)
        try:
            footer = self.footer(color, month)
        except BadFile as error:
            return None, cause(error, url)
        receipt = footer.receipt
        if receipt is None:
            return None, "it was not written by taxi_luigi, it has no receipt"
        if receipt.later:
            _warn_once(f"{url}: a later version of taxi_luigi made it: its receipt has {', '.join(receipt.later)}")
        if (receipt.color, receipt.month) != (color, str(month)):
            return None, f"by its receipt it is {receipt.color} {receipt.month}"
        return receipt.summary, ""

    def footer(self, color: str, month: Month) -> Footer:
        """Return rows and receipt, from the end of the month's file. Raises FileNotFoundError and BadFile."""
        from taxi_luigi.core.parquet_footer import read_footer  # pyarrow: not on the path of a run with nothing to do

        with self.opened(color, month) as file:
            return read_footer(file, self.url(color, month))

    def filled(self, color: str, month: Month) -> frozenset[str]:
        """Return the columns of the month's file that have a value in some row. Raises as `footer`."""
        from taxi_luigi.core.parquet_footer import filled_columns

        with self.opened(color, month) as file:
            return filled_columns(file, self.url(color, month))

    @contextmanager
    def opened(self, color: str, month: Month) -> Iterator[BinaryIO]:
        """Yield the month's file, which fetches no more than what is read of it.

        Raises:
            FileNotFoundError: there is none
            StorageError: it cannot be read, in the block too
        """
        try:
            with self.store.open(self.name(color, month)) as file:
                yield file
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"cannot read {self.url(color, month)}: {error.strerror or error}") from error

    def reading(self, color: str, month: Month) -> AbstractContextManager[Path]:
        """Yield a local file with the month's bytes, for reading only."""
        return self.store.reading(self.name(color, month))

    @contextmanager
    def writing(self, color: str, month: Month) -> Iterator[Path]:
        """Yield a local path to write to before `publish`."""
        with self.store.writing(self.name(color, month)) as path:
            yield path

    def publish(
        self, written: Path, color: str, month: Month, summary: ReceiptSummary, progress: Progress = no_progress
    ) -> None:
        """Put the file of `writing` in place; readers see the old bytes until they see all of the new.

        Args:
            written: the path from `writing`
            color: the record type
            month: of the file
            summary: of its receipt, which becomes its labels
            progress: called with (done, total) in bytes
        """
        self.store.publish(written, self.name(color, month), _labels(summary, color, month), progress)

    def put(
        self, clean: Path, color: str, month: Month, summary: ReceiptSummary, progress: Progress = no_progress
    ) -> None:
        """Copy a clean file into the lake; arguments and readers as for `publish`."""
        self.store.put(clean, self.name(color, month), _labels(summary, color, month), progress)

    def take(self, source: Lake, color: str, month: Month, progress: Progress = no_progress) -> Stored:
        """Copy a month from another lake, on the server where both have the same; return what is then held here.

        Raises:
            StorageError: the month is gone there, or damaged
            Replaced: another run replaced it meanwhile
        """
        held = source.stat(color, month)
        if held is None:
            raise gone(source.url(color, month))
        source.check(color, month, held)
        labels = _labels(held.summary, color, month)
        if not self.store.copy(source.store, source.name(color, month), self.name(color, month), labels):
            from taxi_luigi.core.parquet_footer import read_footer

            with source.reading(color, month) as clean, clean.open("rb") as file:
                # The receipt of the bytes that are sent: another run may have replaced the file since `stat`
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
        """Remove a month; one that is not there is no error."""
        self.store.remove(self.name(color, month))

    def url(self, color: str, month: Month) -> str:
        """Return a month's address for messages and logs."""
        return self.store.url(self.name(color, month))

    def page(self, color: str, month: Month) -> str:
        """Return the web page that shows the month's file; '' where there is none."""
        return self.store.page(self.name(color, month))
