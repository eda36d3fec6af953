"""How many downloads of this machine, of this user, are under way at a time, and how fast each may be.

A download holds the lock of a file for as long as it lasts: the system gives a dead process's back, no scheduler has to
be there, and runs with other settings and other schedulers count alike, as a publisher counts them. So the files lie
where all runs of a user meet, and not in a state folder, of which each project has its own.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

_PAUSE = 0.5
"""seconds between two looks whether a slot is free; a look takes 0.2 ms"""
_COUNTED_AGAIN = 1.0
"""seconds after which it is counted anew how many downloads share the bandwidth"""


class Slots:
    """The downloads under way, as locked files in a folder that is ours alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def one(self, at_once: int, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
        """Holds a slot for the block; waits for one while `at_once` or more are held."""
        slot = self._take(at_once)
        if slot is None:
            log.info("Waiting for another download of this machine to end: [download] at_once = %d", at_once)
        while slot is None:
            sleep(_PAUSE)
            slot = self._take(at_once)
        try:
            yield
        finally:
            os.close(slot)

    def held(self) -> int:
        """Downloads under way."""
        with self._counting() as (held, _):
            return held

    def _take(self, at_once: int) -> int | None:
        with self._counting() as (held, free):
            if held >= at_once:
                return None
            new = (self._folder / f"slot-{number}" for number in itertools.count())
            path = free[0] if free else next(path for path in new if not path.exists())
            return _locked(path, fcntl.LOCK_EX)

    @contextmanager
    def _counting(self) -> Iterator[tuple[int, list[Path]]]:
        """How many slots are held, and those that are free; no other process counts or takes one in the block."""
        alone = _locked(self._folder / "counting", fcntl.LOCK_EX)
        try:
            slots = sorted(self._folder.glob("slot-*"))
            free = [path for path in slots if _is_free(path)]
            yield len(slots) - len(free), free
        finally:
            os.close(alone)


def _is_free(path: Path) -> bool:
    try:
        os.close(_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _locked(path: Path, how: int) -> int:
    """The file, open and locked until it is closed; a link in its place is not followed."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, how)
    except OSError:
        os.close(file)
        raise
    return file


class Pace:
    """Keeps a download to its share of a bandwidth, in bytes a second; 0 is no limit."""

    def __init__(
        self,
        bandwidth: float,
        sharing: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._bandwidth, self._sharing, self._clock, self._sleep = bandwidth, sharing, clock, sleep
        self._share, self._counted, self._next = bandwidth, -_COUNTED_AGAIN, 0.0

    def arrived(self, size: int) -> float:
        """Waits until so many bytes may have come; returns for how long. What was not used before is lost."""
        if not self._bandwidth:
            return 0.0
        now = self._clock()
        if now - self._counted >= _COUNTED_AGAIN:
            self._share, self._counted = self._bandwidth / max(1, self._sharing()), now
        self._next = max(self._next, now) + size / self._share
        self._sleep(self._next - now)
        return self._next - now
