"""Published files in a folder, by path and by file:// URL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from taxi_luigi.core.errors import SourceError, StorageError
from taxi_luigi.sources import NotPublished, Published, open_source
from taxi_luigi.tlc.months import Month
from tests.support.publisher import COLOR, MONTH, NAME, Client, net, write

FILE = "{color}_tripdata_{year}-{month:02}.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "my trips"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("as_url", [False, True])
def test_a_month_is_looked_at_and_copied(folder: Path, tmp_path: Path, as_url: bool) -> None:
    content = write(folder, size=3_000_000)
    template = f"{folder.as_uri()}/{FILE}" if as_url else f"{folder}/{FILE}"
    client = Client(template, tmp_path / "arriving")
    seen = client.source.look(COLOR, MONTH).seen
    fetched = client.fetch()
    client.assert_holds(content, fetched)
    assert fetched.seen == seen
    assert fetched.url == client.source.url(COLOR, MONTH) == str(folder / NAME)
    assert client.progress[-1] == (3_000_000, 3_000_000)
    assert len(client.progress) == 3


def test_a_rewritten_file_has_another_etag(folder: Path) -> None:
    source = open_source(f"{folder}/{FILE}", net())
    write(folder)
    before = source.look(COLOR, MONTH).seen
    os.utime(folder / NAME, ns=(0, 1))
    touched = source.look(COLOR, MONTH).seen
    write(folder, size=200_000)
    os.utime(folder / NAME, ns=(0, 1))
    shorter = source.look(COLOR, MONTH).seen
    assert before is not None
    assert touched is not None
    assert shorter is not None
    assert len({before.etag, touched.etag, shorter.etag}) == 3
    assert touched.last_modified == "Thu, 01 Jan 1970 00:00:00 GMT"


def test_a_missing_file_is_not_published(folder: Path, tmp_path: Path) -> None:
    client = Client(f"{folder}/{{year}}/{FILE}", tmp_path / "arriving")
    looks = client.source.look_all([(COLOR, MONTH), (COLOR, Month(2024, 2))])
    assert {look.published for look in looks.values()} == {Published.NO}
    with pytest.raises(NotPublished, match="no such file"):
        client.fetch()


def test_a_missing_folder_leaves_what_is_published_unknown(tmp_path: Path) -> None:
    client = Client(f"{tmp_path}/nowhere/{FILE}", tmp_path / "arriving")
    look = client.source.look(COLOR, MONTH)
    assert look.published is Published.UNKNOWN
    with pytest.raises(SourceError) as failed:
        client.fetch()
    assert str(failed.value) == look.why == f"{tmp_path}/nowhere: there is no such folder; check [taxi] source"


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "trips").write_bytes(b"")
    client = Client(f"{tmp_path}/trips/{FILE}", tmp_path / "arriving")
    assert client.source.look(COLOR, MONTH).published is Published.UNKNOWN
    with pytest.raises(SourceError, match="there is no such folder"):
        client.fetch()


@pytest.mark.parametrize(("make", "says"), [(os.mkdir, "is a folder"), (os.mkfifo, "is not a regular file")])
def test_something_else_in_place_of_the_file(folder: Path, tmp_path: Path, make: object, says: str) -> None:
    make(folder / NAME)  # type: ignore[operator]
    client = Client(f"{folder}/{FILE}", tmp_path / "arriving")
    assert client.source.look(COLOR, MONTH).published is Published.UNKNOWN
    with pytest.raises(SourceError, match=f"{says}, where a file should be"):
        client.fetch()


def test_a_file_that_may_not_be_read(folder: Path, tmp_path: Path) -> None:
    write(folder)
    (folder / NAME).chmod(0)
    client = Client(f"{folder}/{FILE}", tmp_path / "arriving")
    child = os.fork()
    if child == 0:  # as somebody who is not root: root may read everything
        os.chmod(tmp_path, 0o777)
        status = _as_nobody(client)
        os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _as_nobody(client: Client) -> int:
    if os.getuid() == 0:
        os.setuid(65534)
    try:
        client.fetch()
    except SourceError as error:
        return 0 if "cannot be read: permission denied" in str(error) else 2
    return 1


def test_a_file_that_is_being_written(folder: Path, tmp_path: Path) -> None:
    write(folder)
    source = open_source(f"{folder}/{FILE}", net())

    def append(_done: int, _total: int) -> None:
        with (folder / NAME).open("ab") as file:
            file.write(b"more")
        os.truncate(folder / NAME, 300_004)

    with pytest.raises(SourceError, match="was written to while it was copied"):
        source.fetch(COLOR, MONTH, tmp_path / "arriving", append)


def test_a_full_disk_is_noticed_before_the_first_byte(folder: Path, tmp_path: Path) -> None:
    file_system = os.statvfs(tmp_path)
    with (folder / NAME).open("wb") as file:  # all hole: it takes no room
        file.truncate(file_system.f_bavail * file_system.f_frsize // 2 + 1)
    client = Client(f"{folder}/{FILE}", tmp_path / "arriving")
    with pytest.raises(StorageError, match=r"free, .* needed"):
        client.fetch()
    assert client.progress == []


def test_an_empty_file(folder: Path, tmp_path: Path) -> None:
    (folder / NAME).touch()
    client = Client(f"{folder}/{FILE}", tmp_path / "arriving")
    client.assert_holds(b"", client.fetch())
