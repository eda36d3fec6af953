"""The addresses of services: apart from each other, and in words that give nothing away. Pure.

An apprise URL is a password as a whole: tokens stand in its user, its host, its path or its query, by service. So no
part of one is shown but what apprise itself takes for public, cut to scheme and host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from taxi_luigi.core.redaction import without

_URL = re.compile(r"[A-Za-z0-9]+://\S+")
_HOST = re.compile(r"(localhost|\[[0-9a-f:.]+\]|[\w-]+(\.[\w-]+)+)(:\d+)?", re.IGNORECASE)
_SHORTEST = 3
"""characters; to hide what is shorter would hide the message"""


def hidden(text: str, urls: Iterable[str]) -> str:
    """The text without what it repeats of the URLs, for apprise's own words about them; in one line."""
    text = without(text, {secret for url in urls for secret in _parts(url)})
    # What apprise shows of a URL that it cannot read still has the first and last letter of each part.
    return " ".join(_URL.sub("…", text).split())


def place(private_url: str) -> str:
    """`mailto://mail.example:587` of what apprise's `url(privacy=True)` says, which may show a path or a header.

    Where the host is none, it is a token or, as for ntfy, a topic that whoever knows it can read: `ntfy://…`.
    """
    scheme, _, rest = private_url.partition("://")
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    return f"{scheme}://{host if _HOST.fullmatch(host) else '…'}"


def _parts(url: str) -> set[str]:
    """Whatever in a URL could be secret: all but its scheme and the names in its query."""
    address, _, query = url.partition("://")[2].partition("?")
    values = (pair.partition("=")[2] for pair in query.split("&"))
    found = [part for text in (address, *values) for part in re.split(r"[/:@,;\s]+", text)]
    return {each for part in found for each in (part, unquote(part)) if len(each) >= _SHORTEST}
