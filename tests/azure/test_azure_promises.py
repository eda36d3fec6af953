"""What the pipeline relies on at Azure's; on Azure itself run by scripts/check-azure.

A test that Azurite must fail is marked so, and fails when Azurite learns it: then the mark can go.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, ContainerClient, ContentSettings

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.storage.azure import AzureStore
from tests.support.azure_cloud import Place, is_asked, plain

ANOTHER = {"etag": '"0x8D0000000000000"', "match_condition": MatchConditions.IfNotModified}
"""the condition that the blob is one which it is not"""

WRONG = base64.b64encode(hashlib.md5(b"other bytes").digest()).decode()


def azurite_fails(why: str, raises: type[BaseException] = AssertionError) -> Any:
    """Marks a test that only Azure passes."""
    return pytest.mark.xfail(not is_asked(), reason=why, raises=raises)


@dataclass(frozen=True)
class Blobs:
    """A folder of the container by Azure's own client, and a blob that is there."""

    container: ContainerClient
    prefix: str
    store: AzureStore

    def blob(self, name: str) -> BlobClient:
        """Azure's own object for a blob of the folder."""
        return self.container.get_blob_client(f"{self.prefix}/{name}")

    @property
    def there(self) -> BlobClient:
        """A blob of one version."""
        return self.blob("there")

    def copy_there(self, target: BlobClient, **conditions: Any) -> None:
        """Copy it as the store does: Azure reads no source without leave, in the same account neither."""
        url, access = self.store._readable("there")
        target.start_copy_from_url(url, requires_sync=True, **access, **conditions)


@pytest.fixture
def blobs(place: Place) -> Blobs:
    prefix = place.fresh_prefix()
    store = place.fresh_store(prefix)
    made = Blobs(plain(store), prefix, store)
    made.there.upload_blob(b"first", metadata={"rows": "1"})
    return made


def at_once(blobs: Blobs, **condition: Any) -> None:
    blobs.there.upload_blob(b"second", **{"overwrite": True, **condition})


def in_blocks(blobs: Blobs, **condition: Any) -> None:
    blobs.there.stage_block("MDAwMQ==", b"second")
    blobs.there.commit_block_list([BlobBlock("MDAwMQ==")], **condition)


def copied(blobs: Blobs, **condition: Any) -> None:
    blobs.copy_there(blobs.there, **condition)


def code_of(work: Callable[[], object]) -> str:
    """Of the error with which Azure refuses it."""
    with pytest.raises(HttpResponseError) as refused:
        work()
    return str(getattr(refused.value.error_code, "value", refused.value.error_code))


WRITES = pytest.mark.parametrize("write", [at_once, in_blocks, copied])


@WRITES
def test_a_write_to_a_taken_name_is_refused(blobs: Blobs, write: Callable[..., None]) -> None:
    with pytest.raises(ResourceExistsError):
        write(blobs, match_condition=MatchConditions.IfMissing)
    assert blobs.there.download_blob().readall() == b"first"


@WRITES
def test_a_write_over_another_version_is_refused(blobs: Blobs, write: Callable[..., None]) -> None:
    with pytest.raises(ResourceModifiedError):
        write(blobs, **ANOTHER)


def test_a_copy_of_another_version_is_refused(blobs: Blobs) -> None:
    source = {"source_etag": ANOTHER["etag"], "source_match_condition": ANOTHER["match_condition"]}
    with pytest.raises(HttpResponseError) as refused:
        blobs.copy_there(blobs.blob("copy"), **source)
    assert refused.value.status_code == 412


def test_a_read_of_another_version_is_refused(blobs: Blobs) -> None:
    with pytest.raises(ResourceModifiedError):
        blobs.there.download_blob(1, 2, **ANOTHER).readall()


def test_bytes_with_another_md5_are_refused(blobs: Blobs) -> None:
    for work in (
        lambda: blobs.blob("new").upload_blob(b"bytes", headers={"Content-MD5": WRONG}),
        lambda: blobs.blob("new").stage_block("MDAwMQ==", b"bytes", headers={"Content-MD5": WRONG}),
    ):
        with pytest.raises(HttpResponseError) as refused:
            work()
        assert refused.value.status_code == 400
    assert not blobs.blob("new").exists()


@azurite_fails("Azurite has another code for it, InvalidOperation")
def test_the_refusal_of_another_md5_has_its_code(blobs: Blobs) -> None:
    assert code_of(lambda: blobs.blob("new").upload_blob(b"x", headers={"Content-MD5": WRONG})) == "Md5Mismatch"


def test_a_blob_of_blocks_keeps_the_md5_that_is_given_and_a_listing_has_it_with_the_metadata(blobs: Blobs) -> None:
    md5 = bytearray(hashlib.md5(b"second").digest())
    in_blocks(blobs, metadata={"rows": "2"}, content_settings=ContentSettings(content_md5=md5))
    [listed] = blobs.container.list_blobs(f"{blobs.prefix}/", include=["metadata"])
    assert (listed.size, dict(listed.metadata), listed.content_settings.content_md5) == (6, {"rows": "2"}, md5)
    assert listed.etag.strip('"') == blobs.there.get_blob_properties().etag.strip('"')


def test_blocks_without_a_commit_are_no_blob(blobs: Blobs) -> None:
    blobs.blob("half").stage_block("MDAwMQ==", b"half")
    assert [blob.name for blob in blobs.container.list_blobs(f"{blobs.prefix}/")] == [blobs.there.blob_name]
    assert not blobs.blob("half").exists()


def test_a_missing_container_is_not_taken_for_a_missing_blob(place: Place) -> None:
    store = place.fresh_store(container=f"taxi-luigi-check-{place.token}-none")
    assert place.fresh_store().stat("none") is None
    with pytest.raises(ConfigError, match="no such container"):
        store.stat("none")


def test_a_missing_blob_is_not_found(blobs: Blobs) -> None:
    with pytest.raises(ResourceNotFoundError):
        blobs.blob("none").get_blob_properties()


@azurite_fails("Azurite calls it AuthorizationFailure, which is Azure's code for a firewall")
@pytest.mark.parametrize(
    "credential", [base64.b64encode(bytes(64)).decode(), "sv=2024-11-04&sr=c&sp=rwdl&se=2020-01-01&sig=AAAA"]
)
def test_a_wrong_key_and_a_sas_that_has_ended_have_their_code(place: Place, credential: str) -> None:
    store = place.fresh_store(credential=credential, endpoint=place.fresh_store().server)
    code = code_of(lambda: list(plain(store).list_blobs()))
    assert code in {"AuthenticationFailed", "KeyBasedAuthenticationNotPermitted"}


@azurite_fails("Azurite takes metadata of any length", pytest.fail.Exception)
def test_metadata_above_8_kib_are_refused(blobs: Blobs) -> None:
    assert code_of(lambda: blobs.blob("new").upload_blob(b"x", metadata={"a": "x" * 9000})) == "MetadataTooLarge"


@azurite_fails("Azurite has no Put Block From URL, by which blobs above 256 MiB are copied", HttpResponseError)
def test_a_block_is_copied_from_a_blob_of_one_version(place: Place) -> None:
    prefix = place.fresh_prefix()
    store = place.fresh_store(prefix)
    blobs = Blobs(plain(store), prefix, store)
    blobs.there.upload_blob(b"first")
    url, access = store._readable("there")
    target = blobs.blob("target")
    target.stage_block_from_url("MDAwMQ==", url, 1, 3, **access)
    target.commit_block_list([BlobBlock("MDAwMQ==")])
    assert target.download_blob().readall() == b"irs"
    with pytest.raises(HttpResponseError):
        target.stage_block_from_url("MDAwMg==", url, 1, 3, **access, headers={"x-ms-source-if-match": '"0x1"'})
