"""A store in a bucket of Amazon S3, or of a server that speaks its protocol, by boto3.

How a bucket is reached is in `core/cloud/aws.py`, how an object's bytes are compared and read in `s3_transfer.py`.
Import it only to use it: boto3 takes 0.2 s.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlencode, urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from s3transfer.exceptions import S3DownloadFailedError

from taxi_luigi.core.cloud import aws, aws_errors
from taxi_luigi.core.concurrency import warn_if_slow
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.redaction import public_url
from taxi_luigi.core.settings import number, setting, whole
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
    no_progress,
    s3_transfer,
)
from taxi_luigi.storage.bucket import THREADS, EtagStore, Head, Objects, seekable

_COPIED_AT_ONCE = 1 << 30
"""bytes: one request keeps ETag and checksum; S3 takes up to 5 GB"""

_CHECK_ATTEMPTS = 2
"""of a check before a run: one that fails loses nothing, and should not hold up a run for long"""

_NEEDED = "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload"


def _chunk_size(text: str) -> int:
    size = whole(text)
    if not 5 <= size <= 5120:  # S3's limits of a part
        raise ValueError(f"must be 5 to 5120 (MiB), not {size}")
    return size


class S3Store(EtagStore):
    """Keeps files in a bucket of S3. Credentials come from AWS's usual chain. Files of `chunk_size` MiB and
    more go up in parts of that size, four at a time. An upload that fails takes its parts back, a killed one cannot:
    let a lifecycle rule of the bucket abort incomplete uploads after a day.
    """

    kind = LAKES["s3"]

    @dataclass(frozen=True)
    class Settings:
        """`[lake.NAME]` of the type `s3`."""

        bucket: str = setting("", "The bucket's name alone.", bucket_name)
        prefix: str = setting("data", "A folder in it; `/` for none.", folder_name)
        endpoint_url: str | None = setting("", "Another server than Amazon's.", aws.endpoint_url)
        region: str | None = setting(
            "", "Empty: as the AWS command line has it, as are the credentials.", aws.region_name
        )
        chunk_size: int = setting("16", "MiB that are sent at a time, 5 to 5120.", _chunk_size)
        timeout: float = setting("300", "Seconds that a connection may be without a byte.", number)

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.bucket, settings.prefix)
        self._aws = aws.Bucket(name, self.bucket, settings.endpoint_url, settings.region, settings.timeout)
        self._chunk = settings.chunk_size << 20

    @property
    def endpoint(self) -> str | None:
        """The server that luigi.cfg or AWS's variables name; None is Amazon's."""
        variables = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
        return self._aws.endpoint_url or next((os.environ[name] for name in variables if os.environ.get(name)), None)

    @property
    def server(self) -> str:
        return public_url(self.endpoint or "https://s3.amazonaws.com")

    def open(self, name: str, ahead: int = AHEAD) -> BinaryIO:
        entry = self._found(name).entry

        def fetch(first: int, last: int) -> bytes:
            with self._translating_errors(name) as connection:
                part = {"Range": f"bytes={first}-{last}", "IfMatch": f'"{entry.version}"'}
                answer = connection.client.get_object(Bucket=self.bucket, Key=self._key(name), **part)
                return cast(bytes, answer["Body"].read())

        return seekable(fetch, entry.bytes, ahead)

    def put(self, local: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        size, crc32 = local.stat().st_size, self._checksum(local)
        extra = _described(name, labels)

        def send(client: Any) -> None:
            # AWS_REQUEST_CHECKSUM_CALCULATION=when_required is for servers that do not know these checksums
            checked = client.meta.config.request_checksum_calculation == "when_supported"
            client.upload_file(
                str(local),
                self.bucket,
                self._key(name),
                {**extra, "ChecksumCRC32": crc32} if checked else extra,
                s3_transfer.cumulative(progress, size),
                _transfers(self._chunk),
            )

        def same(now: Head) -> bool:
            return now.entry.version == s3_transfer.etag(local, self._chunk)

        self._replace(name, labels, self._conditional(name, send), size, lambda: crc32, same)

    def copy(self, source: Store, source_name: str, name: str, labels: Labels) -> bool:
        if not isinstance(source, S3Store) or source._aws.account != self._aws.account:
            return False
        origin = source._found(source_name)
        etag = origin.entry.version
        extra = {**_described(name, labels), "MetadataDirective": "REPLACE", "CopySourceIfMatch": f'"{etag}"'}

        def send(client: Any) -> None:
            found = {"Bucket": source.bucket, "Key": source._key(source_name)}
            client.copy(found, self.bucket, self._key(name), extra, Config=_transfers(_COPIED_AT_ONCE))

        def same(now: Head) -> bool:
            return now.entry.version == etag

        self._replace(name, labels, self._conditional(name, send), origin.entry.bytes, lambda: origin.checksum, same)
        return True

    def remove(self, name: str) -> None:
        with self._translating_errors(name) as connection:
            try:
                connection.client.delete_object(Bucket=self.bucket, Key=self._key(name))
            except ClientError as error:
                if aws_errors.code(error) != "NoSuchKey":  # Amazon's response is 204, that of some other servers is not
                    raise

    def page(self, name: str) -> str:
        # AWS_ENDPOINT_URL can name another server than Amazon's too, so the client's own endpoint counts
        server = urlsplit(self._aws.connection().client.meta.endpoint_url).hostname or ""
        query = urlencode({"prefix": self._key(name)}, safe="/")
        page = f"https://s3.console.aws.amazon.com/s3/object/{self.bucket}?{query}"
        return page if server.endswith(".amazonaws.com") else ""

    def checks(self) -> Sequence[Check]:
        """In one request, up to the first that fails."""
        bucket = self._aws.looking()

        def listable() -> tuple[Status, str]:
            client = bucket.connection(_CHECK_ATTEMPTS).client
            # Unlike the response to a HEAD of the bucket, that to a listing has a body with what is wrong
            response = client.list_objects_v2(Bucket=self.bucket, Prefix=self._key(""), MaxKeys=1)
            region = response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", client.meta.region_name)
            return Status.OK, f"{self.address} can be listed; region {region}"

        looks = {"credentials": lambda: (Status.OK, bucket.credentials()), "bucket": listable}
        found: list[Check] = []
        with warn_if_slow(f"{self.name} ({self.server})"):
            for what, look in looks.items():
                try:
                    with bucket.translating_errors(self.address):
                        found.append(Check(self.name, what, *look()))
                except TaxiError as error:
                    return [*found, Check.failed(self.name, what, error)]
        untested = f"{self.address}: only a write shows whether {_NEEDED} are allowed"
        return [*found, Check(self.name, "permissions", Status.UNKNOWN, untested)]

    def _listing(self, prefix: str, deep: bool, most: int | None) -> Objects:
        request = {"Bucket": self.bucket, "Prefix": prefix, **({} if deep else {"Delimiter": "/"})}
        address = f"s3://{self.bucket}/{prefix}".rstrip("/")
        with self._aws.translating_errors(address), warn_if_slow(f"{self.name} ({self.server})"):
            pages = self._aws.looking().connection(aws.LOOKS).client.get_paginator("list_objects_v2")
            found = list(pages.paginate(**request, PaginationConfig={"MaxItems": most}).search("Contents[]"))
        return [(each["Key"], Entry(each["Size"], each["ETag"].strip('"'))) for each in found if each is not None]

    def _conditional(self, name: str, send: Callable[[Any], None]) -> Callable[[str | None], bool]:
        """Return what `_replace` calls, made of a function that sends with a client."""

        def sent(version: str | None) -> bool:
            with self._translating_errors(name) as connection:
                return connection.replace(self.bucket, self._key(name), version, lambda: send(connection.client))

        return sent

    def _fetched(self, name: str, version: str, path: Path) -> bool:
        key = self._key(name)
        with (
            self._translating_errors(name) as connection,
            connection.reading(self.bucket, key, version),
            path.open("wb") as file,
        ):
            try:
                connection.client.download_fileobj(self.bucket, key, file, Config=_transfers(self._chunk))
            except S3DownloadFailedError:
                return False
            except ClientError as error:
                if aws_errors.code(error) not in ("NoSuchKey", "404"):
                    raise
                return False
        return True

    def _head(self, name: str) -> Head | None:
        """Return the object's properties; None when there is no object or no bucket: a HEAD's response is the same."""
        request = {"Bucket": self.bucket, "Key": self._key(name), "ChecksumMode": "ENABLED"}
        with self._translating_errors(name) as connection:
            try:
                return s3_transfer.head(connection.client.head_object(**request))
            except ClientError as error:
                if aws_errors.code(error) in ("NoSuchKey", "404"):
                    return None
                if aws_errors.code(error) in ("301", "400", "401", "403"):
                    # The response to a HEAD has only a status; that to a listing has the reason
                    connection.client.list_objects_v2(Bucket=self.bucket, Prefix=self._key(name), MaxKeys=1)
                raise

    def _checksum(self, path: Path) -> str:
        return s3_transfer.crc32(path)

    def _removal(self, name: str) -> str:
        return f"aws s3 rm {self.url(name)}"

    @contextmanager
    def _translating_errors(self, name: str) -> Iterator[aws.Connection]:
        with self._aws.translating_errors(self.url(name)):
            yield self._aws.connection()


def _described(name: str, labels: Labels) -> dict[str, Any]:
    return {"ContentType": content_type(name), "Metadata": dict(labels)}


def _transfers(part: int) -> TransferConfig:
    # `classic`: where awscrt is installed too, its own client would be used, which does not send our conditions
    return TransferConfig(part, THREADS, part, preferred_transfer_client="classic")
