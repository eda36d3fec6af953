"""Something that is said once in a run, by whichever of its processes comes first."""

from __future__ import annotations

import mmap


class Once:
    """Made in the main process before any task has its own: they share it. Two at one instant may both be first."""

    def __init__(self) -> None:
        self._flag = mmap.mmap(-1, 1)

    @property
    def happened(self) -> bool:
        """Whether anybody was first."""
        return self._flag[0] != 0

    def first(self) -> bool:
        """True for the first caller."""
        was = self.happened
        self._flag[0] = 1
        return not was
