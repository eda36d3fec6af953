"""Tests of the image, which `scripts/image test` builds and names; without it there is nothing here to collect."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.image.engine import Compose, Engine

collect_ignore_glob = [] if "TAXI_IMAGE" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Docker or podman, with the image to try."""
    return Engine(os.environ["TAXI_IMAGE_BY"], os.environ["TAXI_IMAGE"])


@pytest.fixture
def volume(engine: Engine) -> Iterator[str]:
    """The name of an empty volume."""
    name = engine.fresh_name()
    engine.call("volume", "create", name)
    yield name
    engine.call("volume", "rm", "--force", name)


@pytest.fixture(scope="module")
def compose(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """compose.yaml, running, with made-up months as the source."""
    with Compose(engine, tmp_path_factory.mktemp("compose")) as running:
        yield running
