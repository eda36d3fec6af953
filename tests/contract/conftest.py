"""What the tests of sources share: a publisher's server with a folder, and nothing remembered from an earlier test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cdn import Cdn
from tests.support.publisher import Client, forget_looks, write


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    forget_looks()


@pytest.fixture
def cdn(tmp_path: Path) -> Iterator[Cdn]:
    """A publisher who has published nothing yet."""
    folder = tmp_path / "published"
    folder.mkdir()
    with Cdn(folder) as cdn:
        yield cdn


@pytest.fixture
def content(cdn: Cdn) -> bytes:
    """The bytes of the one month that the publisher has."""
    return write(cdn.folders[0])


@pytest.fixture
def client(cdn: Cdn, tmp_path: Path) -> Client:
    """Somebody who downloads it."""
    return Client(cdn.template, tmp_path / "arriving")
