"""An iterator that works ahead on a thread of its own. What it iterates over is not its concern."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Generator[Item, None, None]) -> Generator[Item, None, None]:
    """The same items, none of them None; each is made on another thread while the one before is in use.

    Close it (contextlib.closing) before anything that `items` reads from is closed: its thread is then at rest.
    """
    with closing(items), ThreadPoolExecutor(1) as thread:
        pending = thread.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = thread.submit(next, items, None)
            yield item
