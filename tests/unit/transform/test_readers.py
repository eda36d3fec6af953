"""Files told apart by their bytes, damage told from data, and csv read record by record."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import re
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption
import pytest

from taxi_luigi.core.errors import BadFile, LayoutError
from taxi_luigi.core.receipts import FOOTER_KEY
from taxi_luigi.transform.readers import check_whole, count_records, csv_records, open_raw, sniff
from tests.support.cleaned import receipt_of
from tests.support.gzipped import gzipped

CSV = b"VendorID,total_amount\n1,2.5\n2,3.5\n"


def parquet(rows: int = 3) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"VendorID": list(range(rows)), "total_amount": [1.5] * rows}), sink)
    return sink.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "raw"  # no ending: only the bytes count
        path.write_bytes(content)
        return path

    return write


def read(path: Path) -> tuple[dict[str, list[str]], list[tuple[int, str]], int]:
    """Columns, broken records with their ordinals in the file, and the independent count."""
    with open_raw(path) as raw, closing(raw.chunks()) as chunks:
        columns: dict[str, list[str]] = {name: [] for name in raw.schema.names}
        broken = []
        for chunk in chunks:
            for name, values in zip(columns, chunk.batch.columns, strict=True):
                columns[name] += values.to_pylist()
            broken += [(chunk.first + record.number - 1, record.text) for record in chunk.broken]
        return columns, broken, raw.records()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (parquet(), "parquet"),
        (CSV, "csv"),
        (b"\r\n \r\n" + CSV, "csv"),
        (b"\xef\xbb\xbf" + CSV, "csv"),
        (gzipped(CSV), "csv.gz"),
        (gzipped(CSV[:20]) + gzipped(CSV[20:]), "csv.gz"),
        (gzipped(CSV) + b"\0" * 512, "csv.gz"),
    ],
)
def test_a_whole_file_is_known_by_its_bytes(file: Callable[[bytes], Path], content: bytes, found: str) -> None:
    assert sniff(file(content)) == found
    assert check_whole(file(content)) == found


def zipped(*names: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, CSV)
    return sink.getvalue()


def tarred() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("month.csv"))
    return sink.getvalue()


def arrow(stream: bool) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"VendorID": [1]})
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def orc() -> bytes:
    sink = io.BytesIO()
    pyarrow.orc.write_table(pa.table({"VendorID": [1]}), sink)
    return sink.getvalue()


def sqlite() -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE trips (id)")
        return database.serialize()


FOREIGN = {
    "zip": (zipped("green.csv"), "a zip archive", "unpack it"),
    "empty zip": (zipped(), "a zip archive", "unpack it"),
    "xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), r"an Excel workbook \(xlsx\)", "export it as csv"),
    "openpyxl's": (zipped("docProps/app.xml", "xl/theme/theme1.xml"), r"an Excel workbook \(xlsx\)", "export it"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, r"an Excel workbook \(xls\)", "export it as csv"),
    "xz": (lzma.compress(CSV), "xz", "unpack it, or pack it as csv.gz"),
    "lzma": (lzma.compress(CSV, lzma.FORMAT_ALONE), "lzma", "unpack it"),
    "bz2": (bz2.compress(CSV), "bz2", "unpack it"),
    "zstd": (pa.Codec("zstd").compress(CSV, asbytes=True), "zstd", "unpack it"),
    "lz4": (pa.Codec("lz4").compress(CSV, asbytes=True), "lz4", "unpack it"),
    "snappy": (b"\xff\x06\0\0sNaPpY\x01\x15\0\0abcd" + CSV, "snappy", "unpack it"),
    "tar": (tarred(), "a tar archive", "unpack it"),
    "orc": (orc(), "orc", "export it as csv .* or as parquet"),
    "avro": (b"Obj\x01\x04\x14avro.codec\x08null\0" + CSV, "avro", "export it"),
    "feather": (arrow(stream=False), "an Arrow IPC file", "export it"),
    "arrow stream": (arrow(stream=True), "an Arrow IPC stream", "export it"),
    "sqlite": (sqlite(), "a SQLite database", "export it"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF", "export it"),
    "encrypted": (b"PARE" + bytes(range(200)) + b"PARE", "an encrypted parquet file", "write it without encryption"),
    "utf-16": (CSV.decode().encode("utf-16"), "a text in UTF-16", "save it in UTF-8"),
    "utf-16 without mark": (CSV.decode().encode("utf-16-be"), "a text in UTF-16", "save it in UTF-8"),
    "utf-32": (CSV.decode().encode("utf-32"), "a text in UTF-32", "save it in UTF-8"),
    "semicolons": (CSV.replace(b",", b";"), "a csv separated by semicolons, not by commas", "export it as csv with"),
    "semicolons, a comma": (b'VendorID;"a,b";c\n1;2,5;3\n', "a csv separated by semicolons", "export it"),
    "tabs": (CSV.replace(b",", b"\t"), "a csv separated by tabs", "export it as csv with commas"),
    "pipes": (CSV.replace(b",", b"|"), "a csv separated by pipes", "export it as csv with commas"),
    "excel's first line": (b"sep=,\n" + CSV, "a csv after a line of Excel's, sep=", "remove that line"),
}


@pytest.mark.parametrize(("content", "what", "do"), FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_of_another_kind_is_called_what_it_is(
    file: Callable[[bytes], Path], content: bytes, what: str, do: str, compress: Callable[[bytes], bytes]
) -> None:
    path = file(compress(content))
    with pytest.raises(BadFile, match=rf"{re.escape(str(path))}: (gzip around )?{what}.*; it begins .*; {do}") as error:
        check_whole(path)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("plain", [True, False], ids=["plain footer", "encrypted footer"])
def test_an_encrypted_parquet_file_is_called_so(file: Callable[[bytes], Path], plain: bool) -> None:
    class Keys(encryption.KmsClient):  # type: ignore[misc]
        def wrap_key(self, key: bytes, name: str) -> bytes:
            return base64.b64encode(key)

    how = encryption.EncryptionConfiguration("k", column_keys={"k": ["VendorID"]}, plaintext_footer=plain)
    factory = encryption.CryptoFactory(lambda settings: Keys())
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), how)
    table, sink = pa.table({"VendorID": [1, 2], "total_amount": [2.5, 3.5]}), io.BytesIO()
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    path = file(sink.getvalue())
    with pytest.raises(BadFile, match=r"an encrypted parquet file, .*; write it without encryption") as error:
        read(path)
    assert str(error.value).isprintable()


NAMES = [b"ORC", b"BZh", b"PARE", b"LZIP_ID", b"FEA1", b"ARROW1", b"12345678DUCK", b"a;b", b"a|b"]


@pytest.mark.parametrize("name", NAMES)
def test_a_csv_may_begin_with_any_name(file: Callable[[bytes], Path], name: bytes) -> None:
    assert check_whole(file(name + b",total_amount,tip_amount\n1,2.5,3\n")) == "csv"


HTML = b"\n<!DOCTYPE html>\n<title>403 ERROR</title>"
DAMAGED = gzipped(CSV * 2000)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (HTML, r"a web page .* begins '<!DOCTYPE html> <title>403 ERROR</title>'"),
        (gzipped(HTML), "a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "AccessDenied"),
        (b'{"code" : "not_found", "error" : true}', "a message in JSON"),
        (b"<<<<<<< HEAD\na,b\n", "a text with git's merge markers; .*; resolve the conflict"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:5599\nsize 7854533\n", "a pointer of Git LFS"),
        (b"Not Found", "neither parquet nor csv nor csv.gz; it begins 'Not Found'"),
        (b"Not Found\na,b\n", "neither"),
        (b"PK\x03\x04\x14\0,\0\0", "neither"),
        (CSV.decode().encode("utf-16"), "neither"),
        (b"\n" * 100_000 + CSV, "neither"),
        (gzipped(gzipped(CSV)), "gzip around another gzip"),
        (gzipped(b"\0" * 50_000_000), "neither"),
        (b"\x1f\x8b", "cut short or damaged"),
    ],
)
def test_what_is_no_month_is_refused_with_its_first_words(
    file: Callable[[bytes], Path], content: bytes, says: str
) -> None:
    with pytest.raises(BadFile, match=says) as error:
        sniff(file(content))
    assert str(error.value).startswith(str(file(content)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (parquet()[:-1], "cut short after"),
        (b"PAR1", "cut short after"),
        (b"PAR1" + b"?" * 100 + b"PAR1", "damaged"),
        (parquet()[:-8] + b"\xff\xff\xff\x7fPAR1", "damaged"),
        (DAMAGED[:-1], "cut short or damaged"),
        (DAMAGED[:-9], "cut short or damaged"),
        (DAMAGED[:-8] + b"1234" + DAMAGED[-4:], "cut short or damaged"),
        (DAMAGED + b"<html>", "cut short or damaged"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(file: Callable[[bytes], Path], content: bytes, says: str) -> None:
    with pytest.raises(BadFile, match=says) as error:
        check_whole(file(content))
    assert "\n" not in str(error.value)


def test_tlcs_broken_downloads_are_refused(tlc_data: Path) -> None:
    damaged = sorted((tlc_data / "bad").iterdir())
    assert len(damaged) >= 4
    for path in damaged:
        with pytest.raises(BadFile) as error:
            check_whole(path)
        assert "\n" not in str(error.value)


def test_damage_within_a_parquet_file_shows_while_it_is_read(file: Callable[[bytes], Path]) -> None:
    content = bytearray(parquet(1000))
    content[40:400] = b"\xff" * 360
    with pytest.raises(BadFile, match="damaged"):
        read(file(bytes(content)))


def test_a_file_that_is_not_there_stays_an_error_of_the_operating_system(tmp_path: Path) -> None:
    for look in (sniff, check_whole):
        with pytest.raises(FileNotFoundError):
            look(tmp_path / "nothing")


def test_parquet_comes_in_batches_with_the_footers_count(file: Callable[[bytes], Path]) -> None:
    with open_raw(file(parquet(150_000))) as raw:
        chunks = list(raw.chunks())
        assert (raw.format, raw.records_hint, raw.records()) == ("parquet", 150_000, 150_000)
    assert [chunk.first for chunk in chunks] == [1, 65_537, 131_073]
    assert sum(chunk.batch.num_rows for chunk in chunks) == 150_000


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_csv_is_text_as_it_stands(
    file: Callable[[bytes], Path], compress: Callable[[bytes], bytes], end: bytes
) -> None:
    lines = [b"a,b", b"", b"1.0,x", b'"2","y, ""z"""', b"", b",", b'" ",N/A']
    columns, broken, count = read(file(compress(end.join(lines))))
    assert columns == {"a": ["1.0", "2", None, " "], "b": ["x", 'y, "z"', None, "N/A"]}
    assert (broken, count) == ([], 4)


def test_a_line_end_within_quotes_ends_no_record(file: Callable[[bytes], Path]) -> None:
    columns, broken, count = read(file(b'a,b\n1,"two\n\nlines"\n2,"x\r\ny"\n3,5" pipe\n4,"last\none"'))
    assert columns["b"] == ["two\n\nlines", "x\r\ny", '5" pipe', "last\none"]
    assert (broken, count) == ([], 4)


def test_a_record_with_too_many_or_few_fields_is_set_aside_and_the_file_goes_on(file: Callable[[bytes], Path]) -> None:
    columns, broken, count = read(file(b"a,b\n1,2\n\n3,4,5\n6\n7,8\n"))
    assert columns == {"a": ["1", "7"], "b": ["2", "8"]}
    assert (broken, count) == ([(2, "3,4,5"), (3, "6")], 4)


def test_a_file_whose_header_fits_no_row_is_refused(file: Callable[[bytes], Path]) -> None:
    with pytest.raises(LayoutError, match=r"names 2 columns, and no row of the first 2 .* first is '1,2,x,'"):
        read(file(b"a,b\n1,2,x,\n3,4,,y\n"))


def test_a_csv_is_parsed_to_the_requested_types_until_a_value_does_not_fit(
    file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_records, "BLOCK", 12)
    types = {0: pa.int32(), 1: pa.float64()}
    path = file(b"a,b,c\n1,.50,x\n2,,y\n1.0,2.50,z\n3,4,\n5,far,N/A\n6,7.0,\n")
    with open_raw(path) as raw, closing(raw.chunks(types)) as chunks:
        found = [(chunk.batch, chunk.raw()) for chunk in chunks]
    assert {batch["a"].type for batch, _ in found} == {pa.int32(), pa.string()}
    kinds = [[str(column.type) for column in batch.columns] for batch, _ in found]
    assert kinds[0] == ["int32", "double", "string"]
    assert kinds[-1] == ["string", "string", "string"]
    assert [kind[0] for kind in kinds] == sorted((kind[0] for kind in kinds), key=["int32", "string"].index)
    texts = [list(row.values()) for _, text in found for row in text.to_pylist()]
    lines = ("1,.50,x", "2,,y", "1.0,2.50,z", "3,4,", "5,far,N/A", "6,7.0,")
    assert texts == [[field or None for field in line.split(",")] for line in lines]


SURPLUS = b"a,b\r\n\r\n1,2,,\r\n3,4,,\r\n5,6,7,\r\n8,9\r\n10,11, ,\r\n12,13,,14\r\n"


@pytest.mark.parametrize("types", [{}, {0: pa.int32(), 1: pa.int32()}], ids=["text", "typed"])
def test_rows_may_have_more_empty_fields_than_the_header_but_no_value_in_them(
    file: Callable[[bytes], Path], types: dict[int, pa.DataType]
) -> None:
    with open_raw(file(SURPLUS)) as raw:
        [chunk] = raw.chunks(types)
        assert raw.records() == 6
    assert chunk.raw().to_pylist() == [{"a": a, "b": b} for a, b in (("1", "2"), ("3", "4"), ("10", "11"))]
    assert [str(row["a"]) for row in chunk.batch.to_pylist()] == ["1", "3", "10"]
    assert [(each.number, each.text) for each in chunk.broken] == [(3, "5,6,7,"), (4, "8,9"), (6, "12,13,,14")]
    assert chunk.ordinals(np.arange(3)).tolist() == [1, 2, 5]
    assert count_records(file(SURPLUS)) == 6


@pytest.mark.parametrize("last", [b"5", b"5,6", b"5,6,", b'"5","6'])
def test_a_last_line_cut_short_is_no_reject_but_a_broken_download(file: Callable[[bytes], Path], last: bytes) -> None:
    for content in (b"a,b\n1,2,,\n3,4,,\n" + last, gzipped(b"a,b\n1,2,,\n3,4,,\n" + last)):
        with pytest.raises(BadFile, match=r"cut short"):
            read(file(content))
    if last.count(b'"') % 2 == 0:
        with pytest.raises(BadFile, match=r"cut short: its last line has \d of 4 fields and no end, '5"):
            check_whole(file(content))


def test_a_last_line_that_is_whole_needs_no_end(file: Callable[[bytes], Path]) -> None:
    path = file(b"a,b\n1,2\n3,4")
    assert check_whole(path) == "csv"
    assert read(path) == ({"a": ["1", "3"], "b": ["2", "4"]}, [], 2)


@pytest.mark.parametrize("content", [b"a,b\n", b"a,b\r\n\r\n", b"\n\na,b\n\n"])
def test_a_header_alone_is_a_month_without_records(file: Callable[[bytes], Path], content: bytes) -> None:
    assert read(file(content)) == ({"a": [], "b": []}, [], 0)


CUT_HEADERS = [b"VendorID,total_amount", b"VendorID,tot", b"VendorID,", b'"VendorID","tot', b"\n\na,b"]


@pytest.mark.parametrize("header", CUT_HEADERS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["no mark", "mark"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["csv", "csv.gz"])
def test_a_header_without_a_line_end_is_cut_short(
    file: Callable[[bytes], Path], header: bytes, mark: bytes, compress: Callable[[bytes], bytes]
) -> None:
    """It may have lost any number of names: in a download, and in a file that lay there."""
    path = file(compress(mark + header))
    with pytest.raises(BadFile, match=r"cut short: its header has no line end, '\"?(VendorID|a)\b"):
        check_whole(path)
    with pytest.raises(BadFile, match=r"cut short"):
        read(path)


def test_a_file_that_ends_within_its_first_name_may_be_a_csv_cut_short(file: Callable[[bytes], Path]) -> None:
    with pytest.raises(BadFile, match=r"neither .* 'Vend'; perhaps a csv cut short within its header"):
        check_whole(file(b"Vend"))


def test_a_header_may_quote_and_repeat_its_names(file: Callable[[bytes], Path]) -> None:
    with open_raw(file(b'\xef\xbb\xbf"a, b","a, b",," "\n1,2,,\n')) as raw:
        assert raw.schema.names == ["a, b", "a, b"]
        assert [chunk.batch.num_columns for chunk in raw.chunks()] == [2]


def test_a_first_line_without_end_is_no_header(file: Callable[[bytes], Path]) -> None:
    with pytest.raises(BadFile, match="first line is no header"):
        read(file(b"a," + b"b" * 200_000))


def test_bytes_that_are_no_utf_8_stay_visible(file: Callable[[bytes], Path]) -> None:
    columns, _, _ = read(file("a,b\n1,caf\u00e9\n".encode() + b"2,caf\xe9\n"))
    assert columns["b"] == ["caf\u00e9", "caf\\xe9"]


@pytest.mark.parametrize("size", [1, 7, 16, 64])
def test_blocks_end_where_records_end(
    file: Callable[[bytes], Path], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_records, "BLOCK", size)
    lines = ["id,text"] + [f'{i},"line\n{i},""{i}"""' if i % 3 else f"{i},plain" for i in range(50)]
    lines[20:20] = ["", "broken", ""]
    columns, broken, count = read(file("\r\n".join(lines).encode()))
    assert columns["id"] == [str(i) for i in range(50)]
    assert columns["text"][1] == 'line\n1,"1"'
    assert (broken, count) == ([(20, "broken")], 51)


def test_a_record_without_end_is_refused_before_memory_is_full(
    file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_records, "LONGEST_RECORD", 10_000_000)
    path = file(gzipped(CSV + b"9" * 100_000_000))
    with pytest.raises(BadFile, match="no line ends within"):
        read(path)
    with pytest.raises(BadFile, match=r"cut short: its last line has 1 of 2 fields and no end, '9999"):
        check_whole(path)


@pytest.mark.parametrize("end", ['"', '3,"4', '3,"4\n5,6\n', '3,"4""\n'])
def test_a_file_that_ends_within_quotes_is_refused(file: Callable[[bytes], Path], end: str) -> None:
    with pytest.raises(BadFile, match="ends within a quoted field"):
        read(file(CSV + end.encode()))


def test_a_damaged_gzip_shows_while_it_is_read(file: Callable[[bytes], Path]) -> None:
    with pytest.raises(BadFile, match="cut short or damaged"):
        read(file(DAMAGED[:-20]))


def test_reading_can_be_given_up_half_way(file: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_records, "BLOCK", 64)
    with open_raw(file(CSV * 500)) as raw, closing(raw.chunks()) as chunks:
        assert next(chunks).first == 1


def test_a_parquet_file_without_receipt_has_none_and_a_strange_one_is_bad(file: Callable[[bytes], Path]) -> None:
    assert receipt_of(file(parquet())) is None
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({FOOTER_KEY: "[]"}), sink)
    with pytest.raises(BadFile, match="receipt in its footer cannot be read"):
        receipt_of(file(sink.getvalue()))
    with pytest.raises(BadFile, match="not a parquet file"):
        receipt_of(file(CSV))


@pytest.mark.parametrize(
    ("block", "count"),
    [
        (b"", 0),
        (b"\n\n", 0),
        (b"a", 1),
        (b"a\n", 1),
        (b"a\n\nb\n", 2),
        (b"\r\na\r\n\r\nb", 2),
        (b"a\rb\r", 2),
        (b'"a\nb"\nc', 2),
        (b'1,"a""\n""b"\n', 1),
        (b'1,5" pipe\n2,5" pipe\n', 2),
        (b" \n", 1),
    ],
)
def test_records_are_counted_by_their_ends(block: bytes, count: int) -> None:
    assert csv_records.count(block) == count
