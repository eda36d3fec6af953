"""The taxi zones in each warehouse, or in each lake, which the trips' pulocationid and dolocationid number."""

from __future__ import annotations

from collections.abc import Sequence

from taxi_luigi import config
from taxi_luigi.core.errors import UsageError
from taxi_luigi.core.logs import detail, log
from taxi_luigi.core.text import cut, listed
from taxi_luigi.history import TaskResult
from taxi_luigi.runs.progress import Progress
from taxi_luigi.runs.task import PipelineTask
from taxi_luigi.storage.zones_file import ZonesFile
from taxi_luigi.tasks.parameters import FlagParameter, ShardParameter, TextParameter
from taxi_luigi.tasks.targets import LakeZonesTarget, ZonesTarget
from taxi_luigi.tlc.zones import TABLE, Zone, read_lookup
from taxi_luigi.transform.guards import check_zones


class ZonesTask(PipelineTask):
    """The zones in one place. A place that has them is done; `force` replaces them."""

    force: bool
    """declared by each task after its place: Luigi gives values without a name to parameters in that order"""
    priority = -10
    """after months: a publisher of zones that does not answer must not delay them"""
    _replaced = False

    @property
    def label(self) -> str:
        return self.store

    @property
    def place(self) -> str:
        """The place, for messages: `warehouse NAME` or `lake NAME`."""
        raise NotImplementedError

    def held(self) -> int:
        """Return the number of zones in the place."""
        raise NotImplementedError

    def replace(self, zones: Sequence[Zone]) -> int:
        """Replace the zones in the place; return their number."""
        raise NotImplementedError

    def check_store(self) -> None:
        config.zones_file()

    def complete(self) -> bool:
        return self._replaced if self.force else super().complete()

    def work(self) -> TaskResult:
        file = config.zones_file()
        with Progress(self, "downloading the zones", "rows") as progress:
            with config.workspace().writing(f"raw/{TABLE}.csv") as part:
                fetched = file.fetch(part)
                lookup = read_lookup(part.read_bytes(), fetched.url)
            if lookup.left_out:
                names = listed(lookup.left_out, lambda name: repr(cut(name)))
                log.warning("%s: left out columns that taxi_luigi does not know: %s", fetched.url, names)
            progress.now(f"loading the zones into {self.store}")
            before = self.held()
            check_zones(len(lookup.zones), before, config.limits(), fetched.url, self.place)
            rows = self.replace(lookup.zones)
            progress.ended(f"{rows:,} rows in {TABLE} of {self.store}")
        log.info(
            "Loaded %s zones into %s of %s, which had %s",
            rows, TABLE, self.store, before or "none", extra=detail(rows),
        )  # fmt: skip
        self._replaced = True
        return self.result(rows, replaced=f"{before:,} → {rows:,} zones" if before else "")


class LoadZones(ZonesTask):
    """The table taxi_zones in the warehouse called `warehouse`.

    It takes no resource: holding DuckDB's would keep months from it while a slow publisher is waited for. DuckDB's own
    `wait` gives it a turn between two months.
    """

    warehouse = TextParameter(description="the name of a warehouse in luigi.cfg")
    force = FlagParameter(default=False, description="load them again")
    shard = ShardParameter(default="", description="as of LoadMonth: the file that they are loaded into")

    @property
    def store(self) -> str:  # type: ignore[override]
        return str(self.warehouse)

    @property
    def place(self) -> str:
        return f"warehouse {self.warehouse}"

    def check_store(self) -> None:
        config.check_shard(self.shard or None, [self.warehouse])
        if self.shard and not self.shard.has_zones:
            raise UsageError(f"the zones are of shard 1/{self.shard.count}, not {self.shard}")
        super().check_store()

    def output(self) -> ZonesTarget:
        return ZonesTarget(self.warehouse, self.shard or None)

    def held(self) -> int:
        return config.warehouse(self.warehouse, self.shard or None).zones()

    def replace(self, zones: Sequence[Zone]) -> int:
        return config.warehouse(self.warehouse, self.shard or None).replace_zones(zones)


class UploadZones(ZonesTask):
    """The file taxi_zones.parquet in the lake called `lake`; LoadAllMonths makes it where there is no warehouse."""

    lake = TextParameter(description="the name of a lake in luigi.cfg")
    force = FlagParameter(default=False, description="load them again")

    @property
    def store(self) -> str:  # type: ignore[override]
        return str(self.lake)

    @property
    def place(self) -> str:
        return f"lake {self.lake}"

    def check_store(self) -> None:
        config.lake(self.lake)
        super().check_store()

    def output(self) -> LakeZonesTarget:
        return LakeZonesTarget(self.lake)

    def held(self) -> int:
        return ZonesFile(config.lake(self.lake)).rows()

    def replace(self, zones: Sequence[Zone]) -> int:
        return ZonesFile(config.lake(self.lake)).replace(zones)
