"""Which columns a file lacks: it must hold all of one layout that was published for its month, in either container."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_luigi.tlc.datasets import DATASETS, JUNK, Column, SourceForm
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.column_mapping import Layout, describe_missing, match
from taxi_luigi.transform.readers.csv_header import read_header
from tests.support.schemas import COLORS, Published, published

OPTIONAL = {"affiliated_base_number", "ehail_fee", "request_source"}
LAST_CSV = Month(2021, 12)


def matched(color: str, month: str | Month, form: SourceForm, names: Iterable[str]) -> Layout:
    schema = pa.schema([(name, pa.string()) for name in names])
    return match(DATASETS[color], Month.parse(str(month)), form, schema, "raw")


def optional(color: str) -> set[str]:
    return OPTIONAL | ({"sr_flag"} if color == "fhvhv" else set())


def canonical(color: str, names: Iterable[str]) -> set[str]:
    ours = {
        name.strip().lower(): column.name
        for column in DATASETS[color].columns
        for name in (column.name, *(spelling.name for spelling in column.spellings))
    }
    return {ours[name.lower()] for name in names if name not in JUNK}


def required(layouts: list[Published]) -> dict[Month, dict[SourceForm, set[str]]]:
    """Month → form → the columns that a file must have to hold that layout; the last csv counts until 2021-12."""
    found: dict[Month, dict[SourceForm, set[str]]] = {}
    for each in layouts:
        found.setdefault(each.month, {})[each.form] = canonical(each.color, each.names) - optional(each.color)
    last: dict[SourceForm, set[str]] = {}
    for month in sorted(found):
        if "csv" in found[month] or month > LAST_CSV:
            last = found[month]
        else:
            found[month]["csv"] = last["csv"]
    return found


@pytest.mark.parametrize("color", COLORS)
def test_no_published_layout_lacks_a_column_in_either_container(tlc_data: Path, color: str) -> None:
    layouts = list(published(tlc_data, color))
    assert len(layouts) > 100
    for each in layouts:
        own = matched(color, each.month, each.form, each.names)
        assert (own.missing, own.dropped, own.nearest) == ((), (), each.form), each
        other: SourceForm = "csv" if each.form == "parquet" else "parquet"
        if (color, each.form, str(each.month)) == ("fhvhv", "csv", "2021-06"):
            continue  # as parquet it has the columns of fhv's parquet, and is refused as a file of fhv
        assert not matched(color, each.month, other, each.names).missing, each


@pytest.mark.parametrize("color", COLORS)
def test_of_every_layout_each_column_but_the_optional_ones_is_missed_or_warned_of(tlc_data: Path, color: str) -> None:
    layouts = list(published(tlc_data, color))
    wanted = required(layouts)
    outcomes = Counter(
        _without(each, gone, wanted[each.month])
        for each in layouts
        for gone in each.names
        if gone not in JUNK and gone.lower() not in required_names(each)
    )
    assert outcomes["missing"] > 60
    assert outcomes["dropped"] > 60 or color == "green"
    assert sum(outcomes.values()) > 500


def required_names(each: Published) -> set[str]:
    """Those without which the file is refused as no file of its color."""
    columns = [column for column in DATASETS[each.color].columns if column.required]
    return {name.lower() for column in columns for name in column.source_names(each.month, each.form)}


def _without(each: Published, gone: str, wanted: dict[SourceForm, set[str]]) -> str:
    """What is found of a published layout without one of its columns, after it was compared with what it should be."""
    names = [name for name in each.names if name != gone]
    present, lost = canonical(each.color, names), canonical(each.color, [gone])
    layout = matched(each.color, each.month, each.form, names)
    assert bool(layout.missing) == all(columns - present for columns in wanted.values()), (each, gone)
    assert {*layout.missing, *layout.dropped} == lost - optional(each.color), (each, gone)
    assert set(layout.dropped) <= set(layout.other_form)
    return "missing" if layout.missing else "dropped" if layout.dropped else "nothing"


def real_files(folder: Path) -> list[Path]:
    return sorted(path for each in ("whole", "samples", "heads") for path in (folder / each).iterdir())


def real_names(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(pq.read_schema(path).names)
    head = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [name for name in read_header(head[:4096], path).names if name]


def test_no_real_file_lacks_a_column_of_its_own_form(tlc_data: Path) -> None:
    files = real_files(tlc_data)
    assert len(files) > 70
    for path in files:
        color, _, rest = path.name.partition("_tripdata_")
        form: SourceForm = "parquet" if path.suffix == ".parquet" else "csv"
        layout = matched(color, rest[:7], form, real_names(path))
        assert (layout.missing, layout.dropped, layout.unknown) == ((), (), {}), path.name


def test_what_only_the_other_form_has_is_named_apart() -> None:
    csv = [column for form, columns in names_of("yellow", "2019-01").items() if form == "csv" for column in columns]
    in_csv, in_parquet = matched("yellow", "2019-01", "csv", csv), matched("yellow", "2019-01", "parquet", csv)
    assert (in_csv.missing, in_csv.other_form, in_csv.dropped) == ((), ("airport_fee",), ())
    assert (in_parquet.missing, in_parquet.other_form) == ((), ("airport_fee",))
    assert in_parquet.dropped == ("airport_fee",)
    assert in_parquet.nearest == "csv"


def names_of(color: str, month: str) -> Mapping[SourceForm, list[str]]:
    """The names of the published layouts, as datasets/ has them."""
    when = Month.parse(month)
    layouts = DATASETS[color].layouts(when)
    return {form: [column.source_names(when, form)[0] for column in layouts[form]] for form in layouts}


def test_a_file_between_two_layouts_lacks_what_the_nearest_has() -> None:
    names = names_of("yellow", "2012-05")["csv"]
    layout = matched("yellow", "2012-05", "parquet", [name for name in names if name != "pickup_latitude"])
    assert (layout.nearest, layout.missing) == ("csv", ("pickup_latitude",))
    assert "pulocationid" in layout.other_form


def test_of_two_layouts_as_near_the_containers_counts() -> None:
    names = names_of("fhv", "2017-08")["parquet"]
    for form in get_args(SourceForm):
        assert matched("fhv", "2017-08", form, [name for name in names if name != "SR_Flag"]).nearest == form


def test_a_csv_after_the_last_published_one_must_hold_the_parquets_layout() -> None:
    names = names_of("yellow", "2021-12")["csv"]
    assert matched("yellow", "2021-12", "csv", names).missing == ()
    later = matched("yellow", "2022-01", "csv", names)
    assert (later.nearest, later.missing, later.other_form) == ("parquet", ("airport_fee",), ())


def test_a_month_after_the_last_known_layout_must_hold_the_newest() -> None:
    names = names_of("green", "2026-06")["parquet"]
    assert matched("green", "2031-01", "parquet", names).missing == ()
    assert matched("green", "2031-01", "parquet", names[:-2]).missing == ("cbd_congestion_fee",)


def test_a_month_that_was_published_as_csv_alone_must_hold_that() -> None:
    names = names_of("green", "2013-08")["csv"]
    assert list(names_of("green", "2013-08")) == ["csv"]
    assert matched("green", "2013-08", "parquet", names).missing == ()
    assert matched("green", "2013-08", "parquet", names[:-1]).missing == ("dropoff_latitude",)


def test_columns_of_another_months_layout_are_accepted_by_name_and_fill_the_columns_of_this_one() -> None:
    """Files are made anew under TLC's newest names, as it did itself in 2022."""
    names = list(names_of("yellow", "2026-06")["parquet"])
    assert matched("yellow", "2019-05", "parquet", names).missing == ()


@pytest.mark.parametrize("missing", sorted(OPTIONAL))
def test_an_optional_column_is_never_missing(missing: str) -> None:
    colors = [color for color in COLORS if DATASETS[color].has(missing)]
    assert colors
    for color in colors:
        names = names_of(color, "2026-07")["parquet"]
        layout = matched(color, "2026-07", "parquet", [name for name in names if name.lower() != missing])
        assert (layout.missing, layout.other_form, layout.dropped) == ((), (), ())


def test_tlcs_own_csv_of_fhv_2019_lacks_the_affiliated_base_and_the_mirrors_has_it() -> None:
    names = ["dispatching_base_num", "pickup_datetime", "dropoff_datetime", "PULocationID", "DOLocationID", "SR_Flag"]
    for month in ("2019-01", "2020-06"):
        for file in (names, [*names, "Affiliated_base_number"]):
            layout = matched("fhv", month, "csv", file)
            assert (layout.missing, layout.other_form, layout.unknown) == ((), (), {})


BIGQUERY = {
    "VendorID": "vendor_id",
    "tpep_pickup_datetime": "pickup_datetime",
    "tpep_dropoff_datetime": "dropoff_datetime",
    "RatecodeID": "rate_code",
    "improvement_surcharge": "imp_surcharge",
    "PULocationID": "pickup_location_id",
    "DOLocationID": "dropoff_location_id",
}
DBT = BIGQUERY | {"RatecodeID": "rate_code_id", "improvement_surcharge": "improvement_surcharge"}
DLT = {
    "VendorID": "vendor_id",
    "RatecodeID": "ratecode_id",
    "PULocationID": "pu_location_id",
    "DOLocationID": "do_location_id",
}


@pytest.mark.parametrize("renames", [BIGQUERY, DBT, DLT], ids=["BigQuery", "dbt", "dlt"])
def test_the_names_that_others_use_are_not_accepted_half(renames: dict[str, str]) -> None:
    names = names_of("yellow", "2022-01")["parquet"]
    layout = matched("yellow", "2022-01", "parquet", [renames.get(name, name) for name in names])
    assert {"pulocationid", "dolocationid"} <= set(layout.missing)
    text = describe_missing(layout)
    assert all(f"{name} (" in text for name in ("pulocationid", "dolocationid"))
    assert all(name in text for name in layout.unknown)


def test_the_line_names_a_missing_column_as_we_and_as_tlc_call_it_and_the_unknown_ones_beside_it() -> None:
    names = names_of("yellow", "2009-03")["parquet"]
    renamed = {"Total_Amt": "Total_Sum", "mta_tax": "MTA"}
    text = describe_missing(
        matched("yellow", "2009-03", "parquet", [name for name in names if name not in renamed] + ["Total_Sum", "MTA"])
    )
    assert text == (
        "missing columns, which yellow's parquet files of 2009-03 have: mta_tax, total_amount (Total_Amt); unknown "
        "columns: Total_Sum, MTA; a renamed column shows as one of each: enter its new name in named(…) of yellow in "
        "taxi_luigi/tlc/datasets/"
    )


def test_without_unknown_columns_the_line_is_of_the_missing_ones_alone() -> None:
    names = names_of("green", "2025-11")["parquet"]
    layout = matched("green", "2025-11", "parquet", [name for name in names if "amount" not in name])
    assert describe_missing(layout) == (
        "missing columns, which green's parquet files of 2025-11 have: "
        "fare_amount, tip_amount, tolls_amount, total_amount"
    )


def test_the_line_is_short_and_one_line_whatever_the_unknown_columns_are_called() -> None:
    unknown = ["a\nb", "x" * 5000, *(f"column{number}" for number in range(2000))]
    layout = matched(
        "yellow", "2024-01", "parquet", ["VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime", *unknown]
    )
    text = describe_missing(layout)
    assert text.isprintable()
    assert len(text) < 1500
    assert "and 1,972 more" in text
    assert len(layout.missing) == 16


def test_nothing_is_said_of_a_whole_file() -> None:
    layout = matched("green", "2025-11", "parquet", names_of("green", "2025-11")["parquet"])
    assert describe_missing(layout) == ""


def test_a_renamed_column_is_there_again_after_its_new_name_is_entered() -> None:
    names = ["Total_Sum" if name == "total_amount" else name for name in names_of("yellow", "2026-09")["parquet"]]
    assert matched("yellow", "2026-09", "parquet", names).missing == ("total_amount",)

    def mended(column: Column) -> Column:
        return column.named(("Total_Sum", "2026-09..", "")) if column.name == "total_amount" else column

    dataset = replace(DATASETS["yellow"], columns=tuple(map(mended, DATASETS["yellow"].columns)))
    schema = pa.schema([(name, pa.string()) for name in names])
    layout = match(dataset, Month(2026, 9), "parquet", schema, "raw")
    assert (layout.missing, layout.unknown) == ((), {})


def test_every_column_of_a_record_type_without_spellings_must_be_there() -> None:
    columns = tuple(replace(column, spellings=()) for column in DATASETS["fhv"].columns)
    dataset = replace(DATASETS["fhv"], columns=columns, last_csv=None)
    schema = pa.schema([("dispatching_base_num", pa.string()), ("pickup_datetime", pa.string())])
    layout = match(dataset, Month(2024, 1), "csv", schema, "raw")
    assert layout.missing == ("dropoff_datetime", "pulocationid", "dolocationid", "sr_flag")
    assert layout.other_form == ()
