"""`[notify]`: the addresses of services, and the events that people choose from. Pure.

An address is never shown: apprise's URLs are passwords as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from taxi_luigi.core.errors import ConfigError

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
"""The events that people choose from, and when each happens."""

_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z0-9]+://)")
"""Commas and blanks may stand within a URL too, as between the people a mail goes to."""
_URL = re.compile(r"[A-Za-z0-9]+://\S+")


@dataclass(frozen=True)
class Settings:
    """The settings of `[notify]`, typed."""

    urls: tuple[str, ...]
    """apprise's; none: no notification"""
    events: frozenset[str]
    """some of `EVENTS`"""
    not_published_for: int
    """days after a month's end"""


def settings_of(urls: str, chosen: str, not_published_for: int) -> Settings:
    """The texts of luigi.cfg, apart; ConfigError for what is invalid, without asking apprise."""
    names = frozenset(name for name in (part.strip() for part in chosen.split(",")) if name)
    for name in sorted(names - EVENTS.keys()):
        raise ConfigError(f"[notify] events has no {name!r}; there are {', '.join(EVENTS)}")
    if urls and not names:
        raise ConfigError(f"[notify] has urls but no events: name some of {', '.join(EVENTS)}")
    return Settings(split(urls), names, not_published_for)


def split(text: str) -> tuple[str, ...]:
    """The URLs of `[notify] urls`; ConfigError, which shows none of them, for something else between them."""
    urls = tuple(part for part in _BETWEEN.split(text.strip(" \t\r\n,")) if part)
    for number, url in enumerate(urls, 1):
        if not _URL.fullmatch(url):
            raise ConfigError(
                f"[notify] urls: the {ordinal(number)} is no URL such as mailto://…, json://… or slack://… "
                "(a blank in one is written %20, and its percent sign twice in luigi.cfg)"
            )
    return urls


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th … 11th."""
    teens = 10 < number % 100 < 14
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
