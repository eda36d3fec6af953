"""What the buckets of all clouds have in common: keys, folders that are none, and files that are read in parts.

And what those have in common whose objects have ETags: how one is replaced, and how it is fetched, whole and unchanged.
"""

from __future__ import annotations

import errno
import io
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, cast

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import RUN_AGAIN, StorageError, replaced_meanwhile
from taxi_luigi.storage import AHEAD, Entry, Labels, LakeType, Progress, Store, no_progress

Objects = Sequence[tuple[str, Entry]]
"""key or name → entry"""

THREADS = 4
"""that send or fetch parts of one file: `--workers` multiplies them, and on a slow link they share what there is"""

_DOWNLOADS = 50
"""times that a download begins, as the object was replaced since: more than it is ever replaced in that time"""


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
        if entry is not None and to == name:
            return
        labels = {} if entry is None else entry.labels
        if not self.copy(self, name, to, labels):
            with self.reading(name) as path:
                self.put(path, to, labels)
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


@dataclass(frozen=True)
class Head:
    """An object as its server describes it. `checksum` is of all bytes, in the server's form; '' where it has none."""

    entry: Entry
    checksum: str

    def differs(self, size: int, checksum: str) -> bool:
        """Whether its bytes are certainly others than those with this size and checksum ('': unknown)."""
        return self.entry.bytes != size or bool(self.checksum and checksum and self.checksum != checksum)


class EtagStore(BucketStore):
    """A bucket whose objects are known by ETags, and whose server writes and reads on condition of one."""

    def stat(self, name: str) -> Entry | None:
        head = self._head(name)
        return None if head is None else head.entry

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        with self.writing(name) as path:
            self._download(name, path)
            yield path

    def _found(self, name: str) -> Head:
        head = self._head(name)
        if head is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.url(name))
        return head

    def _replace(
        self,
        name: str,
        labels: Labels,
        send: Callable[[str | None], bool],
        size: int,
        checksum: Callable[[], str],
        same: Callable[[Head], bool] = lambda _: False,
    ) -> None:
        """Put bytes in place of the object, and compare what is kept then.

        Args:
            name: of the object
            labels: that are sent with the bytes
            send: sends them on condition that the object is still this version (None: that there is none); returns
                False when it was refused for that
            size: of the bytes
            checksum: returns that of the bytes, when they were sent; '' where it is not known
            same: whether an object has the bytes, where its server shows no checksum
        """
        before = self._head(name)
        done = send(None if before is None else before.entry.version)
        now = self._head(name)
        # It may be ours though it was refused: when the first try had succeeded, and only its response was lost
        if now is None or now.entry.labels != dict(labels):
            raise replaced_meanwhile(self.url(name))
        sent = checksum()
        differs = now.differs(size, sent)
        if not done and (differs or not ((now.checksum and sent) or same(now))):
            raise replaced_meanwhile(self.url(name))
        if differs:
            cure = f"{self._removal(name)} and {RUN_AGAIN}"
            raise StorageError(f"{self.url(name)} was sent, but other bytes are kept there: {cure}")

    def _download(self, name: str, path: Path) -> None:
        for _ in range(_DOWNLOADS):
            head = self._found(name)
            try:
                if not self._fetched(name, head.entry.version, path):
                    continue
                size, checksum = path.stat().st_size, self._checksum(path)
            except OSError as error:
                cure = f"free space, or set TMPDIR to another folder than {atomic_files.SCRATCH.parent}"
                raise StorageError(f"{self.url(name)}: no temporary copy: {error.strerror}: {cure}") from error
            if head.differs(size, checksum):
                raise StorageError(f"{self.url(name)} arrived damaged: {RUN_AGAIN}")
            return
        raise replaced_meanwhile(self.url(name))

    @abstractmethod
    def _head(self, name: str) -> Head | None:
        """Return an object's properties; None when there is none."""

    @abstractmethod
    def _fetched(self, name: str, version: str, path: Path) -> bool:
        """Download this version; return False when it was replaced or removed."""

    @abstractmethod
    def _checksum(self, path: Path) -> str:
        """Return the checksum of a local file as the server writes it."""

    @abstractmethod
    def _removal(self, name: str) -> str:
        """Return the command that removes an object by hand."""


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
