"""Which version of this package is at work: what history, messages, receipts and pages say."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def release() -> str:
    """Of the installed package; read when it is first wanted, which takes 10 to 30 ms."""
    try:
        return version("taxi_luigi")
    except PackageNotFoundError:
        return "not installed"
