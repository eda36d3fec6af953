"""The DuckDB files of all shards of a back-fill, read as one warehouse. Each is written as a `DuckDB` of its own.

A month is in one file alone: its shard's. So no method asks two files for the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import ConfigError, WarehouseError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.units import plural, size
from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.tlc.shards import MOST, Shard
from taxi_luigi.tlc.zones import Zone
from taxi_luigi.warehouses import SHARD, CleanFile, Marker, Progress
from taxi_luigi.warehouses.duckdb import DuckDB


class DuckDBShards:
    """The files that are there of a path with `{shard}`; `each` is the warehouse with that path."""

    imports = DuckDB.imports
    in_a_file = DuckDB.in_a_file
    single_writer = DuckDB.single_writer
    growth = DuckDB.growth
    speed = DuckDB.speed
    loads_from = DuckDB.loads_from

    def __init__(self, each: DuckDB, month: tuple[str, Month] | None = None) -> None:
        self.name, self.path, self._each, self._month = each.name, each.path, each, month

    def of_month(self, color: str, month: Month) -> DuckDBShards:
        """Return this warehouse with the one file that a month belongs to: others may be open in their shard's run."""
        return DuckDBShards(self._each, (color, month))

    def shards(self) -> list[Shard]:
        """Return the shards that have a file, in order. Raise WarehouseError where not all of them are of one N."""
        before, *after = map(re.escape, self.path.name.split(SHARD))
        pattern = re.compile(before + "([1-9][0-9]{0,4})-of-([1-9][0-9]{0,4})" + r"\1-of-\2".join(after))
        try:
            names = [path.name for path in self.path.parent.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise WarehouseError(f"warehouse {self.name} ({self.path.parent}): {error.strerror or error}") from error
        found = [Shard(int(match[1]), int(match[2])) for match in map(pattern.fullmatch, names) if match is not None]
        found = [shard for shard in found if 1 <= shard.number <= shard.count <= MOST]
        counts = sorted({shard.count for shard in found})
        if len(counts) > 1:
            raise WarehouseError(
                f"warehouse {self.name} ({self.path}): files of {' and of '.join(map(str, counts))} shards are there, "
                "and a month may be in several; move those of one back-fill away"
            )
        return sorted(found, key=lambda shard: shard.number)

    def _files(self) -> list[DuckDB]:
        return [self._file(shard) for shard in self.shards() if self._month is None or shard.holds(*self._month)]

    def _file(self, shard: Shard) -> DuckDB:
        file = self._each.of_shard(shard)
        assert isinstance(file, DuckDB)
        return file

    def loaded_months(self, dataset: Dataset) -> dict[Month, Marker]:
        found: dict[Month, Marker] = {}
        for file in self._files():
            found |= file.loaded_months(dataset)
        return dict(sorted(found.items()))

    def count(self, dataset: Dataset) -> dict[Month, int]:
        found: dict[Month, int] = {}
        for file in self._files():
            for month, rows in file.count(dataset).items():
                found[month] = found.get(month, 0) + rows
        return dict(sorted(found.items()))

    def filled(self, dataset: Dataset, month: Month, columns: Sequence[str]) -> frozenset[str]:
        files = self.of_month(dataset.color, month)._files()
        return frozenset().union(*(file.filled(dataset, month, columns) for file in files))

    def remove_month(self, dataset: Dataset, month: Month) -> None:
        for file in self.of_month(dataset.color, month)._files():
            file.remove_month(dataset, month)

    def foreign(self) -> Sequence[str]:
        return [line for file in self._files() for line in file.foreign()]

    def checks(self) -> Sequence[Check]:
        place = f"warehouse {self.name}"
        error_line = atomic_files.unwritable(self.path.parent)
        if error_line:
            return [Check(place, "file", Status.ERROR, error_line)]
        try:
            files = self._files()
        except WarehouseError as error:
            return [Check(place, "file", Status.ERROR, str(error))]
        if not files:
            return [Check(place, "file", Status.OK, f"{self.path} will be created for each shard by its first load")]
        failing = [check for file in files for check in file.checks() if check.failing]
        bytes_ = sum(file.path.stat().st_size for file in files)
        there = f"{self.path}: {plural(len(files), 'file')} of {self.shards()[0].count}, {size(bytes_)}"
        return failing or [Check(place, "file", Status.OK, there)]

    def refused(self, dataset: Dataset, months: Sequence[Month]) -> dict[Month, str]:
        return {}

    def zones(self) -> int:
        return max((file.zones() for file in self._files()), default=0)

    def replace_month(self, dataset: Dataset, month: Month, clean: CleanFile, progress: Progress) -> int:
        raise self._without_shard()

    def replace_zones(self, zones: Sequence[Zone]) -> int:
        raise self._without_shard()

    def check_shard(self, shard: Shard | None) -> None:
        """Raise ConfigError, or WarehouseError, where a run of this shard would not write a file of its own."""
        if shard is None:
            raise self._without_shard()
        others = {each.count for each in self.shards()} - {shard.count}
        if others:
            raise ConfigError(
                f"shard {shard}: warehouse {self.name} ({self.path}) has files of {min(others)} shards; give "
                "that N, or move them away"
            )

    def _without_shard(self) -> ConfigError:
        return ConfigError(
            f"warehouse {self.name} has a file for each shard, {self.path}: give --shard I/N, or --shard 1/1 for all "
            "months in one file"
        )
