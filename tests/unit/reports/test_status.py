"""`taxi-luigi status`: the state of a month by what the places hold, and how it is written as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from rich.console import Console

from taxi_luigi import history
from taxi_luigi.core.errors import StorageError, WarehouseError
from taxi_luigi.history import MonthResult, Result, RunResult
from taxi_luigi.inventory import Cell, ColorStatus, Holding, LastFailure, Place, State, Status, color_status
from taxi_luigi.reports.status_json import account
from taxi_luigi.reports.status_text import SIGNS, Page, short, without_address
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.staleness import Reason, Recipe

JANUARY, FEBRUARY, MARCH = Month(2024, 1), Month(2024, 2), Month(2024, 3)
EDITION = "0123456789-abcdef0123"
RECIPE = Recipe("abcdef0123", "11111111", "11111111", frozenset({"5c4ea00000"}))
"""how months are cleaned today: as those of EDITION were"""
FILE, MARKER = Holding(bytes=2_000_000), Holding(rows=1_000, edition=EDITION, loaded_at="2026-11-20T06:00:00+00:00")


def raw(*months: Month) -> Place:
    return Place("raw", "raw", False, {"green": dict.fromkeys(months, FILE)})


def clean(*months: Month, named: bool = True) -> Place:
    return Place("clean", "clean", named, {"green": dict.fromkeys(months, FILE)})


def gcs(*months: Month, held: Holding = FILE) -> Place:
    return Place("gcs", "lake", True, {"green": dict.fromkeys(months, held)})


def duckdb(*months: Month, held: Holding = MARKER) -> Place:
    return Place("duckdb", "warehouse", True, {"green": dict.fromkeys(months, held)})


def postgres(*months: Month, held: Holding = MARKER) -> Place:
    return Place("postgres", "warehouse", True, {"green": dict.fromkeys(months, held)})


FOUND_GONE = "2026-11-20T06:00:00+00:00"
"""when months had gone from the source"""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DOWN = Place(
    "postgres",
    "warehouse",
    True,
    errors={"green": WarehouseError("warehouse postgres (localhost): connection refused")},
)


def green(
    *places: Place,
    published: Sequence[Month] = (JANUARY, FEBRUARY, MARCH),
    withdrawn: Sequence[Month] = (),
    now: Month = MARCH,
    recipe: Recipe = RECIPE,
    failures: Mapping[Month, LastFailure] | None = None,
) -> ColorStatus:
    gone, rows = dict.fromkeys(withdrawn, FOUND_GONE), dict.fromkeys(published, 1_100)
    return color_status("green", JANUARY, rows, gone, places, now, lambda month: recipe, failures or {})


def test_a_month_is_withdrawn_only_where_it_is_held() -> None:
    cells = green(duckdb(FEBRUARY), withdrawn=(JANUARY, FEBRUARY)).cells
    assert [cells[month].withdrawn for month in (JANUARY, FEBRUARY, MARCH)] == ["", FOUND_GONE, ""]


def january(*places: Place) -> Cell:
    return green(*places).cells[JANUARY]


@pytest.mark.parametrize(
    ("places", "state"),
    [
        ([raw(JANUARY), clean(JANUARY), duckdb(JANUARY)], State.EVERYWHERE),
        ([raw(), clean(JANUARY), duckdb(JANUARY)], State.EVERYWHERE),
        ([raw(JANUARY), clean(JANUARY), duckdb()], State.PARTLY),
        ([raw(), clean(), duckdb(JANUARY)], State.PARTLY),
        ([raw(), clean(named=False), gcs(JANUARY), duckdb(JANUARY)], State.EVERYWHERE),
        ([raw(), clean(named=False), gcs(), duckdb(JANUARY)], State.PARTLY),
        ([raw(JANUARY), clean(JANUARY, named=False), gcs(), duckdb()], State.CLEAN),
        ([raw(JANUARY), clean(), duckdb()], State.RAW),
        ([raw(), clean(), duckdb()], State.PUBLISHED),
        ([raw(), clean(JANUARY), duckdb(JANUARY), DOWN], State.EVERYWHERE),
        ([raw(), clean(), duckdb(), DOWN], State.PUBLISHED),
        ([raw(), clean(named=False), DOWN], State.UNKNOWN),
        ([raw(JANUARY), clean(named=False), DOWN], State.RAW),
    ],
)
def test_a_month_is_as_far_as_the_places_show(places: list[Place], state: State) -> None:
    assert january(*places).state is state


def test_months_that_are_neither_held_nor_published_are_not_expected() -> None:
    color = green(raw(), clean(JANUARY), duckdb(JANUARY), published=[JANUARY, FEBRUARY], now=Month(2024, 4))
    assert [cell.state for cell in color.cells.values()] == [
        State.EVERYWHERE, State.PUBLISHED, State.NOT_PUBLISHED, State.NOT_PUBLISHED,
    ]  # fmt: skip
    assert color.expected == 2
    assert not color.empty


def test_a_month_outside_those_that_can_be_is_shown_where_it_is_held() -> None:
    color = green(raw(), clean(Month(2023, 11), Month(2024, 5)), duckdb())
    assert (min(color.cells), max(color.cells)) == (Month(2023, 11), Month(2024, 5))
    assert color.cells[Month(2023, 12)].state is State.NOT_PUBLISHED


@pytest.mark.parametrize(
    ("other", "differing"),
    [
        (Holding(rows=1_000, edition=EDITION), ()),
        (Holding(rows=1_000, edition=f"{EDITION}-20261121T060000Z"), ()),
        (Holding(rows=1_000, edition=f"{EDITION}_11111111"), ()),
        (Holding(rows=1_000, edition=f"{EDITION}_11111111-20261121T060000Z"), ()),
        (Holding(rows=1_000, edition=f"{EDITION}_22222222"), ("postgres",)),
        (Holding(rows=999, edition=EDITION), ("postgres",)),
        (Holding(rows=1_000, edition="9993456789-abcdef0123"), ("postgres",)),
        (Holding(rows=1_000, edition="0123456789-9999999999"), ("postgres",)),
        (Holding(rows=1_000, edition="foreign"), ("postgres",)),
        (Holding(rows=None, edition=""), ()),
    ],
)
def test_a_month_that_is_everywhere_but_not_the_same_is_different(other: Holding, differing: tuple[str, ...]) -> None:
    cell = january(raw(), clean(JANUARY), duckdb(JANUARY), postgres(JANUARY, held=other))
    assert cell.differing == differing
    assert cell.state is (State.DIFFERENT if differing else State.EVERYWHERE)


def marked(edition: str) -> Holding:
    return Holding(rows=1_000, edition=edition, loaded_at="2026")


@pytest.mark.parametrize(
    ("edition", "stale"),
    [
        (EDITION, None),
        (f"{EDITION}_11111111", None),
        ("9993456789-abcdef0123_11111111-20261121T060000Z", None),
        (f"{EDITION}_22222222", Reason.MAPPING_CHANGED),
        ("0123456789-9999999999", Reason.RULES_CHANGED),
        ("0123456789-9999999999_11111111", Reason.RULES_CHANGED),
        ("0123456789-5c4ea00000_11111111", Reason.SCHEMA_CHANGED),
        ("foreign", None),
        ("", None),
    ],
)
def test_a_month_is_stale_when_it_would_be_cleaned_to_other_rows_today(edition: str, stale: Reason | None) -> None:
    for places in ([raw(), clean(JANUARY)], [gcs(JANUARY)], [gcs()], [DOWN]):
        assert january(*places, duckdb(JANUARY, held=marked(edition))).stale is stale
    assert january(raw(), clean(named=False), gcs(JANUARY, held=Holding(5, 9, edition))).stale is stale


def test_a_month_is_stale_where_one_of_several_places_is() -> None:
    places = duckdb(JANUARY), postgres(JANUARY, held=marked(f"{EDITION}_22222222"))
    cell = january(*places)
    assert (cell.stale, cell.differing) == (Reason.MAPPING_CHANGED, ("postgres",))
    elsewhere = Place("clean", "clean", False, {"green": {JANUARY: marked(f"{EDITION}_22222222")}})
    assert january(elsewhere, duckdb(JANUARY)).stale is None, "no month has to be in the workspace"


def test_editions_of_before_and_after_the_mapping_was_kept_are_the_same_as_long_as_it_is() -> None:
    places = duckdb(JANUARY), postgres(JANUARY, held=marked(f"{EDITION}_11111111"))
    changed = replace(RECIPE, mapping="22222222")
    for recipe, stale in ((RECIPE, None), (changed, Reason.MAPPING_CHANGED)):
        cell = green(*places, recipe=recipe).cells[JANUARY]
        assert (cell.state, cell.stale) == (State.EVERYWHERE, stale)


@pytest.mark.parametrize(
    ("places", "stands", "refused"),
    [
        ([raw(JANUARY), clean(JANUARY), duckdb(JANUARY)], True, True),
        ([raw(JANUARY), clean(), duckdb(JANUARY)], True, True),
        ([raw(JANUARY), clean(JANUARY), duckdb(JANUARY)], False, False),
        ([raw(JANUARY), clean(named=False), duckdb()], True, False),
        ([raw(JANUARY), clean(JANUARY, named=False), duckdb()], True, False),
    ],
)
def test_a_month_is_refused_while_it_is_held_and_the_refusal_stands(
    places: list[Place], stands: bool, refused: bool
) -> None:
    cell = green(*places, failures={JANUARY: LastFailure("60 records", stands)}).cells[JANUARY]
    assert (cell.refused, cell.failure) == (("60 records", "") if refused else ("", "60 records"))


def test_rows_are_the_marker_s_and_else_the_lake_s() -> None:
    listed = Holding(bytes=5, rows=998, edition=EDITION)
    assert january(raw(), clean(), gcs(JANUARY, held=listed), duckdb(JANUARY)).rows == 1_000
    assert january(raw(), clean(), gcs(JANUARY, held=listed)).rows == 998
    assert january(raw(JANUARY), clean(JANUARY)).rows is None
    assert january(raw(), clean(), duckdb(JANUARY, held=Holding(rows=0, loaded_at="2026"))).rows == 0


def test_totals_are_by_place_and_rows_count_once() -> None:
    places = raw(JANUARY), clean(JANUARY, FEBRUARY), duckdb(JANUARY, FEBRUARY), postgres(JANUARY)
    color = green(*places)
    totals = [color.total(place) for place in places]
    assert [(total.months, total.rows, total.bytes) for total in totals] == [
        (1, None, 2_000_000), (2, None, 4_000_000), (2, 2_000, None), (1, 1_000, None),
    ]  # fmt: skip
    assert color.rows == 2_000


def test_a_lake_and_a_warehouse_may_share_a_name() -> None:
    lake = Place("analytics", "lake", True, {"green": {JANUARY: FILE}})
    table = Place("analytics", "warehouse", True, {"green": {}})
    assert january(raw(), clean(named=False), lake, table).lacking == ("analytics",)
    assert january(raw(), clean(named=False), lake, table).state is State.PARTLY


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (305, "305"), (999, "999"), (1_000, "1.00k"), (7_623, "7.62k"), (9_994, "9.99k"), (9_996, "10.0k"),
        (40_687, "40.7k"), (99_940, "99.9k"), (99_960, "100k"), (999_499, "999k"), (999_500, "1.00M"),
        (14_092_413, "14.1M"), (1_856_663_997, "1.86B"),
    ],
)  # fmt: skip
def test_a_number_is_short(number: int, text: str) -> None:
    assert short(number) == text
    assert len(text) <= 5


def test_every_state_has_a_sign_of_its_own() -> None:
    assert set(SIGNS) == set(State)
    assert len({sign.symbol for sign in SIGNS.values()}) == len({sign.letter for sign in SIGNS.values()}) == len(State)
    assert all(sign.letter.isascii() and len(sign.symbol) == 1 for sign in SIGNS.values())


FHV = ColorStatus("fhv", [], {JANUARY: Cell(State.PUBLISHED, 9)})


def page(
    *places: Place, width: int = 200, beside: int = 0, rows: bool = False, named: bool = True, letters: bool = False,
    others: Sequence[ColorStatus] = (), runs: Sequence[RunResult] = (),
    failures: Mapping[Month, LastFailure] | None = None,
) -> list[str]:  # fmt: skip
    """The page's lines, without the blanks at their ends."""
    status = Status([green(*places, now=Month(2024, 4), failures=failures), *others], places)
    console = Console(width=width, color_system=None, highlight=False)
    with console.capture() as captured:
        console.print(Page(status, rows, named, letters).text(width, beside, runs))
    return [line.rstrip() for line in captured.get().splitlines()]


PLACES = (
    raw(JANUARY),
    clean(JANUARY, FEBRUARY),
    duckdb(JANUARY),
    postgres(JANUARY, held=Holding(rows=999, loaded_at="x")),
)


def test_the_grid_has_years_down_and_months_across() -> None:
    assert page(*PLACES) == [
        "green  0 of 3 months",
        "     J F M A M J J A S O N D    rows",
        "2024 ≠ ▣ ·                     1.00k",
        "         months          rows     bytes",
        "raw           1                  2.0 MB",
        "clean         2                  4.0 MB",
        "duckdb        1         1,000",
        "postgres      1           999",
        "",
        "▣ green not in duckdb and postgres: 2024-02",
        "≠ green another edition or row count in postgres: 2024-01",
        "",
        "▣ missing in some   ≠ in all, but not the same   · published, not here   blank not known to be published",
    ]


def test_letters_stand_for_signs_where_there_are_none() -> None:
    lines = page(*PLACES, letters=True)
    assert "\n".join(lines).isascii()
    assert lines[2].startswith("2024 ! + .")
    assert lines[-1].startswith("+ missing in some   ! in all, but not the same   . published")


def test_rows_take_the_place_of_signs() -> None:
    lines = page(*PLACES[:3], rows=True)
    assert lines[1].split() == [*MONTHS, "rows"]
    assert lines[2].split() == ["2024", "1.00k", "▣", "·", "1.00k"]
    assert lines[-1].startswith("■ or number in every lake and warehouse")
    assert page(*PLACES, rows=True)[2].split() == ["2024", "≠1.00k", "▣", "·", "1.00k"]


def test_rows_fit_a_terminal_of_80_columns_by_leaving_out_the_year_s() -> None:
    assert page(*PLACES[:3], rows=True, width=80, beside=80)[2].split() == ["2024", "1.00k", "▣", "·"]


@pytest.mark.parametrize(("width", "across"), [(60, 1), (80, 2), (120, 3), (160, 4)])
def test_as_many_grids_as_fit_are_beside_each_other(width: int, across: int) -> None:
    large = duckdb(JANUARY, held=Holding(rows=1_856_663_997, loaded_at="x"))
    lines = page(raw(), clean(), large, others=[green(raw(), clean(), large)] * 3, width=width, beside=width)
    assert lines[0].count("green") == across
    assert max(map(len, lines)) <= width


def test_a_place_that_could_not_be_listed_is_named_and_the_rest_is_shown() -> None:
    lines = page(raw(JANUARY), clean(JANUARY), duckdb(JANUARY), DOWN)
    assert "2024 ■ · ·                     1.00k" in lines
    assert "postgres      ?     no answer" in lines
    assert "? cannot list warehouse postgres (localhost): connection refused" in lines
    assert lines[-1].startswith("■ in every lake and warehouse that could be listed   · published")
    denied = {"green": StorageError("cannot list /data: Permission denied")}
    unlisted = [Place("raw", "raw", False, errors=denied), Place("clean", "clean", False, errors=denied)]
    assert "? cannot list raw and clean: cannot list /data: Permission denied" in page(*unlisted, duckdb(JANUARY))


def test_stale_months_are_a_line_for_each_reason() -> None:
    other, older = marked(f"{EDITION}_22222222"), marked("0123456789-9999999999")
    held = Place("duckdb", "warehouse", True, {"green": {JANUARY: other, FEBRUARY: other, MARCH: older}})
    lines = page(held)
    assert "green mapping changed since: 2024-01..2024-02; LoadAllMonths --refresh all cleans them again" in lines
    assert "green rules changed since: 2024-03; LoadAllMonths --refresh all cleans it again" in lines
    assert not any("changed since" in line for line in page(*PLACES))


def test_months_that_were_not_taken_are_a_line_with_the_reason() -> None:
    refusal = LastFailure("/data/raw/green/green_tripdata_2024-01.parquet: 60 records, where the workspace …", True)
    broken = LastFailure("it is cut short", False)
    lines = page(duckdb(JANUARY), raw(JANUARY, FEBRUARY, MARCH), failures={
        JANUARY: refusal, FEBRUARY: broken, MARCH: broken
    })  # fmt: skip
    assert "green refused: 2024-01: 60 records, where the workspace …" in lines
    assert "green failed last time: 2024-02..2024-03: it is cut short" in lines
    others = page(raw(JANUARY, MARCH), failures={MARCH: broken, JANUARY: LastFailure("it is empty", False)})
    assert "green failed last time: 2024-01, 2024-03; 2024-01: it is empty" in others


@pytest.mark.parametrize(
    ("why", "shown"),
    [
        ("/data/green_tripdata_2024-01.parquet: cut short", "cut short"),
        ("gs://bucket/data/green_2024-01.parquet: no: never", "no: never"),
        ("/data/green_tripdata_2024-02.parquet: cut short", "/data/green_tripdata_2024-02.parquet: cut short"),
        ("cannot read /data/2024-01: it is a folder", "cannot read /data/2024-01: it is a folder"),
        ("/data/2024-01.parquet: ", "/data/2024-01.parquet:"),
        ("two\nlines", "two lines"),
        ("", ""),
    ],
)
def test_a_reason_is_shown_beside_its_month_without_the_file_s_address(why: str, shown: str) -> None:
    assert without_address(why, JANUARY) == shown


def test_colors_that_were_not_named_and_of_which_nothing_is_here_are_one_line() -> None:
    assert "nothing is here of fhv" in page(*PLACES, named=False, others=[FHV])
    assert any(line.startswith("fhv  0 of 1 month") for line in page(*PLACES, named=True, others=[FHV]))
    assert "nothing is in a place that could be listed of fhv" in page(*PLACES, DOWN, named=False, others=[FHV])
    nothing = page(raw(), clean(), duckdb(), named=False, others=[FHV])
    assert nothing[0] == "green  0 of 3 months"
    assert "all: 0 of 4 months, 0 rows" in nothing


def ran(
    run: str, command: str, began: str, ended: str, code: int | None, there: int, *months: MonthResult
) -> RunResult:
    """A run as the history has it."""
    state = history.State.ENDED if ended else history.State.DID_NOT_END
    return RunResult(
        run, command, "box", began, ended, code, there, months, seconds=247.4 if ended else None, state=state
    )


RUN = ran(
    "20261121T060003-4f2a", "LoadAllMonths --months latest", "2026-11-21T06:00:03+00:00",
    "2026-11-21T06:04:10+00:00", 30, 14,
    MonthResult("green", "2024-01", Result.LOADED), MonthResult("green", "2024-02", Result.FAILED),
)  # fmt: skip
KILLED = ran("20261120T060003-4f2b", "LoadAllMonths", "2026-11-20T06:00:03+00:00", "", None, 16)


def test_the_last_runs_are_below() -> None:
    *_, heading, first, second = page(*PLACES, runs=[RUN, KILLED])
    assert heading.split() == ["last", "runs", "took", "exit", "months", "command"]
    assert first.endswith("4 min 07 s  30 task failed  1 loaded, 1 failed  LoadAllMonths --months latest")
    assert second.split()[2:] == ["?", "did", "not", "end", "16", "there", "LoadAllMonths"]


def test_the_json_has_the_same_with_all_figures() -> None:
    places = raw(), clean(JANUARY), duckdb(JANUARY), DOWN
    document = json.loads(json.dumps(account(Status([green(*places, now=Month(2024, 4))], places), [RUN])))
    months = document["colors"]["green"]["months"]
    assert list(months) == ["2024-01", "2024-02", "2024-03"]
    assert months["2024-01"] == {
        "state": "everywhere",
        "published_rows": 1_100,
        "rows": 1_000,
        "withdrawn": None,
        "stale": None,
        "refused": None,
        "failure": None,
        "places": {
            "raw": None,
            "clean": {"bytes": 2_000_000, "rows": None, "edition": None, "loaded_at": None},
            "warehouse duckdb": {"bytes": None, "rows": 1_000, "edition": EDITION, "loaded_at": MARKER.loaded_at},
        },
    }
    assert document["colors"]["green"]["totals"]["warehouse duckdb"] == {"months": 1, "rows": 1_000, "bytes": None}
    assert document["silent"] == {"warehouse postgres": str(DOWN.error)}
    assert document["last_runs"] == [
        {
            "run": "20261121T060003-4f2a", "command": "LoadAllMonths --months latest", "host": "box",
            "began": "2026-11-21T06:00:03+00:00", "ended": "2026-11-21T06:04:10+00:00", "exit_code": 30,
            "already_there": 14, "loaded": 1, "failed": 1,
        }
    ]  # fmt: skip


def test_the_json_has_which_months_are_stale_refused_or_failed() -> None:
    held = duckdb(JANUARY, FEBRUARY, held=marked(f"{EDITION}_22222222"))
    failures = {JANUARY: LastFailure("60 records", True), MARCH: LastFailure("cut short", True)}
    months = account(Status([green(held, failures=failures)], [held]), ())["colors"]["green"]["months"]
    assert [(month["stale"], month["refused"], month["failure"]) for month in months.values()] == [
        ("mapping changed", "60 records", None), ("mapping changed", None, None), (None, None, "cut short"),
    ]  # fmt: skip


def test_a_month_of_no_rows_keeps_its_zero() -> None:
    none = duckdb(JANUARY, held=Holding(rows=0, edition=EDITION, loaded_at="2026"))
    months = account(Status([green(raw(), clean(), none)], [none]), ())["colors"]["green"]["months"]
    assert months["2024-01"]["places"]["warehouse duckdb"]["rows"] == 0
