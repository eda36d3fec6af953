"""A store in a container of Azure Blob Storage, by Microsoft's own client.

A blob appears when its blocks are committed, in one request. Import it only to use it: the client takes 0.6 s, and
azure-identity, which only a login needs, as long again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.credentials import AzureSasCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobProperties,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    LinearRetry,
    generate_blob_sas,
)

from taxi_luigi.core.cloud import is_server, per_process
from taxi_luigi.core.concurrency import ANSWER, warn_if_slow
from taxi_luigi.core.errors import RUN_AGAIN, ConfigError, StorageError, TaxiError, replaced_meanwhile
from taxi_luigi.core.health import Check, Status
from taxi_luigi.core.redaction import public_url, redact
from taxi_luigi.core.settings import number, setting, whole
from taxi_luigi.core.text import one_line
from taxi_luigi.storage import AHEAD, LAKES, Entry, Labels, Progress, Store, content_type, folder_name, no_progress
from taxi_luigi.storage.bucket import THREADS, EtagStore, Head, Objects, seekable

ROLE = "Storage Blob Data Contributor"
"""The least of Azure's own roles that reads, writes, lists and replaces blobs."""

_NEEDED = {"sp": {"r": "read", "w": "write", "d": "delete", "l": "list"}, "srt": {"c": "containers", "o": "objects"}}
"""field of a SAS → letter that it needs there, where it has the field, and what that stands for"""

_SCOPE = "https://storage.azure.com/.default"
"""of tokens for blobs, in all of Azure's clouds"""

_FETCHED = 4 << 20
"""bytes of one request of a download"""

_COPIED_AT_ONCE, _COPIED = 256 << 20, 100 << 20
"""bytes that one request copies, and in which a longer blob is copied: Azure's limits are 256 MiB and 4,000 MiB"""

_COPY_HOURS = 24
"""that the address of the source of a copy holds, where it is signed with the account's key"""

_RETRIES = 4
"""of each request, with pauses of 1 to 3 s: a server may be away for some ten seconds"""

_LOOK: dict[str, Any] = {"read_timeout": 8, "connection_timeout": 8, "retry_total": 2}
"""of listings and checks, which a run waits for before it can begin: a server that is down costs 30 seconds at most"""

_CHANGED = {
    "BlobAlreadyExists",
    "BlobNotFound",
    "ConditionNotMet",
    "InvalidBlockList",  # another program's upload to the same name was committed, which discards staged blocks
    "SourceConditionNotMet",
    "TargetConditionNotMet",
}
"""codes for a blob that is not as a condition of the request has it; also of a retry after a success"""

_NO_COPY = {"APINotImplemented", "NotImplemented", "CannotVerifyCopySource"}
"""codes for a copy that this server does not make; behind a firewall of the account, Azure cannot read the source"""


@dataclass(frozen=True)
class Credential:
    """What is given in `credential`: the account's key, or a SAS token; with account and server of a connection string.

    A SAS (shared access signature) is the query of an address, which states what it allows and until when.
    """

    key: str = field(default="", repr=False)
    sas: str = field(default="", repr=False)
    account: str = ""
    endpoint: str = ""

    @classmethod
    def parse(cls, text: str) -> Credential | None:
        """Tell the forms apart; None for an empty text. Raises ValueError, whose text has nothing of the secret."""
        text = text.strip()  # files of secrets often end with a line break
        if not text:
            return None
        if re.search(r"""\s|^["']""", text):
            raise ValueError(
                "has a blank or a quotation mark, which no credential of Azure's has: copy it again, whole"
            )
        if "://" in text.partition("=")[0]:
            raise ValueError("is an address: set it to the part that follows the question mark")
        if ";" in text or text.startswith("UseDevelopmentStorage="):
            return cls._of_connection_string(text)
        if re.search(r"(^|&|\?)sig=[^&]", text):
            return cls(sas=text.lstrip("?"))
        try:
            if len(base64.b64decode(text, validate=True)) >= 16:
                return cls(key=text)
        except (binascii.Error, ValueError):
            pass
        raise ValueError("is neither a connection string nor an account's key nor a SAS; copy it again, whole")

    @property
    def validity(self) -> str:
        """Of a SAS: `from 2026-11-01T00:00Z until 2026-12-01T00:00Z`."""
        fields = parse_qs(self.sas)
        start = f"from {fields['st'][0]} " if "st" in fields else ""
        return f"{start}until {fields.get('se', ['an end that a stored access policy sets'])[0]}"

    @classmethod
    def _of_connection_string(cls, text: str) -> Credential:
        try:
            found = BlobServiceClient.from_connection_string(text)
        except (ValueError, binascii.Error):
            raise ValueError("is a connection string with a part missing: copy it again, whole") from None
        parts = urlsplit(found.url)
        key = getattr(found.credential, "account_key", "")
        try:
            base64.b64decode(key, validate=True)
        except binascii.Error:
            raise ValueError("is a connection string whose AccountKey is damaged; copy it again, whole") from None
        if not (key or parts.query):
            raise ValueError("is a connection string with neither AccountKey nor SharedAccessSignature")
        server = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
        return cls(key, parts.query, found.account_name or "", server)


def _account(text: str) -> str:
    if text and not re.fullmatch(r"[a-z0-9]{3,24}", text):
        raise ValueError("must be the name of a storage account alone, 3 to 24 small letters and digits")
    return text


def _container(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9](?:-?[a-z0-9]){2,62}", text):
        rule = "must be the name of a container alone, 3 to 63 small letters, digits and single hyphens"
        raise ValueError(f"{rule}, not {text!r}" if text else "is missing: the name of a container")
    return text


def _endpoint(text: str) -> str:
    # The value is in no message, since it may hold a SAS
    if text and (not is_server(text) or "@" in text or "?" in text):
        raise ValueError("must look like https://ACCOUNT.blob.core.windows.net, without a query")
    host, path = urlsplit(text).hostname or "", urlsplit(text).path.strip("/")
    # Of an emulator the path is the account
    if ".dfs." in host or (".blob." in host and path):
        raise ValueError(
            "must be the account's address for blobs, https://ACCOUNT.blob.core.windows.net, without a path"
        )
    return text.rstrip("/")


def _named_by(endpoint: str, by_path: bool) -> str:
    """Return the account that an endpoint names; '' of another domain than Azure's.

    Args:
        endpoint: its URL
        by_path: whether the path, where there is one, is the account, as it has to be where a key signs the requests
    """
    server = urlsplit(endpoint)
    if found := re.match(r"([a-z0-9]+)(-secondary)?\.([a-z0-9-]+\.)*blob\.(core|storage)\.", server.hostname or ""):
        return found[1]
    return server.path.rpartition("/")[2] if by_path else ""


def _chunk_size(text: str) -> int:
    size = whole(text)
    if size > 4000:  # Azure's limit of a block
        raise ValueError(f"must be 1 to 4000 (MiB), not {size}")
    return size


class AzureStore(EtagStore):
    """Keeps files in a container of Azure's. Without `credential`, azure-identity finds a login.

    A file goes up in blocks of `chunk_size` MiB, four at a time, each with its MD5, and all are committed by one
    request. Blocks of an upload that was killed are not seen by anyone, and Azure discards them after a week.
    """

    kind = LAKES["azure"]

    @dataclass(frozen=True)
    class Settings:
        """`[lake.NAME]` of the type `azure`."""

        account: str = setting(
            "", "The storage account's name; a connection string in `credential` has it too.", _account
        )
        container: str = setting("", "The container's name alone.", _container)
        prefix: str = setting("data", "A folder in it; `/` for none.", folder_name)
        endpoint: str = setting(
            "",
            "The account's address for blobs, where it is not `https://ACCOUNT.blob.core.windows.net`: in another of "
            "Azure's clouds, of a private endpoint, or of an emulator (`http://127.0.0.1:10000/devstoreaccount1`).",
            _endpoint,
        )
        credential: Credential | None = setting(
            "",
            "Empty: the login that DefaultAzureCredential finds (`az login`, a managed or workload identity, the "
            "variables `AZURE_CLIENT_ID` …). Else a connection string, the account's key or a SAS token, as "
            "`${AZURE_STORAGE_CONNECTION_STRING}`.",
            Credential.parse,
        )
        chunk_size: int = setting("16", "MiB of a block of an upload, 1 to 4000; four are in memory.", _chunk_size)
        timeout: float = setting("300", "Seconds that a connection may be without a byte.", number)

    def __init__(self, name: str, settings: Settings) -> None:
        super().__init__(name, settings.container, settings.prefix)
        self._section = f"[{name.replace(' ', '.')}]" if " " in name else "[lake.azure]"
        given = settings.credential or Credential()
        if settings.account and given.account and settings.account != given.account:
            raise ConfigError(
                f"{self._section} account is {settings.account}, and the connection string in credential is of "
                f"{given.account}: correct one of them"
            )
        self._name = settings.account or given.account
        if not self._name:
            raise ConfigError(f"{self._section} account is missing: the name of the storage account")
        endpoint = settings.endpoint or given.endpoint or f"https://{self._name}.blob.core.windows.net"
        named = _named_by(endpoint, by_path=bool(given.key))
        if named not in ("", self._name):
            raise ConfigError(
                f"{self._section} endpoint is of the account {named}, and the account is {self._name}: correct one of "
                "them"
            )
        self._endpoint = endpoint
        if settings.credential is None and not endpoint.startswith("https:"):
            raise ConfigError(
                f"{self._section} credential is empty, and a login is sent to https:// alone: set credential, or the "
                "endpoint to https://"
            )
        self._credential = settings.credential
        self._chunk = settings.chunk_size << 20
        self._timeout = settings.timeout

    @property
    def server(self) -> str:
        return public_url(self._endpoint)

    def open(self, name: str, ahead: int = AHEAD) -> BinaryIO:
        entry = self._found(name).entry
        condition = _only(entry.version)

        def fetch(first: int, last: int) -> bytes:
            with self._translating_errors(name):
                try:
                    part = self._blob(name).download_blob(first, last - first + 1, **condition)
                    return cast(bytes, part.readall())
                except HttpResponseError as error:
                    if _code(error) in _CHANGED:
                        raise replaced_meanwhile(self.url(name)) from error
                    raise

        return seekable(fetch, entry.bytes, ahead)

    def put(self, local: Path, name: str, labels: Labels, progress: Progress = no_progress) -> None:
        size, md5 = local.stat().st_size, hashlib.md5(usedforsecurity=False)

        def send(blob: BlobClient, condition: dict[str, Any]) -> None:
            def stage(block: BlobBlock, piece: bytes) -> int:
                blob.stage_block(block.id, piece, len(piece), validate_content=True)
                return len(piece)

            blocks, done = [], 0
            running: set[Future[int]] = set()
            with local.open("rb") as file, ThreadPoolExecutor(THREADS) as threads:
                # Not by `upload_blob`, which must have the MD5 before it reads the file: 0.8 times as fast
                for block, piece in zip(_new_blocks(), iter(partial(file.read, self._chunk), b""), strict=False):
                    blocks.append(block)
                    running.add(threads.submit(stage, block, piece))
                    md5.update(piece)  # while it is sent
                    if len(running) == THREADS:
                        ended, running = wait(running, return_when=FIRST_COMPLETED)
                        done += sum(each.result() for each in ended)
                        progress(done, size)
                for each in as_completed(running):
                    done += each.result()
                    progress(done, size)
            if done != size:
                raise StorageError(f"{local} changed while it was sent to {self.url(name)}: {RUN_AGAIN}")
            blob.commit_block_list(blocks, _described(name, _coded(md5)), dict(labels), **condition)

        self._replace(name, labels, self._conditional(name, send), size, lambda: _coded(md5))

    def copy(self, source: Store, source_name: str, name: str, labels: Labels) -> bool:
        if not isinstance(source, AzureStore) or source._account != self._account:
            return False
        origin = source._found(source_name)
        size = origin.entry.bytes

        def send(blob: BlobClient, condition: dict[str, Any]) -> None:
            url, access = source._readable(source_name)
            version: dict[str, Any] = {
                "source_etag": f'"{origin.entry.version}"',
                "source_match_condition": MatchConditions.IfNotModified,
            }
            if size <= _COPIED_AT_ONCE:
                blob.start_copy_from_url(url, dict(labels), requires_sync=True, **access, **version, **condition)
                return
            blocks = []
            for start, block in zip(range(0, size, _COPIED), _new_blocks(), strict=False):
                blocks.append(block)
                # The client has no parameter for it (12.31)
                only: dict[str, Any] = {"headers": {"x-ms-source-if-match": f'"{origin.entry.version}"'}}
                length = min(_COPIED, size - start)
                blob.stage_block_from_url(block.id, url, start, length, **access, **only)
            blob.commit_block_list(blocks, _described(name, origin.checksum), dict(labels), **condition)

        try:
            self._replace(name, labels, self._conditional(name, send), size, lambda: origin.checksum)
        except TaxiError as error:
            if _code(error.__cause__) in _NO_COPY:
                return False
            raise
        return True

    def remove(self, name: str) -> None:
        with self._translating_errors(name):
            try:
                self._blob(name).delete_blob()
            except HttpResponseError as error:
                if _code(error) != "BlobNotFound":
                    raise

    def page(self, name: str) -> str:
        return ""  # the portal's address of a blob has the subscription and the resource group, unknown here

    def checks(self) -> Sequence[Check]:
        """In one request to the container, up to the first that fails."""

        def listable() -> tuple[Status, str]:
            next(iter(self._client().list_blobs(self._key(""), results_per_page=1, **_LOOK)), None)
            return Status.OK, f"{self.address} can be listed; account {self._name}"

        found: list[Check] = []
        with warn_if_slow(f"{self.name} ({self.server})"):
            for what, look in {"credentials": self._check_credential, "container": listable}.items():
                try:
                    with self._translating_errors(""):
                        found.append(Check(self.name, what, *look()))
                except TaxiError as error:
                    return [*found, Check.failed(self.name, what, error)]
        return [*found, self._check_permissions()]

    def _check_credential(self) -> tuple[Status, str]:
        if self._credential is None:
            self._token()
            return Status.OK, "a login that DefaultAzureCredential found"
        if self._credential.key:
            return Status.OK, f"the key of the account {self._name}"
        return Status.OK, f"a SAS, valid {self._credential.validity}"

    def _check_permissions(self) -> Check:
        allowed = parse_qs(self._credential.sas) if self._credential else {}
        lacking = [
            word
            for each, letters in _NEEDED.items()
            for letter, word in letters.items()
            if each in allowed and letter not in allowed[each][0]
        ]
        if lacking:
            line = f"{self.address}: the SAS of {self._section} credential lacks {', '.join(lacking)}: {_NEW_SAS}"
            return Check(self.name, "permissions", Status.ERROR, line)
        untested = f"{self.address}: only a write shows whether the role {ROLE}, or a SAS, allows it"
        return Check(self.name, "permissions", Status.UNKNOWN, untested)

    def _listing(self, prefix: str, deep: bool, most: int | None) -> Objects:
        address = f"{self.kind.scheme}://{self.bucket}/{prefix}".rstrip("/")
        ask = {"include": ["metadata"], "results_per_page": most, **_LOOK}
        with self._translating_errors(address), warn_if_slow(f"{self.name} ({self.server})"):
            client = self._client()
            found = client.list_blobs(prefix, **ask) if deep else client.walk_blobs(prefix, delimiter="/", **ask)
            files = (blob for blob in found if isinstance(blob, BlobProperties) and not _is_folder(blob))
            return [(blob.name, _described_by(blob).entry) for blob in islice(files, most)]

    def _conditional(
        self, name: str, send: Callable[[BlobClient, dict[str, Any]], None]
    ) -> Callable[[str | None], bool]:
        """Return what `_replace` calls, made of a function that sends with a client and the options of a condition."""

        def sent(version: str | None) -> bool:
            with self._translating_errors(name):
                try:
                    send(self._blob(name), _only(version))
                except HttpResponseError as error:
                    if _code(error) not in _CHANGED:
                        raise
                    return False
            return True

        return sent

    def _fetched(self, name: str, version: str, path: Path) -> bool:
        with self._translating_errors(name), path.open("wb") as file:
            try:
                # Not by `validate_content`, with which a download that breaks off is not continued (12.31)
                self._blob(name).download_blob(max_concurrency=THREADS, **_only(version)).readinto(file)
            except HttpResponseError as error:
                if _code(error) not in _CHANGED:
                    raise
                return False
        return True

    def _head(self, name: str) -> Head | None:
        with self._translating_errors(name):
            try:
                found = self._blob(name).get_blob_properties()
                return None if _is_folder(found) else _described_by(found)
            except HttpResponseError as error:
                if _code(error) == "BlobNotFound":
                    return None
                if error.status_code in (400, 401, 403):
                    # The response to a HEAD has no details of what is wrong; that to a listing has them
                    next(iter(self._client().list_blobs(self._key(name), results_per_page=1)), None)
                raise

    def _checksum(self, path: Path) -> str:
        with path.open("rb") as file:
            return _coded(hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)))

    def _removal(self, name: str) -> str:
        blob = shlex.quote(self._key(name))
        container = f"--account-name {self._name} --container-name {self.bucket}"
        return f"az storage blob delete {container}{self._mode} --name {blob}"

    @property
    def _mode(self) -> str:
        """The option of `az storage blob` to use the login; without it `az` looks for the account's key."""
        return "" if self._credential else " --auth-mode login"

    def _readable(self, name: str) -> tuple[str, dict[str, Any]]:
        """Return the address of a blob for the server itself, which copies from it, and what authorizes that."""
        url = self._blob(name).url.partition("?")[0]
        if self._credential is None:
            return url, {"source_authorization": f"Bearer {self._token()}"}
        if self._credential.sas:
            return f"{url}?{self._credential.sas}", {}
        end = datetime.now(UTC) + timedelta(hours=_COPY_HOURS)
        sas = generate_blob_sas(
            self._name, self.bucket, self._key(name),
            account_key=self._credential.key, permission=BlobSasPermissions(read=True), expiry=end,
        )  # fmt: skip
        return f"{url}?{sas}", {}

    @property
    def _account(self) -> tuple[object, ...]:
        # A login is found by these variables, or by files that they name
        variables = sorted((key, value) for key, value in os.environ.items() if key.startswith(("AZURE_", "IDENTITY_")))
        return "azure", self._endpoint, self._name, self._credential, *(() if self._credential else variables)

    def _login(self) -> Any:
        from azure.identity import DefaultAzureCredential  # 0.8 s, which a key or a SAS does not need

        # It logs its exception in 13 lines, beside raising it (1.27)
        logging.getLogger("azure.identity").setLevel(logging.CRITICAL)
        return per_process((*self._account, "login"), DefaultAzureCredential)

    def _token(self) -> str:
        return str(self._login().get_token(_SCOPE).token)

    def _client(self) -> ContainerClient:
        def make() -> ContainerClient:
            given: Any = self._credential
            if given is not None:
                # A text with a field that the client does not know would be taken for a key (12.31)
                sas = AzureSasCredential(given.sas) if given.sas else None
                given = sas or {"account_name": self._name, "account_key": given.key}
            return ContainerClient(
                self._endpoint,
                self.bucket,
                self._login() if given is None else given,
                retry_policy=LinearRetry(
                    2, _RETRIES, random_jitter_range=1,
                    retry_connect=_RETRIES, retry_read=_RETRIES, retry_status=_RETRIES,
                ),
                max_single_get_size=_FETCHED,
                max_chunk_get_size=_FETCHED,
                connection_timeout=min(ANSWER, self._timeout),
                read_timeout=self._timeout,
            )  # fmt: skip

        return per_process((*self._account, self.bucket, self._timeout), make)

    def _blob(self, name: str) -> BlobClient:
        return self._client().get_blob_client(self._key(name))

    @contextmanager
    def _translating_errors(self, name: str) -> Iterator[None]:
        """Raise errors of the client as one line that begins with the place and the address.

        Raises:
            ConfigError: what the user must change first
            StorageError: all else, which was retried by then
        """
        address = name if "://" in name else self.url(name).rstrip("/")
        try:
            yield
        except (AzureError, ValueError) as error:  # a response that cannot be parsed is a ValueError
            kind, line = self._described(error)
            raise kind(f"{self.name} ({address}): {line}") from error
        except OSError as error:
            if "TLS" not in str(error):
                raise
            # requests does not find the file that REQUESTS_CA_BUNDLE names, which the client lets through (12.31)
            line = f"{one_line(str(error), 300)}: correct REQUESTS_CA_BUNDLE"
            raise ConfigError(f"{self.name} ({address}): {line}") from error

    @property
    def _new_credential(self) -> str:
        """What to do where the credential is refused."""
        given = self._credential
        if given is None:
            return f"{_LOGIN}, or {self._section} credential"
        if given.key:
            return f"copy the key of the account {self._name} again, whole, to {self._section} credential"
        return f"{_NEW_SAS}; that of {self._section} credential is valid {given.validity}"

    def _described(self, error: AzureError | ValueError) -> tuple[type[TaxiError], str]:
        """Return class and line of an error: ConfigError for what the user must change first, else StorageError."""
        code = _code(error)
        detail = str((getattr(error, "additional_info", None) or {}).get("authenticationerrordetail") or "")
        said = _sentence(detail or getattr(error, "message", error))
        line = f"{said}, {code}" if code else said
        login = self._new_credential
        names = {"line": line, "login": login, "section": self._section}
        names |= {"account": self._name, "container": self.bucket, "mode": self._mode}
        if cure := next((cure for words, cure in _REFUSED.items() if re.search(words, detail)), ""):
            return ConfigError, cure.format(**names)
        if "failed to authenticate" in said:  # an emulator has another code
            code = "AuthenticationFailed"
        for kind, texts in ((ConfigError, _WRONG), (StorageError, _HELD_BACK)):
            if code in texts:
                return kind, texts[code].format(**names)
        if isinstance(error, ServiceRequestError) and "resolve" in said:
            line = f"no server has the name {urlsplit(self._endpoint).hostname}"
            return StorageError, f"{line}: check {self._section} account, and this machine's network; {RUN_AGAIN}"
        if isinstance(error, (DecodeError, ValueError)) or (not code and _is_page(error)):
            return StorageError, f"the response is not Azure's: check {self._section} endpoint, and proxies"
        if isinstance(error, ClientAuthenticationError) and not code:  # of azure-identity
            tried = re.findall(r"^\t(\w+: .*)", str(error.message), re.M) or [said]
            failed = "; ".join(_sentence(each) for each in tried if not _NOT_SET_UP.search(each))
            if _NO_ANSWER.search(failed):
                return (
                    StorageError,
                    f"Azure's login does not answer ({failed}): check this machine's network; {RUN_AGAIN}",
                )
            return ConfigError, f"no Azure login {f'can be used ({failed})' if failed else 'was found'}: {login}"
        if getattr(error, "status_code", None) in (401, 403):
            return ConfigError, f"the request was refused ({line}): {login}"
        return StorageError, f"{line}; {RUN_AGAIN}"


_LOGIN = "run az login, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"

_NOT_SET_UP = re.compile(
    r"^(?!.*(?:AADSTS|not been assigned|Token request error|Identity not found)).*"
    r"(?:unavailable|not (?:found|installed)|could not be found|package to be installed)"
)
"""what azure-identity reports of a kind of login that this machine has not; not that Azure knows no such application"""

_NO_ANSWER = re.compile(r"[Ff]ailed to (?:resolve|establish)|[Tt]imed out|[Cc]onnection aborted|[Uu]nreachable")
"""in what azure-identity reports of a login whose server did not answer"""

_REFUSED = {
    "[Ss]ignature not valid in the specified time|[Ee]xpir": "the SAS or login has expired, or is not valid yet "
    "({line}): make a new one",
    "date header": "this machine's clock is wrong ({line}): set it",
    "MAC signature|[Ss]ignature did not match": "the account has another key, or the SAS is signed with another "
    "({line}): copy it again, whole",
}
"""pattern of AuthenticationErrorDetail → what is wrong, and what to do"""

_NEW_SAS = "make a SAS for blobs, containers and objects, with the permissions rwdl"

_WRONG = {
    "AuthenticationFailed": "the credential was refused ({line}): {login}",
    "AuthorizationPermissionMismatch": f"permission denied ({{line}}): grant the role {ROLE} on the container to the "
    f"login, or {_NEW_SAS}",
    "UnauthorizedBlobOverwrite": f"the SAS does not allow to replace blobs ({{line}}): {_NEW_SAS}",
    "AuthorizationServiceMismatch": f"the SAS does not allow it ({{line}}): {_NEW_SAS}",
    "AuthorizationResourceTypeMismatch": f"the SAS does not allow it ({{line}}): {_NEW_SAS}",
    "AuthorizationSourceIPMismatch": f"the SAS is for other machines ({{line}}): {_NEW_SAS}",
    "AuthorizationProtocolMismatch": "the SAS is for https:// ({line}): set {section} endpoint to it",
    "AuthorizationFailure": "refused by the account's firewall ({line}): az storage account network-rule add "
    "--account-name {account} --ip-address, with the address of this machine, or run inside the account's network",
    "AccountRequiresHttps": "the account takes https:// alone ({line}): set {section} endpoint to it",
    "KeyBasedAuthenticationNotPermitted": "the account takes no keys ({line}): leave {section} credential empty, run "
    f"az login, and grant the role {ROLE}",
    "NoAuthenticationInformation": "no credential was sent ({line}): set {section} credential",
    "PublicAccessNotPermitted": "no credential was sent ({line}): set {section} credential",
    "InvalidAuthenticationInfo": "the login was refused ({line}): run az login --tenant, with that of the account",
    "AccountIsDisabled": "the storage account {account} is disabled ({line}): enable its subscription in the portal",
    "ContainerNotFound": "no such container ({line}): az storage container-rm create --storage-account "
    "{account} --name {container}, or correct the setting that names it",
    "InvalidResourceName": "no container can have this name ({line}): correct the setting that names it",
    "InvalidUri": "no blob can have this name ({line}): correct the setting that names its folder",
}
"""Azure's code → what the user must change first"""

_HELD_BACK = {
    "ContainerBeingDeleted": f"the container is being deleted ({{line}}): wait a minute, and {RUN_AGAIN}",
    "BlobArchived": "the blob is archived ({line}): az storage blob set-tier --account-name {account} --container-name "
    f"{{container}}{{mode}} --tier Hot --name, with its name, brings it back in some hours; then {RUN_AGAIN}",
    "BlobBeingRehydrated": "the blob is being brought back from the archive ({line}): wait some hours, and "
    f"{RUN_AGAIN}",
    "LeaseIdMissing": "another program holds a lease on the blob ({line}): end it, or az storage blob lease break; "
    f"then {RUN_AGAIN}",
    "BlobImmutableDueToPolicy": "a policy of the container keeps its blobs from being replaced or removed ({line}): "
    "lift it, or set another container",
    "BlobImmutableDueToLegalHold": "a legal hold of the container keeps its blobs from being replaced or removed "
    "({line}): have it cleared, or set another container",
    "BlobOperationNotSupported": f"another program made the blob by Azure's other protocol, Data Lake Storage "
    f"({{line}}): remove it, and {RUN_AGAIN}",
    "InvalidBlobOrBlock": "another program left blocks of an upload there ({line}): wait until it has ended, or put "
    f"any file there and remove it; then {RUN_AGAIN}",
    "SnapshotsPresent": "the blob has snapshots, which go with it ({line}): remove them first, or all by "
    f"az storage blob delete --delete-snapshots include; then {RUN_AGAIN}",
    "InvalidBlobType": f"the blob there is no block blob ({{line}}): remove it, and {RUN_AGAIN}",
}
"""Azure's code → what keeps one blob, or for a while all, from being read or written"""


def _new_blocks() -> Iterator[BlobBlock]:
    """Yield blocks that no other upload to the same blob has: the server would mix those of equal ids."""
    upload = uuid4().hex
    return (BlobBlock(f"{upload}-{number:05}") for number in count())


def _only(version: str | None) -> dict[str, Any]:
    """Return the options of a request that is to fail unless the blob is this version; None: unless there is none."""
    if version is None:
        return {"match_condition": MatchConditions.IfMissing}
    return {"etag": f'"{version}"', "match_condition": MatchConditions.IfNotModified}


def _coded(md5: Any) -> str:
    return base64.b64encode(md5.digest()).decode()


def _described(name: str, md5: str) -> ContentSettings:
    return ContentSettings(content_type(name), content_md5=bytearray(base64.b64decode(md5)) or None)


def _described_by(blob: BlobProperties) -> Head:
    """Return what Azure knows of a blob; its checksum is the MD5 that the writer gave, if it gave one."""
    if not blob.etag:
        raise DecodeError("a blob without an ETag")
    labels = {key.lower(): value or "" for key, value in (blob.metadata or {}).items()}
    md5 = base64.b64encode(blob.content_settings.content_md5 or b"").decode()
    return Head(Entry(blob.size, blob.etag.strip('"'), labels), md5)


def _is_folder(blob: BlobProperties) -> bool:
    """Whether it stands for a folder, as accounts with a hierarchical namespace show them, and some programs do."""
    return any(key.lower() == "hdi_isfolder" and value == "true" for key, value in (blob.metadata or {}).items())


def _code(error: object) -> str:
    """Return Azure's code of a refusal, `ContainerNotFound`; '' for other errors."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _sentence(text: object) -> str:
    """Return the beginning of a message, without what follows for Azure's support, and without secrets."""
    # Of a response without a body, as that to a HEAD, the client quotes the reason
    text = re.sub(r"Operation returned an invalid status '(.*)'", r"\1", str(text))
    first = re.split(r"\n|String to sign|Server used following|RequestId:", str(text).strip(), maxsplit=1)[0]
    return one_line(redact(first.strip()), 200).rstrip(".:")


def _is_page(error: Exception) -> bool:
    response: Any = getattr(error, "response", None)
    return response is not None and "html" in response.headers.get("Content-Type", "")
