"""A store in a bucket of Google Cloud Storage, by Google's own client.

How bytes go up and down is in `gcs_transfer.py`. Import it only to use it: the client takes 0.5 s.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.auth.environment_vars import CREDENTIALS
from google.auth.transport.requests import Request
from google.cloud.storage import Blob, Client
from google.cloud.storage.retry import DEFAULT_RETRY

from taxi_luigi.core.cloud import gcp, per_process
from taxi_luigi.core.concurrency import AGAIN, ANSWER, warn_if_slow
from taxi_luigi.core.errors import ConfigError, StorageError, TaxiError, replaced_meanwhile
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.redaction import public_url
from taxi_luigi.core.settings import number, optional, optional_path, setting, whole
from taxi_luigi.storage import (
    AHEAD,
    LAKES,
    Entry,
    Labels,
    Progress,
    Store,
    bucket_name,
    content_type,
    folder_name,
    gcs_transfer,
    no_progress,
)
from taxi_luigi.storage.bucket import BucketStore, Objects, seekable

ROLE = "roles/storage.objectUser"
"""The least of Google's own roles that reads, writes, lists and replaces objects."""

PERMISSIONS = [f"storage.objects.{verb}" for verb in ("create", "delete", "get", "list")]
"""What a lake needs on its bucket; `delete` to replace an object."""

LOCATION_ROLE = "storage.buckets.get, as roles/storage.legacyBucketReader has it"
"""what it takes to read the location of the bucket"""

_LISTED = "items(name,size,generation,crc32c,metadata),nextPageToken"

_LOOK: dict[str, Any] = {"timeout": ANSWER, "retry": DEFAULT_RETRY.with_timeout(AGAIN)}
"""for listings and checks, which a run waits for before it can begin; the client's own is 120 seconds"""

_ANSWER = 60
"""seconds to wait for an answer at most, and between two pieces of one, where no file is sent"""


class GcsStore(BucketStore):
    """Keeps files in a bucket of Google's. Without an endpoint, STORAGE_EMULATOR_HOST counts.

    The slowest link that is enough is `chunk_size` / `timeout`, with the defaults 224 KB/s (1.8 Mbit/s): the socket's
    timeout counts the whole chunk, with TLS too, not the time since the last byte (November 2026). A request that fails
    is retried for as long as two such requests may take.

    200 MB go to fake-gcs-server 1.03 times as fast as with the client's own 100 MiB chunks; 0.89 times in chunks of
    32 MiB, 0.74 times of 16 MiB (medians of 5, November 2026).
    """

    kind = LAKES["gcs"]

    @dataclass(frozen=True)
    class Settings:
        """`[lake.NAME]` of the type `gcs`."""

        bucket: str = setting("", "The bucket's name alone.", bucket_name)
        prefix: str = setting(
            "data",
            "A folder in it; `/` for none. `gs://BUCKET/data/yellow/yellow_tripdata_2021-01.parquet`",
            folder_name,
        )
        project: str | None = setting("", "The project that a requester-pays bucket bills; else not needed.", optional)
        credentials_file: Path | None = setting(
            "", "A service account's key file. Empty: Application Default Credentials.", optional_path
        )
        endpoint: str | None = setting(
            "",
            "Another server than Google's; one of `http://` is taken for an emulator, which gets no credentials.",
            gcp.endpoint,
        )
        chunk_size: int = setting(
            "64", "MiB that one request of an upload sends, and keeps in memory; on a slow line fewer.", whole
        )
        timeout: float = setting("300", "Seconds that sending a chunk may take; on a slow line more.", number)

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.bucket, settings.prefix)
        self.endpoint = gcp.endpoint_of(settings.endpoint, "STORAGE_EMULATOR_HOST")
        self.timeout = settings.timeout
        self._project = settings.project
        self._file = settings.credentials_file
        self._chunk = settings.chunk_size << 20

    @property
    def server(self) -> str:
        return public_url(self.endpoint or "https://storage.googleapis.com")

    def stat(self, name: str) -> Entry | None:
        blob = self._look(name)
        return None if blob is None else _entry(blob)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        with self.writing(name) as path:
            gcs_transfer.download(
                lambda: self._found(name), path, lambda: self._translating_errors(name), self._retry_options
            )
            yield path

    def open(self, name: str, ahead: int = AHEAD) -> BinaryIO:
        blob = self._found(name)

        def fetch(first: int, last: int) -> bytes:
            with self._translating_errors(name):
                try:
                    # The server has a checksum of the whole object alone
                    part = blob.download_as_bytes(start=first, end=last, checksum=None, **self._retry_options)
                except NotFound as error:
                    raise replaced_meanwhile(self.url(name)) from error
                return cast(bytes, part)

        return seekable(fetch, blob.size, ahead)

    def put(self, local: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        crc32c = gcs_transfer.crc32c_of(local)
        size = local.stat().st_size
        with self._sending(name, crc32c, labels) as (target, seen):
            # In the upload itself, so that the server refuses other bytes
            target.crc32c = crc32c
            gcs_transfer.upload(target, local, seen, self.timeout, progress)
        progress(size, size)

    def copy(self, source: Store, source_name: str, name: str, labels: Labels) -> bool:
        if not isinstance(source, GcsStore) or source._account != self._account:
            return False
        origin = source._found(source_name)
        with self._sending(name, origin.crc32c, labels) as (target, seen):
            gcs_transfer.rewrite(target, origin, seen, self._retry_options)
        return True

    def remove(self, name: str) -> None:
        with self._translating_errors(name):
            try:
                self._blob(name).delete(**self._retry_options)
            except NotFound as error:
                if _of_bucket(error):
                    raise

    def page(self, name: str) -> str:
        page = f"https://console.cloud.google.com/storage/browser/_details/{self.bucket}/{quote(self._key(name))}"
        return "" if self.endpoint else page

    def checks(self) -> Sequence[Check]:
        """In the order in which one needs the other, in at most three requests; the first that fails ends it."""
        with warn_if_slow(f"{self.name} ({self.server})"):
            found = [self._check_credentials()]
            if found[0].status is Status.OK:
                found.append(self._check_bucket())
                if not found[1].failing:
                    found.append(self._check_permissions())
            return found

    def location(self) -> str | None:
        """Return where the bucket's bytes are (`EU`, `US-CENTRAL1`); None when the response does not have it."""
        with gcp.translating_errors(self._place, StorageError, LOCATION_ROLE):
            where = self._client().get_bucket(self.bucket, **_LOOK).location
        return where.upper() if where else None

    def _check_credentials(self) -> Check:
        """Found, and good for a token: a key that was deleted looks like any other until it is used."""
        try:
            found = gcp.found(self._file, self.endpoint, self.name)
            if not isinstance(found.credentials, AnonymousCredentials):
                with gcp.translating_errors(self.name, StorageError):
                    found.credentials.refresh(partial(Request(), timeout=ANSWER))
        except TaxiError as error:
            return Check.failed(self.name, "credentials", error)
        return Check(self.name, "credentials", Status.OK, found.line)

    def _check_bucket(self) -> Check:
        try:
            where = self.location()
        except TaxiError as error:
            if gcp.status(error.__cause__) == 403:
                line = f"gs://{self.bucket}: its location cannot be read (grant the account {LOCATION_ROLE})"
                return Check(self.name, "bucket", Status.UNKNOWN, line)
            return Check.failed(self.name, "bucket", error)
        return Check(self.name, "bucket", Status.OK, f"gs://{self.bucket} in {where or 'an unknown location'}")

    def _check_permissions(self) -> Check:
        check = partial(Check, self.name, "permissions")
        try:
            with gcp.translating_errors(self._place, StorageError):
                held = self._client().bucket(self.bucket).test_iam_permissions(PERMISSIONS, **_LOOK)
        except TaxiError as error:
            answer = gcp.status(error.__cause__) or "nothing"
            return check(Status.UNKNOWN, f"gs://{self.bucket}: cannot be checked (answered {answer})")
        lacking = [each for each in PERMISSIONS if each not in held]
        if lacking:
            cure = f"grant the account roles/storage.objectUser on gs://{self.bucket}, or set another bucket"
            return check(Status.ERROR, f"gs://{self.bucket}: lacking {', '.join(lacking)}: {cure}")
        return check(Status.OK, f"gs://{self.bucket}: may create, delete, get and list objects")

    def _listing(self, prefix: str, deep: bool, most: int | None) -> Objects:
        options: dict[str, Any] = {"fields": _LISTED, "max_results": most, **_LOOK}
        with (
            gcp.translating_errors(
                f"{self.name} (gs://{self.bucket}/{prefix.rstrip('/')})", StorageError, f"{ROLE} on gs://{self.bucket}"
            ),
            warn_if_slow(f"{self.name} ({self.server})"),
        ):
            found = self._client().list_blobs(self.bucket, prefix=prefix, delimiter=None if deep else "/", **options)
            return [(blob.name, _entry(blob)) for blob in found]

    @contextmanager
    def _sending(self, name: str, crc32c: str, labels: Labels) -> Iterator[tuple[Any, int]]:
        """Yield an object to be sent in the block, and the generation that it replaces; then compare what is kept."""
        before = self._look(name)
        seen = before.generation if before is not None else 0
        target = self._blob(name)
        # With the upload: the object is never visible without its labels
        target.metadata = dict(labels)
        target.content_type = content_type(name)
        target.chunk_size = self._chunk
        try:
            with self._translating_errors(name):
                yield target, seen
        except gcs_transfer.Refused as error:
            now = self.stat(name)
            if now is None or now.version == str(seen) or (now.crc32c, now.labels) != (crc32c, dict(labels)):
                if isinstance(error, gcs_transfer.Taken):
                    raise replaced_meanwhile(self.url(name)) from error
                raise StorageError(f"{self.url(name)} {error}: run the same command again") from error
            # It is ours: the first try succeeded, only its response was lost
            return
        if target.crc32c != crc32c:
            if dict(target.metadata or {}) != dict(
                labels
            ):  # the response is about an object that another run has put there since
                raise replaced_meanwhile(self.url(name))
            with self._translating_errors(name):
                gcs_transfer.take_back(target, self._retry_options)
            raise StorageError(f"{self.url(name)} arrived damaged and was taken out: run the same command again")

    @property
    def _place(self) -> str:
        return f"{self.name} (gs://{self.bucket})"

    def _blob(self, name: str) -> Any:
        return gcs_transfer.Pinned(self._key(name), self._client().bucket(self.bucket))

    def _look(self, name: str) -> Any:
        """Return the object as it is now, bound to its generation; None when there is none."""
        with (
            self._translating_errors(name),
            warn_if_slow(f"{self.name} ({self.server})", 3 * min(_ANSWER, self.timeout)),
        ):
            blob = self._blob(name)
            try:
                blob.reload(**self._retry_options)
            except NotFound as error:
                if _of_bucket(error):
                    raise
                return None
            return blob

    def _found(self, name: str) -> Any:
        blob = self._look(name)
        if blob is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.url(name))
        return blob

    @contextmanager
    def _translating_errors(self, name: str) -> Iterator[None]:
        with gcp.translating_errors(f"{self.name} ({self.url(name)})", StorageError, f"{ROLE} on gs://{self.bucket}"):
            yield

    @property
    def _retry_options(self) -> dict[str, Any]:
        """How long to wait for a response, and for how long to retry, where no file is sent."""
        timeout = min(_ANSWER, self.timeout)
        return {"timeout": timeout, "retry": DEFAULT_RETRY.with_timeout(2 * timeout)}

    @property
    def _account(self) -> tuple[object, ...]:
        return "gcs", self.endpoint, self._file, os.environ.get(CREDENTIALS), self._project

    def _client(self) -> Any:
        def make() -> Any:
            # Else a thread of the client requests the bucket beside our requests, for unused traces (3.17)
            os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
            credentials = gcp.credentials(self._file, self.endpoint, self.name)
            options = {"api_endpoint": self.endpoint} if self.endpoint else None
            try:
                return Client(self._project, credentials, client_options=options)
            except ValueError as error:
                raise ConfigError(f"{self.name}: Google's client refuses the settings: {error}") from error

        return per_process(self._account, make)


def _of_bucket(error: NotFound) -> bool:
    """Whether a 404 is of the bucket rather than of an object in it. Google's own words; emulators have others."""
    return "bucket does not exist" in str(error)


def _entry(blob: Blob) -> Entry:
    return Entry(blob.size, str(blob.generation), dict(blob.metadata or {}), blob.crc32c or "")
