"""The list of zones on its way here: from a server like TLC's or from disk, never more than a list of zones has."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxi_luigi.core.errors import SourceError
from taxi_luigi.sources import SingleFile, parse_address
from tests.support.cdn import PAGE, WAF, Break, Cdn, Chunked, Status
from tests.support.publisher import net, write

SETTING, MOST = "[taxi] zones", 100_000
NAME = "taxi_zone_lookup.csv"


class Client:
    """Somebody who fetches from one address."""

    def __init__(self, address: str, into: Path) -> None:
        self.file = SingleFile(parse_address(address, SETTING), net(), SETTING, MOST)
        self.into = into

    def failure(self) -> str:
        with pytest.raises(SourceError) as failed:
            self.file.fetch(self.into)
        text = str(failed.value)
        assert "\n" not in text
        assert "hush" not in text
        return text


@pytest.fixture
def content(cdn: Cdn) -> bytes:
    return write(cdn.folders[0], NAME, 50_000)


@pytest.fixture
def client(cdn: Cdn, tmp_path: Path) -> Client:
    return Client(f"{cdn.url.replace('//', '//me:hush@')}/misc/{NAME}?key=hush", tmp_path / "arriving")


def test_the_file_arrives_whole_over_breaks(client: Client, cdn: Cdn, content: bytes) -> None:
    cdn.fault(NAME, Status(503), Break(20_000), WAF)
    fetched = client.file.fetch(client.into)
    assert client.into.read_bytes() == content
    assert fetched.url == f"{cdn.url.replace('//', '//***@')}/misc/{NAME}?***"
    assert cdn.count("HEAD") == 0


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Status(404), "not published (HTTP 404); check [taxi] zones"),
        (Status(401), "the server answers HTTP 401 Unauthorized; check [taxi] zones"),
        (PAGE, "sent a web page instead of the file"),
        (Status(503), "gave up after 3 attempts, the last: HTTP 503"),
    ],
)
def test_what_does_not_arrive_names_the_setting(
    client: Client, cdn: Cdn, content: bytes, fault: Status, says: str
) -> None:
    cdn.fault(NAME, *[fault] * 3)
    said = client.failure()
    assert said.startswith(cdn.url.replace("//", "//***@"))
    assert says in said
    assert "source" not in said


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_that_is_too_large_is_left_where_it_is(
    client: Client, cdn: Cdn, tmp_path: Path, announced: bool
) -> None:
    write(cdn.folders[0], NAME, 5_000_000)
    cdn.fault(NAME, *[] if announced else [Chunked()])
    assert "is larger than 100.0 kB, so it is not the right file; check [taxi] zones" in client.failure()
    assert client.into.stat().st_size <= MOST + (1 << 20)


@pytest.mark.parametrize("address", ["{folder}/the zones.csv", "file://{folder}/the%20zones.csv"])
def test_a_file_on_disk(tmp_path: Path, address: str) -> None:
    content = write(tmp_path, "the zones.csv", 50_000)
    client = Client(address.format(folder=tmp_path), tmp_path / "arriving")
    assert client.file.fetch(client.into).url == str(tmp_path / "the zones.csv")
    assert client.into.read_bytes() == content
    write(tmp_path, "the zones.csv", MOST + 1)
    assert "is larger than 100.0 kB" in client.failure()


def test_a_file_that_is_not_on_disk(tmp_path: Path) -> None:
    here, nowhere = tmp_path / NAME, tmp_path / "nowhere" / NAME
    into = tmp_path / "arriving"
    assert Client(str(here), into).failure() == f"{here}: not published (no such file); check [taxi] zones"
    assert Client(str(nowhere), into).failure() == f"{nowhere.parent}: there is no such folder; check [taxi] zones"
    here.mkdir()
    assert Client(str(here), into).failure() == f"{here}: is a folder, where a file should be"
