"""What can be seen of a bucket before a run: credentials, the bucket, permissions, in at most three requests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import Request
from google.cloud.storage.retry import DEFAULT_RETRY

from taxi_luigi.core.cloud import gcp
from taxi_luigi.core.concurrency import AGAIN, ANSWER
from taxi_luigi.core.errors import StorageError, TaxiError
from taxi_luigi.core.health import Check, Status

PERMISSIONS = [f"storage.objects.{verb}" for verb in ("create", "delete", "get", "list")]
"""What a lake needs on its bucket; `delete` to replace an object."""

_BUCKET_ROLE = "storage.buckets.get, as roles/storage.legacyBucketReader has it"

_PATIENCE = DEFAULT_RETRY.with_timeout(AGAIN)
"""The client's own is 120 seconds."""


def checks(place: str, bucket: str, file: Path | None, endpoint: str | None, client: Callable[[], Any]) -> list[Check]:
    """What was found, in the order in which one thing needs the other; the first that is missing ends it."""
    found = [_credentials(place, file, endpoint)]
    if found[0].status is Status.OK:
        seen, answered = _bucket(place, bucket, client)
        found.append(seen)
        if answered:
            found.append(_permissions(place, bucket, client))
    return found


def location(place: str, bucket: str, client: Callable[[], Any]) -> str | None:
    """Return the bucket's location, upper case; None when the response does not have it."""
    with gcp.translating_errors(f"{place} (gs://{bucket})", StorageError, _BUCKET_ROLE):
        where = client().get_bucket(bucket, timeout=ANSWER, retry=_PATIENCE).location
    return where.upper() if where else None


def _credentials(place: str, file: Path | None, endpoint: str | None) -> Check:
    """Found, and good for a token: a key that was deleted looks like any other until it is used."""
    try:
        found = gcp.found(file, endpoint, place)
        if not isinstance(found.credentials, AnonymousCredentials):
            with gcp.translating_errors(place, StorageError):
                found.credentials.refresh(partial(Request(), timeout=ANSWER))
    except TaxiError as error:
        return Check.failed(place, "credentials", error)
    return Check(place, "credentials", Status.OK, found.line)


def _bucket(place: str, bucket: str, client: Callable[[], Any]) -> tuple[Check, bool]:
    """Return the check of the bucket, and whether more can be checked."""
    try:
        where = location(place, bucket, client)
    except TaxiError as error:
        if gcp.status(error.__cause__) == 403:
            line = f"gs://{bucket}: its location may not be asked (grant the account {_BUCKET_ROLE})"
            return Check(place, "bucket", Status.UNKNOWN, line), True
        return Check.failed(place, "bucket", error), False
    return Check(place, "bucket", Status.OK, f"gs://{bucket} in {where or 'an unknown location'}"), True


def _permissions(place: str, bucket: str, client: Callable[[], Any]) -> Check:
    try:
        with gcp.translating_errors(f"{place} (gs://{bucket})", StorageError):
            held = client().bucket(bucket).test_iam_permissions(PERMISSIONS, timeout=ANSWER, retry=_PATIENCE)
    except TaxiError as error:
        answer = gcp.status(error.__cause__) or "nothing"
        return Check(place, "permissions", Status.UNKNOWN, f"gs://{bucket}: cannot be asked (answered {answer})")
    lacking = [each for each in PERMISSIONS if each not in held]
    if lacking:
        cure = f"grant the account roles/storage.objectUser on gs://{bucket}, or set another bucket"
        return Check(place, "permissions", Status.ERROR, f"gs://{bucket}: lacking {', '.join(lacking)}: {cure}")
    return Check(place, "permissions", Status.OK, f"gs://{bucket}: may create, delete, get and list objects")
