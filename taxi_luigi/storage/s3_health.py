"""What can be seen of a bucket of S3 before a run: credentials, the bucket, permissions, in one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from taxi_luigi.core.cloud import aws
from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.core.health import Finding, Verdict

_ATTEMPTS = 2
"""A look beforehand that fails loses nothing, and should not hold up a run for long."""

_NEEDED = "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload"


def findings(bucket: aws.Bucket, address: str, prefix: str) -> Sequence[Finding]:
    """Up to the first thing that is wrong, or that could not be asked. `address` is for people."""

    def listable() -> tuple[Verdict, str]:
        client = bucket.connection(_ATTEMPTS).client
        # Unlike the answer to a HEAD of the bucket, that to a listing has a body, which says what is wrong
        answer = client.list_objects_v2(Bucket=bucket.name, Prefix=prefix, MaxKeys=1)
        region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", client.meta.region_name)
        return Verdict.GOOD, f"{address} can be listed; region {region}"

    looks: dict[str, Callable[[], tuple[Verdict, str]]] = {
        "credentials": lambda: (Verdict.GOOD, bucket.credentials()),
        "bucket": listable,
        "permissions": lambda: (
            Verdict.UNKNOWN,
            f"{address}: S3 does not tell beforehand whether {_NEEDED} are allowed",
        ),
    }
    found: list[Finding] = []
    for what, look in looks.items():
        try:
            with bucket.saying(address):
                found.append(Finding(bucket.place, what, *look()))
        except TaxiError as error:
            verdict = Verdict.WRONG if isinstance(error, ConfigError) else Verdict.SILENT
            return [*found, Finding(bucket.place, what, verdict, str(error))]
    return found
