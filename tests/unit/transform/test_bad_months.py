"""Files that are no month of their color, and what is said of each: one line that names the file, whatever is in it."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from taxi_luigi.core.errors import BadFile, LayoutError, TaxiError
from taxi_luigi.transform.readers import csv_records, open_raw
from tests.support.cleaned import Cleaned, cleaned
from tests.support.gzipped import gzipped
from tests.support.memory import at_most

NAME = "green_tripdata_2020-11.csv"
HEADER = b"VendorID,lpep_pickup_datetime,lpep_dropoff_datetime,store_and_fwd_flag,trip_distance\n"
ROW = b"2,2020-11-01 00:08:23,2020-11-01 00:32:03,N,1.5\n"


@pytest.fixture
def clean(tmp_path: Path) -> Callable[[bytes], Cleaned]:
    """Cleans these bytes."""

    def run(content: bytes) -> Cleaned:
        (tmp_path / NAME).write_bytes(content)
        return cleaned(tmp_path / NAME)

    return run


def names(count: int) -> bytes:
    return b",".join(b"column%d" % number for number in range(count))


BAD = {
    "one column": (b"VendorID\n1\n2\n", "neither parquet nor csv nor csv.gz; it begins 'VendorID 1 2'"),
    "no header": (ROW * 3, "lpep_dropoff_datetime; found 2, 2020-11-01 00:08:23, 2020-11-01 00:32:03, N, 1.5;"),
    "a name twice": (
        HEADER.replace(b"trip_distance", b"VendorID") + ROW,
        "2 columns are called 'VendorID'; it is unknown which one to read",
    ),
    "two spellings": (
        HEADER.replace(b"trip_distance", b"vendorid") + ROW,
        "the columns 'VendorID' and 'vendorid' both mean vendorid; keep one of them",
    ),
    "no pickup": (
        HEADER.replace(b"lpep_pickup", b"pickup") + ROW,
        "no column lpep_pickup_datetime; found VendorID, pickup_datetime, lpep_dropoff_datetime, store_and_fwd_flag,",
    ),
    "another color": (
        HEADER.replace(b"lpep", b"tpep") + ROW,
        "no column lpep_dropoff_datetime; found VendorID, tpep_pickup_datetime, tpep_dropoff_datetime,"
        " store_and_fwd_flag, trip_distance; it looks like yellow",
    ),
    "200,000 columns": (
        names(200_000) + b"\n",
        "no line ends within 2,097,152 bytes, so it is no csv file or a quote is astray",
    ),
    "20,000 columns": (names(20_000) + b"\n", "its first line is no header: it does not end within 65,536 bytes"),
    "5,000 columns": (names(5_000) + b"\n", "column29 and 4,970 more; is it a file of green?"),
    "names without end": (
        b'"' + b"x" * 3_000 + b"\xe9\x1b[31m" + b'",b\n1,2\n',
        "found " + "x" * 59 + "…, b; is it a file of green?",
    ),
    "fields of another header": (
        HEADER + b"1,2,3\n" * 5,
        "the header names 5 columns, and no row of the first 5 has as many fields; the first is '1,2,3'",
    ),
    "no row that can be read": (
        HEADER + ROW.replace(b"2,2020-11-01 ", b"2,1/11/2020 ") * 3,
        "none of its 3 records can be stored (unreadable:lpep_pickup_datetime in 3); the first is"
        " 'lpep_pickup_datetime=1/11/2020 00:08:23, VendorID=2, ",
    ),
    "a quote astray": (
        HEADER + ROW + b'2,"2020-11-01 00:08:23,2020-11-01 00:32:03,N,1.5\n' + ROW * 30_000,
        "no line ends within 1,",
    ),
    "a quote astray near its end": (HEADER + ROW + b'"' + ROW, "ends within a quoted field, so it was cut short or"),
    "gzip of a gzip": (gzipped(gzipped(HEADER + ROW)), "gzip around another gzip or parquet file"),
    "utf-16": ((HEADER + ROW).decode().encode("utf-16"), "neither parquet nor csv nor csv.gz; it begins '"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "says"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["csv", "csv.gz"])
def test_what_is_wrong_is_said_in_one_line(
    clean: Callable[[bytes], Cleaned], tmp_path: Path, content: bytes, says: str, compress: Callable[[bytes], bytes]
) -> None:
    with pytest.raises(BadFile) as error:
        clean(compress(content))
    line = str(error.value)
    assert line.startswith(f"{tmp_path / NAME}: ")
    assert says in line
    assert line.isprintable()
    assert len(line) - len(str(tmp_path)) < 1_200


def test_a_wrong_value_here_and_there_is_no_bad_month(clean: Callable[[bytes], Cleaned]) -> None:
    month = clean(
        HEADER + ROW + ROW.replace(b"2,", b"two,", 1) + ROW.replace(b"1.5", b"") + ROW.replace(b"1.5", b"far")
    )
    assert month.reasons == [(4, "unreadable:trip_distance")]
    assert month.receipt.unmapped == {"unknown_code:vendorid": {"two": 1}}
    assert (month.receipt.rows_in, month.receipt.rows_kept) == (4, 3)


GIGABYTE = 1 << 30
MEMORY = 200 << 20
BOMBS = {
    "zeros": (b"", b"\0"),
    "zeros in a header": (HEADER[:10] + b",", b"\0"),
    "zeros after a row": (HEADER + ROW, b"\0"),
    "spaces after a row": (HEADER + ROW, b" "),
    "quotes after a row": (HEADER + ROW, b'"'),
    "commas after a row": (HEADER + ROW, b","),
    "commas after a quote": (HEADER + ROW + b'"x",', b","),
    "a line of quoted nothings": (HEADER + ROW, b'"",'),
    "a quoted text without end": (HEADER + ROW + b'"', b"x\n"),
    "a line of escapes": (HEADER + ROW, b"\xff"),
}


@pytest.mark.parametrize(("head", "unit"), BOMBS.values(), ids=BOMBS)
def test_a_gigabyte_of_one_thing_is_refused_before_it_fills_the_memory(
    tmp_path: Path, head: bytes, unit: bytes
) -> None:
    path = tmp_path / f"{NAME}.gz"
    piece = gzipped(unit * ((32 << 20) // len(unit)), 1)
    path.write_bytes(gzipped(head) + piece * (GIGABYTE // (32 << 20)))
    with at_most(MEMORY), pytest.raises(TaxiError) as error:
        cleaned(path)
    line = str(error.value)
    assert str(path) in line
    assert line.isprintable()
    assert len(line) < 600


def test_a_byte_order_mark_amid_a_file_is_text_wherever_the_reader_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = b"\xef\xbb\xbf"
    path = tmp_path / "raw"
    path.write_bytes(mark + b"a,b\n" + (mark + b"1,2\n") * 5 + mark + b"\n" + mark + b'"3",4\n')
    for size in (1, 8, 64, csv_records.BLOCK):
        monkeypatch.setattr(csv_records, "BLOCK", size)
        with open_raw(path) as raw, closing(raw.chunks()) as chunks:
            found = list(chunks)
            assert [row["a"] for chunk in found for row in chunk.batch.to_pylist()] == ["\ufeff1"] * 5 + ['\ufeff"3"']
            broken = [(chunk.first + each.number - 1, each.text) for chunk in found for each in chunk.broken]
            assert broken == [(6, "\ufeff")]
            assert raw.records() == 7


@pytest.mark.parametrize("head", [HEADER, HEADER[:-1] + b"\r"], ids=["lf, then cr", "cr"])
@pytest.mark.parametrize("row", [ROW[:-1] + b"\r", ROW[:-1].replace(b"N", b'"N"') + b"\r"], ids=["plain", "quoted"])
def test_lines_that_end_in_a_carriage_return_alone_are_read_piece_by_piece(head: bytes, row: bytes) -> None:
    rows = 3 * csv_records.BLOCK // len(row)
    pieces = [(len(piece), count) for piece, count in csv_records.blocks(io.BytesIO(head + row * rows), "raw")]
    assert sum(count for _, count in pieces) == rows + 1
    assert max(size for size, _ in pieces) <= csv_records.BLOCK + csv_records.LONGEST_RECORD


def test_a_record_longer_than_any_trip_is_refused_and_one_that_is_long_is_read(
    clean: Callable[[bytes], Cleaned], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within quotes, where the reader looks at a window at a time, and widens it until the record ends."""
    long = ROW.replace(b"N", b'"' + b"N\n," * 250_000 + b'"')
    month = clean(HEADER + ROW + long + ROW)
    assert (month.receipt.rows_kept, month.receipt.unmapped) == (
        3,
        {"unknown_code:store_and_fwd_flag": {"N\n," * 12 + "N\n… (750,000 characters)": 1}},
    )
    monkeypatch.setattr(csv_records, "LONGEST_RECORD", 500_000)
    with pytest.raises(BadFile, match="no line ends within"):
        clean(HEADER + ROW + long + ROW * 50_000)


def test_a_file_of_rows_that_have_too_few_fields_fails_though_its_header_is_right(
    clean: Callable[[bytes], Cleaned],
) -> None:
    with pytest.raises(LayoutError, match="no row of the first 3"):
        clean(HEADER + b"2020-11-01 00:08:23\n" * 3)
