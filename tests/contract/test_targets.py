"""Luigi's demands on a FileSystemTarget and its FileSystem, over every kind of store.

The first part follows, one by one, the 17 demands of `FileSystemTargetTestMixin` in Luigi's own tests, which are not in
its wheel; docs/library.md has the table. Luigi's targets are text without a format, ours are bytes: where a demand
writes text, the target has `format=UTF8`.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import luigi.format
import pandas as pd
import pytest
from luigi.format import UTF8, Gzip
from luigi.target import (
    FileAlreadyExists,
    FileSystemException,
    MissingParentDirectory,
    NotADirectory,
)

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError
from taxi_luigi.inventory import lake_has
from taxi_luigi.storage import Store, is_remote
from taxi_luigi.storage.lake import Lake
from taxi_luigi.storage.local import FolderStore
from taxi_luigi.tasks.objects import StoreFile
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from tests.support.stores import KINDS, fresh_store
from tests.support.trips import write_clean

NAME = "marts/daily.csv"


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty store of each kind; afterwards no temporary file is left."""
    monkeypatch.setattr(atomic_files, "SCRATCH", tmp_path / "scratch")
    yield fresh_store(request.param, request, tmp_path)
    gc.collect()
    assert list(tmp_path.rglob("*.part")) == []


def text(store: Store) -> StoreFile:
    return StoreFile(store, NAME, format=UTF8)


def content(target: StoreFile) -> Any:
    """What a reader gets."""
    with target.open("r") as file:
        return file.read()


class Abort(Exception):
    """Raised by a test in the middle of writing."""


def test_a_file_is_there_when_it_is_closed_and_not_before(store: Store) -> None:
    target = StoreFile(store, NAME)
    file = target.open("w")
    file.write(b"day,trips\n")
    assert not target.exists()
    file.close()
    assert target.exists()
    file.close()


@pytest.mark.parametrize("written", ["day,trips\n", "Straße, 東京 🚕\r\n"])
def test_text_reads_back_as_it_was_written(store: Store, written: str) -> None:
    file = text(store).open("w")
    file.write(written)
    file.close()
    with store.open(NAME) as stored:
        assert stored.read() == written.encode()
    assert content(text(store)) == written.replace("\r\n", "\n")


def test_a_with_block_publishes_at_its_end(store: Store, tmp_path: Path) -> None:
    target = text(store)
    with target.open("w") as file:
        file.write("day,trips\n")
        assert not target.exists()
    assert list(tmp_path.rglob("*.part")) == []
    assert target.exists()


@pytest.mark.parametrize("format", [None, UTF8])
def test_an_exception_in_the_block_publishes_nothing(store: Store, tmp_path: Path, format: Any) -> None:
    target = StoreFile(store, NAME, format)
    with suppress(Abort), target.open("w") as file:
        file.write(b"half" if format is None else "half")
        raise Abort
    assert list(tmp_path.rglob("*.part")) == []
    assert not target.exists()


@pytest.mark.parametrize("format", [None, UTF8])
def test_a_file_that_is_dropped_without_close_is_not_published(store: Store, tmp_path: Path, format: Any) -> None:
    target = StoreFile(store, NAME, format)
    file = target.open("w")
    file.write(b"half" if format is None else "half")
    assert len(list(tmp_path.rglob("*.part"))) == 1
    del file
    assert list(tmp_path.rglob("*.part")) == []
    assert not target.exists()


def test_a_file_that_a_function_leaves_open_is_not_published(store: Store) -> None:
    target = text(store)

    def write() -> None:
        print("half", file=target.open("w"))

    write()
    gc.collect()
    assert not target.exists()


def test_a_format_may_put_its_own_reader_and_writer_in_between(store: Store) -> None:
    class Marked(luigi.format.Format):  # type: ignore[misc]
        def pipe_reader(self, input_pipe: Any) -> Any:
            input_pipe.mark = "reads"
            return input_pipe

        def pipe_writer(self, output_pipe: Any) -> Any:
            output_pipe.mark = "writes"
            return output_pipe

    target = StoreFile(store, NAME, Marked())
    with target.open("w") as file:
        assert file.mark == "writes"
    with target.open("r") as file:
        assert file.mark == "reads"


@pytest.mark.parametrize("format", [None, luigi.format.Nop])
def test_bytes_read_back_as_they_were_written(store: Store, format: Any) -> None:
    written = b"PAR1\x00\xff\xfe\r\n" + bytes(range(256)) * 300
    target = StoreFile(store, NAME, format)
    with target.open("w") as file:
        file.write(written)
    assert content(target) == written
    with target.open("rb") as file:
        assert b"".join(file) == written


def test_lines_are_written_and_read_one_by_one(store: Store) -> None:
    lines = ["day,trips\n", "2024-01-01,7\n", "2024-01-02,8\n"]
    with text(store).open("w") as file:
        file.writelines(lines)
    with text(store).open("r") as file:
        assert file.read() == "".join(lines)
    with text(store).open() as file:
        assert list(file) == lines


@pytest.mark.parametrize("with_block", [True, False])
def test_gzip_is_whole_when_it_is_there(store: Store, with_block: bool) -> None:
    target = StoreFile(store, NAME, Gzip)
    written = b"day,trips\n" * 1000
    file = target.open("w")
    if with_block:
        with file:
            file.write(written)
            assert not target.exists()
    else:
        file.write(written)
        assert not target.exists()
        file.close()
    with store.open(NAME) as stored:
        assert stored.read(2) == b"\x1f\x8b"
    assert content(target) == written


def test_a_file_is_moved_with_its_labels(store: Store, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(b"bytes")
    store.put(local, NAME, {"edition": "1"})
    entry = store.stat(NAME)
    target = StoreFile(store, NAME)
    moved = StoreFile(store, "old/last.csv")
    target.fs.move(target.path, moved.path)
    assert not target.exists()
    assert content(moved) == b"bytes"
    now = store.stat("old/last.csv")
    assert entry is not None
    assert now is not None
    assert now.labels == entry.labels
    with pytest.raises(FileNotFoundError):
        target.fs.rename(target.path, moved.path)


def test_a_rename_does_not_take_the_place_of_another_file(store: Store) -> None:
    first, second = StoreFile(store, NAME), StoreFile(store, f"{NAME}-2")
    first._touchz()
    first.fs.rename_dont_move(first.path, second.path)
    assert not first.exists()
    with pytest.raises(FileAlreadyExists):
        first.fs.rename_dont_move(first.path, second.path)
    first._touchz()
    with pytest.raises(FileAlreadyExists):
        first.fs.rename_dont_move(first.path, second.path)
    assert first.exists()
    first.fs.move(first.path, second.path)
    assert not first.exists()


# ---- what Luigi's mixin does not try ---------------------------------------------------------------------------------


def test_a_file_opened_twice_for_writing_is_the_one_that_is_closed_last(store: Store) -> None:
    target = StoreFile(store, NAME)
    first, second = target.open("w"), StoreFile(store, NAME).open("w")
    first.write(b"first, " * 9000)
    second.write(b"second")
    first.write(b"to its end")
    second.close()
    assert content(target) == b"second"
    first.close()
    assert content(target) == b"first, " * 9000 + b"to its end"


def test_another_mode_is_refused(store: Store) -> None:
    for mode in ("a", "r+", "x", "rw", ""):
        with pytest.raises(ValueError, match="mode must be r or w, not"):
            StoreFile(store, NAME).open(mode)


def test_a_file_that_is_not_there_is_an_error_with_its_address(store: Store) -> None:
    target = StoreFile(store, NAME)
    with pytest.raises(FileNotFoundError) as missing:
        target.open()
    assert missing.value.filename == target.path


def test_a_temporary_path_is_published_at_the_end_of_its_block(store: Store) -> None:
    target = StoreFile(store, NAME)
    with target.temporary_path() as path:
        pd.DataFrame({"trips": [7]}).to_csv(path, index=False)
        assert not target.exists()
    assert content(target) == b"trips\n7\n"
    with suppress(Abort), target.temporary_path() as path:
        Path(path).write_text("half")
        raise Abort
    assert content(target) == b"trips\n7\n"


def test_a_path_is_an_address_that_other_programs_open(store: Store) -> None:
    target = StoreFile(store, NAME)
    assert str(target) == target.path == store.url(NAME)
    assert target.path.startswith("/") or is_remote(target.path)
    if target.path.startswith("/"):
        with target.open("w") as file:
            file.write(b"trips\n7\n")
        assert pd.read_csv(target.path)["trips"].tolist() == [7]


def test_a_target_survives_pickling(store: Store) -> None:
    target: StoreFile = pickle.loads(pickle.dumps(text(store)))
    with target.open("w") as file:
        file.write("day\n")
    assert pickle.loads(pickle.dumps(target.fs)).exists(target.path)


def test_folders_are_made_listed_and_removed(store: Store) -> None:
    root, fs = store.url("").rstrip("/"), StoreFile(store, NAME).fs
    assert fs.exists(root)
    assert fs.isdir(f"{root}/")
    assert not fs.exists(f"{root}/a")
    assert not fs.isdir(f"{root}/a")
    assert list(fs.listdir(f"{root}/a")) == list(fs.listdir(root)) == []
    with pytest.raises(MissingParentDirectory):
        fs.mkdir(f"{root}/a/b", parents=False)
    fs.mkdir(f"{root}/a/b")
    fs.mkdir(f"{root}/a/c", parents=False)
    fs.mkdir(f"{root}/a/b")
    with pytest.raises(FileAlreadyExists):
        fs.mkdir(f"{root}/a/b", raise_if_exists=True)
    assert fs.isdir(f"{root}/a/b")
    assert fs.exists(f"{root}/a")
    assert list(fs.listdir(root)) == []
    for name in ("a/1", "a/b/2", "ab/3"):
        StoreFile(store, name)._touchz()
    assert not fs.isdir(f"{root}/a/1")
    assert set(fs.listdir(f"{root}/a/")) == {f"{root}/a/1", f"{root}/a/b/2"}
    assert set(fs.listdir(root)) == {f"{root}/a/1", f"{root}/a/b/2", f"{root}/ab/3"}
    assert set(store.list("a")) == {"a/1"}
    with pytest.raises(NotADirectory):
        fs.mkdir(f"{root}/a/1")
    for refused in (lambda: fs.remove(f"{root}/a", recursive=False), lambda: fs.move(f"{root}/a", f"{root}/z")):
        with pytest.raises(FileSystemException, match="is a folder"):
            refused()
    with pytest.raises(FileAlreadyExists):
        fs.move(f"{root}/ab/3", f"{root}/a")
    fs.remove(f"{root}/a")
    assert not fs.exists(f"{root}/a")
    assert list(fs.listdir(root)) == [f"{root}/ab/3"]
    fs.remove(f"{root}/a")
    fs.remove(f"{root}/ab/3", recursive=False)
    assert not fs.exists(f"{root}/ab/3")


def test_an_address_elsewhere_is_refused_in_one_line(store: Store) -> None:
    root, fs = store.url("").rstrip("/"), StoreFile(store, NAME).fs
    for path in ("/etc/passwd", "gs://another/a", "green/a", f"{root}-2/a", f"{root}/../a", f"{root}/a/./b"):
        with pytest.raises(StorageError, match=r"is not an address in .*: give it whole"):
            fs.remove(path)
    with pytest.raises(StorageError, match="is the root of a lake or workspace, and is not removed"):
        fs.remove(root)


def test_a_month_that_is_written_without_a_receipt_does_not_count(store: Store, tmp_path: Path) -> None:
    """Contract 2: the account travels with the data."""
    lake, month, clean = Lake(store), Month(2024, 1), tmp_path / "clean.parquet"
    receipt = write_clean(clean, DATASETS["green"], month, 5)
    lake.put(clean, "green", month, receipt.summary)
    assert lake_has(lake, "green", month)
    target = StoreFile(store, lake.name("green", month))
    whole = content(target)
    with target.open("w") as file:
        pd.DataFrame({"trips": [1]}).to_parquet(file)
    assert target.exists()
    assert not lake_has(lake, "green", month)
    with target.open("w") as file:
        file.write(whole)
    assert lake_has(lake, "green", month), "the receipt is in the bytes"


def test_a_file_that_cannot_take_its_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "marts" / "daily.csv").mkdir(parents=True)
    file = StoreFile(FolderStore("lake", FolderStore.Settings(tmp_path)), NAME).open("w")
    file.write(b"bytes")
    with pytest.raises(StorageError, match=r"daily\.csv is a folder, where a file belongs: rename or remove it"):
        file.close()
    assert list(tmp_path.rglob("*.part")) == []
