"""Which files of raw/ an earlier source left."""

from __future__ import annotations

import pytest

from taxi_luigi.inventory.leftovers import is_left

TODAY = {"raw/green/green_tripdata_2021-01.parquet", "raw/green/green_tripdata_2021-02.csv"}
BEFORE = "raw/green/green_tripdata_2021-01.csv.gz"
NOW = "raw/green/green_tripdata_2021-01.parquet"
FILES = {f"{name}{ending}" for name in (*TODAY, BEFORE) for ending in ("", ".receipt.json", ".failure.json")}


@pytest.mark.parametrize("ending", ["", ".receipt.json", ".failure.json", ".lake-nas.failure.json"])
def test_a_file_by_an_earlier_name_is_left_with_all_that_is_beside_it(ending: str) -> None:
    assert is_left(BEFORE + ending, FILES, TODAY)
    assert not is_left(NOW + ending, FILES, TODAY)


def test_the_name_of_today_may_begin_one_of_before() -> None:
    before = "raw/green/green_tripdata_2021-02.csv.gz"
    assert is_left(before, {before, f"{before}.receipt.json"}, TODAY)
    assert is_left(f"{before}.receipt.json", set(), TODAY)


def test_a_file_without_a_receipt_of_ours_stays() -> None:
    assert not is_left("raw/green/notes.txt", {"raw/green/notes.txt"}, TODAY)
