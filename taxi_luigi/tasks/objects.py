"""A store as Luigi sees it: a FileSystem, and a file in it as a FileSystemTarget. Knows no months."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from luigi.target import FileSystem, FileSystemTarget

from taxi_luigi.storage import Store


class StoreFileSystem(FileSystem):
    """What Luigi asks of a file system, answered by a store; its paths are names in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def exists(self, path: str) -> bool:
        return self._store.stat(path) is not None

    def remove(self, path: str, recursive: bool = True, skip_trash: bool = True) -> None:
        self._store.remove(path)

    def listdir(self, path: str) -> Iterator[str]:
        yield from self._store.list(path)


class StoreFile(FileSystemTarget):
    """A file of a store, written whole or not at all. `path` is its name there; it holds bytes."""

    def __init__(self, store: Store, name: str) -> None:
        super().__init__(name)
        self._store = store

    @property
    def fs(self) -> StoreFileSystem:
        return StoreFileSystem(self._store)

    def open(self, mode: str = "r") -> Any:
        """With "r" a file that fetches what is read; with "w" a context manager that publishes at the end."""
        if mode in ("r", "rb"):
            return self._store.open(self.path)
        if mode in ("w", "wb"):
            return self._writing()
        raise ValueError(f"mode must be r or w, not {mode!r}")

    @contextlib.contextmanager
    def temporary_path(self) -> Iterator[Path]:
        """A local path to write to; leaving the block without an error publishes the file."""
        with self._store.writing(self.path) as path:
            yield path
            self._store.publish(path, self.path, {})

    @contextlib.contextmanager
    def _writing(self) -> Iterator[io.BufferedWriter]:
        with self.temporary_path() as path, path.open("wb") as file:
            yield file
