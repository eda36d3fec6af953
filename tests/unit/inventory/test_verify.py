"""What `taxi-luigi verify` calls a difference, one kind at a time, and how it is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taxi_luigi.inventory.verify import Count, MonthCounts, VerifiedMonth, differences
from taxi_luigi.reports.verify_text import closing, heading, text
from taxi_luigi.tlc.months import Month

SOUND = MonthCounts(
    raw=Count("raw", 100, recorded=100),
    clean=Count("clean", 97, recorded=97),
    rejected=Count("rejected", 3, recorded=3),
    lakes=[Count("nas", 97, recorded=97)],
    warehouses=[Count("duckdb", 97, recorded=97), Count("pg", 97, recorded=97)],
    clean_is_lake=True,
    published=100,
)
DUCKDB, PG = SOUND.warehouses
EMPTY = MonthCounts(
    Count("raw"), Count("clean"), Count("rejected"), [Count("nas")], [Count("duckdb")], clean_is_lake=True
)
OTHER_FILE = "raw is another file than the one that was cleaned"


def test_a_sound_month_has_no_difference() -> None:
    assert differences(SOUND, compare_published=True) == ()


def test_a_month_without_a_row_is_sound_too() -> None:
    nothing = [replace(count, rows=0, recorded=0) for count in SOUND.counts]
    raw, clean, rejected, nas, *warehouses = nothing
    assert differences(MonthCounts(raw, clean, rejected, [nas], warehouses, clean_is_lake=True)) == ()


def test_a_place_that_refused_the_month_holds_what_stays_there() -> None:
    nas, duckdb = Count("nas", 120, recorded=120, refused=True), Count("duckdb", 120, recorded=120)
    stays = replace(SOUND, lakes=[nas], warehouses=[duckdb, PG])
    assert differences(stays, compare_published=True) == ()
    assert text(VerifiedMonth("green", Month(2024, 1), stays, ()), 5).endswith(
        "  nas refused the month, and what is held stays"
    )
    spoilt = replace(stays, lakes=[replace(nas, recorded=119)], warehouses=[replace(duckdb, rows=121), PG])
    assert differences(spoilt) == ("nas has 1 row more than its receipt", "duckdb has 24 rows more than clean")


def test_a_place_that_refused_the_month_must_still_hold_the_rows_of_its_marker() -> None:
    refused = replace(DUCKDB, rows=120, recorded=121, refused=True)
    assert differences(replace(SOUND, warehouses=[refused, PG])) == ("duckdb has 1 row fewer than its marker",)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (replace(SOUND, raw=Count("raw", 99)), ["raw has 1 row fewer than clean + rejected"]),
        (
            replace(SOUND, raw=replace(SOUND.raw, rows=102)),
            ["raw has 2 rows more than clean + rejected", "raw has 2 rows more than the receipt"],
        ),
        (
            replace(SOUND, rejected=replace(SOUND.rejected, rows=0)),
            ["raw has 3 rows more than clean + rejected", "rejected has 3 rows fewer than the receipt"],
        ),
        (
            replace(SOUND, raw=Count("raw"), rejected=replace(SOUND.rejected, rows=5)),
            ["rejected has 2 rows more than the receipt"],
        ),
        (replace(SOUND, lakes=[Count("nas", 98, recorded=98)]), ["nas has 1 row more than clean"]),
        (replace(SOUND, lakes=[Count("nas")]), ["nas lacks the month"]),
        (replace(SOUND, lakes=[Count("nas", 97)]), ["nas has no receipt of the month"]),
        (replace(SOUND, warehouses=[DUCKDB, replace(PG, rows=96)]), ["pg has 1 row fewer than clean"]),
        (replace(SOUND, warehouses=[DUCKDB, replace(PG, rows=0)]), ["pg has 97 rows fewer than clean"]),
        (replace(SOUND, warehouses=[DUCKDB, Count("pg")]), ["pg lacks the month"]),
        (replace(SOUND, warehouses=[DUCKDB, Count("pg", 97)]), ["pg has no marker of the month"]),
        (
            replace(SOUND, warehouses=[DUCKDB, replace(PG, recorded=1_096)]),
            ["pg has 999 rows fewer than its marker"],
        ),
        (replace(SOUND, clean=Count("clean")), ["clean lacks the month"]),
        (replace(SOUND, clean=Count("clean", 97)), ["clean has no receipt of the month"]),
        (
            replace(SOUND, clean=Count("clean", 97, recorded=98)),
            ["clean has 1 row fewer than its receipt"],
        ),
        (replace(SOUND, raw=Count("raw", error="/raw: cut short")), ["raw: /raw: cut short"]),
        (replace(SOUND, raw=replace(SOUND.raw, error="other bytes")), ["raw: other bytes"]),
        (replace(SOUND, raw=replace(SOUND.raw, rows=7), other_raw=True), [OTHER_FILE]),
        (
            replace(SOUND, other_raw=True, rejected=replace(SOUND.rejected, rows=5)),
            [OTHER_FILE, "rejected has 2 rows more than the receipt"],
        ),
        (replace(SOUND, rejected=Count("rejected", error="/r: damaged")), ["rejected: /r: damaged"]),
        (replace(SOUND, clean=Count("clean", 97, error="/c: odd receipt")), ["clean: /c: odd receipt"]),
        (EMPTY, ["nowhere"]),
        (
            replace(EMPTY, raw=Count("raw", 100)),
            ["clean lacks the month", "nas lacks the month", "duckdb lacks the month"],
        ),
    ],
)  # fmt: skip
def test_each_disagreement_is_named(found: MonthCounts, expected: list[str]) -> None:
    assert list(differences(found)) == expected


@pytest.mark.parametrize(
    "found",
    [
        replace(SOUND, raw=Count("raw")),
        replace(SOUND, clean=Count("clean"), clean_is_lake=False),
        replace(
            SOUND, raw=Count("raw"), clean=Count("clean"), rejected=Count("rejected", recorded=3), clean_is_lake=False
        ),
        replace(SOUND, lakes=[], warehouses=[]),
        replace(SOUND, warehouses=[DUCKDB, Count("pg", known=False)]),
        replace(SOUND, lakes=[Count("nas", known=False)]),
        replace(EMPTY, warehouses=[Count("duckdb", known=False)]),
    ],
    ids=["keep_raw", "keep_clean", "another machine", "no further stores", "pg down", "nas down", "nothing known"],
)  # fmt: skip
def test_what_is_not_kept_and_what_cannot_be_listed_is_no_difference(found: MonthCounts) -> None:
    assert differences(found) == ()


def test_without_any_file_the_marker_is_what_a_table_is_held_against() -> None:
    found = replace(EMPTY, lakes=[], clean_is_lake=False, warehouses=[Count("duckdb", 96, recorded=97)])
    assert differences(found) == ("duckdb has 1 row fewer than its marker",)


def test_published_is_compared_only_on_demand() -> None:
    other = replace(SOUND, published=98)
    assert differences(other) == ()
    assert differences(other, compare_published=True) == ("TLC's file has 2 rows more than published",)
    assert differences(replace(other, published=None), compare_published=True) == ()


def test_published_is_held_against_kept_and_rejected_where_the_raw_file_is_gone() -> None:
    gone = replace(SOUND, raw=Count("raw"))
    assert differences(gone, compare_published=True) == ()
    assert differences(replace(gone, published=90), compare_published=True) == (
        "TLC's file has 10 rows more than published",
    )


def test_published_is_held_against_the_month_that_is_held_where_the_raw_file_is_another() -> None:
    refused = replace(SOUND, raw=replace(SOUND.raw, rows=7), other_raw=True)
    assert not replace(refused, from_tlc=True).unlike_published
    assert differences(refused, compare_published=True) == (OTHER_FILE,)


def line(found: MonthCounts, color: str = "green", month: int = 1) -> VerifiedMonth:
    return VerifiedMonth(color, Month(2021, month), found, differences(found))


def test_a_line_shows_every_place_in_columns() -> None:
    rows = 76_518
    green = MonthCounts(
        raw=Count("raw", rows),
        clean=Count("clean", rows, recorded=rows),
        rejected=Count("rejected", 0),
        lakes=[],
        warehouses=[Count("duckdb", rows, recorded=rows), Count("postgres", rows, recorded=rows)],
        clean_is_lake=True,
        published=rows,
    )
    month = line(green)
    assert heading(month, 5).split() == ["month", "published", "raw", "clean", "rejected", "duckdb", "postgres"]
    shown = text(month, 5)
    assert shown.split() == ["green", "2021-01", *["76,518"] * 3, "0", *["76,518"] * 2]
    large = replace(green, raw=Count("raw", 23_864_598), published=None)
    other = text(line(large, "fhvhv"), 5).splitlines()[0]
    assert other.split()[2:4] == ["–", "23,864,598"]
    assert len(heading(month, 5)) == len(shown) == len(other) <= 100


def test_a_month_that_disagrees_has_its_reasons_below_in_lines_of_a_hundred_columns() -> None:
    found = replace(SOUND, lakes=[Count("nas", known=False)], warehouses=[replace(DUCKDB, rows=96), Count("pg")])
    row, *reasons = text(line(found), 6).splitlines()
    assert row.split()[-3:] == ["?", "96", "–"]
    assert reasons == ["    ≠ pg lacks the month", "    ≠ duckdb has 1 row fewer than clean"]
    long = text(VerifiedMonth("green", Month(2021, 1), SOUND, ("many words " * 30,)), 6).splitlines()
    assert len(long) > 3
    assert max(map(len, long)) <= 100


def test_the_last_line_shows_how_it_is() -> None:
    bad = line(replace(SOUND, raw=Count("raw", 99)), month=2)
    assert closing([line(SOUND)], all_listed=True) == "1 month, 97 rows: no difference"
    assert closing([line(SOUND), bad], all_listed=True) == "2 months, 194 rows: 1 month differs: green 2021-02"
    assert closing([bad, bad], all_listed=False) == "2 months, 194 rows: 2 months differ: green 2021-02, green 2021-02"
    assert closing([line(SOUND)], all_listed=False).endswith("no difference among the places that could be listed")
    assert closing([], all_listed=True) == "no month is held in any place"


def test_the_last_line_shows_which_months_have_other_rows_than_tlc_published() -> None:
    few = replace(SOUND, published=7_696_617, from_tlc=True)
    shown = closing([line(SOUND), line(few, "yellow", 2)], all_listed=True)
    assert shown == (
        "2 months, 194 rows: no difference; "
        "1 month has another number of rows than TLC published (yellow 2021-02: 100 of 7,696,617)"
    )
    bad = line(replace(few, lakes=[Count("nas")]), "yellow", 3)
    assert closing([line(few), bad], all_listed=False) == (
        "2 months, 194 rows: 1 month differs: yellow 2021-03; 2 months have another number of rows than TLC published "
        "(green 2021-01: 100 of 7,696,617; yellow 2021-03: 100 of 7,696,617)"
    )
    many = [line(few, color, month) for color in ("green", "yellow") for month in (1, 2, 3, 4, 5, 6)][:8]
    assert closing(many, all_listed=True).endswith(
        ": no difference; 8 months have another number of rows than TLC published "
        "(green 2021-01 … 2021-06; yellow 2021-01, 2021-02)"
    )


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (replace(SOUND, published=99, from_tlc=True), True),
        (replace(SOUND, published=101, from_tlc=True), True),
        (replace(SOUND, raw=Count("raw"), published=101, from_tlc=True), True),
        (replace(SOUND, raw=Count("raw", error="damaged"), published=101, from_tlc=True), True),
        (replace(SOUND, raw=Count("raw"), rejected=Count("rejected", recorded=3), published=9, from_tlc=True), True),
        (replace(SOUND, published=100, from_tlc=True), False),
        (replace(SOUND, published=101, from_tlc=False), False),
        (replace(SOUND, published=None, from_tlc=True), False),
        (replace(EMPTY, published=101, from_tlc=True), False),
    ],
    ids=[
        "more", "fewer", "raw not kept", "raw damaged", "rejects elsewhere", "as many", "from elsewhere",
        "no count is known", "nowhere",
    ],
)  # fmt: skip
def test_only_months_from_tlc_are_held_against_its_counts_and_rejects_count_as_rows(
    found: MonthCounts, named: bool
) -> None:
    assert found.unlike_published is named
    assert ("than TLC published" in closing([line(found)], all_listed=True)) is named
