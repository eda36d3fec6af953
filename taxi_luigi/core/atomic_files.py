"""Files that exist only whole: written under a temporary name, then renamed; and the sweep of what a killed run left.

A temporary name carries the host and process that write it, so that a sweep can tell a dead writer's file from one that
is being written now. Knows no months and no formats.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from taxi_luigi.core.errors import StorageError

_HOST = re.sub(r"[^A-Za-z0-9.]", "", socket.gethostname()) or "host"
_TEMPORARY = re.compile(r".+\.(?P<host>[A-Za-z0-9.]+)-(?P<pid>\d+)(-(?P<began>\d+))?\.part(\.wal)?")
"""A temporary file's name, and that of the log which DuckDB keeps beside one.

`began` is when its writer began, in ticks since the machine did: no clock that is set meanwhile changes it.
"""
_FOREIGN_AGE = 24 * 3600
"""seconds after which another host's temporary file is taken for abandoned: nothing here runs for a day"""

SCRATCH = Path(tempfile.gettempdir()) / f"taxi_luigi-{os.getuid()}"
"""Where files of cloud stores lie while they are worked on."""

PARTS = ".taxi_luigi-parts"
"""The folder in a store's root that holds what is not whole yet.

Readers take a lake's folder as one data set. pyarrow, pandas and Spark skip names that begin with a dot; polars 2.1 and
DuckDB's `yellow/*` do not (November 2026), so the files must not lie beside the whole ones. They do not end in
.parquet either: `**/*.parquet` finds hidden folders too. TMPDIR may be another disk, and a rename across disks is a
copy, which is not atomic.
"""

_being_written: set[Path] = set()
_ends = threading.Event()
"""this process is about to end: nothing is begun any more"""

_copies = itertools.count()


def scratch(name: str) -> contextlib.AbstractContextManager[Path]:
    """A name below SCRATCH to write to, removed at the end of the block; the same one twice at a time gives two.

    Raises StorageError for a folder that is not ours.
    """
    _make_private(SCRATCH)
    return _written(SCRATCH, f"{next(_copies)}-{name}")


def private(name: str) -> Path:
    """A folder in SCRATCH, the same for all runs of this user that have the same TMPDIR. Raises as `scratch`."""
    _make_private(SCRATCH)
    folder = SCRATCH / name
    _make_private(folder)
    return folder


def _make_private(folder: Path) -> None:
    """In /tmp anybody can be there first, with a folder or a link."""
    if not folder.is_symlink():
        folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StorageError(f"{folder} belongs to somebody else: remove it, or set TMPDIR to another folder")


def temporary(final: Path, root: Path | None = None) -> contextlib.AbstractContextManager[Path]:
    """A name to write `final` under; whatever is still there at the end of the block is removed.

    It is in the folder PARTS of `root`, the folder of a store that `final` lies in; without one it is a hidden name
    beside `final`, whose folder is not read as a data set. `final`'s folder is made. Leave the block by `publish` to
    keep the file. Raises StorageError where PARTS cannot be made.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    if root is None:
        return _written(final.parent, f".{final.name}")
    return _written(_parts(final.parent, root), f"{next(_copies)}-{final.name}")


@contextlib.contextmanager
def _written(folder: Path, name: str) -> Iterator[Path]:
    sweep(folder, now=0)
    began = _began(os.getpid())
    path = folder / f"{name}.{_HOST}-{os.getpid()}{f'-{began}' if began else ''}.part"
    path.unlink(missing_ok=True)  # a link that another user has put there would be followed
    _being_written.add(path)
    try:
        if _ends.is_set():
            threading.Event().wait()
        yield path
    finally:
        path.unlink(missing_ok=True)
        _being_written.discard(path)


def _parts(folder: Path, root: Path) -> Path:
    """The folder PARTS of the highest folder, from `root` down to `folder`, that is on the same disk as `folder`.

    It is `root` unless a part of the store, as raw/, is a link to another disk or mounted.
    """
    between = [*reversed(folder.relative_to(root).parents), folder.relative_to(root)]
    home = next(root / below for below in between if _one_disk(root / below, folder))
    parts = home / PARTS
    try:
        # A rename out of a link to another disk would fail, when the work is done.
        if parts.is_symlink():
            raise NotADirectoryError(errno.ENOTDIR, "it is a link; remove it")
        parts.mkdir(exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot make the folder {parts}, in which files lie until they are whole: {error.strerror}"
        ) from error
    return parts


def _one_disk(one: Path, other: Path) -> bool:
    """Whether a rename from one folder to the other is possible; nothing is changed.

    The device alone does not tell: a folder that is mounted at two places has the same. Linux refuses to rename from
    one mount to another before it looks whether there is a file of the name.
    """
    if one.stat().st_dev != other.stat().st_dev:
        return False
    nothing = f"{PARTS}.{_HOST}-{os.getpid()}.none"
    try:
        os.rename(one / nothing, other / nothing)
    except OSError as error:
        return error.errno != errno.EXDEV
    return True


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
    """Unlinks this process's temporary files, for good: it is about to be ended, by whichever of its threads.

    Another thread that wants to begin a file waits for that end.
    """
    _ends.set()
    for path in list(_being_written):
        path.unlink(missing_ok=True)


def sweep(*folders: Path, now: float | None = None) -> list[Path]:
    """Removes temporary files whose writers are dead, directly in these folders and in their PARTS; returns them.

    A folder that cannot be read and a file that cannot be removed, as another user's, are left. `now`, in seconds since
    1970, is what the age of another host's file is judged by; the clock, which may be wrong, where it is None.
    """
    now = time.time() if now is None else now
    found = [path for folder in folders for path in (*_files(folder), *_files(folder / PARTS))]
    return [path for path in found if _abandoned(path, now) and _removed(path)]


def sweep_pid_files(folder: Path) -> None:
    """Removes from Luigi's folder of locks those of runs that are over: Luigi passes over them, and leaves all (3.8.1).

    An empty one is being written.
    """
    for path in folder.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):  # another user's, or something else than Luigi's
            pids = [int(line) for line in path.read_text().split()]
            if pids and not any(map(psutil.pid_exists, pids)):
                path.unlink()


def _files(folder: Path) -> list[Path]:
    if folder.is_symlink() and (folder == SCRATCH or folder.name == PARTS):
        return []  # not made by us
    try:
        with os.scandir(folder) as found:
            return [Path(entry.path) for entry in found if _TEMPORARY.fullmatch(entry.name)]
    except OSError:  # usually it is not there; where it must be, writing to it fails with its own line
        return []


def _removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _abandoned(path: Path, now: float) -> bool:
    match = _TEMPORARY.fullmatch(path.name)
    if match is None:
        return False
    try:
        written = path.lstat().st_mtime
    except FileNotFoundError:
        return False
    if match["host"] != _HOST:
        return now - written > _FOREIGN_AGE
    if match["began"]:
        return _began(int(match["pid"])) != match["began"]
    try:
        # Process numbers are used again: the writer is alive only if it began before it last wrote (1 s for clocks).
        return psutil.Process(int(match["pid"])).create_time() > written + 1
    except psutil.NoSuchProcess:
        return True


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """No other process of this machine is in such a block of the same folder, where the folder can be locked."""
    root.mkdir(parents=True, exist_ok=True)
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # NFS locks files that are open for writing alone
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the machine did; '' of one that has ended, and without /proc."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, *fields = file.read().rpartition(")")[2].split()
    except OSError:
        return ""
    # A zombie has ended; in a container without an init it stays for ever
    return "" if state in "ZX" else fields[18]


def copy_into(source: Path, final: Path, root: Path | None = None) -> None:
    """Copies a file under another name, whole or not at all; `root` as for `temporary`."""
    with temporary(final, root) as path:
        shutil.copyfile(source, path)
        publish(path, final)
