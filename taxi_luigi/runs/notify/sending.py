"""Sends a message by courier.py and logs which services took it. A service that fails costs a log line and seconds.

The courier is a process of its own: it can be ended whatever a service does, takes apprise's memory with it, and
runs even where Python, about to exit, starts no more threads.

An apprise URL is a password as a whole: tokens stand in its user, its host, its path or its query, by service. So no
part of one is shown but what apprise itself takes for public, cut to scheme and host.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from urllib.parse import unquote

from taxi_luigi.core.logs import log
from taxi_luigi.core.redaction import without
from taxi_luigi.core.text import unwrapped
from taxi_luigi.runs.notify.message import Message

_URL = re.compile(r"[A-Za-z0-9]+://\S+")
_HOST = re.compile(r"(localhost|\[[0-9a-f:.]+\]|[\w-]+(\.[\w-]+)+)(:\d+)?", re.IGNORECASE)
_SHORTEST = 3
"""characters; to hide what is shorter would hide the message"""

_COURIER = Path(__file__).with_name("courier.py")
TIMEOUT = 10.0
"""seconds for each service; all are contacted at once, first those that get the page, then those that get text"""
_LIMIT = 2 * TIMEOUT + 10.0
"""seconds after which the courier is ended; Python and apprise take half a second to start"""


def send(message: Message, urls: tuple[str, ...], timeout: float = TIMEOUT) -> None:
    """Send a message to all services, and log a line for those that took it and one for each that did not.

    Args:
        urls: of apprise
        timeout: seconds for each service
    """
    order = {**asdict(message), "urls": urls, "timeout": timeout}
    try:
        # -P: a module in the folder of the courier must not shadow a library.
        answer = subprocess.run(  # noqa: S603 our own program
            [sys.executable, "-P", str(_COURIER)],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=_LIMIT,
            check=True,
        )
    except subprocess.TimeoutExpired:
        log.warning("notification not sent: sending took more than %.0f seconds", _LIMIT)
        return
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        log.warning("notification not sent: %s", hidden(last, urls) or f"exit code {error.returncode}")
        return
    reached = []
    for private_url, why in json.loads(answer.stdout):
        where = place(private_url)
        if why:
            log.warning("notification not sent to %s: %s", where, hidden(why, urls).rstrip("."))
        else:
            reached.append(where)
    if reached:
        log.info("Sent a notification to %s", ", ".join(reached))


def hidden(text: str, urls: Iterable[str]) -> str:
    """Return apprise's message about the URLs without what it repeats of them, in one line."""
    text = without(text, {secret for url in urls for secret in _parts(url)})
    # What apprise shows of a URL that it cannot read still has the first and last letter of each part.
    return unwrapped(_URL.sub("…", text))


def place(private_url: str) -> str:
    """Return `mailto://mail.example:587` for apprise's `url(privacy=True)`, which may show a path or a header.

    What stands for the host may be a token or, as for ntfy, a topic that all who know it can read: then `ntfy://…`.
    """
    scheme, _, rest = private_url.partition("://")
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    return f"{scheme}://{host if _HOST.fullmatch(host) else '…'}"


def _parts(url: str) -> set[str]:
    """Return what in a URL could be secret: all but its scheme and the names in its query."""
    address, _, query = url.partition("://")[2].partition("?")
    values = (pair.partition("=")[2] for pair in query.split("&"))
    found = [part for text in (address, *values) for part in re.split(r"[/:@,;\s]+", text)]
    return {each for part in found for each in (part, unquote(part)) if len(each) >= _SHORTEST}
