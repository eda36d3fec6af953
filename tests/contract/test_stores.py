"""The promises of every store: not visible until whole, nothing left after a failure, read back, replaced.

How Luigi's targets use a store is in test_targets.py.
"""

import contextlib
import copy
import os
import tempfile
import threading
from pathlib import Path

import pytest

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.health import Status
from taxi_luigi.storage import Entry, Store
from taxi_luigi.storage import local as local_store
from taxi_luigi.storage.local import FolderStore
from tests.support.stores import KINDS, fresh_store

NAME = "green/green_tripdata_2024-01.parquet"
LABELS = {"edition": "abc-def", "sha256": "0" * 64, "rows": "12", "source": "https://tlc.example/a?b=%20c"}


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    return fresh_store(request.param, request, tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    """A file of this machine, to be stored."""
    path = tmp_path / "local.parquet"
    path.write_bytes(b"PAR1 the first PAR1")
    return path


def content(store: Store, name: str = NAME) -> bytes:
    """What a reader gets."""
    with store.reading(name) as path:
        return path.read_bytes()


def test_an_empty_store_holds_nothing(store: Store) -> None:
    assert store.list("green") == {}
    assert store.stat(NAME) is None
    store.remove(NAME)
    with pytest.raises(FileNotFoundError) as missing, store.reading(NAME):
        pass
    assert missing.value.filename == store.url(NAME)
    with pytest.raises(FileNotFoundError):
        store.open(NAME).read()


def test_what_was_put_is_listed_and_reads_back_byte_for_byte(store: Store, local: Path) -> None:
    store.put(local, NAME, LABELS)
    entry = store.stat(NAME)
    assert entry is not None
    assert entry.bytes == local.stat().st_size
    assert entry.labels in (LABELS, {})
    assert {name: found.bytes for name, found in store.list("green").items()} == {NAME: entry.bytes}
    assert store.list("green")[NAME].version == entry.version
    assert content(store) == local.read_bytes()
    assert local.exists(), "put copies"


def test_an_open_file_is_read_from_anywhere(store: Store, local: Path) -> None:
    store.put(local, NAME, LABELS)
    whole = local.read_bytes()
    with store.open(NAME) as file:
        assert file.seek(0, 2) == len(whole)
        file.seek(-4, 2)
        assert file.read() == b"PAR1"
        file.seek(5)
        assert (file.read(3), file.tell()) == (b"the", 8)
        file.seek(0)
        assert file.read() == whole


def test_a_listing_has_the_files_of_one_folder_alone(store: Store, local: Path) -> None:
    for name in ("green/a", "green/b", "green/deeper/c", "greenish/d", "yellow/e"):
        store.put(local, name, {})
    assert set(store.list("green")) == {"green/a", "green/b"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_root_of_any_name_is_that_one(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What is a pattern, an escape or the beginning of another name elsewhere is a name here."""
    names = ["a", "a*b", "axb", "a[1]", "a1", "a?", "{a,b}", "100%", "100%25", "fare=0", "it's #1", "ü", "a b", "a+b"]
    first = fresh_store(kind, request, tmp_path)
    stores = {name: _below(first, name, tmp_path) for name in names}
    for name, store in stores.items():
        path = tmp_path / "local"
        path.write_text(name)
        store.put(path, NAME, LABELS)
        store.copy(store, NAME, "green/copy", LABELS)
    for name, store in stores.items():
        assert content(store).decode() == name
        assert set(store.list("green")) <= {NAME, "green/copy"}
        if store.stat("green/copy") is not None:
            assert content(store, "green/copy").decode() == name
    stores["a*b"].remove(NAME)
    assert stores["a*b"].stat(NAME) is None
    assert content(stores["axb"]).decode() == "axb"


def _below(first: Store, name: str, folder: Path) -> Store:
    """A store of the same kind, in the same bucket or folder, with another root."""
    if isinstance(first, FolderStore):
        return FolderStore("lake folder", FolderStore.Settings(folder / name))
    other = copy.copy(first)
    other._prefix = name  # type: ignore[attr-defined]
    return other


def test_a_second_put_replaces_the_first_and_has_another_version(store: Store, local: Path) -> None:
    store.put(local, NAME, LABELS)
    first = store.stat(NAME)
    local.write_bytes(b"PAR1 another one PAR1")
    store.put(local, NAME, {**LABELS, "edition": "new"})
    second = store.stat(NAME)
    assert first is not None
    assert second is not None
    assert first.version != second.version
    assert content(store) == local.read_bytes()
    assert second.labels.get("edition", "new") == "new"


def test_a_file_that_is_being_read_stays_as_it_was_while_another_replaces_it(store: Store, local: Path) -> None:
    store.put(local, NAME, {})
    before = local.read_bytes()
    with store.reading(NAME) as path:
        local.write_bytes(b"other")
        store.put(local, NAME, {})
        assert path.read_bytes() == before
    with store.reading(NAME) as path:
        assert path.read_bytes() == b"other"
    assert list(store.list("green")) == [NAME]


def test_a_file_of_a_folder_in_which_nothing_can_be_written_is_read(tmp_path: Path) -> None:
    """Where no second name of it can be made, as on a read-only mount; root may write everywhere, so a link stands
    for it in the way of the hidden folder.
    """
    store = FolderStore("lake", FolderStore.Settings(tmp_path))
    (tmp_path / "green").mkdir()
    (tmp_path / NAME).write_bytes(b"PAR1")
    (tmp_path / atomic_files.PARTS).symlink_to(tmp_path / "elsewhere")
    with store.reading(NAME) as path:
        assert path.read_bytes() == b"PAR1"
    with pytest.raises(FileNotFoundError), store.reading("green/another.parquet"):
        pass


def test_a_put_of_nothing_leaves_what_was_there(store: Store, local: Path, tmp_path: Path) -> None:
    store.put(local, NAME, LABELS)
    for name in (NAME, "green/other"):
        with pytest.raises(OSError, match="nowhere"):
            store.put(tmp_path / "nowhere", name, LABELS)
    assert set(store.list("green")) == {NAME}
    assert content(store) == local.read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_written_appears_when_it_is_published(store: Store) -> None:
    with store.writing(NAME) as path:
        path.write_bytes(b"half")
        assert store.stat(NAME) is None
        path.write_bytes(b"whole")
        store.publish(path, NAME, LABELS)
    assert content(store) == b"whole"
    assert not path.exists()


def test_what_is_not_published_leaves_nothing(store: Store) -> None:
    with contextlib.suppress(ZeroDivisionError), store.writing(NAME) as path:
        path.write_bytes(b"half")
        raise ZeroDivisionError
    assert store.stat(NAME) is None
    assert not path.exists()


def test_a_reader_sees_the_old_or_the_new_file_and_never_a_part(store: Store, tmp_path: Path) -> None:
    sizes = {b"a": 300_000, b"b": 500_000}
    for letter, size in sizes.items():
        (tmp_path / letter.decode()).write_bytes(letter * size)
    store.put(tmp_path / "a", NAME, {})
    seen: list[bytes] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(content(store))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(10):
            store.put(tmp_path / "b", NAME, {})
            store.put(tmp_path / "a", NAME, {})
    finally:
        stop.set()
        reader.join()
    assert seen
    assert {bytes for bytes in seen if bytes != bytes[:1] * sizes[bytes[:1]]} == set()


def test_a_file_is_taken_over_from_another_store_of_its_kind(
    store: Store, local: Path, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Where the store itself copies, no byte passes through here; where it says that it cannot, nothing was done."""
    store.put(local, NAME, LABELS)
    if store.copy(store, NAME, "green/copy", LABELS):
        assert content(store, "green/copy") == local.read_bytes()
        copied = store.stat("green/copy")
        assert copied is not None
        assert copied.labels == LABELS
    else:
        assert store.stat("green/copy") is None


def test_removing_takes_one_file_out(store: Store, local: Path) -> None:
    store.put(local, NAME, LABELS)
    store.put(local, "green/other", LABELS)
    store.remove(NAME)
    assert set(store.list("green")) == {"green/other"}


def test_a_file_that_is_moved_to_its_own_name_stays(store: Store, local: Path) -> None:
    store.put(local, NAME, LABELS)
    store.move(NAME, NAME)
    assert content(store) == local.read_bytes()
    with pytest.raises(FileNotFoundError):
        store.move("green/none", "green/none")


def test_progress_ends_with_all_bytes(store: Store, tmp_path: Path) -> None:
    local = tmp_path / "large"
    local.write_bytes(b"x" * 3_000_000)
    told: list[tuple[int, int]] = []
    store.put(local, NAME, {}, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert {total for _, total in told} <= {3_000_000}
    assert not told or told[-1] == (3_000_000, 3_000_000)


def test_a_store_that_can_serve_has_nothing_wrong(store: Store) -> None:
    checks = store.checks()
    assert checks
    assert [check for check in checks if check.status is Status.ERROR] == []


def test_a_file_that_is_removed_while_its_folder_is_listed_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore("lake", FolderStore.Settings(tmp_path))
    (tmp_path / "green").mkdir()
    for name in ("kept", "removed"):
        (tmp_path / "green" / name).write_text(name)
    entry = local_store._entry

    def late(found: os.DirEntry[str]) -> Entry | None:
        if found.name == "removed":
            os.unlink(found.path)
        return entry(found)

    monkeypatch.setattr(local_store, "_entry", late)
    assert set(store.list("green")) == {"green/kept"}


@pytest.mark.parametrize("what", ["a link to nothing", "a link to itself", "a pipe", "a folder"])
def test_what_is_no_file_under_a_months_name_is_not_there_and_hides_no_other(
    tmp_path: Path, local: Path, what: str
) -> None:
    """A link to itself made the whole folder unreadable, and who opens a pipe waits for ever."""
    store = FolderStore("lake", FolderStore.Settings(tmp_path / "store"))
    other = NAME.replace("01", "02")
    store.put(local, other, LABELS)
    path = store.root / NAME
    match what:
        case "a link to nothing":
            path.symlink_to(tmp_path / "nowhere")
        case "a link to itself":
            path.symlink_to(path.name)
        case "a pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()
    assert list(store.list("green")) == [other]
    assert list(store.list("", deep=True)) == [other]
    assert store.stat(NAME) is None
    if what == "a folder":
        with pytest.raises(StorageError, match=f"^{path} is a folder, where a file belongs: rename or remove it$"):
            store.put(local, NAME, LABELS)
    else:
        store.put(local, NAME, LABELS)
        assert content(store) == local.read_bytes()


def test_a_file_moves_to_a_folder_of_the_store_on_another_disk(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other_disk:
        (tmp_path / "raw").symlink_to(other_disk)
        (tmp_path / "clean").write_text("bytes")
        store = FolderStore("workspace", FolderStore.Settings(tmp_path))
        store.move("clean", "raw/green/clean")
        assert (Path(other_disk) / "green" / "clean").read_text() == "bytes"
        assert set(store.list("", deep=True)) == {"raw/green/clean"}
