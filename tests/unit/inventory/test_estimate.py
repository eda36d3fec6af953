"""What the months of a plan need: rows, bytes, time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from taxi_luigi import config
from taxi_luigi.history import WorkDone
from taxi_luigi.inventory import estimate as module
from taxi_luigi.inventory.estimate import CLEAN, DOWNLOAD, LOAD, UPLOAD, Estimate, Loading, MonthNeeds, estimate
from taxi_luigi.storage.local import FolderStore

MONTH = MonthNeeds("yellow", 1_000_000, 15_000_000, clean=True, warehouses=("duckdb",))
DUCKDB = {"duckdb": Loading(2.0, 4e6, one_at_a_time=True)}
DOWNLOADED = WorkDone(DOWNLOAD, "", "green", 4, 0, 40_000_000, 4.4)
CLEANED = WorkDone(CLEAN, "local", "yellow", 10, 20_000_000, 0, 11.0)


def of(*months: MonthNeeds, done: tuple[WorkDone, ...] = (), workers: int = 1, **kept: bool) -> Estimate:
    return estimate(months, DUCKDB, done, workers, **kept)


def test_sizes_add_up_over_months_and_places() -> None:
    found = of(MONTH, replace(MONTH, lakes=("gcs",)), replace(MONTH, download=0, clean=False))
    assert (found.months, found.rows, found.download, found.raw) == (3, 3_000_000, 30_000_000, 30_000_000)
    assert (found.clean, found.lakes) == (33_000_000, {"gcs": 16_500_000})
    assert found.warehouses == {"duckdb": 99_000_000}


def test_files_that_are_not_kept_take_the_room_of_those_in_work() -> None:
    months = [replace(MONTH, download=size) for size in (10, 30, 20)]
    found = of(*months, workers=2, keep_raw=False, keep_clean=False)
    assert (found.download, found.raw, found.clean) == (60, 50, 33_000_000)


@pytest.mark.parametrize(
    ("done", "seconds"),
    [
        # 15 MB at 6 MB/s, a million rows at 2.5 and at 4 million a second, and 0.1 s for each task
        ((), 2.5 + 0.4 + 0.25 + 0.3),
        # 40 MB in 4 s without the tasks' overhead: 10 MB/s, whatever the record type
        ((DOWNLOADED,), 1.5 + 0.4 + 0.25 + 0.3),
        ((CLEANED,), 2.5 + 0.5 + 0.25 + 0.3),
    ],
)
def test_speeds_are_this_machines_where_it_has_done_enough(done: tuple[WorkDone, ...], seconds: float) -> None:
    found = of(MONTH, done=done)
    assert found.seconds == pytest.approx(seconds)
    assert found.measured == {each.task for each in done}
    assert found.measured | found.guessed == {DOWNLOAD, CLEAN, LOAD}


def test_small_months_and_other_stores_measure_nothing() -> None:
    small = replace(CLEANED, rows=900_000)
    elsewhere = WorkDone(LOAD, "postgres", "yellow", 10, 20_000_000, 0, 50.0)
    assert of(MONTH, done=(small, elsewhere)).measured == set()


def test_a_new_record_type_is_as_fast_as_the_others() -> None:
    month = MonthNeeds("fhv", 1_000_000, 0, clean=True)
    assert of(month, done=(CLEANED,)).seconds == pytest.approx(0.1 + 0.5)


def test_workers_share_the_work_but_not_the_loads_of_one_writer_nor_one_month() -> None:
    months = [replace(MONTH, download=0)] * 8  # 0.5 s to clean and 0.35 s to load, each
    assert of(*months, workers=1).seconds == pytest.approx(8 * 0.85)
    assert of(*months, workers=2).seconds == pytest.approx(4 * 0.85)
    assert of(*months, workers=8).seconds == pytest.approx(8 * 0.35), "the loads, one after the other"
    assert of(months[0], workers=8).seconds == pytest.approx(0.85)


def test_nothing_to_do_needs_nothing() -> None:
    found = of()
    assert (found.months, found.rows, found.raw, found.seconds) == (0, 0, 0, 0)


def test_each_lake_has_its_own_speed() -> None:
    month = MonthNeeds("yellow", 1_000_000, 0, clean=False, lakes=("gcs", "s3"))
    done = WorkDone(UPLOAD, "gcs", "green", 2, 0, 33_000_000, 2.2)
    found = estimate([month], {}, [done], 1)
    assert found.seconds == pytest.approx(16.5 / 16.5 + 16.5 / 50 + 0.2)
    assert (found.measured, found.guessed) == ({UPLOAD}, {UPLOAD})


def places(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Estimate:
    """What a month needs that goes to a workspace and a DuckDB file below a folder, which need not exist."""
    monkeypatch.setattr(config, "workspace", lambda: FolderStore("workspace", FolderStore.Settings(folder / "data")))
    monkeypatch.setattr(config, "warehouse_files", lambda: {"duckdb": folder / "w" / "warehouse.duckdb"})
    return of(MONTH)


def test_places_on_one_disk_share_its_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = places(monkeypatch, tmp_path)
    [disk] = module.disks(found)
    assert (disk.folder, disk.needed) == (tmp_path / "data", found.raw + found.clean + found.warehouses["duckdb"])
    assert disk.free > 0
    assert not disk.too_small
    assert replace(disk, free=disk.needed - 1).too_small


def test_a_disk_that_cannot_be_looked_at_ends_no_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(folder: Path) -> tuple[int, Path]:
        raise PermissionError(13, "Permission denied", str(folder))

    found = places(monkeypatch, tmp_path)
    monkeypatch.setattr(module, "disk_of", refuse)  # root, who runs these tests, is refused nothing
    assert module.disks(found) == []
