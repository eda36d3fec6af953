"""What the parameters of tasks take from Python, and what Luigi's own tools make of them."""

from __future__ import annotations

import copy
import datetime
import pickle
from pathlib import Path
from typing import Any

import luigi
import pandas as pd
import pytest
from luigi.date_interval import Month as LuigiMonth
from luigi.date_interval import Year as LuigiYear
from luigi.tools.range import RangeMonthly
from luigi.util import inherits, previous, requires

from taxi_luigi import (
    CleanMonth,
    DownloadMonth,
    LoadAllMonths,
    LoadMonth,
    LoadZones,
    Report,
    UploadMonth,
    UploadZones,
)
from taxi_luigi.core.errors import TaxiError, UsageError
from taxi_luigi.tlc.months import Month, month_range

JANUARY = "CleanMonth_green_2021_01_80751557dc"
"""the task's id since version 0.1.0"""


@pytest.mark.parametrize(
    "month",
    [
        "2021-01",
        " 2021-01 ",
        Month(2021, 1),
        datetime.date(2021, 1, 1),
        datetime.date(2021, 1, 31),
        datetime.datetime(2021, 1, 15, 23, 59),
        pd.Timestamp("2021-01-15"),
        LuigiMonth(2021, 1),
    ],
    ids=repr,
)
def test_a_month_is_the_same_task_in_every_form(month: Any) -> None:
    assert CleanMonth(color="green", month=month).task_id == JANUARY


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"color": "purple"}, "color must be one of yellow, green, fhv, fhvhv, not 'purple'"),
        ({"color": "Green"}, "color must be one of yellow, green, fhv, fhvhv, not 'Green'"),
        ({"color": ["green"]}, "color must be one of yellow, green, fhv, fhvhv, not ['green']"),
        ({"color": None}, "color must be one of yellow, green, fhv, fhvhv, not None"),
        ({"month": "2021"}, "month must look like 2024-01, not '2021'"),
        ({"month": "2021-13"}, "month must look like 2024-01, not '2021-13'"),
        ({"month": 202101}, "month must be a text as 2024-01 or a date, not 202101"),
        ({"month": None}, "month must be a text as 2024-01 or a date, not None"),
        ({"month": True}, "month must be a text as 2024-01 or a date, not True"),
        ({"month": pd.NaT}, "month must be a text as 2024-01 or a date, not NaT"),
        ({"month": "0000-01"}, "month must look like 2024-01, not '0000-01'"),
        ({"month": LuigiYear(2021)}, "month must be a text as 2024-01 or a date, not 2021"),
        ({"edition": None}, "edition must be a text, not None"),
    ],
)
def test_another_value_is_an_error_where_the_task_is_made(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError) as error:
        CleanMonth(**{"color": "green", "month": "2021-01"} | changes)
    assert str(error.value) == why


@pytest.mark.parametrize(
    ("task", "changes", "why"),
    [
        (
            LoadMonth,
            {"warehouse": "dk"},
            "no warehouse is named 'dk': the names are duckdb, postgres, bigquery, and those",
        ),
        (UploadMonth, {"lake": "dk"}, "no lake is named 'dk': the names are local, gcs, s3, azure"),
        (LoadMonth, {"warehouse": None}, "warehouse must be a text, not None"),
        (UploadMonth, {"lake": ["local"]}, "lake must be a text, not ['local']"),
    ],
)
def test_a_wrong_store_is_an_error_where_the_task_is_made(
    task: type[luigi.Task], changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(TaxiError) as error:
        task(color="green", month="2021-01", **changes)
    assert str(error.value).startswith(why)


def test_the_page_of_a_report_may_be_a_path() -> None:
    assert Report(path=Path("x.html")) is Report(path="x.html")
    with pytest.raises(UsageError, match="path must be a text, not 5"):
        Report(path=5)


@pytest.mark.parametrize("colors", ["green, yellow", ["green", "yellow"], ("green", "yellow", "green")])
def test_colors_are_a_text_a_list_or_a_tuple(colors: Any) -> None:
    task = LoadAllMonths(colors=colors, months="2021-01")
    assert task.colors == ("green", "yellow")
    assert task.task_id == LoadAllMonths.from_str_params({"colors": "green,yellow", "months": "2021-01"}).task_id


@pytest.mark.parametrize(
    ("months", "text"),
    [
        ("2021, 2022-01..", "2021, 2022-01.."),
        (Month(2021, 1), "2021-01"),
        (datetime.date(2021, 1, 9), "2021-01"),
        (LuigiMonth(2021, 1), "2021-01"),
        (["2021-01..2021-03", datetime.date(2021, 5, 1)], "2021-01..2021-03,2021-05"),
    ],
)
def test_months_are_a_text_a_date_or_a_list(months: Any, text: str) -> None:
    assert str(LoadAllMonths(months=months).months) == text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"colors": []}, "colors must be a text as yellow,green"),
        ({"colors": 5}, "colors must be a text as yellow,green"),
        ({"colors": "green,"}, "color must be one of"),
        ({"colors": ["green", None]}, "color must be one of"),
        ({"months": 2021}, "months must be a text as 2024,2025-01.."),
        ({"months": None}, "months must be a text as 2024,2025-01.."),
        ({"months": []}, "months must be 2024-01, 2024,"),
        ({"refresh": True}, "refresh must be recent or all, not True"),
        ({"force": "yes"}, "force must be true or false, not 'yes'"),
    ],
)
def test_a_wrong_value_of_a_wrapper_is_an_error_where_it_is_made(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError) as error:
        LoadAllMonths(**changes)
    assert str(error.value).startswith(why)


def test_a_month_is_the_date_of_its_first_day() -> None:
    month, day = Month(2021, 1), datetime.date(2021, 1, 1)
    assert (month, hash(month), f"{month:%Y/%m}") == (day, hash(day), "2021/01")
    assert month < datetime.date(2021, 1, 2) < Month(2021, 2)
    assert month - datetime.timedelta(days=1) == datetime.date(2020, 12, 31)
    assert month + datetime.timedelta(days=31) == datetime.timedelta(days=31) + month == Month(2021, 2)
    assert Month(2021, 2) - month == day.replace(month=2) - month == datetime.timedelta(days=31)
    assert month.replace(day=9) == datetime.date(2021, 1, 9)


def test_arithmetic_makes_plain_dates_and_copies_stay_months() -> None:
    month = Month(2021, 1)
    assert (
        type(month + datetime.timedelta(0)) is type(month.replace(year=2022)) is type(month.first_day) is datetime.date
    )
    for same in (pickle.loads(pickle.dumps(month)), copy.copy(month), copy.deepcopy(month)):
        assert (type(same), same, str(same), repr(same)) == (Month, month, "2021-01", "Month(2021, 1)")


def test_the_last_month_that_python_has_can_be_in_a_range() -> None:
    assert list(month_range(Month(9999, 11), Month(9999, 12))) == [Month(9999, 11), Month(9999, 12)]
    assert list(month_range(Month(2021, 2), Month(2021, 1))) == []


def test_luigis_previous_is_the_month_before() -> None:
    task = previous(CleanMonth(color="green", month="2021-01"))
    assert (type(task), str(task.month), task.color) == (CleanMonth, "2020-12", "green")


def test_luigis_requires_and_inherits_hand_the_month_on() -> None:
    @requires(CleanMonth)
    class Count(luigi.Task):
        pass

    @inherits(DownloadMonth)
    class Look(luigi.Task):
        def requires(self) -> luigi.Task:
            return self.clone(DownloadMonth)

    assert Count(color="green", month="2021-01").requires().task_id == JANUARY
    assert Look(color="green", month=datetime.date(2021, 1, 1)).requires() == DownloadMonth("green", "2021-01")


def test_the_place_is_the_first_parameter_of_the_tasks_of_zones() -> None:
    assert (LoadZones("duckdb"), UploadZones("local", True)) == (
        LoadZones(warehouse="duckdb"),
        UploadZones(lake="local", force=True),
    )
    assert LoadZones("duckdb").task_id == "LoadZones_duckdb_3b96daa09f"


def test_a_month_of_luigis_own_parameter_fits() -> None:
    class Monthly(luigi.Task):
        month = luigi.MonthParameter()

        def requires(self) -> luigi.Task:
            return CleanMonth(color="green", month=self.month)

    assert Monthly(month=datetime.date(2021, 1, 1)).requires().task_id == JANUARY


def test_luigis_range_makes_a_task_of_each_month() -> None:
    back = 12 * (datetime.date.today().year - 2020)
    months = RangeMonthly(
        of=CleanMonth, of_params={"color": "green", "edition": "none-yet"}, param_name="month",
        start=datetime.date(2021, 1, 1), stop=datetime.date(2021, 4, 1), months_back=back, task_limit=3, now=None,
    )  # fmt: skip
    assert [str(task.month) for task in months.requires()] == ["2021-01", "2021-02", "2021-03"]
