"""Notifications of a run, by mail, chat or webhook: one message per run, and only for the events in `[notify] events`.

events.py    which events happened in a run
message.py   the run as a headline, sections and a table: as text, and as an HTML page (mail.html)
sending.py   hands the message to courier.py, a process of its own that imports apprise; keeps secrets out of the log
"""

from __future__ import annotations

from taxi_luigi.config.notifications import Settings, ordinal
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs import log
from taxi_luigi.history import RunResult
from taxi_luigi.runs.notify import events, sending


def check(settings: Settings) -> None:
    """Raise ConfigError for a URL that apprise does not take; contact no service. Imports apprise only for a URL."""
    if not settings.urls:
        return
    from taxi_luigi.runs.notify import courier

    for number, url in enumerate(settings.urls, 1):
        try:
            courier.service(url)
        except courier.Unusable as error:
            which = f"the {ordinal(number)}, {url.partition('://')[0]}://…,"
            why = sending.hidden(str(error), settings.urls).rstrip(".")
            raise ConfigError(
                f"[notify] urls: {which} cannot be used: {why}; https://appriseit.com/services/ has the form of each"
            ) from None


def send(result: RunResult, settings: Settings) -> None:
    """Send the message of a run if one of the chosen events happened. Never raises: a failure is a log line."""
    if not settings.urls:
        return
    try:
        if events.happened(result, settings.not_published_for) & settings.events:
            from taxi_luigi.runs.notify import message

            sending.send(message.compose(result, settings.not_published_for), settings.urls)
    except Exception:  # noqa: BLE001 a defect of ours here must not change how the run ends
        log.exception("notification not sent")
