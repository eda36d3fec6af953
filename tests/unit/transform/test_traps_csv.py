"""The traps in TLC's csv files, one at a time: its own bytes as published, and its own lines with one thing amiss."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from taxi_luigi.core.errors import BadFile, Refusal
from taxi_luigi.transform.readers import check_whole, count_records
from tests.support.cleaned import Cleaned, cleaned

Bytes = Callable[[str], bytes]
Clean = Callable[[str, bytes], Cleaned]

JAN_2010, NOV_2020, FHV_2018 = "yellow_tripdata_2010-01.csv", "green_tripdata_2020-11.csv", "fhv_tripdata_2018-01.csv"


@pytest.fixture
def head(tlc_data: Path) -> Bytes:
    """The whole lines of a head, with the line ends that TLC gave them."""

    def read(name: str) -> bytes:
        content = (tlc_data / "heads" / f"{name.removesuffix('.csv')}.head1024.csv").read_bytes()
        return content[: content.rindex(b"\n") + 1]

    return read


@pytest.fixture
def lines(tlc_data: Path) -> Callable[[str, int], list[bytes]]:
    """The header and the first rows of a sample, or of a whole month, without line ends."""

    def read(name: str, rows: int) -> list[bytes]:
        sample, whole = tlc_data / "samples" / name, tlc_data / "whole" / f"{name}.gz"
        content = sample.read_bytes() if sample.exists() else gzip.decompress(whole.read_bytes())
        return content.splitlines()[: rows + 1]

    return read


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """Cleans bytes under a name; as csv and as csv.gz, which must make no difference."""

    def run(name: str, content: bytes) -> Cleaned:
        (tmp_path / name).write_bytes(content)
        plain = cleaned(tmp_path / name)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
        packed = cleaned(tmp_path / f"{name}.gz")
        assert (packed.table, packed.rejects) == (plain.table, plain.rejects)
        return plain

    return run


def amid(lines: list[bytes], row: int, change: Callable[[bytes], bytes]) -> bytes:
    """The lines as a file, one of them changed; row 1 is the first below the header."""
    return b"\n".join([*lines[:row], change(lines[row]), *lines[row + 1 :], b""])


def field(number: int, value: bytes) -> Callable[[bytes], bytes]:
    """Replaces one field of a line, counted from 0."""

    def change(line: bytes) -> bytes:
        fields = line.split(b",")
        fields[number] = value
        return b",".join(fields)

    return change


@pytest.mark.parametrize(
    "name", [f"{each}.csv" for each in ("green_tripdata_2013-08", "green_tripdata_2015-01", "green_tripdata_2016-07",
                                        "yellow_tripdata_2016-07")]
)  # fmt: skip
def test_two_empty_fields_more_than_the_header(head: Bytes, clean: Clean, name: str) -> None:
    content = head(name)
    header, *rows = (line for line in content.splitlines() if line)
    assert {row.count(b",") - header.count(b",") for row in rows} == {2}
    month = clean(name, content)
    assert (month.receipt.rows_kept, month.rejects) == (len(rows), [])
    assert month.receipt.left_out == {}


def test_a_value_in_a_field_beyond_the_header_is_a_reject_with_its_text(head: Bytes, clean: Clean) -> None:
    content = head("yellow_tripdata_2016-07.csv")
    line = content.splitlines()[2]
    assert line.endswith(b",,")
    moved = line.replace(b",N,", b",,N,")[:-1]  # one comma too many: as many fields as the others, all of them moved
    month = clean("yellow_tripdata_2016-07.csv", content.replace(line, moved[:-1] + b"9,"))
    assert month.reasons == [(2, "field_count")]
    assert month.rejects[0]["raw"] == {"line": (moved[:-1] + b"9,").decode()}
    assert month.receipt.rows_kept == len(content.splitlines()) - 2


def test_a_blank_second_line_is_no_record(head: Bytes, clean: Clean, tmp_path: Path) -> None:
    for name in ("green_tripdata_2013-08.csv", "green_tripdata_2018-01.csv", "yellow_tripdata_2009-01.csv"):
        content = head(name)
        assert content.split(b"\n")[1] == b"\r"
        assert clean(name, content).receipt.rows_in == len(content.splitlines()) - 2
        assert count_records(tmp_path / name) == len(content.splitlines()) - 2


def test_a_carriage_return_is_part_of_no_value_though_the_header_has_none(head: Bytes, clean: Clean) -> None:
    content = head("green_tripdata_2018-01.csv")
    header, blank, *rows = content.split(b"\n")[:-1]
    assert not header.endswith(b"\r")
    assert all(row.endswith(b"\r") for row in (blank, *rows))
    month = clean("green_tripdata_2018-01.csv", content)
    assert month.column("trip_type") == [int(row.rstrip(b"\r").split(b",")[-1]) for row in rows]
    assert "trip_type" in month.receipt.layout


def test_blanks_around_the_names(head: Bytes, clean: Clean) -> None:
    content = head("yellow_tripdata_2014-01.csv")
    assert b", pickup_datetime, " in content
    month = clean("yellow_tripdata_2014-01.csv", content)
    assert month.receipt.left_out == {}
    assert None not in month.column("tpep_pickup_datetime") + month.column("total_amount")


def test_everything_quoted_and_the_base_in_the_other_of_two_columns(head: Bytes, clean: Clean) -> None:
    content = head(FHV_2018)
    rows = content.splitlines()[1:]
    assert all(row.count(b'"') == 14 and row.endswith(b',""') for row in rows)
    month = clean(FHV_2018, content)
    assert month.column("dispatching_base_num") == [row.decode().split('"')[-4] for row in rows]
    assert month.column("dispatching_base_num")[0] == "B02884"
    assert month.column("pulocationid")[0] == 56
    assert month.receipt.left_out == {}


def test_two_bases_that_differ_are_a_reject(head: Bytes, clean: Clean) -> None:
    rows = head(FHV_2018).splitlines()
    month = clean(FHV_2018, amid(rows, 2, lambda line: line[:-2] + b'"B00001"'))
    assert month.reasons == [(2, "ambiguous:dispatching_base_num")]


def test_a_comma_too_many_is_a_reject_with_its_text_and_the_file_goes_on(
    lines: Callable[[str, int], list[bytes]], clean: Clean
) -> None:
    rows = lines(JAN_2010, 20)
    for changed in (rows[7] + b",", rows[7].replace(b",", b",,", 1), rows[7] + b",,,"):
        month = clean(JAN_2010, amid(rows, 7, lambda line, to=changed: to))  # type: ignore[misc]
        assert month.reasons == [(7, "field_count")]
        assert month.rejects[0]["raw"] == {"line": changed.decode()}
        assert month.receipt.rows_kept == 19


def test_whole_numbers_with_a_point_are_whole_numbers(lines: Callable[[str, int], list[bytes]], clean: Clean) -> None:
    rows = lines(NOV_2020, 20)
    plain = clean(NOV_2020, b"\n".join([*rows, b""]))
    names = rows[0].split(b",")
    whole = [
        names.index(name) for name in (b"VendorID", b"RatecodeID", b"PULocationID", b"passenger_count", b"trip_type")
    ]
    pointed = [rows[0]]
    for row in rows[1:]:
        fields = row.split(b",")
        for place in whole:
            fields[place] += b".0"
        pointed.append(b",".join(fields))
    assert clean(NOV_2020, b"\n".join([*pointed, b""])).table == plain.table
    assert clean(NOV_2020, amid(rows, 3, field(whole[0], b"2.0"))).table == plain.table
    assert clean(NOV_2020, amid(rows, 3, field(whole[0], b"1.5"))).reasons == [(3, "unreadable:vendorid")]


@pytest.mark.parametrize("nothing", [b"", b" ", b"N/A", b"n/a", b"NULL", b'""', b'" "'])
def test_no_value_is_null_in_numbers_and_times(
    lines: Callable[[str, int], list[bytes]], clean: Clean, nothing: bytes
) -> None:
    rows = lines(NOV_2020, 5)
    for name in (b"VendorID", b"lpep_dropoff_datetime", b"passenger_count", b"tip_amount"):
        month = clean(NOV_2020, amid(rows, 3, field(rows[0].split(b",").index(name), nothing)))
        assert month.rejects == []
        assert [value is None for value in month.column(name.decode().lower())] == [False, False, True, False, False]


def test_in_text_n_a_is_text_and_a_blank_is_nothing(lines: Callable[[str, int], list[bytes]], clean: Clean) -> None:
    rows = lines("fhv_tripdata_2020-01.csv", 3)
    content = amid(rows, 1, field(0, b"N/A"))
    assert clean("fhv_tripdata_2020-01.csv", content).column("dispatching_base_num")[0] == "N/A"
    content = amid(rows, 1, field(0, b"   "))
    assert clean("fhv_tripdata_2020-01.csv", content).column("dispatching_base_num")[0] is None


def test_tlcs_rows_without_a_vendor_are_kept(tlc_data: Path, tmp_path: Path) -> None:
    name = "green_tripdata_2020-03.csv.gz"
    (tmp_path / name).symlink_to(tlc_data / "whole" / name)
    rows = gzip.decompress((tlc_data / "whole" / name).read_bytes()).splitlines()[1:]
    month = cleaned(tmp_path / name)
    assert month.table["vendorid"].null_count == sum(row.startswith(b",") for row in rows) == 47_119
    assert (month.receipt.rows_kept, month.rejects) == (len(rows), [])


def test_bytes_that_are_no_utf_8_stay_visible_in_the_row_and_in_a_reject(head: Bytes, clean: Clean) -> None:
    rows = head(FHV_2018).splitlines()
    base = clean(FHV_2018, amid(rows, 2, lambda line: line.replace(b"B02884", b"B0\xe9")))
    assert base.column("dispatching_base_num")[:2] == ["B02884", "B0\\xe9"]
    zone = clean(FHV_2018, amid(rows, 2, lambda line: line.replace(b'"129","112"', b'"12\xe9","112"')))
    assert zone.reasons == [(2, "unreadable:pulocationid")]
    assert zone.rejects[0]["raw"]["PUlocationID"] == "12\\xe9"


def test_a_line_break_within_quotes_ends_no_record(head: Bytes, clean: Clean) -> None:
    rows = head(FHV_2018).splitlines()
    for end in (b"\n", b"\r\n"):
        content = amid(rows, 2, lambda line, end=end: line.replace(b"B02884", b"B02" + end + b"884"))  # type: ignore[misc]
        month = clean(FHV_2018, content)
        assert month.column("dispatching_base_num")[1] == "B02" + end.decode() + "884"
        assert (month.receipt.rows_in, month.rejects) == (len(rows) - 1, [])


@pytest.mark.parametrize("name", ["green_tripdata_2013-08.csv", "yellow_tripdata_2017-01.csv", FHV_2018])
def test_a_cut_last_line_is_a_truncated_download_and_no_reject(head: Bytes, tmp_path: Path, name: str) -> None:
    content = head(name).rstrip(b"\r\n")
    path = tmp_path / name
    begin = content.rindex(b"\n") + 1
    cuts = range(begin + 1, content.rindex(b","))
    assert len(cuts) > 50
    for end in cuts:
        path.write_bytes(content[:end])
        with pytest.raises(BadFile, match="cut short") as error:
            cleaned(path)
        assert str(error.value).startswith(f"{path}: ")
    for whole in (content, content + b"\r", content[:begin]):
        path.write_bytes(whole)
        assert cleaned(path).rejects == []


def test_a_packed_file_that_is_cut_anywhere_is_not_whole(head: Bytes, tmp_path: Path) -> None:
    packed = gzip.compress(head(FHV_2018), mtime=0)
    path = tmp_path / f"{FHV_2018}.gz"
    for end in range(1, len(packed)):
        path.write_bytes(packed[:end])
        with pytest.raises(BadFile):
            check_whole(path)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_wrong_value_in_one_row_is_a_reject_and_the_file_goes_on(
    lines: Callable[[str, int], list[bytes]], clean: Clean, end: bytes
) -> None:
    rows = lines(NOV_2020, 9)
    content = amid(rows, 4, field(1, b"2020-11-31 00:00:00")).replace(b"\n", end)
    month = clean(NOV_2020, content)
    assert month.reasons == [(4, "unreadable:lpep_pickup_datetime")]
    assert month.receipt.rows_kept == 8


def test_a_file_of_which_no_record_can_be_stored_fails_with_its_first_record(
    lines: Callable[[str, int], list[bytes]], clean: Clean
) -> None:
    header, *rows = lines(NOV_2020, 9)
    american = [field(1, b"11/01/2020 12:08:23 AM")(row) for row in rows]
    with pytest.raises(Refusal) as error:
        clean(NOV_2020, b"\n".join([header, *american, b""]))
    text = str(error.value)
    assert "none of its 9 records can be stored (unreadable:lpep_pickup_datetime in 9); the first is '" in text
    assert "lpep_pickup_datetime=11/01/2020 12:08:23 AM" in text
    assert text.isprintable()
