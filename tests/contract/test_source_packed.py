"""Files that a server packs once more on their way: what arrives is the file, and a csv.gz stays one."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from taxi_luigi.core.errors import SourceError, StorageError
from taxi_luigi.sources import SingleFile, transport
from tests.support.cdn import HTML, Break, Cdn, Chunked, Packed
from tests.support.publisher import NAME, Client, net, write

CSV = b"VendorID,lpep_pickup_datetime\n" + b"2,2024-01-01 00:00:00\n" * 20_000


def by_arrow(name: str, content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, name) as stream:
        stream.write(content)
    return bytes(sink.getvalue())


def raw_deflate(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(content) + stream.flush()


PACKINGS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate ": raw_deflate,
    "br": lambda content: by_arrow("brotli", content),
    "zstd": lambda content: by_arrow("zstd", content),
    "gzip, GZIP": lambda content: gzip.compress(gzip.compress(content)),
    "deflate, br": lambda content: by_arrow("brotli", zlib.compress(content)),
}


@pytest.mark.parametrize("coding", PACKINGS)
def test_parquet_is_unpacked(cdn: Cdn, content: bytes, client: Client, coding: str) -> None:
    packed = PACKINGS[coding](content)
    cdn.fault(NAME, Packed(coding, packed))
    fetched = client.fetch()
    client.assert_holds(content, fetched)
    assert fetched.seen.bytes == len(packed)
    assert (len(packed), len(packed)) in client.progress
    assert [path.name for path in client.into.parent.iterdir() if path.is_file()] == [client.into.name]


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_a_packed_file_is_resumed_where_it_broke(cdn: Cdn, content: bytes, client: Client, coding: str) -> None:
    packed = PACKINGS[coding](content)
    cdn.fault(NAME, Packed(coding, packed, after=100_000), Packed(coding, packed, after=50_000), Packed(coding, packed))
    client.assert_holds(content, client.fetch())
    assert cdn.asked("range") == [None, "bytes=100000-", "bytes=150000-"]


def test_parquet_within_gzip_is_unpacked_with_any_header(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Packed(None, gzip.compress(content)))
    client.assert_holds(content, client.fetch())


@pytest.mark.parametrize("coding", ["gzip", None])
def test_a_csv_gz_stays_one(cdn: Cdn, tmp_path: Path, coding: str | None) -> None:
    name = NAME.replace(".parquet", ".csv.gz")
    write(cdn.folders[0], name)
    client = Client(cdn.template.replace(".parquet", ".csv.gz"), tmp_path / "arriving")
    packed = gzip.compress(CSV)
    cdn.fault(name, Packed(coding, packed))
    client.assert_holds(packed, client.fetch())


def test_a_csv_gz_that_was_packed_again_is_a_csv_gz(cdn: Cdn, tmp_path: Path) -> None:
    name = NAME.replace(".parquet", ".csv.gz")
    write(cdn.folders[0], name)
    client = Client(cdn.template.replace(".parquet", ".csv.gz"), tmp_path / "arriving")
    packed = gzip.compress(CSV)
    cdn.fault(name, Packed("gzip", gzip.compress(packed)))
    client.assert_holds(packed, client.fetch())


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
def test_csv_is_unpacked(cdn: Cdn, tmp_path: Path, coding: str) -> None:
    name = NAME.replace(".parquet", ".csv")
    write(cdn.folders[0], name)
    client = Client(cdn.template.replace(".parquet", ".csv"), tmp_path / "arriving")
    cdn.fault(name, Packed(coding, PACKINGS[coding](CSV)))
    client.assert_holds(CSV, client.fetch())


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate", "compress", "aws-chunked", ",,;²"])
def test_a_header_that_is_not_true_changes_nothing(cdn: Cdn, content: bytes, client: Client, coding: str) -> None:
    cdn.fault(NAME, Packed(coding, content))
    client.assert_holds(content, client.fetch())


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate"])
@pytest.mark.parametrize("damage", ["cut", "spoilt"])
def test_what_cannot_be_unpacked_fails_in_one_line(
    cdn: Cdn, content: bytes, client: Client, coding: str, damage: str
) -> None:
    packed = PACKINGS[coding](content)
    cdn.fault(NAME, Packed(coding, packed[:-1000] if damage == "cut" else b"\xff" * 2000))
    assert f"the server sent the file packed ({coding}), and it is cut short or damaged" in client.failure()


def test_parquet_in_gzip_that_is_cut_fails_in_one_line(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Packed("gzip", gzip.compress(content)[:-1000]))
    assert "the server sent the file packed (gzip), and it is cut short or damaged" in client.failure()


def test_a_packed_web_page_is_quoted(cdn: Cdn, content: bytes, client: Client) -> None:
    cdn.fault(NAME, Packed("gzip", gzip.compress(HTML)))
    line = client.failure()
    assert "sent a web page instead of the file" in line
    assert "Request blocked" in line


def test_a_packed_list_of_zones_is_unpacked_and_stays_small(cdn: Cdn, tmp_path: Path) -> None:
    write(cdn.folders[0], "zones.csv")
    file = SingleFile(f"{cdn.url}/misc/zones.csv", net(), "[taxi] zones", 100_000)
    cdn.fault(
        "zones.csv", Packed("gzip", gzip.compress(CSV[:50_000])), Packed("gzip", gzip.compress(bytes(50_000_000)))
    )
    assert file.fetch(tmp_path / "arriving").bytes == 50_000
    assert (tmp_path / "arriving").read_bytes() == CSV[:50_000]
    with pytest.raises(SourceError, match=r"is larger than 100.0 kB"):
        file.fetch(tmp_path / "arriving")
    assert (tmp_path / "arriving").stat().st_size < 5_000_000


def test_a_bomb_stops_before_the_disk_is_full(
    cdn: Cdn, content: bytes, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport.shutil, "disk_usage", lambda _: _free(client, 150 << 20))
    cdn.fault(NAME, Packed("gzip", gzip.compress(b"PAR1" + bytes(200 << 20), 1)))
    with pytest.raises(StorageError, match="free some space"):
        client.fetch()
    assert client.into.stat().st_size < 150 << 20


def test_a_body_without_a_length_stops_before_the_disk_is_full(
    cdn: Cdn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cdn.folders[0], size=200 << 20)
    monkeypatch.setattr(transport.shutil, "disk_usage", lambda _: _free(client, 150 << 20))
    cdn.fault(NAME, Chunked())
    with pytest.raises(StorageError, match=r"MB free, .* needed to download and clean .* free some space"):
        client.fetch()
    assert client.into.stat().st_size < 100 << 20
    assert cdn.count("GET") == 1


def test_a_disk_that_others_fill_meanwhile_is_noticed(
    cdn: Cdn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(cdn.folders[0], size=100 << 20)
    left = iter([1 << 40])
    monkeypatch.setattr(transport.shutil, "disk_usage", lambda _: _Usage(next(left, 100 << 20)))
    cdn.fault(NAME, Break(90 << 20))
    with pytest.raises(StorageError, match="free some space"):
        client.fetch()
    assert client.into.stat().st_size < 50 << 20


class _Usage:
    """What shutil.disk_usage gives, of a disk of the test's own."""

    def __init__(self, free: int) -> None:
        self.free = free


def _free(client: Client, size: int) -> _Usage:
    return _Usage(size - (client.into.stat().st_size if client.into.exists() else 0))
