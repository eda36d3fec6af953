"""What stores and warehouses of one cloud share: credentials, errors in one line, clients that no fork inherits.

Months and files are not known here. Stores and warehouses do not import each other; what both need is here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Hashable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from taxi_luigi.core.errors import RUN_AGAIN

T = TypeVar("T")

_made: dict[tuple[int, Hashable], Any] = {}


def per_process(key: Hashable, make: Callable[[], T]) -> T:
    """Return what `make` returned at this process's first call with this key, never a parent process's.

    A client holds connections, and two processes that share one mix up their responses (4 of 240 were wrong or failed
    when four children used an inherited requests.Session; November 2026). Luigi forks for every task. The parent's
    client stays referenced, so that its connections are not closed from here.
    """
    mine = (os.getpid(), key)
    if mine not in _made:
        _made[mine] = make()
    made: T = _made[mine]
    return made


def is_server(url: str) -> bool:
    """Whether it is a URL of http or https with a host, and with a port that is one if it has any."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not re.search(r"\s", url)
        )
    except ValueError:
        return False


def cure(error: str) -> str:
    """Return what to do about a request that has failed without a response, by the text of its error."""
    if "WRONG_VERSION_NUMBER" in error:
        return "the server does not speak https://: correct the endpoint in luigi.cfg"
    if "CERTIFICATE_VERIFY_FAILED" in error:
        return "name the authority of its certificate in REQUESTS_CA_BUNDLE, for S3 in AWS_CA_BUNDLE"
    return RUN_AGAIN
