"""Secrets that tests put wherever a person may have one, and the search for them in whatever a run leaves or says.

    os.environ |= {"POSTGRES_URL": f"postgresql://taxi:{POSTGRES}@…"}
    assert leaks(page) == []                    # text or bytes: the report, a log, an answer of luigid
    assert leaks_below(folder) == {}            # every file of a folder: a workspace, a layer of an image

Each is one word of letters and digits, so that it looks the same in a URL, in JSON, in HTML and in a shell; it is found
in any case, and within Base64 too, as in a header of basic authentication.
"""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

SOURCE_PASSWORD = "hushSourcePassword1"
SOURCE_TOKEN = "hushSourceToken2"
ZONES_PASSWORD = "hushZonesPassword3"
ZONES_TOKEN = "hushZonesToken4"
POSTGRES = "hushPostgres5"
SCHEDULER = "hushScheduler6"
NOTIFY_PASSWORD = "hushNotifyPassword7"
NOTIFY_TOKEN = "hushNotifyToken8"
NOTIFY_HEADER = "hushNotifyHeader9"
SMTP = "hushSmtp10"
AWS_SECRET = "hushAwsSecret11"
AWS_SESSION = "hushAwsSession12"
AZURE_KEY = "hushAzureKey13"
AZURE_SAS = "hushAzureSas14"

SECRETS = tuple(value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str))


def leaks(said: str | bytes, *more: str) -> list[str]:
    """The secrets that are in a text or in the bytes of a file; `more` are one test's own, as the lines of a key."""
    where = (said.encode(errors="surrogateescape") if isinstance(said, str) else said).lower()
    return [secret for secret in (*SECRETS, *more) if any(form in where for form in _forms(secret))]


def leaks_below(*folders: Path, more: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """File → the secrets in it or in its name, of all files below the folders that have one."""
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            if here := leaks(path.read_bytes(), *more) or leaks(str(path), *more):
                found[str(path)] = here
    return found


@cache
def _forms(secret: str) -> tuple[bytes, ...]:
    """In lower case: as it is, and as Base64 has it, which depends on how many bytes stand before (modulo 3)."""
    plain = secret.encode()
    coded = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + plain)
        # The first letters and the last also hold bits of what is beside the secret
        first, last = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
        coded.append(text[first:last])
    return tuple(form.lower() for form in (plain, *coded))
