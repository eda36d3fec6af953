"""The taxi zones in each warehouse, which the trips' pulocationid and dolocationid number."""

from __future__ import annotations

import luigi

from taxi_luigi import config
from taxi_luigi.core.logs import figures, log
from taxi_luigi.core.text import cut, listed
from taxi_luigi.history import TaskResult
from taxi_luigi.runs.progress import Progress
from taxi_luigi.runs.task import PipelineTask
from taxi_luigi.tasks.parameters import FlagParameter
from taxi_luigi.tasks.targets import ZonesTarget
from taxi_luigi.tlc.zones import TABLE, read_lookup
from taxi_luigi.transform.guards import check_zones


class LoadZones(PipelineTask):
    """The table taxi_zones in the warehouse called `warehouse`. A table with rows is done; `force` replaces it.

    It takes no resource: holding DuckDB's would keep months from it while a slow publisher is waited for. DuckDB's own
    `wait` gives it a turn between two months.
    """

    warehouse = luigi.Parameter(description="the name of a warehouse in luigi.cfg")
    force = FlagParameter(default=False, description="load them again")
    priority = -10
    """after months: a publisher of zones that does not answer must not delay them"""
    _replaced = False

    @property
    def store(self) -> str:  # type: ignore[override]
        return str(self.warehouse)

    @property
    def label(self) -> str:
        return self.store

    def check_store(self) -> None:
        config.warehouse(self.warehouse)
        config.zones_file()

    def output(self) -> ZonesTarget:
        return ZonesTarget(self.warehouse)

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
            progress.now(f"loading the zones into {self.warehouse}")
            before = config.warehouse(self.warehouse).zones()
            check_zones(len(lookup.zones), before, config.limits(), fetched.url, f"warehouse {self.warehouse}")
            rows = config.warehouse(self.warehouse).replace_zones(lookup.zones)
            progress.ended(f"{rows:,} rows in {TABLE} of {self.warehouse}")
        log.info(
            "Loaded %s zones into %s of %s, which had %s",
            rows, TABLE, self.warehouse, before or "none", extra=figures(rows),
        )  # fmt: skip
        self._replaced = True
        return self.result(rows, replaced=f"{before:,} → {rows:,} zones" if before else "")
