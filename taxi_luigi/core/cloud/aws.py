"""How a bucket of S3 is reached: AWS's credentials, and clients that belong to one process.

What is kept in a bucket, and under which names, is not known here; the texts of errors are in `aws_errors.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

from taxi_luigi.core.cloud import is_server, per_process
from taxi_luigi.core.cloud.aws_errors import FAILURES, code, describe
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs import log

_ATTEMPTS = 5
"""of each request, in botocore's mode `standard`: with its pauses a server may be away for some ten seconds"""

_CONNECT = 10.0
"""seconds to wait for a connection: the server is there or it is not, however slow the link"""

_LOOK = 8.0
"""seconds for one response to a listing or a check"""
LOOKS = 3
"""attempts of such a request: with botocore's pauses, a server that is down costs less than 30 seconds"""

_WRITES = ("PutObject", "CompleteMultipartUpload", "CopyObject")
_READS = ("GetObject",)

_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "NoSuchKey", "NoSuchUpload"}
"""S3's codes for an object that is not as a condition of the request has it; also of a retry after a success."""


class Connection:
    """A client of this process whose managed transfers can be bound to a version of the object, which is its ETag.

    They take neither If-Match nor If-None-Match (s3transfer 0.19, November 2026), so these are added while the requests
    are built. For each object a process may have one such read and one such write at a time.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self._takes_conditions = True
        self._conditions: dict[tuple[str, str, str], dict[str, str]] = {}
        for operation in (*_WRITES, *_READS):
            client.meta.events.register(f"before-parameter-build.s3.{operation}", self._add)

    @contextmanager
    def reading(self, bucket: str, key: str, version: str) -> Iterator[None]:
        """Have downloads of the object in the block fail unless it is this version."""
        with self._only_if(_READS, bucket, key, {"IfMatch": f'"{version}"'}):
            yield

    def replace(self, bucket: str, key: str, version: str | None, send: Callable[[], None]) -> bool:
        """Call `send`, whose requests replace the object only while it is this version.

        A server without conditions (501) gets the requests without.

        Args:
            bucket: of the object
            key: of the object
            version: its ETag; None for no object
            send: makes the requests

        Returns:
            False when the server refused because there is another version
        """
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": f'"{version}"'}
        try:
            with self._only_if(_WRITES, bucket, key, condition if self._takes_conditions else {}):
                send()
        except FAILURES as error:
            if code(error) in _CHANGED:
                return False
            if code(error) != "NotImplemented" or not self._takes_conditions:
                raise
            log.debug("%s supports neither If-Match nor If-None-Match: writing without", self.client.meta.endpoint_url)
            self._takes_conditions = False
            send()
        return True

    @contextmanager
    def _only_if(self, operations: tuple[str, ...], bucket: str, key: str, condition: dict[str, str]) -> Iterator[None]:
        places = [(operation, bucket, key) for operation in operations]
        self._conditions.update(dict.fromkeys(places, condition))
        try:
            yield
        finally:
            for place in places:
                self._conditions.pop(place, None)

    def _add(self, params: dict[str, Any], model: Any, **_: object) -> None:
        params.update(self._conditions.get((model.name, params["Bucket"], params["Key"]), {}))


def endpoint_url(text: str) -> str | None:
    """Parse the setting `endpoint_url`. Its value is in no message, since it may hold a password."""
    if text and (not is_server(text) or "@" in text):
        raise ValueError("must look like https://HOST:PORT, without user or password")
    return text or None


def region_name(text: str) -> str | None:
    """Parse the setting `region`."""
    if not re.fullmatch(r"[\w-]{0,63}", text):
        raise ValueError("is invalid: no region has such a name; set one as in eu-west-1")
    return text or None


@dataclass(frozen=True)
class Bucket:
    """How a bucket is reached: by the settings, and by AWS's usual chain for credentials and what is not set.

    `place` is the section of luigi.cfg in words, `lake s3`; `timeout` is the longest pause of a connection, in seconds.
    """

    place: str
    name: str
    endpoint_url: str | None = None
    region: str | None = None
    timeout: float = 60.0

    @property
    def section(self) -> str:
        """The section of luigi.cfg, as it is written there."""
        return f"[{self.place.replace(' ', '.')}]"

    @property
    def account(self) -> tuple[object, ...]:
        """Equal for two buckets that one client serves."""
        # Credentials are in these variables, or in files that they name
        variables = sorted((key, value) for key, value in os.environ.items() if key.startswith("AWS_"))
        return ("s3", self.endpoint_url, self.region, self.timeout, *variables)

    def connection(self, attempts: int = _ATTEMPTS) -> Connection:
        """Return this process's connection, made at its first call; `attempts` are of each request."""
        return per_process((*self.account, attempts), lambda: Connection(self._client(attempts)))

    def looking(self) -> Self:
        """Return the bucket with the shorter timeout of listings and checks."""
        return replace(self, timeout=min(self.timeout, _LOOK))

    def _client(self, attempts: int) -> Any:
        config = Config(
            connect_timeout=min(_CONNECT, self.timeout),
            read_timeout=self.timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            tcp_keepalive=True,
        )
        # A session of its own: the default one is shared by all threads, and boto3's sessions are not thread-safe
        session = boto3.session.Session()
        return session.client("s3", region_name=self.region, endpoint_url=self.endpoint_url, config=config)

    def credentials(self) -> str:
        """Return which credentials will be used, as text: how they were found, and the end of the key's id.

        Raises what boto3 raises.
        """
        found = boto3.session.Session().get_credentials()
        if found is None:
            raise NoCredentialsError
        return f"{found.method}, key …{found.get_frozen_credentials().access_key[-4:]}"

    @contextmanager
    def translating_errors(self, address: str) -> Iterator[None]:
        """Raise errors of boto3 as one line that begins with the place and this address.

        Raises:
            ConfigError: what the user must change first
            StorageError: all else, which was retried by then
        """
        try:
            yield
        except FAILURES as error:
            kind, line = describe(error, self.section, lambda: str(self.connection().client.meta.region_name))
            raise kind(f"{self.place} ({address}): {line}") from error
        except RecursionError as error:
            # botocore 1.44 retries for ever where a redirect names no region, as http:// to https:// (November 2026)
            cure = f"set {self.section} endpoint_url to where, most often https://"
            raise ConfigError(f"{self.place} ({address}): the server redirects elsewhere: {cure}") from error
