"""Errors of boto3 and S3, in one line with the cure."""

from __future__ import annotations

from collections.abc import Callable

from boto3.exceptions import Boto3Error
from botocore import exceptions as botocore
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from s3transfer import exceptions as s3transfer

from taxi_luigi.core.errors import RUN_AGAIN, ConfigError, StorageError, TaxiError
from taxi_luigi.core.redaction import redact
from taxi_luigi.core.text import one_line, unwrapped

FAILURES = (
    BotoCoreError,
    ClientError,
    Boto3Error,
    ResponseParserError,
    s3transfer.RetriesExceededError,
    s3transfer.S3UploadFailedError,
    s3transfer.S3DownloadFailedError,
    s3transfer.S3CopyFailedError,
)
"""All errors of boto3, botocore and s3transfer; they have no base class in common."""

LOGIN = "run aws configure or aws sso login, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

_UNFOUND = (botocore.NoCredentialsError, botocore.NoAuthTokenError)
_LOGIN_FAILED = (
    botocore.PartialCredentialsError,
    botocore.CredentialRetrievalError,
    botocore.TokenRetrievalError,
    botocore.SSOError,
    botocore.LoginError,
)
_MISCONFIGURED = (
    botocore.ProfileNotFound,
    botocore.ConfigParseError,
    botocore.ConfigNotFound,
    botocore.InvalidConfigError,
    botocore.InvalidRetryConfigurationError,
    botocore.InvalidChecksumConfigError,
    botocore.MissingDependencyException,
)
_BAD_REGION = (botocore.InvalidRegionError, botocore.NoRegionError, botocore.UnknownRegionError)
_BAD_NAME = (botocore.ParamValidationError, botocore.InvalidDNSNameError, botocore.EndpointProviderError)

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
_WRONG_KEY = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidClientTokenId",
    "NotSignedUp",
    "401",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "AccountProblem", "Forbidden", "403"}
_NO_BUCKET = {"NoSuchBucket", "InvalidBucketName"}
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"}

_NEEDS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadObject": "s3:GetObject and s3:ListBucket",
    "GetObject": "s3:GetObject",
    "DeleteObject": "s3:DeleteObject",
    "AssumeRole": "sts:AssumeRole",
}
"""operation → the permissions that it needs; all others are parts of an upload"""


def cause(error: BaseException) -> BaseException:
    """Return the first cause of an error that wraps others."""
    inner = getattr(error, "last_exception", None) or (error.__context__ if isinstance(error, Boto3Error) else None)
    return cause(inner) if isinstance(inner, BaseException) else error


def code(error: BaseException) -> str:
    """Return S3's code of a refusal, `NoSuchBucket`, or the status without one; '' for other errors."""
    inner = cause(error)
    return str(inner.response.get("Error", {}).get("Code", "")) if isinstance(inner, ClientError) else ""


def describe(error: BaseException, section: str, region: Callable[[], str]) -> tuple[type[TaxiError], str]:
    """Return the class and the line of an error: ConfigError for what the user must change first, else StorageError.

    Args:
        error: of boto3 or one of its libraries
        section: of luigi.cfg, `[lake.s3]`
        region: returns the region that was assumed
    """
    error = cause(error)
    if isinstance(error, ClientError):
        return _refused(error, section, region)
    if isinstance(error, ResponseParserError):
        return StorageError, f"the response is not S3's: check {section} endpoint_url, and proxies"
    cures: list[tuple[tuple[type[Exception], ...], Callable[[str], str]]] = [
        (_UNFOUND, lambda _: f"no AWS credentials were found: {LOGIN}"),
        (_LOGIN_FAILED, lambda line: f"the AWS credentials cannot be used ({line}): {LOGIN}"),
        (_MISCONFIGURED, lambda line: f"{line}: correct AWS_PROFILE, ~/.aws/config or the AWS_ variable at fault"),
        (_BAD_REGION, lambda line: f"{line}: set {section} region, as in eu-west-1"),
        (_BAD_NAME, lambda line: f"{line}: correct {section} bucket, region or endpoint_url"),
    ]
    for kinds, cure in cures:
        if isinstance(error, kinds):
            return ConfigError, cure(_line(error))
    return StorageError, f"{_line(error)}; {RUN_AGAIN}"


def _refused(error: ClientError, section: str, region: Callable[[], str]) -> tuple[type[TaxiError], str]:
    """Return class and line of a refusal by the server; its sentence is kept, since it may name the key or policy."""
    line, reason, there = _line(error), code(error), _region_of(error)
    if reason in _ELSEWHERE or (reason == "400" and there):
        where = f"is in the region {there}" if there else "is in another region"
        return ConfigError, f"the bucket {where}, not in {region()} ({line}): set {section} region"
    if reason in _EXPIRED:
        return ConfigError, f"the AWS credentials have expired ({line}): run aws sso login, or renew them"
    if reason in _WRONG_KEY:
        return ConfigError, f"the AWS credentials were refused ({line}): {LOGIN}"
    if reason in _DENIED:
        needed = _NEEDS.get(error.operation_name, "s3:PutObject and s3:AbortMultipartUpload")
        return ConfigError, f"permission denied ({line}): the account needs {needed}"
    if reason in _NO_BUCKET:
        return ConfigError, f"no such bucket ({line}): make it, or correct the setting that names it"
    if reason == "RequestTimeTooSkewed":
        return ConfigError, f"this machine's clock is wrong ({line}): set it"
    return StorageError, f"{line}; {RUN_AGAIN}"


def _region_of(error: ClientError) -> str:
    """Return the bucket's region; '' when the response does not have it."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(error.response.get("Error", {}).get("Region") or headers.get("x-amz-bucket-region", ""))


def _line(error: BaseException) -> str:
    return one_line(redact(unwrapped(error)), 300)
