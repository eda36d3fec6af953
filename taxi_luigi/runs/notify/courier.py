"""A program that sends one message to services through apprise; the run itself uses only `service`.

Standard input: a JSON object (urls, subject, text, html, kind, timeout). Standard output: a JSON list of pairs, what
apprise calls the service and why it did not take the message ('' when it did). Both have secrets: sending.py removes
them.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyBase, NotifyFormat, OverflowMode
from apprise.result import AppriseResultStatus, NotifyResult

_MAIL = 20_000
"""characters that a service takes at least when its HTML is a mail's; Telegram's 4,096 are for a few tags"""


class Unusable(Exception):
    """A URL that apprise rejects, completely or in part; the text is apprise's."""


def service(url: str, timeout: float = 0) -> NotifyBase:
    """Return the service of a URL, without contacting it. Raise Unusable.

    Args:
        url: of apprise
        timeout: seconds; 0: no limit
    """
    # No pictures: apprise's are fetched from its repository by the reader's mail client.
    asset = AppriseAsset(app_id="taxi_luigi", image_url_mask="", image_url_logo="", service_timeout=timeout)
    with _complaints() as warnings:
        made = Apprise.instantiate(url, asset=asset)
    if made is None or warnings:
        raise Unusable(warnings[0] if warnings else "apprise has no such service")
    return made


def deliver(order: dict[str, Any]) -> list[tuple[str, str]]:
    """Send the message; return per service apprise's name for it and its error ('': it was sent)."""
    results: list[tuple[str, str]] = []
    pages: list[NotifyBase] = []
    texts: list[NotifyBase] = []
    for url in order["urls"]:
        try:
            made = service(url, order["timeout"])
        except Unusable as error:
            results.append((f"{url.partition('://')[0]}://…", str(error)))
            continue
        wanted = made.resolve_format()
        is_mail = wanted is NotifyFormat.HTML and made.body_maxlen >= _MAIL
        if made.overflow_mode is OverflowMode.UPSTREAM and not is_mail:
            made.overflow_mode = OverflowMode.TRUNCATE  # else a message that is too long is refused
        # Of the page apprise makes Markdown too, with the table in a fence.
        (pages if is_mail or wanted is NotifyFormat.MARKDOWN else texts).append(made)
    for services, body, body_format in ((pages, "html", NotifyFormat.HTML), (texts, "text", NotifyFormat.TEXT)):
        if services:
            answer = Apprise(services).notify(
                body=order[body], title=order["subject"], notify_type=order["kind"], body_format=body_format
            )
            results += [(result.url, _why(result)) for result in answer.results]
    return results


def _why(result: NotifyResult) -> str:
    if result:
        return ""
    messages = [entry.message for entry in result.logs()]
    if result.status is AppriseResultStatus.TIMEOUT:
        return f"no answer within {result.elapsed:.0f} s"
    return messages[0] if messages else "apprise gives no reason"


class _Keeper(logging.Handler):
    """Collects log messages."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno <= logging.ERROR:  # above, apprise warns of deprecations
            self.messages.append(record.getMessage())


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect apprise's warnings and keep them out of every log, because they contain tokens."""
    logger, keeper = logging.getLogger("apprise"), _Keeper(logging.WARNING)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(keeper)
    try:
        yield keeper.messages
    finally:
        logger.removeHandler(keeper)
        logger.propagate = propagates


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Send the message on standard input; end when the run ends."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with _complaints():
        print(json.dumps(deliver(json.load(sys.stdin))), flush=True)  # noqa: T201 read by sending.py
    os._exit(0)  # a normal exit would wait for a thread that hangs in a service


if __name__ == "__main__":
    main()
