"""The SQLite file of the history: opened for each use, so that no connection lives through a fork or a task.

With SQLite's rollback journal and not WAL, which does not work on a network disk and makes two more files; a run writes
a few rows, so one writer at a time is enough. A file that is damaged is set aside; one of a later version is not
changed, and runs go on without.
"""

from __future__ import annotations

import errno
import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

NAME = "history.sqlite"
VERSION = 5
"""`PRAGMA user_version` of the tables below. What a version adds to a table comes last in it, and in _ADDED."""
WAIT = 15.0
"""seconds to wait for another process that writes or reads: at a load of 17 on two cores, eight writers took over 5"""

_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE, command TEXT NOT NULL, host TEXT NOT NULL,
    pid INTEGER NOT NULL, began TEXT NOT NULL, ended TEXT, seconds REAL, exit_code INTEGER, already_there INTEGER,
    zones TEXT, remarks TEXT, error TEXT, fewer TEXT, version TEXT, there TEXT
);
CREATE TABLE IF NOT EXISTS months (
    run TEXT NOT NULL, color TEXT NOT NULL, month TEXT NOT NULL, result TEXT NOT NULL, rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL, seconds REAL NOT NULL, why TEXT NOT NULL, replaced TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS tasks (
    run TEXT NOT NULL, task TEXT NOT NULL, color TEXT NOT NULL, month TEXT NOT NULL, store TEXT NOT NULL,
    began TEXT NOT NULL, ended TEXT NOT NULL, seconds REAL NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    result TEXT NOT NULL, error TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS withdrawn (color TEXT, month TEXT, noticed TEXT NOT NULL, PRIMARY KEY (color, month));
CREATE INDEX IF NOT EXISTS months_run ON months (run);
CREATE INDEX IF NOT EXISTS tasks_run ON tasks (run);
"""

_ADDED = {
    3: (
        "ALTER TABLE runs ADD COLUMN fewer TEXT",
        "ALTER TABLE months ADD COLUMN replaced TEXT NOT NULL DEFAULT ''",
    ),
    4: ("ALTER TABLE runs ADD COLUMN version TEXT",),
    5: ("ALTER TABLE runs ADD COLUMN there TEXT",),
}
"""version → what it adds to the tables of the one before"""


class LaterVersion(sqlite3.DatabaseError):
    """The file was made by a later version of us."""


@contextmanager
def opened(path: Path, write: bool) -> Iterator[sqlite3.Connection]:
    """Open the file for the block; with `write`, in one transaction that commits at the end. Raise sqlite3.Error.

    Without `write` no file is made. Both roll back what a killed writer left unfinished.
    """
    if write:
        check_no_link(path)
    where = path.absolute().as_uri() + ("" if write else "?mode=rw")
    with closing(sqlite3.connect(where, uri=True, timeout=WAIT, isolation_level=None)) as connection:
        if write:
            connection.execute("BEGIN IMMEDIATE")
            check_version(connection)
        yield connection
        if write:
            connection.execute("COMMIT")


def check_no_link(path: Path) -> None:
    """Raise OSError for a file of ours that is a link, as it would be written elsewhere."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link; remove it", str(path))


def prepare(path: Path) -> str:
    """Make folder, file and tables where they are missing.

    Returns:
        the new name of a file that cannot be used and was set aside, or ''
    Raises:
        sqlite3.Error, OSError: for what setting a file aside does not cure: a full disk, no permission, a lock
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock_file = path.with_name(f"{NAME}.lock")
    for each in (path, lock_file):
        check_no_link(each)
    if _usable(path):
        return ""
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two runs that begin at once, the second finds the first's new file
        if _usable(path):
            return ""
        aside = _set_aside(path)
        _make_tables(path)
    return aside.name


def _usable(path: Path) -> bool:
    """Make the tables; return whether the file can be used. Raise other errors than those of the file itself."""
    try:
        _make_tables(path)
    except sqlite3.DatabaseError as error:
        if is_useless(error):
            return False
        raise
    return True


def is_useless(error: Exception) -> bool:
    """Return whether the error is of the file itself: damaged, or not of SQLite."""
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in codes


def check_version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 in a file without. Raise LaterVersion."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise LaterVersion(
            f"a later version of taxi_luigi made it (its tables are version {version}, here they are {VERSION}), so it "
            "is not changed; upgrade this one"
        )
    return version


def _make_tables(path: Path) -> None:
    if not path.exists():
        path.touch(mode=0o600)  # its owner's alone; SQLite takes an empty file, and gives its journal the same mode
    with opened(path, write=True) as connection:
        found = check_version(connection)
        if found < VERSION:
            added = [statement for version in _ADDED if 0 < found < version for statement in _ADDED[version]]
            for statement in (*filter(str.strip, _TABLES.split(";")), *added):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")


def _set_aside(path: Path) -> Path:
    """Rename the file and its journal, which SQLite would apply to the new file; return the new name."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for suffix in ("", "-journal", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.{stamp}{suffix}"))
    return path.with_name(f"{path.name}.{stamp}")
