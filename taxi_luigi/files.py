"""Files that exist only whole: written beside their final name, then renamed; and the sweep of what a killed run left.

A temporary name carries the host and process that write it, so that a sweep can tell a dead writer's file from one that
is being written now. Knows no months and no formats.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from taxi_luigi.errors import StorageError

_HOST = re.sub(r"[^A-Za-z0-9.]", "", socket.gethostname()) or "host"
_TEMPORARY = re.compile(r".+\.(?P<host>[A-Za-z0-9.]+)-(?P<pid>\d+)\.part(/.*)?")
_FOREIGN_AGE = 24 * 3600
"""seconds after which another host's temporary file is taken for abandoned: nothing here runs for a day"""

SCRATCH = Path(tempfile.gettempdir()) / f"taxi_luigi-{os.getuid()}"
"""Where files of cloud stores lie while they are worked on."""

_being_written: set[Path] = set()


_copies = itertools.count()


def scratch(name: str) -> contextlib.AbstractContextManager[Path]:
    """A name below SCRATCH to write to, removed at the end of the block; the same one twice at a time gives two.

    Raises StorageError for a folder that is not ours.
    """
    SCRATCH.mkdir(mode=0o700, exist_ok=True)
    if SCRATCH.is_symlink() or SCRATCH.stat().st_uid != os.getuid():
        raise StorageError(f"{SCRATCH} belongs to somebody else: remove it, or set TMPDIR to another folder")
    sweep(SCRATCH)
    return temporary(SCRATCH / f"{next(_copies)}-{name}")


@contextlib.contextmanager
def temporary(final: Path) -> Iterator[Path]:
    """A name beside `final` to write to; whatever is still there at the end of the block is removed.

    The parent folder is made. Leave the block by `publish` to keep the file.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    path = final.with_name(f"{final.name}.{_HOST}-{os.getpid()}.part")
    _being_written.add(path)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
        _being_written.discard(path)


def unwritable(folder: Path) -> str:
    """Why nothing could be written in a folder, which may not exist yet; '' when it could. Nothing is made."""
    above = next(path for path in (folder, *folder.parents) if path.exists())
    if not above.is_dir():
        return f"{folder}: {above} is not a folder"
    return "" if os.access(above, os.W_OK | os.X_OK) else f"{folder}: no permission to write in {above}"


def publish(written: Path, final: Path) -> None:
    """Renames a finished file into place, its bytes on disk first: a power cut leaves the old file or the new."""
    with written.open("rb+") as file:
        os.fsync(file.fileno())
    written.replace(final)


def remove_being_written() -> None:
    """Unlinks this process's temporary files; for a process that is about to end by a signal."""
    for path in list(_being_written):
        path.unlink(missing_ok=True)


def sweep(folder: Path) -> list[Path]:
    """Removes temporary files below a folder whose writers are dead, and returns them."""
    abandoned = [path for path in folder.rglob("*.part") if _abandoned(path)]
    for path in abandoned:
        path.unlink(missing_ok=True)
    return abandoned


def _abandoned(path: Path) -> bool:
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    try:
        written = path.stat().st_mtime
    except FileNotFoundError:
        return False
    if match["host"] != _HOST:
        return time.time() - written > _FOREIGN_AGE
    try:
        # Process numbers are used again: the writer is alive only if it began before it last wrote (1 s for clocks).
        return psutil.Process(int(match["pid"])).create_time() > written + 1
    except psutil.NoSuchProcess:
        return True


def copy_into(source: Path, final: Path) -> None:
    """Copies a file under another name, whole or not at all."""
    with temporary(final) as path:
        shutil.copyfile(source, path)
        publish(path, final)
