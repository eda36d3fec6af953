"""What each place holds: all are asked at the same time, and one that cannot be listed is an error of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier

import pytest
from luigi.configuration import LuigiConfigParser

from taxi_luigi import config
from taxi_luigi.core.errors import ConfigError, ForeignTable, StorageError, WarehouseError
from taxi_luigi.inventory import Holding, Inventory, Place, error_lines, make_plan
from taxi_luigi.storage import Entry
from taxi_luigi.storage.lake import Lake
from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.warehouses import Marker
from taxi_luigi.warehouses.duckdb import DuckDB

JANUARY = Month(2024, 1)
LAKES = ("a", "b", "c")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three lakes that are folders, and a DuckDB; of each nothing is there."""
    parser = LuigiConfigParser()
    parser.read_dict(
        {
            "taxi": {
                "workspace": str(tmp_path / "workspace"),
                "source": f"{tmp_path}/{{color}}_tripdata_{{year}}-{{month:02}}.parquet",
                "lake": ", ".join(LAKES),
                "warehouse": "duckdb",
                "zones": "",
            },
            **{f"lake.{name}": {"type": "local", "path": str(tmp_path / name)} for name in LAKES},
            "warehouse.duckdb": {"path": str(tmp_path / "warehouse.duckdb")},
        }
    )
    monkeypatch.setattr(LuigiConfigParser, "_instance", parser)


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """The warnings in the log, as they come."""
    lines: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("luigi-interface")
    logger.addHandler(handler)
    yield lines
    logger.removeHandler(handler)


def test_stores_that_are_down_are_waited_for_at_the_same_time_and_named_once(
    settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    all_at_once = Barrier(len(LAKES), timeout=10)  # breaks, with an error, unless all three wait together

    def down(lake: Lake, color: str) -> dict[Month, Entry]:
        if lake.url(color, JANUARY).startswith(str(tmp_path / "workspace")):  # clean/, listed when months are missing
            return {}
        all_at_once.wait()
        raise StorageError(f"{lake.url(color, JANUARY)}: no route to host")

    monkeypatch.setattr(Lake, "list", down)
    plan = make_plan({(color, JANUARY): True for color in ("yellow", "green")})
    assert [(each.color, each.lakes) for each in plan.to_do] == [("yellow", LAKES), ("green", LAKES)]
    assert [line.partition(": /")[0] for line in warnings] == [f"cannot list lake {name}" for name in LAKES]


def test_a_place_that_fails_is_not_listed_for_the_other_record_types(
    settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = []

    def fails_at_green(_: Lake, color: str) -> dict[Month, Entry]:
        listed.append(color)
        if color == "green":
            raise StorageError("gs://bucket: 503")
        return {JANUARY: Entry(9, "v")}

    monkeypatch.setattr(Lake, "list", fails_at_green)
    place = Inventory.ask(("yellow", "green", "fhv"), ["lake a"]).place("lake a")
    assert listed == ["yellow", "green"]
    assert place.months("yellow") == {JANUARY: Holding(9)}
    assert list(place.errors) == ["green", "fhv"]
    assert error_lines([place]) == ["cannot list lake a: gs://bucket: 503"]


def test_a_foreign_table_is_the_error_of_its_record_type_alone(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = Marker("yellow", JANUARY, "1-2", "0" * 64, 5, "2026-11-01T00:00:00+00:00")

    def loaded(_: DuckDB, dataset: Dataset) -> dict[Month, Marker]:
        if dataset.color == "green":
            raise ForeignTable("warehouse duckdb (x): green_tripdata is a view")
        return {JANUARY: marker}

    monkeypatch.setattr(DuckDB, "loaded_months", loaded)
    place = Inventory.ask(("green", "yellow"), ["warehouse duckdb"]).place("warehouse duckdb")
    assert list(place.errors) == ["green"]
    assert place.months("yellow") == {JANUARY: Holding(None, 5, "1-2", marker.loaded_at)}
    assert error_lines([place]) == ["cannot list warehouse duckdb (x): green_tripdata is a view"]


def test_counted_rows_stand_beside_the_marker_s_and_alone_where_there_is_none(
    settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    february, march = Month(2024, 2), Month(2024, 3)
    markers = {month: Marker("green", month, "1-2", "0", 5, "2026") for month in (JANUARY, february)}
    monkeypatch.setattr(DuckDB, "loaded_months", lambda *_: markers)
    monkeypatch.setattr(DuckDB, "count", lambda *_: {JANUARY: 4, march: 7})
    months = Inventory.ask(["green"], ["warehouse duckdb"], counted=True).place("warehouse duckdb").months("green")
    assert {month: (held.rows, held.counted) for month, held in months.items()} == {
        JANUARY: (5, 4), february: (5, 0), march: (None, 7),
    }  # fmt: skip


def test_a_plan_lists_no_workspace_when_nothing_is_to_be_done(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lake, "list", lambda *_: {JANUARY: Entry(9, "v")})
    monkeypatch.setattr(DuckDB, "loaded_months", lambda *_: {JANUARY: Marker("green", JANUARY, "1-2", "0", 5, "2026")})
    monkeypatch.setattr(config, "clean_lake", lambda: pytest.fail("clean/ is not a lake here"))
    monkeypatch.setattr(config, "workspace", lambda: pytest.fail("the workspace is not needed"))
    assert make_plan({("green", JANUARY): True}).done


def test_a_setting_that_only_the_store_finds_wrong_ends_the_plan(
    settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> dict[Month, Entry]:
        raise ConfigError("lake a: no credentials")

    monkeypatch.setattr(Lake, "list", refused)
    with pytest.raises(ConfigError, match="no credentials"):
        make_plan({("green", JANUARY): True})


def test_places_with_the_same_error_share_a_line() -> None:
    denied = StorageError("/data: permission denied")
    down = WarehouseError("warehouse pg (localhost): connection refused")
    places = [
        Place("raw", "raw", False, errors={"green": denied, "fhv": denied}),
        Place("clean", "clean", True, errors={"green": denied}),
        Place("pg", "warehouse", True, errors={"green": down}),
        Place("duckdb", "warehouse", True),
    ]
    assert error_lines(places) == [
        "cannot list raw and clean: /data: permission denied",
        "cannot list warehouse pg (localhost): connection refused",
    ]
