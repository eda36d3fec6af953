"""Remove compression that was added to a published file: gzip around parquet, and br, deflate or zstd around any file.

Servers and proxies add it although `identity` is requested, and objects are stored with it by accident. A csv.gz that
is served with `Content-Encoding: gzip` stays compressed: gzip around csv is removed only if the file's name lacks .gz.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from taxi_luigi.core.errors import SourceError
from taxi_luigi.sources.transport import CHUNK, SPACE_STEP, Progress, check_space

_PARQUET, _GZIP = b"PAR1", b"\x1f\x8b"
_CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
"""Content-Encoding → its name here; a file with another one is kept unchanged"""
_LAYERS = 3
"""the largest number of compressions that are removed"""


def unpack(path: Path, codings: Sequence[str], name: str, url: str, progress: Progress) -> tuple[int, str] | None:
    """Remove compression in place.

    Args:
        path: of the downloaded file
        codings: of the header Content-Encoding, in the order in which they were applied
        name: of the file at its source
        url: without secrets, for messages
        progress: called with the bytes unpacked so far, and 0
    Returns:
        bytes and sha256 of the file at `path` now; None when it is unchanged
    Raises:
        SourceError: the compressed data is damaged
        StorageError: the disk lacks space for it
    """
    declared = [_CODINGS[each] for each in reversed(codings) if each in _CODINGS]
    done = None
    for _ in range(_LAYERS):
        coding = _outermost(path, declared, name, url)
        if coding is None:
            break
        done = _decompress(path, coding, url, progress)
    return done


def _outermost(path: Path, declared: list[str], name: str, url: str) -> str | None:
    """Return the compression to remove next. Also remove from `declared` those that the file does not have."""
    with path.open("rb") as packed:
        head = packed.read(len(_PARQUET))
    while declared and head and head != _PARQUET:
        coding = declared.pop(0)
        if coding != "gzip" or (head.startswith(_GZIP) and not name.lower().endswith(".gz")):
            return coding
    if not head.startswith(_GZIP):
        return None
    with path.open("rb") as packed:
        try:
            inner = next(_unpacked(packed, "gzip", url), b"")
        except SourceError:  # reading the file will report what is wrong
            return None
    return "gzip" if inner.startswith((_PARQUET, _GZIP)) else None


def _decompress(path: Path, coding: str, url: str, progress: Progress) -> tuple[int, str]:
    done, sha256, space_checked = 0, hashlib.sha256(), 0
    # Without a name, so that a killed run leaves no file
    with tempfile.TemporaryFile(dir=path.parent) as packed:
        with path.open("rb") as arrived:
            check_space(path, path.stat().st_size)
            shutil.copyfileobj(arrived, packed, CHUNK)
        packed.seek(0)
        with path.open("wb") as out:
            for chunk in _unpacked(cast(BinaryIO, packed), coding, url):
                if done >= space_checked:
                    check_space(path, done, done)
                    space_checked = done + SPACE_STEP
                out.write(chunk)
                sha256.update(chunk)
                done += len(chunk)
                progress(done, 0)
    return done, sha256.hexdigest()


def _unpacked(packed: BinaryIO, coding: str, url: str) -> Iterator[bytes]:
    """Yield the decompressed data in chunks. Raise SourceError when it is damaged or cut short."""
    unpacking = {"gzip": _gzip, "deflate": _deflate}.get(coding)
    pieces = unpacking(packed) if unpacking else _by_arrow(packed, coding)
    while True:
        with _damage(coding, url):
            chunk = next(pieces, b"")
        if not chunk:
            return
        yield chunk


@contextmanager
def _damage(coding: str, url: str) -> Iterator[None]:
    from isal import isal_zlib

    try:
        yield
    except (EOFError, OSError, ValueError, zlib.error, isal_zlib.error) as error:  # type: ignore[misc]
        if isinstance(error, OSError) and error.errno:  # the disk's own
            raise
        raise SourceError(
            f"{url}: the server sent the file packed ({coding}), and it is cut short or damaged; "
            "run the same again later"
        ) from error


def _gzip(packed: BinaryIO) -> Iterator[bytes]:
    from isal import igzip

    with igzip.open(packed, "rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _deflate(packed: BinaryIO) -> Iterator[bytes]:
    """Decompress zlib's format, as the standard requires, or raw deflate, as some servers send it."""
    data = packed.read(CHUNK)
    wrapped = len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    stream = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
    while data and not stream.eof:
        if chunk := stream.decompress(data, CHUNK):
            yield chunk
        data = stream.unconsumed_tail or packed.read(CHUNK)
    if not stream.eof:
        raise EOFError


def _by_arrow(packed: BinaryIO, coding: str) -> Iterator[bytes]:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), {"br": "brotli"}.get(coding, coding)) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
