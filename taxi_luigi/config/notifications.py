"""`[notify]`: the URLs of services, and the events to choose from. Pure.

A URL is never shown: apprise's URLs are passwords as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.settings import setting, whole

FAILED = "failed"
FINISHED = "finished"
NOT_PUBLISHED_FOR = "not_published_for"
DRIFT = "drift"
FEWER = "fewer"
REFRESHED = "refreshed"

EVENTS = {
    FAILED: "a month failed, or the run ended before its end",
    FINISHED: "the run ended well, whether there was anything to load or not",
    NOT_PUBLISHED_FOR: "a month's file is overdue",
    DRIFT: "the files brought columns or codes that are not known, or lack columns",
    FEWER: "a month was loaded with fewer records than TLC published",
    REFRESHED: "a month that was there was replaced",
}
"""Event → when it happens."""

_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z0-9]+://)")
"""A URL may contain commas and blanks too, as between the addresses of a mail."""
_URL = re.compile(r"[A-Za-z0-9]+://\S+")


def split(text: str) -> tuple[str, ...]:
    """Return the URLs of `[notify] urls`. Raise ConfigError, without the text, for a part that is no URL."""
    urls = tuple(part for part in _BETWEEN.split(text.strip(" \t\r\n,")) if part)
    for number, url in enumerate(urls, 1):
        if not _URL.fullmatch(url):
            raise ConfigError(
                f"[notify] urls: the {ordinal(number)} is no URL such as mailto://…, json://… or slack://… "
                "(a blank in one is written %20, and its percent sign twice in luigi.cfg)"
            )
    return urls


def _events(text: str) -> frozenset[str]:
    chosen = frozenset(name for name in (part.strip() for part in text.split(",")) if name)
    for name in sorted(chosen - EVENTS.keys()):
        raise ValueError(f"has no {name!r}; there are {', '.join(EVENTS)}")
    return chosen


@dataclass(frozen=True)
class Settings:
    """The settings of `[notify]`, typed."""

    urls: tuple[str, ...] = setting(
        "",
        "Where messages about a run go: apprise's addresses, separated by commas or blanks; empty: nowhere. "
        "mailto://…, slack://…, ntfy://…, json://… and 170 others: https://appriseit.com/services/. Each is a "
        "password: ${NAME} is the place for it.",
        split,
    )
    events: frozenset[str] = setting(
        "failed, drift, fewer, refreshed, not_published_for",
        "Which events are reported, once a run at most: failed, finished, drift (unknown or missing columns, unknown "
        "codes), fewer (a month with fewer rows than TLC published), refreshed, not_published_for.",
        _events,
    )
    """some of `EVENTS`"""
    not_published_for: int = setting(
        "210", "Days after a month's end from which not_published_for is reported; TLC took 50 to 180.", whole
    )

    def __post_init__(self) -> None:
        if self.urls and not self.events:
            raise ConfigError(f"[notify] has urls but no events: name some of {', '.join(EVENTS)}")


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th … 11th."""
    teens = 10 < number % 100 < 14
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
