"""Luigi targets over the source, the workspace, lakes and warehouses.

Each answers one question, whether its month is there, in the edition wanted ('' takes any). A store that cannot be
asked counts as not having the month: the task then runs, and fails in its own name with one line.
"""

from __future__ import annotations

from pathlib import Path

import luigi

from taxi_luigi import config, files
from taxi_luigi.datasets import DATASETS
from taxi_luigi.errors import TaxiError
from taxi_luigi.lakes import object_name
from taxi_luigi.logs import log
from taxi_luigi.months import Month
from taxi_luigi.receipt import Edition, RawReceipt
from taxi_luigi.sources import Published
from taxi_luigi.zones import TABLE as ZONES


class MonthTarget(luigi.Target):
    """One month of one color, in one place."""

    def __init__(self, color: str, month: Month, edition: str = "") -> None:
        self.color, self.month, self.edition = color, month, edition

    def fits(self, edition: str) -> bool:
        """Whether what is there serves the edition wanted."""
        return self.edition in ("", edition)


class PublishedTarget(MonthTarget):
    """The month's file at the source. A source that cannot be asked counts as having it: the download will say why."""

    def exists(self) -> bool:
        return config.source().look(self.color, self.month).published is not Published.NO

    def __str__(self) -> str:
        return config.source().url(self.color, self.month)


class RawTarget(MonthTarget):
    """`raw/{color}/{name}`, the bytes as published, with `{name}.receipt.json` beside it."""

    @property
    def path(self) -> Path:
        name = config.source().file_name(self.color, self.month)
        return config.settings().workspace / "raw" / self.color / name

    @property
    def _receipt_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.receipt.json")

    def receipt(self) -> RawReceipt | None:
        """The receipt, if it is that of the file beside it; None when either is missing or they do not agree."""
        try:
            receipt = RawReceipt.from_json(self._receipt_path.read_text())
            size = self.path.stat().st_size
        except (FileNotFoundError, ValueError):
            return None
        return receipt if receipt.bytes == size else None

    def exists(self) -> bool:
        receipt = self.receipt()
        if receipt is None or not self.fits(receipt.edition):
            return False
        wanted = config.source().url(self.color, self.month)
        if receipt.url != wanted:
            log.info("%s came from %s, not from %s: it will be downloaded again", self.path, receipt.url, wanted)
        return receipt.url == wanted

    def publish(self, written: Path, receipt: RawReceipt) -> None:
        """Puts file and receipt in place; a kill between any two steps leaves a month that is not there."""
        self.path.unlink(missing_ok=True)  # else an old file of the same length would pass for the new one
        with files.temporary(self._receipt_path) as beside:
            beside.write_text(receipt.to_json())
            files.publish(beside, self._receipt_path)
        files.publish(written, self.path)

    def remove(self) -> None:
        """Takes file and receipt away; nothing there is no error."""
        self.path.unlink(missing_ok=True)
        self._receipt_path.unlink(missing_ok=True)

    def __str__(self) -> str:
        return str(self.path)


class LakeTarget(MonthTarget):
    """A clean month in the lake called `lake`; the workspace's clean/ is the lake called local."""

    def __init__(self, lake: str, color: str, month: Month, edition: str = "") -> None:
        super().__init__(color, month, edition)
        self.lake = lake

    def exists(self) -> bool:
        try:
            stored = config.lake(self.lake).stat(self.color, self.month)
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False
        return stored is not None and self.fits(stored.receipt.edition)

    def __str__(self) -> str:
        return config.lake(self.lake).url(self.color, self.month)


class MarkerTarget(MonthTarget):
    """The marker of a month in the warehouse called `warehouse`."""

    def __init__(self, warehouse: str, color: str, month: Month, edition: str = "") -> None:
        super().__init__(color, month, edition)
        self.warehouse = warehouse

    def exists(self) -> bool:
        try:
            markers = config.warehouse(self.warehouse).loaded_months(DATASETS[self.color])
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False
        return self.month in markers and self.fits(markers[self.month].edition)

    def __str__(self) -> str:
        return f"{self.warehouse}:{DATASETS[self.color].table}/{self.month}"


class ZonesTarget(luigi.Target):
    """The table of zones in the warehouse called `warehouse`, with rows in it."""

    def __init__(self, warehouse: str) -> None:
        self.warehouse = warehouse

    def exists(self) -> bool:
        try:
            return config.warehouse(self.warehouse).zones() > 0
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False

    def __str__(self) -> str:
        return f"{self.warehouse}:{ZONES}"


def rejects_path(color: str, month: Month) -> Path:
    """Where the rows of a month that were taken out are kept."""
    return config.settings().workspace / "rejected" / object_name(color, month)


def clean_path(color: str, month: Month) -> Path:
    """The workspace's clean file, whatever lakes are named."""
    return config.settings().workspace / "clean" / object_name(color, month)


def raw_edition(edition: str) -> str:
    """What a raw file must name to serve a clean month of this edition; '' stays ''."""
    return Edition.parse(edition).for_raw if edition else ""
