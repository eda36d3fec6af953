"""Folders that are slow to make and that many tests only read or copy."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Once:
    """Folders in one place, each made once by the first of several processes that need it."""

    place: Path

    def __call__(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return the folder `name`.

        Args:
            name: what is in it, whichever process makes it.
            make: fills an empty folder; where it fails, the next process tries again.
        """
        folder = self.place / name
        with (self.place / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                aside = folder.with_name(f"{name}.part")
                shutil.rmtree(aside, ignore_errors=True)
                aside.mkdir()
                make(aside)
                aside.rename(folder)
        return folder
