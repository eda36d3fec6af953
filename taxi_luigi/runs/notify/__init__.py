"""Notifications of a run, by mail, chat or webhook, only for the events in `[notify] events`; and its heartbeat.

events.py     which events happened in a run
message.py    the run as a headline, sections and a table: as text, and as an HTML page (mail.html)
sending.py    hands the message to courier.py, a process of its own that imports apprise; keeps secrets out of the log
heartbeat.py  the request after a good run
"""

from __future__ import annotations

from collections.abc import Callable

from taxi_luigi.config.notifications import Settings, ordinal
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs import log
from taxi_luigi.history import RunResult
from taxi_luigi.runs.notify import events, heartbeat, sending


def check(settings: Settings) -> None:
    """Raise ConfigError for a URL that apprise does not take; contact no service. Imports apprise only for a URL."""
    of_colors = tuple(url for _, url in settings.color_urls)
    if not settings.urls and not of_colors:
        return
    from taxi_luigi.runs.notify import courier

    for key, urls in (("urls", settings.urls), ("color_urls", of_colors)):
        for number, url in enumerate(urls, 1):
            try:
                courier.service(url)
            except courier.Unusable as error:
                which = f"the {ordinal(number)}, {url.partition('://')[0]}://…,"
                why = sending.hidden(str(error), urls).rstrip(".")
                raise ConfigError(
                    f"[notify] {key}: {which} cannot be used: {why}; "
                    "https://appriseit.com/services/ has the form of each"
                ) from None


def send(result: RunResult, settings: Settings, page: Callable[[], str] = lambda: "") -> None:
    """Send the message of a run if one of the chosen events happened, and that of each record type that failed.

    Never raises: a failure is a log line.

    Args:
        result: of the run
        settings: of `[notify]`
        page: writes the page of the run, and returns its address or ''; called where there is a message
    """
    if not settings.urls and not settings.color_urls:
        return
    try:
        messages = []
        if settings.urls and events.happened(result, settings.not_published_for) & settings.events:
            messages.append((result, settings.urls))
        for color in dict(settings.color_urls):
            found = events.of_color(result, color)
            if found.failed:
                messages.append((found, tuple(url for name, url in settings.color_urls if name == color)))
        address = page() if messages else ""
        for found, urls in messages:
            from taxi_luigi.runs.notify import message

            sending.send(message.compose(found, settings.not_published_for, address), urls)
    except Exception:  # noqa: BLE001 a defect of ours here must not change how the run ends
        log.exception("notification not sent")


def beat(result: RunResult, settings: Settings, under_cron: bool) -> None:
    """Send the heartbeat of a good run; never raises.

    Args:
        result: of the run
        settings: of `[notify]`
        under_cron: whether cron-run, for which exit code 20 is well, has started it
    """
    if not settings.heartbeat or not result.is_good or (result.exit_code != 0 and not under_cron):
        return
    try:
        heartbeat.beat(settings.heartbeat)
    except Exception:  # noqa: BLE001 as above
        log.exception("heartbeat not sent")
