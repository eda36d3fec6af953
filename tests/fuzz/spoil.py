"""What can go wrong with a small month: with a csv's text, a parquet file's table, and the bytes of any file.

Each way is a function of the content and a random.Random, and is known by its name.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.values import TEXTS, any_column, no_utf_8

TOKENS = [
    b'"', b'""', b'"x', b",", b",,", b"\r", b"\n", b"\r\n", b"\n\n", b"\0", b"\xff\xfe", b"\xe9", b"\xef\xbb\xbf",
    b" ", b"\t", b"\\", b"'", b"PAR1", b"\x1f\x8b", b"\x1a", "\u00e9\u2028\U0001f696".encode(),
]  # fmt: skip

Text = Callable[[bytes, random.Random], bytes]
Table = Callable[[pa.Table, random.Random], pa.Table]


def _span(size: int, rng: random.Random, longest: int = 200) -> tuple[int, int]:
    start = rng.randrange(size + 1)
    return start, min(size, start + rng.randint(1, longest))


def flip(content: bytes, rng: random.Random) -> bytes:
    spoilt = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8]) if spoilt else 0):
        spoilt[rng.randrange(len(spoilt))] = rng.choice([0, 0xFF, rng.randrange(256)])
    return bytes(spoilt)


def flip_a_bit_near_the_end(content: bytes, rng: random.Random) -> bytes:
    """Parquet's footer and gzip's checksum are there."""
    spoilt = bytearray(content)
    if spoilt:
        spoilt[-rng.randint(1, min(len(spoilt), 1500))] ^= 1 << rng.randrange(8)
    return bytes(spoilt)


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def cut_the_front(content: bytes, rng: random.Random) -> bytes:
    return content[rng.randrange(len(content) + 1) :]


def double_a_block(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(len(content), rng)
    return content[:end] + content[start:end] * rng.choice([1, 1, 30]) + content[end:]


def drop_a_block(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(len(content), rng)
    return content[:start] + content[end:]


def swap_blocks(content: bytes, rng: random.Random) -> bytes:
    a, b, c, d = sorted(rng.randrange(len(content) + 1) for _ in range(4))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(TOKENS) + content[place:]


def wipe_a_block(content: bytes, rng: random.Random) -> bytes:
    start, end = _span(len(content), rng)
    return content[:start] + bytes([rng.choice([0, 0xFF, 0x20])]) * (end - start) + content[end:]


FILE: dict[str, Text] = {
    way.__name__: way
    for way in (
        flip,
        flip_a_bit_near_the_end,
        cut,
        cut_the_front,
        double_a_block,
        drop_a_block,
        swap_blocks,
        insert,
        wipe_a_block,
    )
}


def mangle_a_field(text: bytes, rng: random.Random) -> bytes:
    lines = text.split(b"\n")
    row = rng.randrange(len(lines))
    fields = lines[row].split(b",")
    fields[rng.randrange(len(fields))] = rng.choice(TEXTS).encode() if rng.random() < 0.7 else rng.choice(TOKENS)
    lines[row] = b",".join(fields)
    return b"\n".join(lines)


def mangle_a_column(text: bytes, rng: random.Random) -> bytes:
    header, *lines = text.split(b"\n")
    column, value = rng.randrange(header.count(b",") + 1), rng.choice(TEXTS).encode()
    split = [line.split(b",") for line in lines]
    for fields in split:
        if column < len(fields) > 1:
            fields[column] = value
    return b"\n".join([header, *(b",".join(fields) for fields in split)])


def mangle_the_lines(text: bytes, rng: random.Random) -> bytes:
    lines = text.split(b"\n")
    row, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(7):
        case 0:
            lines[row:row] = [lines[other]]
        case 1:
            del lines[row]
        case 2:
            lines[row], lines[other] = lines[other], lines[row]
        case 3:
            lines[row] = lines[row][: rng.randrange(len(lines[row]) + 1)]
        case 4:
            lines[row] += rng.choice([b",", b",,", b",x", b", ,", b'"'])
        case 5:
            lines[row:row] = [rng.choice([b"", b"\r", b" ", b",", b"," * 40, b"total: 12"])]
        case _:
            lines = [line.rstrip(b"\r") + rng.choice([b",,", b","]) for line in lines]
    return b"\n".join(lines)


def mangle_the_header(text: bytes, rng: random.Random) -> bytes:
    header, _, rest = text.partition(b"\n")
    names = header.split(b",")
    place, other = rng.randrange(len(names)), rng.randrange(len(names))
    match rng.randrange(9):
        case 0:
            names[place] = rng.choice([b"surge", b"", b" ", b'"a,b"', b"caf\xe9", b"\0", b"x" * 500, b"file_month"])
        case 1:
            names[place] = names[other]
        case 2:
            del names[place]
        case 3:
            names[place] = names[place].swapcase()
        case 4:
            names.insert(place, names[other].swapcase())
        case 5:
            names = [b'" ' + name.strip() + b' "' for name in names]
        case 6:
            rng.shuffle(names)
        case 7:
            names += [b"column %d" % number for number in range(rng.choice([1, 64, 15_000]))]
        case _:
            return rest
    return b",".join(names) + b"\n" + rest


def change_the_line_ends(text: bytes, rng: random.Random) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\n\r"]))


def quote_everything(text: bytes, rng: random.Random) -> bytes:
    out = io.StringIO(newline="")
    rows = csv.reader(io.StringIO(text.decode("latin-1"), newline=""))
    end = rng.choice(["\n", "\r\n"])
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)
    return out.getvalue().encode("latin-1")


def change_the_encoding(text: bytes, rng: random.Random) -> bytes:
    return text.decode("latin-1").encode(rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "cp037"]))


def keep_the_header_alone(text: bytes, rng: random.Random) -> bytes:
    return text[: text.find(b"\n") + rng.randrange(2)]


def repeat_the_rows(text: bytes, rng: random.Random) -> bytes:
    header, _, rest = text.partition(b"\n")
    return header + b"\n" + rest * rng.choice([2, 8])


TEXT: dict[str, Text] = {
    way.__name__: way
    for way in (
        insert,
        mangle_a_field,
        mangle_a_column,
        mangle_the_lines,
        mangle_the_header,
        change_the_line_ends,
        quote_everything,
        change_the_encoding,
        keep_the_header_alone,
        repeat_the_rows,
        drop_a_block,
        double_a_block,
    )
}


def _put(table: pa.Table, place: int, name: str, column: pa.Array) -> pa.Table:
    columns, names = list(table.columns), list(table.column_names)
    columns[place], names[place] = column, name
    return pa.table(columns, names)


def retype(table: pa.Table, rng: random.Random) -> pa.Table:
    if not table.num_columns:
        return table
    place = rng.randrange(table.num_columns)
    return _put(table, place, table.column_names[place], any_column(table.num_rows, rng))


def recast(table: pa.Table, rng: random.Random) -> pa.Table:
    """The same values as another type, as TLC did again and again."""
    kinds = [pa.string(), pa.large_string(), pa.float64(), pa.float32(), pa.int64(), pa.int32(), pa.timestamp("ns"),
             pa.timestamp("ms"), pa.date32(), pa.decimal128(38, 6), pa.dictionary(pa.int32(), pa.string())]  # fmt: skip
    for place, name in enumerate(table.column_names):
        if rng.random() < 0.3:
            try:
                table = _put(table, place, name, table.column(place).cast(rng.choice(kinds), safe=False))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                continue
    return table


def spoil_the_text(table: pa.Table, rng: random.Random) -> pa.Table:
    place = rng.randrange(max(table.num_columns, 1))
    return _put(table, place, table.column_names[place], no_utf_8(table.num_rows)) if table.num_columns else table


def rename(table: pa.Table, rng: random.Random) -> pa.Table:
    names = list(table.column_names)
    if not names:
        return table
    place, other = rng.randrange(len(names)), rng.randrange(len(names))
    strange = ["surge", "", " ", "a\nb", "caf\u00e9", "\0", "x" * 3000, "file_month", "a.b", "\u2028"]
    names[place] = rng.choice(
        [names[other], names[place].swapcase(), f" {names[place]} ", names[other].swapcase(), *strange]
    )
    return table.rename_columns(names)


def add_a_column(table: pa.Table, rng: random.Random) -> pa.Table:
    names = ["surge", "Airport_fee", "airport_fee", "VendorID", "Dispatching_base_number", "SR_Flag", "a\nb", "e\u0301"]
    kinds = [
        any_column(table.num_rows, rng),
        pa.nulls(table.num_rows, pa.struct([(str(i), pa.int8()) for i in range(64)])),
    ]
    return table.append_column(rng.choice(names), rng.choice(kinds))


def drop_a_column(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.remove_column(rng.randrange(table.num_columns)) if table.num_columns else table


def shuffle_the_columns(table: pa.Table, rng: random.Random) -> pa.Table:
    order = rng.sample(range(table.num_columns), table.num_columns)
    return pa.table([table.column(place) for place in order], [table.column_names[place] for place in order])


def empty(table: pa.Table, rng: random.Random) -> pa.Table:
    return table.slice(0, rng.choice([0, 0, 1]))


def require_values(table: pa.Table, rng: random.Random) -> pa.Table:
    fields = [field.with_nullable(bool(table.column(i).null_count)) for i, field in enumerate(table.schema)]
    return table.cast(pa.schema(fields))


def describe(table: pa.Table, rng: random.Random) -> pa.Table:
    """Metadata of others, and a receipt that is none of ours."""
    notes: Sequence[dict[str, Any]] = [{"pandas": "{"}, {"taxi_luigi.receipt": "[]"}, {b"\xff": b"\xff"}]
    return table.replace_schema_metadata(rng.choice(notes))


TABLE: dict[str, Table] = {
    way.__name__: way
    for way in (
        retype,
        recast,
        spoil_the_text,
        rename,
        add_a_column,
        drop_a_column,
        shuffle_the_columns,
        empty,
        require_values,
        describe,
    )
}


def write_parquet(table: pa.Table, rng: random.Random) -> bytes:
    """The table in one of the many ways of writing it; row groups of any size, empty ones among them."""
    sink = io.BytesIO()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression=rng.choice(["none", "snappy", "gzip", "zstd", "brotli", "lz4"]),
        use_dictionary=rng.random() < 0.5,
        data_page_version=rng.choice(["1.0", "2.0"]),
        use_deprecated_int96_timestamps=rng.random() < 0.2,
        store_schema=rng.random() < 0.8,
    ) as writer:
        size = rng.choice([1, 5, 1000])
        for start in range(0, table.num_rows, size):
            writer.write_table(table.slice(start, size))
            if rng.random() < 0.2:
                writer.write_table(table.slice(0, 0))
    return sink.getvalue()


def write_csv(text: bytes, rng: random.Random) -> bytes:
    """Plain most often, else gzip in one member or two, stored, or gzip of a gzip."""
    match rng.randrange(10):
        case 0 | 1 | 2:
            return gzip.compress(text, mtime=0)
        case 3:
            half = len(text) // 2
            return gzip.compress(text[:half], mtime=0) + gzip.compress(text[half:], 0, mtime=0)
        case 4:
            return gzip.compress(gzip.compress(text, mtime=0), mtime=0)
        case _:
            return text
