"""What the tests of a store in a bucket have in common, whichever cloud it is in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taxi_luigi.core.errors import TaxiError
from taxi_luigi.storage.bucket import BucketStore

NAME = "green/green_tripdata_2024-01.parquet"
LABELS = {"edition": "abc-def", "sha256": "0" * 64, "rows": "12", "source": "https://tlc.example/a?b=%20c"}


def content(store: BucketStore, name: str = NAME) -> bytes:
    """What a reader gets."""
    with store.reading(name) as path:
        return path.read_bytes()


def everything(store: BucketStore, small: Path) -> dict[str, Callable[[], object]]:
    """All that a store sends over the network."""
    return {
        "list": lambda: store.list("green"),
        "stat": lambda: store.stat(NAME),
        "reading": lambda: content(store),
        "open": lambda: store.open(NAME).read(),
        "put": lambda: store.put(small, NAME, LABELS),
        "copy": lambda: store.copy(store, NAME, "to", LABELS),
        "remove": lambda: store.remove(NAME),
    }


def failures(store: BucketStore, small: Path, *secrets: str) -> dict[str, TaxiError]:
    """How each of them fails: in one line, with the address and without a secret."""
    found = {}
    for what, send in everything(store, small).items():
        with pytest.raises(TaxiError, match=store.address) as error:
            send()
        assert len(str(error.value).splitlines()) == 1
        assert [secret for secret in secrets if secret in str(error.value)] == []
        found[what] = error.value
    return found
