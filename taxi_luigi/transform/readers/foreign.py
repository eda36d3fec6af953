"""Recognize files of other formats by their first bytes: what each is, and what to do."""

from __future__ import annotations

import re

from taxi_luigi.core.errors import BadFile
from taxi_luigi.core.parquet_footer import ENCRYPTED
from taxi_luigi.core.parquet_footer import MAGIC as PARQUET
from taxi_luigi.core.text import one_line
from taxi_luigi.transform.readers.csv import GZIP_MAGIC
from taxi_luigi.transform.readers.csv_header import BYTE_ORDER_MARK, HEAD, LINE_END

_NEITHER = "neither parquet nor csv nor csv.gz"
_EXPORT = "export it as csv with commas and in UTF-8, or as parquet"
_UNPACK = "unpack it, or pack it as csv.gz"
_FETCH = ""
"""No advice: another file is needed, which the caller that fetched it explains."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_XLSX = re.compile(rb"xl/(?:workbook|worksheets|styles|theme|sharedStrings|_rels)|\[Content_Types\]\.xml")
_ODS = b"vnd.oasis.opendocument.spreadsheet"

_BINARY = {
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": ("an Excel workbook (xls)", _EXPORT),
    b"\xfd7zXZ\0": ("xz", _UNPACK),
    b"BZh": ("bz2", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("zstd", _UNPACK),
    b"\x04\x22\x4d\x18": ("lz4", _UNPACK),
    b"\xff\x06\0\0sNaPpY": ("snappy", _UNPACK),
    b"\x5d\0\0": ("lzma", _UNPACK),
    b"LZIP": ("lzip", _UNPACK),
    b"\x1f\x9d": ("packed by compress (Z)", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", _UNPACK),
    b"Rar!\x1a\x07": ("a rar archive", _UNPACK),
    b"ORC": ("orc", _EXPORT),
    b"Obj\x01": ("avro", _EXPORT),
    b"ARROW1": ("an Arrow IPC file (feather)", _EXPORT),
    b"FEA1": ("a feather file of version 1", _EXPORT),
    b"\xff\xff\xff\xff": ("an Arrow IPC stream", _EXPORT),
    b"SQLite format 3\0": ("a SQLite database", _EXPORT),
    b"\x89HDF\r\n\x1a\n": ("hdf5", _EXPORT),
    b"\x80\x04\x95": ("a Python pickle", _EXPORT),
    b"\x80\x05\x95": ("a Python pickle", _EXPORT),
    b"%PDF-": ("a PDF", _EXPORT),
    b"PARE": (ENCRYPTED, "write it without encryption"),
}
"""First bytes → (format, what to do)."""

_AMID = {(257, b"ustar"): ("a tar archive", _UNPACK), (8, b"DUCK"): ("a DuckDB database", _EXPORT)}
"""(offset, bytes) → (format, what to do)."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UTF_32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")

_TEXTS = {
    b"<<<<<<< ": ("a text with git's merge markers", "resolve the conflict"),
    b"<": ("a web page or an error in XML", _FETCH),
    b"{": ("a message in JSON", _FETCH),
    b"[": ("a message in JSON", _FETCH),
    GZIP_MAGIC: ("gzip around another gzip or parquet file", "unpack it once"),
    PARQUET: ("gzip around another gzip or parquet file", "unpack it once"),
    b"version https://git-lfs": ("a pointer of Git LFS, not the file it points to", "get the file with git lfs pull"),
    b"sep=": ("a csv after a line of Excel's, sep=", "remove that line, and separate the fields by commas"),
}
"""First bytes of texts, and of the content of gzip files → (what it is, what to do)."""

_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "pipes"}
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f]")
_NAME = re.compile(rb"[\w \"]+", re.ASCII)


def expect_csv(head: bytes, where: object, packed: bool = False) -> None:
    """Raise BadFile when a file is not csv.

    Args:
        head: its first bytes, unpacked
        where: the file, for the message
        packed: whether it is within gzip
    """
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip()
    line, *more = LINE_END.split(text, maxsplit=1)
    text_alone = b"\0" not in line
    found = _binary(head, like_csv=b"," in line and not _CONTROL.search(line))
    if found:
        what, do = f"{'gzip around ' * packed}{found[0]}, {_NEITHER}", found[1]
        quoted = head[:16]
    else:
        quoted = text[:400]
        found = next((kind for beginning, kind in _TEXTS.items() if text.startswith(beginning)), None)
        if found is None and text_alone:
            found = _other_separator(line)
        if found is None and text_alone and b"," in line:
            return
        what, do = found or (_NEITHER, _FETCH)
        if found is None and not more and len(text) < HEAD and _NAME.fullmatch(text):
            do = "perhaps a csv cut short within its header"
    begins = one_line(quoted.decode("utf-8", "replace"))
    raise BadFile(f"{where}: {what}; it begins {begins!r}" + (f"; {do}" if do else ""))


def _binary(head: bytes, like_csv: bool) -> tuple[str, str] | None:
    """Return (format, what to do), or None for text. The first name of a csv may begin like a magic number."""
    if head.startswith(_ZIP):
        if _XLSX.search(head):
            return "an Excel workbook (xlsx), which has room for 1,048,576 rows", _EXPORT
        return ("an OpenDocument spreadsheet", _EXPORT) if _ODS in head[:200] else ("a zip archive", _UNPACK)
    if head.startswith(_UTF_32):
        return "a text in UTF-32", "save it in UTF-8"
    if head.startswith(_UTF_16) or _has_zeros_in_turn(head[:64]):
        return "a text in UTF-16", "save it in UTF-8"
    for magic, kind in _BINARY.items():
        if head.startswith(magic) and not (like_csv and magic.isascii()):
            return kind
    amid = (kind for (place, magic), kind in _AMID.items() if head.startswith(magic, place))
    return None if like_csv else next(amid, None)


def _has_zeros_in_turn(start: bytes) -> bool:
    """Return whether every other byte is zero, as in UTF-16 without a byte order mark."""
    return len(start) >= 8 and any(not any(start[place::2]) and all(start[1 - place :: 2]) for place in (0, 1))


def _other_separator(line: bytes) -> tuple[str, str] | None:
    counts = {separator: line.count(separator) for separator in _SEPARATORS}
    most = max(counts, key=counts.__getitem__)
    if counts[most] <= line.count(b","):
        return None
    return f"a csv separated by {_SEPARATORS[most]}, not by commas", _EXPORT
