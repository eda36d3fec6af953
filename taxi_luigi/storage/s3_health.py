"""What can be seen of a bucket of S3 before a run: credentials, the bucket, permissions, in one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taxi_luigi.core.cloud import aws
from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.health import Check, Status

_ATTEMPTS = 2
"""A look beforehand that fails loses nothing, and should not hold up a run for long."""

_NEEDED = "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload"


def checks(bucket: aws.Bucket, address: str, prefix: str) -> Sequence[Check]:
    """Return the checks up to the first that fails; `address` is the bucket's, for messages."""

    def listable() -> tuple[Status, str]:
        client = bucket.connection(_ATTEMPTS).client
        # Unlike the answer to a HEAD of the bucket, that to a listing has a body, which says what is wrong
        answer = client.list_objects_v2(Bucket=bucket.name, Prefix=prefix, MaxKeys=1)
        region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", client.meta.region_name)
        return Status.OK, f"{address} can be listed; region {region}"

    looks: dict[str, Callable[[], tuple[Status, str]]] = {
        "credentials": lambda: (Status.OK, bucket.credentials()),
        "bucket": listable,
        "permissions": lambda: (
            Status.UNKNOWN,
            f"{address}: S3 does not tell beforehand whether {_NEEDED} are allowed",
        ),
    }
    found: list[Check] = []
    for what, look in looks.items():
        try:
            with bucket.translating_errors(address):
                found.append(Check(bucket.place, what, *look()))
        except TaxiError as error:
            return [*found, Check.failed(bucket.place, what, error)]
    return found
