"""Clients that belong to one process.

A client holds connections, and two processes that share one mix up their answers (4 of 240 responses were wrong or
failed when four children used an inherited requests.Session; November 2026). Luigi forks for every task.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

_made: dict[tuple[int, Hashable], Any] = {}


def per_process(key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` returned at this process's first call with this key, never a parent process's.

    The parent's stays referenced, so that its connections are not closed from here.
    """
    mine = (os.getpid(), key)
    if mine not in _made:
        _made[mine] = make()
    made: T = _made[mine]
    return made
