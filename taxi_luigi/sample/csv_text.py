"""The lines of a csv: a chunk's columns as text, byte by byte as TLC or the mirror wrote them in that era."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi.sample.chunk import Chunk, Made
from taxi_luigi.sample.layouts import CsvEra
from taxi_luigi.sample.trips import array, canonical

SPOILED_EVERY = 25_000
"""rows per spoiled one; the real rate is unknown; every file has at least one"""

_ZONES = ("pulocationid", "dolocationid")
_DEGREES = ("longitude", "latitude")


def header(era: CsvEra) -> bytes:
    """Return everything before the first row."""
    return era.header.encode() + (b"\n\r\n" if era.blank_line else era.line_end)


def lines(era: CsvEra, chunk: Chunk, made: dict[str, Made]) -> bytes:
    """Return the rows of a chunk."""
    columns = list(_columns(era, chunk, made)) + [_same(b"", chunk.size)] * era.extra_commas
    joined = pc.binary_join_element_wise(*columns, b",", null_handling="replace", null_replacement=b"")
    ended = pc.binary_join_element_wise(joined, era.line_end, b"")
    written: int = pc.sum(pc.binary_length(ended)).as_py()
    return bytes(memoryview(ended.buffers()[2])[:written])


def _columns(era: CsvEra, chunk: Chunk, made: dict[str, Made]) -> Iterator[pa.Array]:
    for name in era.names:
        text = _same(b"", chunk.size) if name in era.empty else _text(era, canonical(name), made[canonical(name)])
        spoiled = era.spoiled.get(name, ())
        for place, instead in enumerate(spoiled, start=1):
            mask = np.zeros(chunk.size, bool)
            mask[chunk.every(SPOILED_EVERY, chunk.rows * place // (len(spoiled) + 1))] = True
            text = pc.if_else(pa.array(mask), pa.scalar(instead), text)
        if era.quoted:
            text = pc.binary_join_element_wise(b'"', pc.fill_null(text, b""), b'"', b"")
        yield text


def _text(era: CsvEra, name: str, made: Made) -> pa.Array:
    if made.values.dtype == np.float64 and not made.words:
        return _numbers(made, _spelling(era, name))
    text = array(made).cast(pa.string()).cast(pa.binary())
    if era.decimal_zones and name in _ZONES:
        text = pc.binary_join_element_wise(text, b".0", b"")
    return text


def _same(text: bytes, size: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), size)


def _numbers(made: Made, spell: Callable[[float], str]) -> pa.Array:
    """Format each distinct value once: a month has a few hundred fares."""
    distinct, places = np.unique(made.values, return_inverse=True)
    texts = pa.array([spell(value) for value in distinct.tolist()], pa.binary())
    return texts.take(pa.array(places, mask=made.null))


def _spelling(era: CsvEra, name: str) -> Callable[[float], str]:
    if era.long_numbers or name.endswith(_DEGREES):
        return long
    return hundredths if name == "trip_distance" else short


def long(value: float) -> str:
    """Return 17 digits, as 2.6299999999999999; below a tenth with an exponent, as 9.3999999999999997E-4."""
    if value == 0 or abs(value) >= 0.1:
        return f"{value:.17g}"
    digits, exponent = f"{value:.16E}".split("E")
    return f"{digits.rstrip('0').rstrip('.')}E{int(exponent)}"


def short(value: float) -> str:
    """Return 0, 0.5, 12.35."""
    return f"{value:.15g}"


def hundredths(value: float) -> str:
    """Return .00, .50, 12.30."""
    text = f"{value:.2f}"
    return text[1:] if text.startswith("0") else text
