"""A store as Luigi's FileSystem, and a file in it as Luigi's FileSystemTarget. Months are not known here."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from luigi.format import Format, Nop
from luigi.target import (
    FileAlreadyExists,
    FileSystem,
    FileSystemException,
    FileSystemTarget,
    MissingParentDirectory,
    NotADirectory,
)

from taxi_luigi.core.errors import StorageError
from taxi_luigi.storage import Store

_AHEAD = 1 << 20
"""bytes that a read fetches at least: most readers of a target want all of it"""


class StoreFileSystem(FileSystem):
    """A store, whose paths are addresses as in `StoreFile.path`: absolute in a folder, `gs://…` or the like.

    Methods raise StorageError for an address outside the store, and else as Luigi's: FileAlreadyExists, NotADirectory,
    MissingParentDirectory, FileSystemException.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def exists(self, path: str | Path) -> bool:
        name = self._name(path)
        return not name or self._store.stat(name) is not None or self._store.is_folder(name)

    def isdir(self, path: str | Path) -> bool:
        name = self._name(path)
        return not name or self._store.is_folder(name)

    def listdir(self, path: str | Path) -> Iterator[str]:
        """Yield the addresses of all files below a folder."""
        name = self._name(path)
        if not name or self._store.is_folder(name):
            yield from map(self._store.url, self._store.list(name, deep=True))

    def mkdir(self, path: str | Path, parents: bool = True, raise_if_exists: bool = False) -> None:
        if self.isdir(path):
            if raise_if_exists:
                raise FileAlreadyExists(f"{path} is there already")
            return
        name = self._name(path)
        if self._store.stat(name) is not None:
            raise NotADirectory(f"{path} is a file")
        above = name.rpartition("/")[0]
        if above and not parents and not self._store.is_folder(above):
            raise MissingParentDirectory(f"{self._store.url(above)} is not there")
        self._store.make_folder(name)

    def remove(self, path: str | Path, recursive: bool = True, skip_trash: bool = True) -> None:
        """Remove a file, or a folder with all that is in it; what is not there is no error."""
        name = self._name(path)
        if not name:
            raise StorageError(f"{path} is the root of a lake or workspace, and is not removed: remove what is in it")
        if self._store.is_folder(name):
            if not recursive:
                raise FileSystemException(f"{path} is a folder: remove it with recursive=True")
            self._store.remove_folder(name)
        self._store.remove(name)

    def move(self, path: str | Path, dest: str | Path, raise_if_exists: bool = False) -> None:
        """Give a file another name in the same store, in place of a file that has it."""
        if self.isdir(path):
            raise FileSystemException(f"{path} is a folder: move its files one by one")
        if self.isdir(dest) or (raise_if_exists and self.exists(dest)):
            raise FileAlreadyExists(f"{dest} is there already")
        self._store.move(self._name(path), self._name(dest))

    def rename_dont_move(self, path: str | Path, dest: str | Path) -> None:
        self.move(path, dest, raise_if_exists=True)

    def _name(self, path: str | Path) -> str:
        """Return the name in the store of a file's or folder's address; '' of the root."""
        root, address = self._store.url("").rstrip("/"), str(path).rstrip("/")
        if address == root:
            return ""
        name = address.removeprefix(f"{root}/")
        if name == address or not {"", ".", ".."}.isdisjoint(name.split("/")):
            raise StorageError(f"{path} is not an address in {root or '/'}: give it whole, as the path of a target")
        return name


class StoreFile(FileSystemTarget):
    """A file of a store, written whole or not at all.

    Args:
        store: the store
        name: the file's name in it
        format: of Luigi's: how its bytes are read and written. Without one, as they are: `format=luigi.format.UTF8` for
            text
    """

    def __init__(self, store: Store, name: str, format: Format | None = None) -> None:
        super().__init__(store.url(name))
        self.name = name
        self.format = format or Nop
        self._store = store

    @property
    def fs(self) -> StoreFileSystem:
        return StoreFileSystem(self._store)

    def open(self, mode: str = "r") -> Any:
        """Open the file to read it ("r"), or to replace it ("w").

        A written file is in place when it is closed, and not before; after an exception in a `with` block, or without
        `close`, nothing is. Opened twice at a time, it has the bytes of the one that is closed last, whole.

        Raises:
            FileNotFoundError: there is no file to be read
            ValueError: another mode
        """
        kind = mode.replace("b", "").replace("t", "")
        if kind == "r":
            return self.format.pipe_reader(self._store.open(self.name, _AHEAD))
        if kind == "w":
            return self.format.pipe_writer(_Writer(self._store.writing(self.name), self._publish))
        raise ValueError(f"mode must be r or w, not {mode!r}")

    @contextmanager
    def temporary_path(self) -> Iterator[str]:
        """Yield a path on this machine to write to; after the block the file is in place, unless it raised."""
        with self._store.writing(self.name) as path:
            yield str(path)
            self._publish(path)

    def _publish(self, written: Path) -> None:
        self._store.publish(written, self.name, {})


class _Writer(io.BufferedWriter):
    """A temporary file that is published when it is closed."""

    def __init__(self, writing: AbstractContextManager[Path], publish: Callable[[Path], None]) -> None:
        self._publish = publish
        with ExitStack() as stack:
            self._path = stack.enter_context(writing)
            super().__init__(io.FileIO(self._path, "w"))
            self._end = stack.pop_all()

    def close(self) -> None:
        if not self.closed:
            with self._end:
                super().close()
                self._publish(self._path)

    def abort(self) -> None:
        """Close the file and remove it, unless it was published."""
        with self._end, suppress(OSError):
            super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        if hasattr(self, "_end"):
            self.abort()
