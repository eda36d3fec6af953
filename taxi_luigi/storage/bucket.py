"""What the buckets of all clouds have in common: keys, folders that are none, and files that are read in parts."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

from taxi_luigi.core import atomic_files
from taxi_luigi.storage import AHEAD, Entry, Labels, LakeType, Progress, Store, no_progress

Objects = Sequence[tuple[str, Entry]]
"""key or name → entry"""


class BucketStore(Store):
    """Keeps files as the objects `PREFIX/NAME` of a bucket; see the protocol in `taxi_luigi.storage`.

    A bucket has no folders. An empty object whose name ends with `/` stands for one, as consoles make it; a folder with
    files needs none. `name` is the section of luigi.cfg in words: "lake gcs".
    """

    kind: ClassVar[LakeType]

    def __init__(self, name: str, bucket: str, prefix: str) -> None:
        self.name = name
        self.bucket = bucket
        self._prefix = prefix.strip("/")

    @property
    def located_by(self) -> str:
        return f"{self.kind.bucket} and prefix"

    @property
    def address(self) -> str:
        """The address of the store's root."""
        return self.url("").rstrip("/")

    def url(self, name: str) -> str:
        return f"{self.kind.scheme}://{self.bucket}/{self._key(name)}"

    def list(self, folder: str, deep: bool = False) -> dict[str, Entry]:
        return {name: entry for name, entry in self._objects(folder, deep) if not name.endswith("/")}

    def is_folder(self, folder: str) -> bool:
        return bool(self._objects(folder, deep=True, most=1))

    def make_folder(self, folder: str) -> None:
        with self.writing("folder") as path:
            path.touch()
            self.put(path, f"{folder}/", {})

    def remove_folder(self, folder: str) -> None:
        for name, _ in self._objects(folder, deep=True):
            self.remove(name)

    def move(self, name: str, to: str) -> None:
        entry = self.stat(name)
        self.copy(self, name, to, {} if entry is None else entry.labels)
        self.remove(name)

    def writing(self, name: str) -> AbstractContextManager[Path]:
        return atomic_files.scratch(Path(name).name)

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def publish(self, written: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        self.put(written, name, labels, progress)

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _objects(self, folder: str, deep: bool, most: int | None = None) -> Objects:
        """Return name and entry of the objects in a folder, and below it if `deep`; of `most` at most."""
        found = self._listing(self._key(f"{folder}/" if folder else ""), deep, most)
        return [(key[len(self._key("")) :], entry) for key, entry in found]

    @abstractmethod
    def _listing(self, prefix: str, deep: bool, most: int | None) -> Objects:
        """Return key and entry of the objects whose keys begin so; without `deep` those with no further `/`."""


def seekable(fetch: Callable[[int, int], bytes], size: int, ahead: int = AHEAD) -> BinaryIO:
    """Return a file over `fetch(first, last)`, which returns these bytes, both included; `ahead` as `Store.open`."""
    return cast(BinaryIO, io.BufferedReader(_Parts(fetch, size), ahead))


class _Parts(io.RawIOBase):
    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch = fetch
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        piece = self._next(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def readall(self) -> bytes:
        return self._next(self._size)  # not in pieces of 8 KB, a request each, as the base class has it

    def _next(self, count: int) -> bytes:
        last = min(self._at + count, self._size) - 1
        piece = self._fetch(self._at, last) if last >= self._at else b""
        self._at += len(piece)
        return piece
