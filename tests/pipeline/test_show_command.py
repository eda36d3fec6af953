"""`taxi-luigi show`: the account of one month, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.tlc.months import Month
from tests.pipeline.conftest import After
from tests.support.cdn import Cdn
from tests.support.once import Once
from tests.support.project import Project, Run

MONTH = Month(2024, 1)
LOAD = ("LoadAllMonths", "--colors", "green", "--months", MONTH)


@pytest.fixture
def cdn(made_once: Once) -> Iterator[Cdn]:
    """One green month of 2,000 records with a column that is not known and one gone."""

    def publish(folder: Path) -> None:
        made = write_month(folder, "green", MONTH, 2_000, seed=1)
        table = pq.read_table(made).append_column("surge", pa.array([1.5, None] * 1_000)).drop_columns(["trip_type"])
        pq.write_table(table, made)

    with Cdn(made_once("shown", publish)) as cdn:
        yield cdn


@pytest.fixture
def loaded(loading: Project, after: After) -> Project:
    """That month, with half of the rules switched on."""
    loading.configure({"clean": {"reject": "negative_total, zero_distance", "missing_columns": "trip_type"}})
    return after(*LOAD)


def show(project: Project, *words: object) -> Run:
    done = project.command("taxi-luigi", "show", *words)
    assert "Traceback" not in done.out
    return done


def test_each_rule_has_what_it_counted_and_took_out(loaded: Project) -> None:
    shown = show(loaded, "green", MONTH)
    assert shown.rc == 0, shown.out
    account = json.loads(show(loaded, "green", MONTH, "--json").out)
    receipt = account["receipt"]
    assert account["version"] == 1
    assert receipt["rows_in"] == receipt["rows_kept"] + sum(receipt["rejected"].values()) == 2_000
    assert receipt["rejected"].keys() == {"negative_total", "zero_distance"}
    assert account["places"]["warehouse duckdb"]["rows"] == receipt["rows_kept"]
    assert (account["state"], account["held_in"]) == ("everywhere", "clean")
    lines = [line.split() for line in shown.out.splitlines()]
    assert f"{receipt['rows_kept']:,} kept" in shown.out
    for rule, taken in receipt["rejected"].items():
        assert [rule, f"{receipt['rules'][rule]:,}", f"{taken:,}"] in lines
    assert (
        f"encoded  lpep_pickup_datetime, lpep_dropoff_datetime: {receipt['encodings']['lpep_pickup_datetime']}\n"
        in shown.out
    )
    assert ["no_passengers", f"{receipt['rules']['no_passengers']:,}"] in lines


def test_columns_that_are_gone_or_not_known_are_named(loaded: Project) -> None:
    lines = [line.split() for line in show(loaded, "green", MONTH).out.splitlines()]
    assert ["trip_type", "layout"] in lines
    assert ["surge", "double", "50%"] in lines


def test_a_month_cleaned_by_other_rules_than_today_is_stale(loaded: Project) -> None:
    loaded.configure({"clean": {"reject": ""}})
    assert "stale    rules changed since it was cleaned" in show(loaded, "green", MONTH).out


def test_a_month_of_which_nothing_is_held_is_an_error(loaded: Project) -> None:
    for words in (("green", "2024-02"), ("yellow", "2024-01"), ("green", "2009-01")):
        shown = show(loaded, *words)
        assert (shown.rc, shown.out) == (40, f"taxi-luigi: nothing is held of {words[0]} {words[1]}\n")
    account = show(loaded, "green", "2024-02", "--json").out.partition("taxi-luigi: ")[0]
    assert json.loads(account)["receipt"] is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("purple", "2024-01"), "color must be one of yellow, green, fhv, fhvhv, not 'purple'"),
        (("green,yellow", "2024-01"), "one record type at a time"),
        (("green", "2024-13"), "month must look like 2024-01, not '2024-13'"),
    ],
)
def test_a_month_that_cannot_be_is_one_line(project: Project, words: tuple[str, str], says: str) -> None:
    shown = show(project, *words)
    assert shown.rc == 40
    assert says in shown.out
    assert shown.out.count("\n") == 1


def test_a_place_that_does_not_answer_is_said_beside_the_account(loaded: Project) -> None:
    loaded.warehouse.write_bytes(b"no database")
    shown = show(loaded, "green", MONTH)
    assert shown.rc == 40
    assert "2,000 records" in shown.out
    assert "cannot list warehouse duckdb (" in shown.out
