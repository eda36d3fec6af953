"""Every kind of store, empty, for the suites that all of them must pass; Google's is Google's own for check-gcp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from taxi_luigi.config.factories import STORES
from taxi_luigi.storage import Store
from taxi_luigi.storage.local import FolderStore
from tests.support import azure_cloud, google
from tests.support.azure import AzureServer, fresh_azure_store
from tests.support.gcs import fresh_gcs_store
from tests.support.s3 import fresh_s3_store

KINDS = tuple(STORES["lake"])
"""the types of lake that luigi.cfg may name: each needs its maker below"""


def fresh_store(kind: str, request: pytest.FixtureRequest, folder: Path) -> Store:
    """An empty store; the servers that it needs are started by their fixtures when first asked for."""
    makers: dict[str, Callable[[], Store]] = {
        "local": lambda: FolderStore("lake folder", FolderStore.Settings(folder / "store")),
        "gcs": lambda: google.fresh_store() or fresh_gcs_store(request.getfixturevalue("fake_gcs")),
        "s3": lambda: fresh_s3_store(request.getfixturevalue("moto_server")),
        "azure": lambda: azure_cloud.fresh_store() or _fresh_azure_store(request.getfixturevalue("azurite")),
    }
    if kind == "s3":
        request.getfixturevalue("aws_variables")
    return makers[kind]()


def _fresh_azure_store(server: AzureServer) -> Store:
    return fresh_azure_store(server, server.fresh_container())
