"""A throw-away folder of a container in Azure itself, for the suites and for scripts/check-azure.

Where a connection string names Azurite, that is asked by the same code.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any
from uuid import uuid4

from azure.storage.blob import ContainerClient

from taxi_luigi.core.settings import read
from taxi_luigi.storage.azure import AzureStore

VARIABLE = "TAXI_LUIGI_AZURE"
"""names the place to the tests; scripts/check-azure sets it"""

CREDENTIALS = ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN")
"""variables of the `az` command, the first that is set is taken; none: DefaultAzureCredential"""


@dataclass(frozen=True)
class Place:
    """Where a check may make what it likes: blobs `folder`/… of a container. The secret stays in its variable."""

    account: str
    container: str
    token: str
    """makes the name of this check's folder its own"""

    @property
    def folder(self) -> str:
        """Where the throw-away blobs are."""
        return f"taxi_luigi_check_{self.token}"

    def as_text(self) -> str:
        """The whole place, for the variable."""
        return " ".join(astuple(self))

    def fresh_prefix(self) -> str:
        """A folder of the container in which nothing is."""
        return f"{self.folder}/{uuid4().hex[:8]}"

    def settings(self, prefix: str) -> dict[str, str]:
        """A section of luigi.cfg for the folder; the credential is named as a variable."""
        named = next((f"${{{name}}}" for name in CREDENTIALS if os.environ.get(name)), "")
        return {"account": self.account, "container": self.container, "prefix": prefix, "credential": named}

    def fresh_store(self, prefix: str = "", **settings: str) -> AzureStore:
        """A store in which nothing is, or in the folder that is named."""
        texts = self.settings(prefix or self.fresh_prefix()) | settings
        texts["credential"] = os.path.expandvars(texts["credential"])
        return AzureStore("lake azure", read(AzureStore.Settings, "lake.azure", texts))

    def container_client(self) -> ContainerClient:
        """A plain client, which tries once, with the credential of the store."""
        return plain(self.fresh_store())

    def blobs(self) -> list[str]:
        """What the check has in the container."""
        return [blob.name for blob in self.container_client().list_blobs(f"{self.folder}/")]

    def sweep(self) -> None:
        """Takes out all that the check made."""
        container = self.container_client()
        for name in self.blobs():
            container.delete_blob(name)

    @property
    def is_emulator(self) -> bool:
        """Whether it is not Azure that answers."""
        return self.fresh_store().server.startswith("http://")


def plain(store: AzureStore, **settings: Any) -> ContainerClient:
    """Azure's own client of a store's container, which tries once."""
    theirs = store._client()
    return ContainerClient(
        theirs.url.partition("?")[0].rpartition("/")[0], theirs.container_name, credential=theirs.credential,
        retry_total=0, **settings,
    )  # fmt: skip


def given(environment: Mapping[str, str] = os.environ) -> Place | None:
    """The place that scripts/check-azure named; None in the ordinary suite."""
    text = environment.get(VARIABLE)
    return Place(*text.split()) if text else None


def is_asked() -> bool:
    """Whether Azure itself answers, rather than Azurite."""
    place = given()
    return place is not None and not place.is_emulator


def fresh_store() -> AzureStore | None:
    """An empty store there; None in the ordinary suite."""
    place = given()
    return place.fresh_store() if place else None
