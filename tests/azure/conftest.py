"""The place in Azure that scripts/check-azure names, or Azurite."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.support import azure_cloud
from tests.support.azure import ACCOUNT, AzureServer, connection_string
from tests.support.azure_cloud import Place


@pytest.fixture
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Where to make what the tests need."""
    named = azure_cloud.given()
    if named is not None:
        yield named  # scripts/check-azure also sweeps it
        return
    server: AzureServer = request.getfixturevalue("azurite")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection_string(server))
    yield Place(ACCOUNT, server.fresh_container(), uuid4().hex[:6])
