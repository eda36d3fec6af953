"""TLC's known defects are in the made-up trips, at about the rates that were counted in the public files."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from taxi_luigi.sample import write_month
from taxi_luigi.sample.layouts import csv_layout
from taxi_luigi.tlc.months import Month

ROWS = 50_000
Read = Callable[..., pd.DataFrame]


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """`month("yellow", "2025-11")` → its made-up trips, as text if the form is csv."""
    folder = tmp_path_factory.mktemp("made")
    made: dict[tuple[str, str, str], pd.DataFrame] = {}

    def read(color: str, name: str, form="parquet") -> pd.DataFrame:
        if (color, name, form) not in made:
            path = write_month(folder, color, Month.parse(name), ROWS, form=form)
            if form == "parquet":
                made[color, name, form] = pq.read_table(path).to_pandas()
            else:
                era = csv_layout(color, Month.parse(name), form)
                names = era.names + [f"beyond {place}" for place in range(era.extra_commas)]
                made[color, name, form] = pd.read_csv(path, header=0, names=names, dtype=str, keep_default_na=False)
        return made[color, name, form]

    return read


def test_the_null_block_ends_the_file_with_payment_type_0(month: Read) -> None:
    yellow = month("yellow", "2025-11")
    block = yellow.iloc[40_000:]
    together = ["passenger_count", "RatecodeID", "store_and_fwd_flag", "congestion_surcharge", "Airport_fee"]
    assert block[together].isna().all(axis=None)
    assert set(block.payment_type) == {0}
    assert yellow.iloc[:40_000][together].notna().all(axis=None)
    assert 0 not in set(yellow.iloc[:40_000].payment_type)


@pytest.mark.parametrize(
    ("color", "name", "share"),
    [("yellow", "2018-12", 0), ("yellow", "2020-06", 0.033), ("yellow", "2026-05", 0.27), ("green", "2021-02", 0.4)],
)
def test_the_null_block_grows_with_the_years(month: Read, color: str, name: str, share: float) -> None:
    assert month(color, name).passenger_count.isna().mean() == pytest.approx(share, abs=0.001)


def test_a_refund_is_the_trip_before_it_with_negative_charges(month: Read) -> None:
    yellow = month("yellow", "2025-11")
    refunds = yellow.index[yellow.total_amount < 0]
    assert 0.015 < len(refunds) / len(yellow) < 0.035
    same = ["VendorID", "tpep_pickup_datetime", "tpep_dropoff_datetime", "PULocationID", "DOLocationID"]
    before = yellow.loc[refunds - 1]
    assert (yellow.loc[refunds, same].to_numpy() == before[same].to_numpy()).all()
    assert (yellow.loc[refunds, "total_amount"].to_numpy() == -before.total_amount.to_numpy()).all()


def test_more_fares_than_totals_are_negative(month: Read) -> None:
    """1.45 % and 0.84 % of 2019 to 2026."""
    yellow = month("yellow", "2025-11")
    beside = (yellow.fare_amount < 0) & (yellow.total_amount > 0)
    assert 0.005 < beside.mean() < 0.03
    assert set(yellow[beside].payment_type) == {0}


def test_defects_come_at_about_their_known_rates(month: Read) -> None:
    yellow = month("yellow", "2025-11")
    instant = yellow.tpep_dropoff_datetime == yellow.tpep_pickup_datetime
    assert set(yellow.VendorID) >= {1, 2, 7}
    assert instant[yellow.VendorID == 7].mean() > 0.99
    assert 0.008 < instant.mean() < 0.02
    assert (yellow.tpep_dropoff_datetime < yellow.tpep_pickup_datetime).any()
    assert 0.01 < (yellow.trip_distance == 0).mean() < 0.025
    assert 0.005 < (yellow.passenger_count == 0).mean() < 0.025
    assert {264, 265} <= set(yellow.PULocationID) & set(yellow.DOLocationID)


def test_green_has_more_trips_of_no_distance_and_fewer_refunds(month: Read) -> None:
    green = month("green", "2024-03")
    assert 0.025 < (green.trip_distance <= 0).mean() < 0.045
    assert 0.001 < (green.fare_amount < 0).mean() < 0.006
    assert green.ehail_fee.isna().all()


def test_1_percent_of_2010_comes_twice_and_hardly_anything_of_2012(month: Read) -> None:
    twice = {year: month("yellow", f"{year}-06").duplicated().mean() for year in (2010, 2012)}
    assert 0.009 < twice[2010] < 0.014
    assert twice[2012] < 0.001


def test_some_pickups_are_outside_the_files_month(month: Read) -> None:
    pickups = month("yellow", "2025-11").tpep_pickup_datetime
    outside = pickups[(pickups < "2025-11-01") | (pickups >= "2025-12-01")]
    near = outside[(outside >= "2025-10-31 23:00") & (outside < "2025-12-01 01:00")]
    assert len(near) >= 1
    assert len(outside) > len(near)
    assert len(outside) < 10


def test_until_2014_only_dropoffs_are(month: Read) -> None:
    trips = month("yellow", "2012-06")
    assert trips.tpep_pickup_datetime.between("2012-06-01", "2012-06-30 23:59:59").all()
    assert (trips.tpep_dropoff_datetime.dt.year != 2012).sum() == 1


def test_even_a_short_month_has_a_stray_pickup(tmp_path: Path) -> None:
    pickups = pd.read_parquet(write_month(tmp_path, "green", Month(2021, 1), 30)).lpep_pickup_datetime
    assert (pickups.dt.year != 2021).any()


@pytest.mark.parametrize("name", ["2012-06", "2018-12", "2025-11"])
def test_the_total_is_the_sum_of_the_charges(month: Read, name: str) -> None:
    yellow = month("yellow", name)
    charges = ["fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge"]
    charges += ["congestion_surcharge", "Airport_fee", "cbd_congestion_fee"] if name > "2025" else []
    known = yellow[yellow.payment_type != 0]
    assert np.allclose(known[charges].sum(axis=1), known.total_amount, atol=0.001)
    assert np.array_equal(np.round(yellow.total_amount, 2), yellow.total_amount)


def test_vendors_and_payments_are_words_until_2010_in_parquet(month: Read) -> None:
    paid = month("yellow", "2009-06").groupby("vendor_name").Payment_Type.unique().map(set).to_dict()
    rare = {"No Charge", "Dispute", "NA "}
    assert {vendor: words - rare for vendor, words in paid.items()} == {
        "CMT": {"Credit", "Cash"},
        "VTS": {"Credit", "CASH"},
        "DDS": {"CREDIT", "CASH"},
    }
    assert {"Cre", "CRE", "Cas", "CAS", "No ", "Dis", "NA "} == set(month("yellow", "2010-06").payment_type)
    assert {1, 2, 3, 4, 5} == set(month("yellow", "2012-06").payment_type)


def test_and_until_2014_in_csv(month: Read) -> None:
    trips = month("yellow", "2012-06", "csv")
    assert {"CRD", "CSH", "NOC", "DIS", "UNK"} == set(trips.payment_type)
    assert {"CMT", "VTS"} == set(trips.vendor_id)
    assert {"1", "2"} == set(month("yellow", "2015-02", "csv").VendorID)


def test_flags_have_every_spelling(month: Read) -> None:
    def flags(name: str, column: str = "store_and_fwd_flag") -> set[object]:
        return set(month("yellow", name)[column].dropna())

    assert flags("2009-06", "store_and_forward") == {0.0, 1.0}
    assert flags("2010-06") == {"0", "1", "*", "nan"}
    assert flags("2010-02") == {"0.0", "1.0", "*", "nan"}
    assert flags("2012-06") == {"N", "Y"}
    assert 0.44 < month("yellow", "2011-05").store_and_fwd_flag.isna().mean() < 0.56


def test_what_2009_did_not_have_is_null(month: Read) -> None:
    assert month("yellow", "2009-06")[["Rate_Code", "mta_tax"]].isna().all(axis=None)
    december = month("yellow", "2009-12")
    assert december.Rate_Code.isna().all()
    assert december.mta_tax.notna().all()


def test_row_numbers_leaked_from_pandas_have_gaps(month: Read) -> None:
    numbers = month("yellow", "2010-02")["__index_level_0__"]
    assert numbers.is_monotonic_increasing
    assert set(numbers.diff().dropna()) == {1, 2}


@pytest.mark.parametrize(("color", "name", "zeros"), [("yellow", "2010-06", 0.02), ("green", "2013-08", 0.07)])
def test_coordinates_are_in_the_city_or_missing(month: Read, color: str, name: str, zeros: float) -> None:
    trips = month(color, name, "csv").rename(columns=lambda column: column.lower())
    for end in ("pickup", "dropoff"):
        longitude, latitude = (trips[f"{end}_{axis}"].astype(float) for axis in ("longitude", "latitude"))
        missing = (longitude == 0) & (latitude == 0)
        assert missing.mean() == pytest.approx(zeros, abs=0.008)
        city = longitude.between(-74.3, -73.6) & latitude.between(40.5, 41)
        assert 1 - 1e-3 < (city | missing).mean() < 1


def test_fhv_zones_are_mostly_missing(month: Read) -> None:
    old, new = month("fhv", "2015-05"), month("fhv", "2023-05")
    assert old.DOlocationID.isna().mean() == pytest.approx(0.985, abs=0.003)
    assert old.PUlocationID.isna().mean() == pytest.approx(0.29, abs=0.01)
    assert new.PUlocationID.isna().mean() == pytest.approx(0.537, abs=0.01)
    assert new.DOlocationID.isna().mean() == pytest.approx(0.11, abs=0.01)


def test_fhv_zones_are_whole_numbers_where_none_is_missing(month: Read) -> None:
    assert month("fhv", "2019-05")[["PUlocationID", "DOlocationID"]].notna().all(axis=None)
    july = month("fhv", "2020-07")
    assert july.DOlocationID.notna().all()
    assert july.PUlocationID.isna().any()


def test_bases_are_spelled_as_they_were_handed_in(month: Read) -> None:
    trips = month("fhv", "2020-04")
    shapes = Counter(trips.dispatching_base_num.str.replace(r"\d", "0", regex=True))
    assert set(shapes) == {"B00000", "B00000".ljust(15), "b00000"}
    assert 0.01 < shapes["B00000".ljust(15)] / ROWS < 0.016
    assert 0.001 < shapes["b00000"] / ROWS < 0.003
    assert {"UBER", "1UBER"} < set(trips.Affiliated_base_number)
    assert 0.6 < (trips.Affiliated_base_number == trips.dispatching_base_num).mean() < 0.75


@pytest.mark.parametrize(("name", "strays"), [("2019-01", 0), ("2019-02", 1), ("2019-03", 0)])
def test_one_dropoff_is_in_the_year_3019(tmp_path: Path, name: str, strays: int) -> None:
    table = pq.read_table(write_month(tmp_path, "fhv", Month.parse(name), 2_000))
    years = Counter(moment.year for moment in table.column("dropOff_datetime").to_pylist() if moment is not None)
    assert years[3019] == strays
    assert years[2019] == 2_000 - strays


def test_fhvhv_trips_end_outside_the_city_as_often_as_they_do(month: Read) -> None:
    trips = month("fhvhv", "2023-05")
    assert trips.DOLocationID.isin((264, 265)).mean() == pytest.approx(0.039, abs=0.004)
    assert trips.PULocationID.isin((264, 265)).mean() < 0.001
    assert 0.0003 < (trips.base_passenger_fare < 0).mean() < 0.0015
    assert 0.0002 < (trips.trip_miles <= 0).mean() < 0.001
    lasted = (trips.dropoff_datetime - trips.pickup_datetime).dt.total_seconds()
    assert (lasted <= 0).mean() < 0.0003
    assert (trips.trip_time[lasted > 0] == lasted[lasted > 0]).all()
    assert (trips.request_datetime < trips.pickup_datetime).all()


def test_fhvhv_companies_leave_what_they_do_not_know(month: Read) -> None:
    trips = month("fhvhv", "2019-03")
    uber = trips.hvfhs_license_num == "HV0003"
    assert set(trips.hvfhs_license_num) == {"HV0002", "HV0003", "HV0004", "HV0005"}
    assert set(month("fhvhv", "2023-05").hvfhs_license_num) == {"HV0003", "HV0005"}
    for column in ("on_scene_datetime", "originating_base_num"):
        assert (trips[column].notna() == uber).all()
    assert (trips.access_a_ride_flag == np.where(uber, " ", "N")).all()
    assert (trips.dispatching_base_num[uber] == trips.originating_base_num[uber]).all()


def test_fhvhv_airport_fees_begin_in_2021(month: Read) -> None:
    assert month("fhvhv", "2020-02").airport_fee.isna().mean() > 0.999
    assert set(month("fhvhv", "2023-05").airport_fee) == {0.0, 2.5}
