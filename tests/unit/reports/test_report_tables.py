"""The numbers of the report: from receipts, markers and listings to tables, without a page."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.core.errors import BadFile, WarehouseError
from taxi_luigi.core.receipts import DROPPED, FOOTER_KEY, LAYOUT, OTHER_FORM, CleanReceipt, RawReceipt
from taxi_luigi.history import MonthResult, Result, RunResult
from taxi_luigi.inventory import ColorStatus, Holding, LastFailure, Place, Status, color_status
from taxi_luigi.inventory.accounts import MAX_FAILURES, Account, Accounts, first_account, read_account
from taxi_luigi.reports.html import Glance, digest, parts, sections
from taxi_luigi.reports.html.data import Tables, layout_spans, tables_of
from taxi_luigi.reports.html.parts import Figure
from taxi_luigi.reports.html.sections import section
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import Limits
from taxi_luigi.transform.staleness import Recipe

JANUARY, FEBRUARY, MARCH, APRIL = (Month(2024, number) for number in range(1, 5))
RECIPE = Recipe("0", "1", "1", frozenset())
COLUMNS = {"VendorID": "int64", "passenger_count": "double", "lpep_pickup_datetime": "timestamp[us]"}


def receipt(month: Month, **more: object) -> CleanReceipt:
    """Of 1,000 rows, ten of them rejected."""
    raw = RawReceipt("https://tlc.example/f", None, None, 5_000, "0" * 64, "0", "2026-11-01T00:00:00+00:00")
    fields: dict[str, object] = {
        "edition": "0-0", "color": "green", "month": str(month), "raw": raw, "raw_format": "parquet",
        "layout": COLUMNS, "left_out": {}, "rows_in": 1_000, "rows_kept": 990,
        "rejected": {"unreadable:passenger_count": 10}, "rules": {"zero_distance": 40, "outside_file_month": 5},
    }  # fmt: skip
    return CleanReceipt(**{**fields, **more})  # type: ignore[arg-type]


def green() -> ColorStatus:
    """Holding: January to March, the last without a clean file; published: April."""
    clean = {month: Holding(4_000) for month in (JANUARY, FEBRUARY)}
    marked = {month: Holding(None, 990, "0-0", "2026-11-02T00:00:00") for month in (JANUARY, FEBRUARY, MARCH)}
    places = [
        Place("clean", "clean", True, {"green": clean}),
        Place("duckdb", "warehouse", True, {"green": marked}),
    ]
    published = dict.fromkeys((JANUARY, FEBRUARY, MARCH, APRIL), 1_000)
    return color_status("green", JANUARY, published, {}, places, Month(2024, 6), lambda month: RECIPE, {})


def tables() -> Tables:
    found = {
        ("green", JANUARY): Account(receipt(JANUARY), 990, {"vendorid": 0, "passenger_count": 99, "ehail_fee": 990}),
        ("green", FEBRUARY): Account(receipt(FEBRUARY, rules={"zero_distance": 0}), 990, {"vendorid": 0}),
    }
    lacking = {("green", MARCH): "its clean file is not there"}
    return tables_of(green(), Accounts(found, lacking), {("green", MARCH): {"LoadMonth duckdb": 2.5}})


def test_months_go_from_the_first_to_the_last_that_is_published_or_held() -> None:
    assert list(tables().months.index) == ["2024-01", "2024-02", "2024-03", "2024-04"]
    assert tables().held == ["2024-01", "2024-02", "2024-03"]


def test_a_month_without_a_receipt_has_the_values_of_its_marker_and_no_more() -> None:
    march = tables().months.loc["2024-03"]
    assert march["trips"] == 990
    assert march["seconds"] == 2.5
    assert math.isnan(march["rejected"])
    assert math.isnan(march["clean"])


def test_steps_are_in_the_order_in_which_a_month_goes_through_them() -> None:
    steps = dict.fromkeys(("LoadMonth pg", "UploadMonth gcs", "LoadMonth duckdb", "CleanMonth", "DownloadMonth"), 1.0)
    made = tables_of(green(), Accounts(), {("green", MARCH): steps})
    in_order = ["DownloadMonth", "CleanMonth", "UploadMonth gcs", "LoadMonth duckdb", "LoadMonth pg"]
    assert list(made.seconds) == in_order


def test_a_month_that_is_only_published_has_no_trips() -> None:
    april = tables().months.loc["2024-04"]
    assert (april["held"], april["published"]) == (False, 1_000)
    assert math.isnan(april["trips"])


def test_counts_of_receipts_are_in_the_month_that_they_are_of() -> None:
    assert list(tables().rules["zero_distance"].dropna()) == [40, 0]
    assert tables().stray["2024-01"] == 5
    assert tables().rejected["unreadable:passenger_count"].sum() == 20


def test_a_column_that_the_file_has_not_is_neither_empty_nor_full() -> None:
    shares = tables().nulls
    assert shares.loc["2024-01", "passenger_count"] == pytest.approx(0.1)
    assert shares.loc["2024-01", "vendorid"] == 0
    assert math.isnan(shares.loc["2024-01", "ehail_fee"])


def test_a_year_sums_what_is_known_of_its_months() -> None:
    year = tables().by_year().loc["2024"]
    assert (year["held"], year["trips"], year["rejected"], year["clean"]) == (3, 2_970, 20, 8_000)


def test_a_color_lists_missing_months_and_those_without_a_receipt() -> None:
    lacking = {("green", MARCH): "its clean file is not there"}
    said = section(green(), tables(), Accounts({}, lacking), Limits()).problems
    assert "not in clean: 2024-03 (1 month)" in said
    assert "published, not here: 2024-04 (1 month)" in said
    assert [line for line in said if line.startswith("no receipt, as its clean file is not there")]


def figure(title: str, **more: object) -> Figure:
    """A part of the page of green January with such a receipt, and of February as it was."""
    found = {
        ("green", JANUARY): Account(receipt(JANUARY, **more), 990, {}),
        ("green", FEBRUARY): Account(receipt(FEBRUARY), 990, {}),
    }
    accounts = Accounts(found, {})
    parts = section(green(), tables_of(green(), accounts, {}), accounts, Limits()).figures
    return next(part for part in parts if part.title == title)


def cells(part: Figure) -> list[tuple[str, ...]]:
    assert part.table is not None
    assert all(len(row) == len(part.table.head) for row in part.table.rows)
    return [tuple(row) for row in part.table.rows]


BEFORE = {"edition": "1-0_1", "records": 900, "sums": {"total_amount": 8_123.5}}


@pytest.mark.parametrize(
    ("replaced", "sums", "row"),
    [
        (BEFORE, {"total_amount": 9_000.25}, ("published anew", "900 → 990", "8,123.50 → 9,000.25")),
        (BEFORE | {"edition": "0-1_1"}, {}, ("cleaned anew", "900 → 990", "8,123.50 → –")),
        (BEFORE | {"sums": {}}, {"total_amount": 0.0}, ("published anew", "900 → 990", "– → 0.00")),
        ({"edition": "somebody's"}, {}, ("–", "– → 990", "– → –")),
    ],
)
def test_a_month_that_took_another_s_place_is_shown_with_what_was_there(
    replaced: dict[str, object], sums: dict[str, float], row: tuple[str, ...]
) -> None:
    part = figure("Replaced months", edition="0-0_1", replaced=replaced, sums=sums)
    assert cells(part) == [("2024-01", *row)]
    assert part.text.startswith("1 month took the place of another")


def test_the_trips_of_the_latest_year_are_shown_by_hour_day_fare_distance_and_payment() -> None:
    counted = {
        "hours": [0] * 23 + [100], "days": [100] + [0] * 28,
        "fares": [0] * 19 + [100], "distances": [100] + [0] * 19, "payments": [0, 75, 25, 0, 0, 0, 0, 0],
    }  # fmt: skip
    shown = figure("What the trips are like", profile=counted)
    tables_shown = {heading: table.rows for heading, table in shown.hidden}
    assert tables_shown["Trips by hour of the day"][23] == ("23", "100", "100 %")
    assert [row[0] for row in tables_shown["Trips by fare, dollars"]][-1] == "95+"
    assert "2024-01 to 2024-01 (1 month)" in shown.text, "February's receipt has no profile"
    assert "100.0% of the trips" in shown.chart
    payments = figure("Kinds of payment", profile=counted)
    assert "credit card: 75.0 %" in payments.chart
    assert "no charge" not in payments.chart


def test_months_without_a_profile_have_no_figure_on_trips() -> None:
    titles = [each.title for each in section(green(), tables(), Accounts(), Limits()).figures]
    assert "Trips by month" in titles
    assert "What the trips are like" not in titles


def test_a_month_far_from_those_before_it_is_unusual() -> None:
    assert figure("Unusual months").table is None
    usual = {Month(2022, 5): 20, Month(2023, 5): 22, Month(2024, 3): 20, Month(2024, 4): 21}
    holdings = {month: Holding(1) for month in (*usual, Month(2024, 5))}
    places = [Place("clean", "clean", True, {"green": holdings})]
    status = color_status("green", Month(2022, 1), {}, {}, places, Month(2024, 6), lambda month: RECIPE, {})
    found = {
        ("green", month): Account(receipt(month, rules={"zero_distance": rows}), 990, {})
        for month, rows in (usual | {Month(2024, 5): 600}).items()
    }
    figures = section(status, tables_of(status, Accounts(found), {}), Accounts(found), Limits()).figures
    [row] = cells(next(each for each in figures if each.title == "Unusual months"))
    assert row[0] == "2024-05"
    assert row[1].startswith("the rule zero_distance applies to 60.0% of the rows, where 2.")


def test_of_many_replaced_months_the_newest_are_unfolded() -> None:
    months = [Month(2023, 1).plus(number) for number in range(15)]
    found = {
        ("green", month): Account(receipt(month, replaced=BEFORE, sums={"total_amount": 1.0}), 990, {})
        for month in months
    }
    held = {"green": {month: Holding(None, 990, "0-0", "2026") for month in months}}
    places = [Place("duckdb", "warehouse", True, held)]
    status = color_status("green", months[0], {}, {}, places, months[-1], lambda month: RECIPE, {})
    accounts = Accounts(found, {})
    part = section(status, tables_of(status, accounts, {}), accounts, Limits()).figures[2]
    [(title, whole)] = part.hidden
    assert (part.title, title, len(whole.rows)) == ("Replaced months", "All replaced months", 15)
    assert [row[0] for row in cells(part)] == [str(month) for month in reversed(months[3:])]


def test_a_forced_replacement_is_called_so() -> None:
    part = figure("Replaced months", edition="0-0_1-20261121T060000Z", replaced=BEFORE)
    assert cells(part)[0][1] == "forced"


def test_where_nothing_was_replaced_missing_or_odd_the_page_has_a_sentence_for_it() -> None:
    for title in ("Replaced months", "Fewer records than published", "Missing columns", "Warnings"):
        part = figure(title)
        assert part.table is None
        assert part.text.startswith("None")


def test_missing_columns_are_shown_but_for_those_that_such_files_never_have() -> None:
    kinds = {"total_amount": LAYOUT, "vendorid": DROPPED, "ehail_fee": OTHER_FORM}
    assert cells(figure("Missing columns", missing=kinds)) == [
        ("total_amount", "the month's layout", "2024-01", "1"),
        ("vendorid", "the month's csv layout alone", "2024-01", "1"),
    ]
    assert cells(figure("Missing columns", missing={"vendorid": DROPPED}, raw_format="csv.gz"))[0][1] == (
        "the month's parquet layout alone"
    )
    assert figure("Missing columns", missing={"ehail_fee": OTHER_FORM}).table is None


def test_what_is_odd_about_a_month_is_shown() -> None:
    odd = "no pickup lies in the years 2001 to 2027"
    assert cells(figure("Warnings", warnings=[odd])) == [(odd, "2024-01", "1")]


def test_months_with_fewer_records_than_published_are_shown_where_the_file_is_tlc_s() -> None:
    ours = receipt(JANUARY).raw
    tlc = replace(ours, url="https://d37ci6vzurychx.cloudfront.net/trip-data/green_tripdata_2024-01.parquet")
    assert cells(figure("Fewer records than published", raw=tlc)) == [("2024-01", "990", "56,551", "1.8 %")]
    assert figure("Fewer records than published", raw=tlc, rows_in=56_551).table is None
    assert figure("Fewer records than published", raw=ours).table is None


def test_a_color_lists_stale_refused_and_failed_months() -> None:
    held = {"green": {month: Holding(None, 9, "0-0_2", "2026") for month in (JANUARY, FEBRUARY)}}
    places = [Place("duckdb", "warehouse", True, held)]
    failures = {
        JANUARY: LastFailure("/raw/green_tripdata_2024-01.parquet: 60 records", True),
        MARCH: LastFailure("cut short", False),
    }
    status = color_status("green", JANUARY, {}, {}, places, MARCH, lambda month: RECIPE, failures)
    said = section(status, tables_of(status, Accounts(), {}), Accounts(), Limits()).problems
    assert "mapping changed since: 2024-01..2024-02 (2 months)" in said
    assert "refused: 2024-01: 60 records" in said
    assert "failed last time: 2024-03: cut short" in said


def test_a_page_is_another_one_when_a_month_was_refused_or_became_stale() -> None:
    places = [Place("duckdb", "warehouse", True, {"green": {JANUARY: Holding(None, 990, "0-0")}})]

    def of(recipe: Recipe, failures: dict[Month, LastFailure]) -> str:
        color = color_status("green", JANUARY, {}, {}, places, JANUARY, lambda month: recipe, failures)
        return digest(Status([color], places), Glance())

    refused = {JANUARY: LastFailure("60 records", True)}
    pages = {of(RECIPE, {}), of(replace(RECIPE, mapping="2"), {}), of(RECIPE, refused)}
    assert len(pages) == 3


RUN = RunResult(
    "20240201T060000-0001", "LoadAllMonths", "here", "2024-02-01T06:00:00+00:00", "2024-02-01T06:05:00+00:00", 30, 1,
    (MonthResult("green", "2024-01", Result.LOADED, rows=990), MonthResult("green", "2024-02", Result.FAILED)),
)  # fmt: skip


def test_the_page_begins_with_the_last_run_and_what_needs_attention() -> None:
    said = sections.glance(RUN, ["green failed: 2024-02: the server is down"], [tables()])
    assert said == [
        "The last run ended 2024-02-01 06:05 UTC, exit code 30 task failed: 1 month loaded (990 rows), 1 failed, "
        "1 already there.",
        "Green failed: 2024-02: the server is down",
    ]
    assert sections.glance(None, [], []) == [
        "No run that loads months is in this machine's history.",
        "No month needs attention.",
    ]


def test_a_page_is_another_one_after_another_run_or_alert() -> None:
    status = Status([], [])
    seen = (Glance(), Glance(RUN), Glance(RUN, ("overdue",)), Glance(replace(RUN, run="20240202T060000-0001")))
    assert len({digest(status, each) for each in seen}) == 4


def test_a_page_is_of_other_months_when_a_marker_or_a_listing_has_changed() -> None:
    def of(**more: str) -> str:
        places = [Place("duckdb", "warehouse", True, {"green": {JANUARY: Holding(None, 990, "0-0", **more)}})]
        return digest(
            Status([color_status("green", JANUARY, {}, {}, places, JANUARY, lambda month: RECIPE, {})], places),
            Glance(),
        )

    assert of() == of()
    assert of(loaded_at="2026-11-02T00:00:00") != of()


def test_a_page_is_of_another_state_when_a_place_does_not_answer() -> None:
    def of(error: str) -> str:
        return digest(
            Status([], [Place("duckdb", "warehouse", True, errors={"green": WarehouseError(error)} if error else {})]),
            Glance(),
        )

    assert of("") != of("it is down") == of("it is down since five")


def test_months_with_the_same_columns_are_one_layout_and_the_next_lists_the_changes() -> None:
    later = {"VendorID": "int32", "lpep_pickup_datetime": "timestamp[us]", "cbd_congestion_fee": "double"}
    reordered = dict(reversed(COLUMNS.items()))
    found = layout_spans({
        JANUARY: receipt(JANUARY), FEBRUARY: receipt(FEBRUARY, layout=reordered), MARCH: receipt(MARCH, layout=later)
    })  # fmt: skip
    assert [span.months for span in found] == [(JANUARY, FEBRUARY), (MARCH,)]
    assert (found[0].added, found[0].gone, found[0].retyped) == ((), (), ())
    assert found[1].added == ("cbd_congestion_fee",)
    assert found[1].gone == ("passenger_count",)
    assert found[1].retyped == ("VendorID: int64 → int32",)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(FolderStore("lake", FolderStore.Settings(tmp_path)))


def write(lake: Lake, text: str | None) -> None:
    """green 2024-01 in two row groups, of three rows and of one."""
    with lake.writing("green", JANUARY) as path:
        table = pa.table({"vendorid": [1, None, 2], "ehail_fee": pa.array([None] * 3, pa.float64())})
        with pq.ParquetWriter(path, table.schema) as writer:
            writer.write_table(table)
            writer.write_table(table.slice(1, 1))
            if text is not None:
                writer.add_key_value_metadata({FOOTER_KEY: text})
        lake.publish(path, "green", JANUARY, receipt(JANUARY).summary)


def test_missing_values_are_summed_over_the_row_groups_of_a_footer(lake: Lake) -> None:
    write(lake, receipt(JANUARY).to_json())
    account = read_account(lake, "green", JANUARY)
    assert (account.rows, account.nulls) == (4, {"vendorid": 2, "ehail_fee": 4})
    assert account.receipt == receipt(JANUARY)


@pytest.mark.parametrize(("text", "why"), [(None, "no receipt"), ("{}", "cannot be read")])
def test_a_file_that_is_none_of_ours_is_one_line(lake: Lake, text: str | None, why: str) -> None:
    write(lake, text)
    with pytest.raises(BadFile, match=why) as error:
        read_account(lake, "green", JANUARY)
    assert "\n" not in str(error.value)


def test_a_month_is_read_from_the_next_place_when_the_first_cannot_be_read(lake: Lake, tmp_path: Path) -> None:
    write(lake, receipt(JANUARY).to_json())
    broken = Lake(FolderStore("broken", FolderStore.Settings(tmp_path / "broken")))
    Path(broken.url("green", JANUARY)).mkdir(parents=True)  # a folder in the place of the file
    failures: dict[str, list[str]] = {"broken": [], "lake": []}
    for asked in range(1, MAX_FAILURES + 3):
        account, _ = first_account({"broken": broken, "lake": lake}, "green", JANUARY, failures)
        assert account is not None
        assert len(failures["broken"]) == min(asked, MAX_FAILURES)
    assert first_account({"broken": broken}, "green", JANUARY, failures) == (None, "broken cannot be read")


@pytest.mark.parametrize(
    ("part", "text"),
    [(0, "0 %"), (1, "100 %"), (0.123, "12.3 %"), (1e-9, "< 0.01 %"), (0.99999, "> 99.9 %"), (math.nan, "–")],
)
def test_a_share_never_hides_what_is_there(part: float, text: str) -> None:
    assert parts.share(part) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (72, "1 min 12 s"), (3720, "1 h 02 min")])
def test_a_duration_is_formatted_by_units(seconds: float, text: str) -> None:
    assert parts.duration(seconds) == text
