"""A store in a folder: this machine's disk, or one that is mounted."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from taxi_luigi.core import atomic_files
from taxi_luigi.core.errors import StorageError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.settings import absolute, setting
from taxi_luigi.storage import AHEAD, Entry, Labels, Progress, Store, no_progress


def _folder(text: str) -> Path:
    if not text:
        raise ValueError("is missing: the folder of this local lake")
    return absolute(text)


class FolderStore:
    """Keeps files below `root`, which is made when the first is written; see the protocol in `taxi_luigi.storage`.

    Files are written in a hidden folder of the root and renamed. Labels are not kept.
    """

    @dataclass(frozen=True)
    class Settings:
        """`[lake.NAME]` of the type `local`."""

        path: Path = setting("", "The folder, of a lake of another name than `local`.", _folder)

    located_by, server = "path", ""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.root = settings.path

    def list(self, folder: str, deep: bool = False) -> dict[str, Entry]:
        try:
            return dict(self._scan(folder, deep))
        except OSError as error:
            raise StorageError(f"cannot list {self.root / folder}: {error.strerror}") from error

    def is_folder(self, folder: str) -> bool:
        return (self.root / folder).is_dir()

    def make_folder(self, folder: str) -> None:
        (self.root / folder).mkdir(parents=True, exist_ok=True)

    def remove_folder(self, folder: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self.root / folder)

    def stat(self, name: str) -> Entry | None:
        path = self.root / name
        try:
            return _entry(path)
        except OSError as error:
            raise StorageError(f"cannot read {path}: {error.strerror}") from error

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """Yield a second name of the file, whose bytes stay the same while other runs replace it.

        It is the file itself where no link can be made: in a read-only folder, on exFAT, or without permission.
        """
        path = self.root / name
        if not path.exists():  # before a folder is made for the link
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        with ExitStack() as stack:
            try:
                link = stack.enter_context(self.writing(name))
                os.link(str(path), link)
            except FileNotFoundError:  # removed meanwhile; `filename` is the path
                raise
            except (OSError, StorageError):
                link = path
            yield link

    def open(self, name: str, ahead: int = AHEAD) -> BinaryIO:
        return (self.root / name).open("rb")

    def writing(self, name: str) -> AbstractContextManager[Path]:
        return atomic_files.temporary(self.root / name, self.root)

    def alone(self) -> AbstractContextManager[None]:
        return atomic_files.alone(self.root)

    def publish(self, written: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        atomic_files.publish(written, self.root / name)

    def put(self, local: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        atomic_files.copy_into(local, self.root / name, self.root)

    def copy(self, source: Store, source_name: str, name: str, labels: Labels) -> bool:
        return False

    def move(self, name: str, to: str) -> None:
        (self.root / to).parent.mkdir(parents=True, exist_ok=True)
        try:
            (self.root / name).replace(self.root / to)
        except OSError as error:
            if error.errno != errno.EXDEV:  # a folder of the store may be on another disk
                raise
            self.put(self.root / name, to, {})
            self.remove(name)

    def remove(self, name: str) -> None:
        (self.root / name).unlink(missing_ok=True)

    def url(self, name: str) -> str:
        return str(self.root / name)

    def page(self, name: str) -> str:
        return ""

    def _scan(self, folder: str, deep: bool) -> Iterator[tuple[str, Entry]]:
        """Yield name and entry of each file; what is removed meanwhile is left out."""
        try:
            found = os.scandir(self.root / folder)
        except FileNotFoundError:
            return
        with found:
            for entry in found:
                name = f"{folder}/{entry.name}" if folder else entry.name
                file = _entry(entry)
                if file:
                    yield name, file
                elif deep and entry.name != atomic_files.PARTS and Path(entry.path).is_dir():
                    yield from self._scan(name, deep)

    def checks(self) -> Sequence[Check]:
        wrong = atomic_files.unwritable(self.root)
        return [Check(self.name, "folder", Status.ERROR if wrong else Status.OK, wrong or str(self.root))]


def _entry(path: Path | os.DirEntry[str]) -> Entry | None:
    """Return the entry of a regular file; None for anything else, as a folder, a pipe or a link to nothing."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
    return Entry(found.st_size, f"{found.st_mtime_ns}-{found.st_ino}") if stat.S_ISREG(found.st_mode) else None
