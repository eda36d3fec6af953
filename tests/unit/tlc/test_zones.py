"""TLC's list of zones as csv: both editions, every way to write the same, and one line for what is no such list."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taxi_luigi.core.errors import BadFile, LayoutError
from taxi_luigi.sample import write_zones
from taxi_luigi.tlc.zones import COLUMNS, Lookup, Zone, read_lookup

HEADER = "LocationID,Borough,Zone,service_zone"
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=20)
"""without a lone carriage return, which Python's csv.writer does not quote"""
ZONES = st.lists(
    st.builds(Zone, st.integers(0, 2**31 - 1), TEXT, TEXT, TEXT), min_size=1, unique_by=lambda zone: zone.locationid
)


def read(text: str) -> Lookup:
    return read_lookup(text.encode(), "zones.csv")


@pytest.mark.parametrize(
    ("name", "last_two"),
    [
        ("taxi_zone_lookup.csv", [(264, "Unknown", "N/A", "N/A"), (265, "N/A", "Outside of NYC", "N/A")]),
        ("taxi+_zone_lookup.csv", [(264, "Unknown", "NV", "N/A"), (265, "Unknown", "NA", "N/A")]),
    ],
)
def test_both_editions_of_tlc(tlc_data: Path, name: str, last_two: list[tuple[object, ...]]) -> None:
    lookup = read_lookup((tlc_data / "zones" / name).read_bytes(), name)
    assert [zone.locationid for zone in lookup.zones] == list(range(1, 266))
    assert lookup.zones[0] == (1, "EWR", "Newark Airport", "EWR")
    assert list(lookup.zones[-2:]) == last_two
    assert lookup.left_out == ()


def test_the_made_up_list(tmp_path: Path) -> None:
    lookup = read_lookup(write_zones(tmp_path / "zones.csv").read_bytes(), "zones.csv")
    assert [zone.locationid for zone in lookup.zones] == list(range(1, 266))
    assert lookup.zones[-2:] == ((264, "Unknown", "N/A", "N/A"), (265, "N/A", "Outside of NYC", "N/A"))


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n7,Queens,Astoria,Boro Zone\n",
        f"{HEADER}\r\n7,Queens,Astoria,Boro Zone",
        f"\ufeff{HEADER}\n\n7,Queens,Astoria,Boro Zone\n\n",
        '"LocationID","Borough","Zone","service_zone"\n"7","Queens","Astoria","Boro Zone"\n',
        "locationid,borough,zone,SERVICE_ZONE\n 7 ,Queens,Astoria,Boro Zone\n",
        " LocationID , Borough, Zone, service_zone\n007,Queens,Astoria,Boro Zone\n",
        "Zone,service_zone,Borough,LocationID\nAstoria,Boro Zone,Queens,7\n",
    ],
)
def test_the_same_written_otherwise(text: str) -> None:
    assert read(text) == Lookup((Zone(7, "Queens", "Astoria", "Boro Zone"),), ())


def test_columns_that_are_not_known_are_left_out_and_named() -> None:
    lookup = read("OBJECTID,LocationID,Borough,Zone,service_zone,Shape Area\n1,7,Queens,Astoria,Boro Zone,0.5\n")
    assert lookup == Lookup((Zone(7, "Queens", "Astoria", "Boro Zone"),), ("OBJECTID", "Shape Area"))


@pytest.mark.parametrize("text", ["N/A", "NA", "null", "", " ", "None", "a\nb", 'a"b', "東京"])
def test_a_text_is_a_text(text: str) -> None:
    quoted = text.replace('"', '""')
    assert read(f'{HEADER}\n1,"{quoted}","{quoted}","{quoted}"\n').zones == (Zone(1, text, text, text),)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "zones.csv is empty"),
        (b"\n\r\n", "zones.csv is empty"),
        (HEADER.encode(), "zones.csv has a header and no zones"),
        (b"  <!DOCTYPE html>\n<html>", "zones.csv is a web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "zones.csv is a web page"),
        (b"\x1f\x8b\x08\0", "no text in UTF-8 (byte 1)"),
        (HEADER.encode("utf-16"), "no text in UTF-8 (byte 0)"),
        (f"{HEADER}\n1,a,b,\0\n".encode(), "has a zero byte"),
        (f"{HEADER}\n1,a,b\n".encode(), "line 2: 3 fields where the header has 4"),
        (f"{HEADER}\n1,a,b,c,d\n".encode(), "line 2: 5 fields where the header has 4"),
        (f"{HEADER}\n1,a,b,c\n2,a,b,c\n1,d,e,f\n".encode(), "line 4: LocationID 1 is there a second time"),
        (f"{HEADER}\n1,a,b,c\n01,d,e,f\n".encode(), "line 3: LocationID 1 is there a second time"),
        (f"{HEADER}\n1.0,a,b,c\n".encode(), "line 2: LocationID must be a whole number, not '1.0'"),
        (f"{HEADER}\n,a,b,c\n".encode(), "LocationID must be a whole number, not ''"),
        (f"{HEADER}\n-1,a,b,c\n".encode(), "LocationID must be a whole number, not '-1'"),
        (f"{HEADER}\n1_0,a,b,c\n".encode(), "LocationID must be a whole number, not '1_0'"),
        (f"{HEADER}\n٣,a,b,c\n".encode(), "LocationID must be a whole number, not '٣'"),
        (f"{HEADER}\n2147483648,a,b,c\n".encode(), "LocationID must be a whole number, not '2147483648'"),
        (f"{HEADER}\n{'9' * 5000},a,b,c\n".encode(), f"not '{'9' * 100}…'"),
        (f'{HEADER}\n"1\n",a,b,c\n"x\ny",a,b,c\n'.encode(), r"line 5: LocationID must be a whole number, not 'x\ny'"),
        (f'{HEADER}\n1,"a,b,c\n'.encode(), "line 2: unexpected end of data"),
        (f'{HEADER}\n1,"a"b,c,d\n'.encode(), "line 2: ',' expected after"),
    ],
)
def test_what_is_no_list_of_zones_is_one_line(content: bytes, says: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_lookup(content, "zones.csv")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (
            "LocationID,Borough,Zone",
            "has no column service_zone; TLC's list of zones has LocationID, Borough, Zone, ser",
        ),
        ("VendorID,tpep_pickup_datetime", "has no column locationid; .* this has 'VendorID, tpep_pickup_datetime'"),
        ("LocationID;Borough;Zone;service_zone", "has no column locationid"),
        ("LocationID,Borough,zone,Zone,service_zone", "has the column zone more than once"),
        ('"Location\nID",Borough', r"this has 'Location\\nID, Borough'"),
        (",".join(["x" * 100] * 100), "has no column locationid"),
    ],
)
def test_wrong_columns_are_named(header: str, says: str) -> None:
    with pytest.raises(LayoutError, match=says) as caught:
        read(f"{header}\n1,a,b,c\n")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(
    zones=ZONES,
    columns=st.permutations(list(COLUMNS)),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    ending=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
)
@example([Zone(0, "", "", "")], list(COLUMNS), csv.QUOTE_MINIMAL, "\n", "")
def test_what_is_written_is_read(zones: list[Zone], columns: list[str], quoting: int, ending: str, mark: str) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=quoting, lineterminator=ending)
    writer.writerow(columns)
    writer.writerows([getattr(zone, column) for column in columns] for zone in zones)
    assert read(mark + file.getvalue()) == Lookup(tuple(zones), ())


@given(cut=st.integers(0, 200), junk=st.binary(max_size=20))
@example(cut=0, junk=b'"')
def test_a_damaged_list_is_zones_or_one_line(cut: int, junk: bytes) -> None:
    whole = f'{HEADER}\n1,"EWR","Newark Airport","EWR"\n2,Queens,"Jamaica Bay",N/A\n'.encode()
    found = zones_or_line(whole[:cut] + junk + whole[cut:])
    if isinstance(found, str):
        assert len(found.splitlines()) == 1
    else:
        assert found
        assert all(isinstance(zone.locationid, int) for zone in found)


def zones_or_line(content: bytes) -> tuple[Zone, ...] | str:
    try:
        return read_lookup(content, "zones.csv").zones
    except BadFile as error:
        return str(error)
