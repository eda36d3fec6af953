"""Files that exist only whole: written under a temporary name, then renamed; and the sweep of what a killed run left.

A temporary name carries the host and process that write it, so that a sweep can tell a dead writer's file from one that
is being written now. Months and formats are not known here.
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
"""Where files of cloud stores are kept while they are worked on."""

PARTS = ".taxi_luigi-parts"
"""The folder in a store's root that holds what is not whole yet.

Readers take a lake's folder as one data set. pyarrow, pandas and Spark skip names that begin with a dot; polars 2.1 and
DuckDB's `yellow/*` do not (November 2026), so the files must not lie beside the whole ones. They do not end in
.parquet either: `**/*.parquet` finds hidden folders too. TMPDIR may be another disk, and a rename across disks is a
copy, which is not atomic.
"""

_being_written: set[Path] = set()
_ends = threading.Event()
"""this process is about to end, and begins no file any more"""

_copies = itertools.count()


def scratch(name: str) -> contextlib.AbstractContextManager[Path]:
    """Yield a path in SCRATCH to write to, another one at each call; it is removed at the end of the block.

    Raises StorageError for a folder that is not ours.
    """
    _make_private(SCRATCH)
    return _written(SCRATCH, f"{next(_copies)}-{name}")


def private(name: str) -> Path:
    """Return a folder in SCRATCH, the same for all runs of this user with the same TMPDIR. Raises as `scratch`."""
    _make_private(SCRATCH)
    folder = SCRATCH / name
    _make_private(folder)
    return folder


def _make_private(folder: Path) -> None:
    """Make a folder for this user alone. In /tmp another user may have put a folder or a link there before."""
    if not folder.is_symlink():
        folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StorageError(f"{folder} belongs to another user: remove it, or set TMPDIR to another folder")


def temporary(final: Path, root: Path | None = None) -> contextlib.AbstractContextManager[Path]:
    """Yield a path to write `final` to before `publish`; a file that is still there after the block is removed.

    Args:
        final: the path of the finished file; its folder is made
        root: the folder of the store, whose folder PARTS has the path; None for a hidden name beside `final`, in a
            folder that is not read as a data set

    Raises:
        StorageError: PARTS cannot be made
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
    """Make and return the folder PARTS of the highest folder, from `root` down, that is on the same disk as `folder`.

    It is in `root` unless a part of the store, as raw/, is a link to another disk or mounted.
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
            f"cannot make the folder {parts}, in which files are kept until they are whole: {error.strerror}"
        ) from error
    return parts


def _one_disk(one: Path, other: Path) -> bool:
    """Whether a rename from one folder to the other is possible; nothing is changed.

    The device is not enough: a folder that is mounted at two places has the same. Linux refuses to rename from one
    mount to another before it looks whether there is a file of the name.
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
    """Return why a folder, which may not exist yet, is not writable; '' when it is. Nothing is made."""
    above = next(path for path in (folder, *folder.parents) if path.exists())
    if not above.is_dir():
        return f"{folder}: {above} is not a folder"
    return "" if os.access(above, os.W_OK | os.X_OK) else f"{folder}: no permission to write in {above}"


def publish(written: Path, final: Path) -> None:
    """Rename a finished file into place, its bytes on disk first: a power cut leaves the old file or the new.

    Raises:
        StorageError: a folder has the name
    """
    with written.open("rb+") as file:
        os.fsync(file.fileno())
    try:
        written.replace(final)
    except IsADirectoryError:
        raise StorageError(f"{final} is a folder, where a file belongs: rename or remove it") from None


def remove_being_written() -> None:
    """Remove the temporary files of this process, which one of its threads is about to end.

    Another thread that begins a file from now on waits for that end.
    """
    _ends.set()
    for path in list(_being_written):
        path.unlink(missing_ok=True)


def sweep(*folders: Path, now: float | None = None) -> list[Path]:
    """Remove temporary files whose writers are dead, and return them.

    A folder that cannot be read and a file that cannot be removed, as another user's, are left.

    Args:
        folders: whose files, and those of their PARTS, are looked at; not deeper ones
        now: seconds since 1970, for the age of another host's file; None for the clock, which may be wrong
    """
    now = time.time() if now is None else now
    found = [path for folder in folders for path in (*_files(folder), *_files(folder / PARTS))]
    return [path for path in found if _abandoned(path, now) and _removed(path)]


def sweep_pid_files(folder: Path) -> None:
    """Remove the locks of runs that are over from Luigi's folder of them: Luigi ignores them, and keeps all (3.8.1).

    An empty one is being written.
    """
    for path in folder.glob("*.pid"):
        with contextlib.suppress(OSError, ValueError):  # another user's, or something else than Luigi's
            pids = [int(line) for line in path.read_text().split()]
            if pids and not any(map(psutil.pid_exists, pids)):
                path.unlink()


def _files(folder: Path) -> list[Path]:
    if folder.is_symlink() and (folder == SCRATCH or folder.name == PARTS):
        return []  # we make no links
    try:
        with os.scandir(folder) as found:
            return [Path(entry.path) for entry in found if _TEMPORARY.fullmatch(entry.name)]
    except OSError:  # as a rule it does not exist; where it must exist, writing to it fails with a line of its own
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
    """Keep other processes of this machine out of such blocks of the same folder, where the folder can be locked."""
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
    """Copy a file to another path, whole or not at all; `root` as for `temporary`."""
    with temporary(final, root) as path:
        shutil.copyfile(source, path)
        publish(path, final)
