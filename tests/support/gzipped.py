"""gzip without the time in its header: a parameter of a test must be the same bytes in each process of pytest-xdist."""

from __future__ import annotations

import gzip


def gzipped(content: bytes, level: int = 9) -> bytes:
    """The content as one member of a gzip file."""
    return gzip.compress(content, level, mtime=0)
