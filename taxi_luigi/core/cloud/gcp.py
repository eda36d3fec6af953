"""Google's credentials, and Google's failures in one line with the cure.

Stores and warehouses on Google Cloud share this; neither buckets nor datasets are known here.
"""

from __future__ import annotations

import json
import os
import ssl
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import google.auth
import requests
import urllib3.exceptions
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth import environment_vars
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError, TransportError
from google.resumable_media import DataCorruption, InvalidResponse

from taxi_luigi.core.cloud import cure, is_server
from taxi_luigi.core.errors import ConfigError, TaxiError
from taxi_luigi.core.redaction import looks_like_key, redact, value
from taxi_luigi.core.text import one_line, unwrapped

SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
"""the scopes of a token; the roles of the account narrow them down"""

LOGIN = "run gcloud auth application-default login, or set credentials_file to the key file of a service account"

_LOGIN_AGAIN = "run gcloud auth application-default login again, or make a new key for the service account"

_KEY = "make a JSON key: gcloud iam service-accounts keys create KEY.json --iam-account ACCOUNT"

_KEY_FILE = "write the key into a file that only you can read, and name that"

_BUSY = {"rateLimitExceeded", "userRateLimitExceeded", "jobRateLimitExceeded", "quotaExceeded", "backendError"}
"""Reasons of a 403 that no role cures, only time."""

_FAILURES = (
    GoogleAPICallError,
    RetryError,
    GoogleAuthError,
    InvalidResponse,
    DataCorruption,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    HTTPException,
    ConnectionError,
)


@dataclass(frozen=True)
class Found:
    """The credentials that will be used."""

    credentials: Credentials
    line: str
    """whose they are and where they were found, for messages"""


def endpoint(text: str) -> str | None:
    """Parse the setting `endpoint` of a store; see `endpoint_of`."""
    if not text:
        return None
    try:
        return endpoint_of(text, "")
    except ConfigError as error:
        raise ValueError(str(error).removeprefix("endpoint ")) from None


def endpoint_of(setting: str | None, variable: str) -> str | None:
    """Return the server to use instead of Google's; None for Google's.

    An address without `http://` or `https://` is taken for an emulator, as emulators' documentation often has it.

    Args:
        setting: the value in luigi.cfg, if any
        variable: the environment variable that counts without one, as STORAGE_EMULATOR_HOST

    Raises:
        ConfigError: it is no address
    """
    address = (setting or os.environ.get(variable) or "").rstrip("/")
    if not address:
        return None
    url = address if "://" in address else f"http://{address}"
    if not is_server(url):
        named = "endpoint" if setting else variable
        raise ConfigError(f"{named} must look like https://HOST:PORT, not {value(address)}")
    return url


def credentials(file: Path | None, endpoint: str | None, where: str) -> Credentials:
    """Return the credentials that `found` finds; arguments and errors as there."""
    return found(file, endpoint, where).credentials


def found(file: Path | None, endpoint: str | None, where: str) -> Found:
    """Find the credentials: of a key file, or else Google's Application Default Credentials; none for an emulator.

    Where neither a file is named nor gcloud logged in, the metadata server of Google's machines is queried, three times
    for 3 s.

    Args:
        file: the key file, if the settings name one
        endpoint: as `endpoint_of`
        where: the beginning of the error's line

    Raises:
        ConfigError: there are none, or they cannot be used
    """
    if endpoint is not None and endpoint.startswith("http://"):
        return Found(AnonymousCredentials(), f"none needed: {endpoint} is an emulator")
    if file is not None:
        return _from_file(file, "credentials_file", where)
    named = os.environ.get(environment_vars.CREDENTIALS)
    if named:
        return _from_file(Path(named), environment_vars.CREDENTIALS, where)
    try:
        with warnings.catch_warnings():
            # Each process would print it; storage needs no quota project, and errors of other services name it
            warnings.filterwarnings("ignore", message=r"\s*Your application has authenticated using end user")
            default, _ = google.auth.default(scopes=SCOPES)
    except DefaultCredentialsError as error:
        if "were not found" in str(error):
            raise ConfigError(f"{where}: no Google credentials were found: {LOGIN}") from error
        raise ConfigError(f"{where}: gcloud's credentials cannot be used: {error.args[0]}; {LOGIN}") from error
    return Found(default, _whose(default))


def _from_file(path: Path, named: str, where: str) -> Found:
    """Load the credentials in a file; `named` is the setting or variable that names it."""
    if looks_like_key(str(path)):
        raise ConfigError(f"{where}: {named} is to be a file's name, and its value looks like a key: {_KEY_FILE}")
    place = f"{where}: {named} = {path}"
    try:
        info = json.loads(path.read_text("utf-8"))
    except OSError as error:
        why = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ConfigError(f"{place} {why}: correct the path or the permissions, or leave it out and {LOGIN}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{place} is not a Google key file (it is not JSON): {_KEY}") from error
    kind = info.get("type") if isinstance(info, dict) else None
    if kind is None:
        secret = isinstance(info, dict) and info.keys() & {"installed", "web"}
        why = "it is the secret of an OAuth client" if secret else 'it has no "type"'
        raise ConfigError(f"{place} is not a Google key file ({why}): {_KEY}")
    try:
        with warnings.catch_warnings():
            # It warns of files from untrusted sources; this one is named in the user's own settings
            warnings.simplefilter("ignore", DeprecationWarning)
            loaded, _ = google.auth.load_credentials_from_dict(info, scopes=SCOPES)
    except (DefaultCredentialsError, ValueError, TypeError, AttributeError, KeyError) as error:
        # Google's reader of files checks little, so a value of a wrong type ends in any of these
        raise ConfigError(f"{place} is damaged or of a type that cannot be used ({_reason(error)}): {_KEY}") from error
    return Found(loaded, f"{_whose(loaded)}, from {named} = {path}")


def _whose(found_ones: Credentials) -> str:
    module = type(found_ones).__module__
    if module == "google.oauth2.credentials":
        account = getattr(found_ones, "account", "")
        return f"user credentials of gcloud{account and f' ({account})'}"
    account = getattr(found_ones, "service_account_email", None)
    if module.startswith("google.auth.compute_engine"):
        return f"the service account of this machine ({account}), from its metadata server"
    return f"service account {account}" if account else f"credentials of the type {module.rpartition('.')[2]}"


@contextmanager
def translating_errors(where: str, failure: type[TaxiError], roles: str = "") -> Iterator[None]:
    """Raise errors of Google's libraries as one line, with the library's exception as `__cause__`.

    A TaxiError and an OSError of a local file pass.

    Args:
        where: the beginning of the line
        failure: the class of errors that the client has retried by then
        roles: the roles that would be enough, for a message about permissions

    Raises:
        ConfigError: what the user must change first: credentials, permissions, something that does not exist
    """
    try:
        yield
    except _FAILURES as error:
        raise _translated(error, where, failure, roles) from error


def status(error: BaseException | None) -> int | None:
    """Return the HTTP status of an error of Google's libraries; None when there was no response."""
    if isinstance(error, GoogleAPICallError):
        return error.code
    if isinstance(error, InvalidResponse):
        return int(error.response.status_code)
    return None


def _translated(error: Exception, where: str, failure: type[TaxiError], roles: str) -> TaxiError:
    if isinstance(error, RetryError) and error.cause is not None:
        return _translated(error.cause, where, failure, roles)
    if isinstance(error, GoogleAuthError):
        if isinstance(error, RefreshError) and not error.retryable and not isinstance(error.__cause__, TransportError):
            return ConfigError(f"{where}: Google refused the credentials ({_line(error)}): {_LOGIN_AGAIN}")
        if isinstance(error, DefaultCredentialsError):
            return ConfigError(f"{where}: the credentials cannot be used ({_line(error)}): {LOGIN}")
        return failure(f"{where}: no access token, as Google did not answer: {_line(error)}; {cure(str(error))}")
    code = status(error)
    if code == 401:
        return ConfigError(f"{where}: Google refused the credentials ({_line(error)}): {_LOGIN_AGAIN}")
    if code == 403 and not _reasons(error) & _BUSY:
        grant = f": grant the account {roles}" if roles else ""
        return ConfigError(f"{where}: permission denied ({_line(error)}){grant}")
    if code == 404:
        return ConfigError(f"{where}: does not exist ({_line(error)}): create it, or correct the setting that names it")
    if code is not None:
        return failure(f"{where}: Google answered {code} ({_line(error)}); run the same command again")
    return failure(f"{where}: {_line(error)}; {cure(str(error))}")


def _reasons(error: Exception) -> set[str]:
    """Return the machine-readable reasons in an error response. An upload's exception has them in the body alone."""
    given: list[Any] = list(getattr(error, "errors", None) or ())
    response = getattr(error, "response", None)
    if not given and isinstance(response, requests.Response):
        try:
            given = response.json()["error"]["errors"]
        except (ValueError, KeyError, TypeError):
            return set()
    return {str(each.get("reason")) for each in given if isinstance(each, dict)}


def _line(error: Exception) -> str:
    """Return the text of an error on one line, at most 300 characters and without secrets in its URLs."""
    return one_line(redact(unwrapped(_answered(error) or _reason(error))), 300)


def _answered(error: Exception) -> str:
    """Return Google's own sentence in the body of an error response; '' when there is none."""
    response = getattr(error, "response", None)
    if not isinstance(response, requests.Response) or response.ok:
        return ""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return response.reason or f"status {response.status_code}"


def _reason(error: BaseException) -> str:
    """Return the innermost text of an error that wraps others, as connection errors do four deep."""
    if isinstance(error, GoogleAPICallError):
        return str(error.message)
    if error.args and isinstance(error.args[-1], BaseException):
        return _reason(error.args[-1])
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return _reason(inner)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:  # whose first argument is a number
        return error.strerror
    return str(error.args[0]) if error.args else type(error).__name__
