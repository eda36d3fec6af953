"""Which disk of this machine a folder is on."""

from __future__ import annotations

from pathlib import Path


def disk_of(folder: Path) -> tuple[int, Path]:
    """Return the device number of a folder's disk, and the nearest folder that exists; it may have to be made yet.

    Raises: OSError
    """
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return there.stat().st_dev, there
