"""`[notify]`: the URLs of services, and the events to choose from. Pure.

A URL is never shown: apprise's URLs are passwords as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.settings import setting, whole
from taxi_luigi.tlc.datasets import DATASETS

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
_BETWEEN_COLORS = re.compile(r"[\s,]+(?=\w+=[A-Za-z0-9]+://)")
_HEARTBEAT = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)


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


def _of_colors(text: str) -> tuple[tuple[str, str], ...]:
    """Return (color, URL) for each part of `[notify] color_urls`. Raise ConfigError, without the text."""
    parts = [part.partition("=") for part in _BETWEEN_COLORS.split(text.strip(" \t\r\n,")) if part]
    for number, (color, _, url) in enumerate(parts, 1):
        if color not in DATASETS or not _URL.fullmatch(url):
            raise ConfigError(
                f"[notify] color_urls: the {ordinal(number)} is not like green=mailto://…, with one of "
                f"{', '.join(DATASETS)} (a blank in it is written %20, and its percent sign twice in luigi.cfg)"
            )
    return tuple((color, url) for color, _, url in parts)


def _heartbeat(text: str) -> str:
    if text and not _HEARTBEAT.fullmatch(text):
        raise ConfigError("[notify] heartbeat is no address such as https://hc-ping.com/…")
    return text


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
    color_urls: tuple[tuple[str, str], ...] = setting(
        "",
        "Where the failures of one record type go as well, whatever events are chosen: `green=mailto://…, "
        "fhv=slack://…`, with addresses as in urls. The message has the months of that record type alone.",
        _of_colors,
    )
    """(color, URL)"""
    heartbeat: str = setting(
        "",
        "An address that gets a GET request at the end of each run for months that ended well, so that a monitor "
        "notices when none does: https://hc-ping.com/… of healthchecks.io and the like. Exit code 20 is well under "
        "cron-run alone. The address is a password: ${NAME} is the place for it. Empty: none.",
        _heartbeat,
    )

    def __post_init__(self) -> None:
        if self.urls and not self.events:
            raise ConfigError(f"[notify] has urls but no events: name some of {', '.join(EVENTS)}")


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th … 11th."""
    teens = 10 < number % 100 < 14
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
