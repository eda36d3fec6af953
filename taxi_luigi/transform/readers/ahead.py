"""Prefetch the items of a generator on a thread."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """Yield the same items, none of them None; each is produced on another thread while the one before is in use.

    Close it (contextlib.closing) before anything that `items` reads from is closed: closing ends the thread.
    """
    with closing(items), ThreadPoolExecutor(1) as thread:
        pending = thread.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = thread.submit(next, items, None)
            yield item
