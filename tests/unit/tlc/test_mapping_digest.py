"""The digest of a month's column mapping: what changes it, in which months, and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import pytest

from taxi_luigi.tlc.datasets import DATASETS, Column, Dataset
from taxi_luigi.tlc.datasets import mapping as mapping_module
from taxi_luigi.tlc.datasets.first_mapping import FIRST_MAPPING
from taxi_luigi.tlc.datasets.mapping import eras, first_mapping_digest, mapping_digest
from taxi_luigi.tlc.datasets.model import Spelling
from taxi_luigi.tlc.months import Month, Selection, month_range

YELLOW = DATASETS["yellow"]
LAST = Month(2027, 12)
"""Later than all that datasets/ tells apart."""

PINNED = [
    ("yellow", "2009-06", "31f10528"),
    ("yellow", "2010-02", "4cdae471"),
    ("yellow", "2013-05", "d12ca066"),
    ("yellow", "2016-08", "25d5d716"),
    ("yellow", "2026-07", "126727b1"),
    ("green", "2013-08", "5f547ef1"),
    ("green", "2020-03", "a81a71f0"),
    ("green", "2026-06", "efdc16a7"),
    ("fhv", "2016-01", "c3baa6ee"),
    ("fhv", "2018-12", "ea715c0a"),
    ("fhvhv", "2019-02", "36fd1975"),
    ("fhvhv", "2025-03", "b4c3b231"),
]

CHANGED: dict[str, str] = {}
"""Record type → the months, as in a selection, whose mapping has changed since digests are kept.

An installation that loaded them before the first mapping digest cleans them again. Enter a month here only when its
rows differ: a spelling or a code was added that its files have, or a cast reads their values otherwise.
"""


def months(dataset: Dataset) -> list[Month]:
    return list(month_range(dataset.first_month, LAST))


def digests(dataset: Dataset) -> dict[Month, str]:
    return {month: mapping_digest(dataset, month) for month in months(dataset)}


def changed(dataset: Dataset) -> set[Month]:
    """The months whose digest is not that of the same record type as it is."""
    before = digests(DATASETS[dataset.color])
    return {month for month, digest in digests(dataset).items() if digest != before[month]}


def with_column(name: str, change: Callable[[Column], Column], dataset: Dataset = YELLOW) -> Dataset:
    assert dataset.has(name)
    return replace(dataset, columns=tuple(change(each) if each.name == name else each for each in dataset.columns))


def spelled_too(*spelling: str) -> Callable[[Column], Column]:
    name, parquet, csv = spelling
    return lambda column: replace(column, spellings=(*column.spellings, Spelling.of(name, parquet, csv)))


@pytest.mark.parametrize(("color", "month", "digest"), PINNED)
def test_renaming_code_changes_no_months_digest(color: str, month: str, digest: str) -> None:
    """Where this fails, that month is cleaned again in every installation: enter it in CHANGED if its rows differ."""
    assert mapping_digest(DATASETS[color], Month.parse(month)) == digest


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_months_from_before_the_digest_are_stale_only_where_the_mapping_has_changed_since(dataset: Dataset) -> None:
    differ = {
        month for month in months(dataset) if first_mapping_digest(dataset, month) != mapping_digest(dataset, month)
    }
    expected = Selection.parse(CHANGED[dataset.color]) if dataset.color in CHANGED else None
    assert differ == {month for month in months(dataset) if expected is not None and expected.covers(month)}


def test_the_first_mapping_is_frozen() -> None:
    """It is of the past: where a mapping changes, PINNED and CHANGED above are what is to be edited."""
    assert sha256(json.dumps(FIRST_MAPPING, sort_keys=True).encode()).hexdigest()[:16] == "ef508153a88a3297"


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_time_spans_cover_all_months_and_no_two_neighbours_are_alike(dataset: Dataset) -> None:
    spans = eras(dataset)
    assert [month for month, _ in spans] == sorted({month for month, _ in spans})
    assert spans[0][0] == str(dataset.first_month)
    assert all(before[1] != after[1] for before, after in pairwise(spans))
    assert all(len(bytes.fromhex(digest)) == 4 for _, digest in spans)


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_a_month_after_the_last_known_layout_has_the_newest_mapping(dataset: Dataset) -> None:
    assert mapping_digest(dataset, Month(2099, 12)) == eras(dataset)[-1][1]


@pytest.mark.parametrize(
    ("spelling", "first", "last"),
    [
        (("Fare_Amt_USD", "2026-07..", ""), Month(2026, 7), LAST),
        (("Fare_Amt_USD", "", "2019-03"), Month(2019, 3), Month(2019, 3)),
        (("Fare_Amt_USD", "2012-02..2013-04", "2013"), Month(2012, 2), Month(2013, 12)),
        (("Fare_Amt_USD", "2009..", "2009.."), Month(2009, 1), LAST),
    ],
)
def test_a_new_spelling_changes_the_months_that_it_covers_alone(
    spelling: tuple[str, str, str], first: Month, last: Month
) -> None:
    assert changed(with_column("fare_amount", spelled_too(*spelling))) == set(month_range(first, last))


def test_a_new_column_changes_the_months_that_it_covers_alone() -> None:
    column = Column("night_fee", "double", "a fee", "USD").named(("Night_Fee", "2026-09..", ""))
    assert changed(replace(YELLOW, columns=(*YELLOW.columns, column))) == set(month_range(Month(2026, 9), LAST))


def test_a_column_that_a_month_lost_changes_it() -> None:
    columns = tuple(column for column in YELLOW.columns if column.name != "cbd_congestion_fee")
    assert changed(replace(YELLOW, columns=columns)) == set(month_range(Month(2025, 1), LAST))


@pytest.mark.parametrize(
    "change",
    [
        lambda column: replace(column, type="int64"),
        lambda column: replace(column, name="payment"),
        lambda column: replace(column, value_map={**column.value_map, "barter": "7"}),
        lambda column: replace(column, value_map={**column.value_map, "crd": "7"}),
        lambda column: replace(column, value_map={**column.value_map, "crd": None}),
        lambda column: replace(column, value_map={**column.value_map, "crd": ""}),
    ],
    ids=["type", "name", "new code", "other code", "no value", "empty code"],
)
def test_a_type_a_name_and_a_code_change_all_months_that_have_the_column(change: Callable[[Column], Column]) -> None:
    assert changed(with_column("payment_type", change)) == set(months(YELLOW))


def test_a_code_for_no_value_is_not_a_code_of_no_text() -> None:
    none = with_column("payment_type", lambda column: replace(column, value_map={"na": None}))
    empty = with_column("payment_type", lambda column: replace(column, value_map={"na": ""}))
    assert mapping_digest(none, LAST) != mapping_digest(empty, LAST)


def test_coalescing_counts_in_the_months_with_several_sources_of_a_column_alone() -> None:
    apart = with_column("dispatching_base_num", lambda column: replace(column, coalesce=False), DATASETS["fhv"])
    assert changed(apart) == set(month_range(Month(2018, 1), Month(2018, 12)))


@pytest.mark.parametrize(
    "change",
    [
        lambda column: replace(column, meaning="another text", unit="cents"),
        lambda column: replace(column, required=True, optional=True),
        lambda column: replace(column, spellings=column.spellings[::-1]),
        lambda column: replace(column, value_map=dict(reversed(column.value_map.items()))),
        lambda column: replace(
            column, spellings=tuple(replace(each, name=f" {each.name.upper()} ") for each in column.spellings)
        ),
        lambda column: replace(
            column, spellings=tuple(replace(each, parquet=each.csv, csv=each.parquet) for each in column.spellings)
        ),
    ],
    ids=["texts", "what must be there", "order of spellings", "order of codes", "case and blanks", "form"],
)
def test_what_decides_no_row_changes_no_digest(change: Callable[[Column], Column]) -> None:
    for name in ("payment_type", "extra", "airport_fee"):
        assert changed(with_column(name, change)) == set()


def test_the_order_of_columns_and_the_texts_of_a_record_type_change_no_digest() -> None:
    assert changed(replace(YELLOW, columns=YELLOW.columns[::-1], meaning="cabs", distance=None)) == set()


def test_another_version_of_the_casts_changes_every_month(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digests(YELLOW)
    monkeypatch.setattr(mapping_module, "CAST_VERSION", mapping_module.CAST_VERSION + 1)
    after = digests(replace(YELLOW))
    assert all(before[month] != after[month] for month in before)


def test_a_record_type_of_ones_own_counts_as_cleaned_by_todays_mapping() -> None:
    ferry = replace(YELLOW, color="ferry")
    assert first_mapping_digest(ferry, LAST) == mapping_digest(ferry, LAST)
    assert mapping_digest(ferry, LAST) == mapping_digest(YELLOW, LAST)


def test_a_column_without_spellings_counts_by_its_own_name() -> None:
    column = Column("night_fee", "double", "a fee", "USD")
    named, named = column, column.named(("night_fee", "2009..", "2009.."))
    both = [replace(YELLOW, columns=(*YELLOW.columns, each)) for each in (named, named)]
    assert digests(both[0]) == digests(both[1])
    assert changed(both[0]) == set(months(YELLOW))


def test_every_month_is_answered_from_the_time_spans_made_once() -> None:
    eras.cache_clear()
    for dataset in DATASETS.values():
        digests(dataset)
    assert eras.cache_info().misses == len(DATASETS)
