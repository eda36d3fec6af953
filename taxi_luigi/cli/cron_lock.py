"""The lock of cron-run: one run at a time, and one that waits for each command line."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from taxi_luigi.core.settings_files import NAMED


class Busy(Exception):
    """Another cron-run is at work; the text is one line."""


def lock_path(root: Path) -> Path:
    """The lock file of a project folder and its settings file: runs with other settings do not wait for each other."""
    named = os.environ.get(NAMED)
    which = f"-{hashlib.sha256(os.fsencode(Path(named).absolute())).hexdigest()[:12]}" if named else ""
    return root / "data" / f"cron-run{which}.lock"


def take(path: Path, words: Sequence[str], shown: str, wait: float, log: Callable[[str], None]) -> int:
    """Take the lock as soon as no other cron-run has it.

    It is released with the last process that has it open. Of one command line only one waits: a second would do
    nothing new.

    Args:
        words: the command line
        shown: the same without secrets; it is written into the file, for the line of those that wait
        wait: minutes to wait at most; 0 for not at all
        log: called with a line when it begins to wait
    Returns:
        The lock's file descriptor.
    Raises:
        Busy: another one has it for longer, or the same command waits already
        OSError: the file cannot be made or locked
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if not _locked(lock, shown):
        _wait(path, lock, words, shown, wait, log)
    return lock


def _wait(path: Path, lock: int, words: Sequence[str], shown: str, wait: float, log: Callable[[str], None]) -> None:
    busy = f"another cron-run is at work{_holder(path)}"
    if not wait:
        raise Busy(busy)
    with _waiting(path.with_suffix(".waiting"), words) as alone:
        if not alone:
            raise Busy(f"{busy}; the same command waits for it already")
        log(f"{busy}: waits for it, {wait:g} minutes at most")
        until = time.monotonic() + 60 * wait
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            if _locked(lock, shown):
                return
    raise Busy(f"another cron-run is at work{_holder(path)}, and {wait:g} minutes of waiting were not enough")


def _locked(lock: int, shown: str) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    os.ftruncate(lock, 0)
    since = f"since {datetime.now():%Y-%m-%d %H:%M:%S} (process {os.getpid()} on {socket.gethostname()})"
    with contextlib.suppress(OSError):  # on a full disk the line of those that wait is shorter
        os.write(lock, f" {since}: {shown}".encode(errors="replace"))
    return True


def _holder(path: Path) -> str:
    return "".join(filter(str.isprintable, path.read_text("utf-8", errors="replace")))[:300].rstrip()


@contextlib.contextmanager
def _waiting(path: Path, words: Sequence[str]) -> Iterator[bool]:
    """Yield whether no other process waits with the same words; none does until the end of the block.

    A byte of the file, at a position that depends on the words, is locked: one file serves all command lines, and a
    process that dies leaves nothing.
    """
    place = int.from_bytes(hashlib.sha256("\0".join(words).encode(errors="surrogateescape")).digest()[:7])
    descriptor, alone = os.open(path, os.O_RDWR | os.O_CREAT, 0o666), True
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError):  # POSIX leaves open which of the two
        alone = False
    try:
        yield alone
    finally:
        os.close(descriptor)
