"""What the tests of sources share: a made-up published file, an impatient Net, a fetch that records its progress."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

from taxi_luigi.core.errors import SourceError
from taxi_luigi.sources import Fetched, HttpSettings, Source, http, open_source
from taxi_luigi.tlc.months import Month

COLOR, MONTH = "green", Month(2024, 1)
NAME = "green_tripdata_2024-01.parquet"


def net(**changes: Any) -> HttpSettings:
    """Retries within milliseconds."""
    return HttpSettings(
        **{"attempts": 3, "backoff": 0.01, "connect_timeout": 2, "read_timeout": 5, "parallel": 3, "at_once": 1_000}
        | changes
    )


def forget_looks() -> None:
    """Have the next look query the server again, as one in another process would."""
    http._looks.clear()


def write(folder: Path, name: str = NAME, size: int = 300_000, seed: int = 1) -> bytes:
    """A file of made-up bytes, which begin like parquet; the bytes are returned."""
    content = b"PAR1" + random.Random(seed).randbytes(size - 4)
    # Beside and renamed: a server that has the old one open goes on reading it.
    (folder / f"{name}.new").write_bytes(content)
    (folder / f"{name}.new").replace(folder / name)
    return content


class Client:
    """A source, and the place that it fetches to."""

    def __init__(self, template: str, into: Path, **changes: Any) -> None:
        self.source: Source = open_source(template, net(**changes))
        self.into = into
        self.progress: list[tuple[int, int]] = []

    def fetch(self) -> Fetched:
        return self.source.fetch(COLOR, MONTH, self.into, lambda done, total: self.progress.append((done, total)))

    def failure(self) -> str:
        """The line that a fetch ends with, which must fail."""
        with pytest.raises(SourceError) as failed:
            self.fetch()
        assert "\n" not in str(failed.value)
        return str(failed.value)

    def assert_holds(self, content: bytes, fetched: Fetched) -> None:
        assert self.into.read_bytes() == content
        assert fetched.bytes == len(content)
        assert fetched.sha256 == hashlib.sha256(content).hexdigest()
