"""Luigi targets over the source, the workspace, lakes and warehouses.

`exists()` is whether the month is there, with its receipt, in the edition wanted ('' takes any); a file that was
written without a receipt does not count. A store that cannot be listed counts as not having the month: the task then
runs, and fails in its own name with one line. `path` of a file is what a reader can open.
"""

from __future__ import annotations

from pathlib import Path

import luigi

from taxi_luigi import config, inventory
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import log
from taxi_luigi.core.receipts import Edition
from taxi_luigi.sources import Published
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.raw_month import RawMonth
from taxi_luigi.storage.zones_file import ZonesFile
from taxi_luigi.tasks.objects import StoreFile
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.shards import Shard
from taxi_luigi.tlc.zones import TABLE as ZONES


class MonthTarget(luigi.Target):
    """One month of one color, in one place."""

    def exists(self) -> bool:
        raise NotImplementedError

    def __init__(self, color: str, month: Month, edition: str = "") -> None:
        self.color, self.month, self.edition = color, month, edition
        self.any_force = False
        """whether it is enough that the content is the one wanted, whichever `--force` made it"""

    def has_content(self, edition: str) -> bool:
        """Whether what is there is the content wanted, whichever `--force` made it."""
        return inventory.serves(edition, self.edition, any_force=True)


class PublishedTarget(MonthTarget):
    """The month's file at the source. A source that does not answer counts as having it: the download then fails."""

    def exists(self) -> bool:
        return config.source().look(self.color, self.month).published is not Published.NO

    def __str__(self) -> str:
        return config.source().url(self.color, self.month)


class RawTarget(MonthTarget, StoreFile):
    """The bytes as published, in the workspace: `raw` reads and publishes them with their receipt."""

    def __init__(self, color: str, month: Month, edition: str = "") -> None:
        MonthTarget.__init__(self, color, month, edition)
        StoreFile.__init__(self, config.workspace(), self.raw.name)

    @property
    def raw(self) -> RawMonth:
        """The file itself, with its receipt."""
        return config.raw_month(self.color, self.month)

    def has_content(self, edition: str) -> bool:
        return inventory.raw_serves(edition, self.edition, any_force=True)

    def exists(self) -> bool:
        return inventory.raw_has(self.color, self.month, self.edition, self.any_force)

    def _publish(self, written: Path) -> None:
        self.raw.distrust()  # the receipt is that of other bytes
        super()._publish(written)


class LakeTarget(MonthTarget, StoreFile):
    """A clean month in the lake called `lake`: in a folder it is renamed into place, in a bucket it appears when its
    upload is complete."""

    def __init__(self, lake: str, color: str, month: Month, edition: str = "") -> None:
        MonthTarget.__init__(self, color, month, edition)
        self.lake = lake
        StoreFile.__init__(self, self.held_in.store, self.held_in.name(color, month))

    @property
    def held_in(self) -> Lake:
        """The lake itself."""
        return config.lake(self.lake)

    def exists(self) -> bool:
        return inventory.lake_has(self.held_in, self.color, self.month, self.edition, self.any_force)


class GCSTarget(LakeTarget):
    """A clean month in a bucket of Google Cloud Storage."""


class S3Target(LakeTarget):
    """A clean month in an S3 bucket."""


class CleanTarget(LakeTarget):
    """A clean month in the workspace, wherever that is."""

    def __init__(self, color: str, month: Month, edition: str = "") -> None:
        super().__init__("", color, month, edition)

    @property
    def held_in(self) -> Lake:
        return config.clean_lake()


def lake_target(lake: str, color: str, month: Month, edition: str = "") -> LakeTarget:
    """The target of a month in the lake called `lake`; two types of lake have a class of their own, by earlier name."""
    kinds = {"gcs": GCSTarget, "s3": S3Target}
    return kinds.get(config.lake_type(lake), LakeTarget)(lake, color, month, edition)


class MarkerTarget(MonthTarget):
    """The marker of a month in the warehouse called `warehouse`."""

    def __init__(self, warehouse: str, color: str, month: Month, edition: str = "", shard: Shard | None = None) -> None:
        super().__init__(color, month, edition)
        self.warehouse, self.shard = warehouse, shard

    def exists(self) -> bool:
        return inventory.warehouse_has(self.warehouse, self.color, self.month, self.edition, self.any_force, self.shard)

    def __str__(self) -> str:
        return f"{self.warehouse}:{DATASETS[self.color].table}/{self.month}"


class ZonesTarget(luigi.Target):
    """The table of zones in the warehouse called `warehouse`, with rows in it."""

    def __init__(self, warehouse: str, shard: Shard | None = None) -> None:
        self.warehouse, self.shard = warehouse, shard

    def exists(self) -> bool:
        try:
            return config.warehouse(self.warehouse, self.shard).zones() > 0
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False

    def __str__(self) -> str:
        return f"{self.warehouse}:{ZONES}"


class LakeZonesTarget(StoreFile):
    """The file of zones in the lake called `lake`."""

    def __init__(self, lake: str) -> None:
        self.lake, self.zones = lake, ZonesFile(config.lake(lake))
        super().__init__(config.lake(lake).store, self.zones.name)

    def exists(self) -> bool:
        try:
            return self.zones.exists()
        except TaxiError as error:
            log.debug("%s counts as not there: %s", self, error)
            return False

    def __str__(self) -> str:
        return self.zones.url


def raw_edition(edition: str) -> str:
    """What a raw file must name to serve a clean month of this edition; '' stays ''."""
    return Edition.parse(edition).for_raw if edition else ""
