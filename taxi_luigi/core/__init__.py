"""What all rooms share: errors, receipts, files that exist only whole, logs, redaction, health, cloud credentials.

What serves one room alone lives there.
"""

from __future__ import annotations

from functools import cache


@cache
def release() -> str:
    """Return the version of the installed package; the first call takes 10 to 30 ms."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("taxi_luigi")
    except PackageNotFoundError:
        return "not installed"
