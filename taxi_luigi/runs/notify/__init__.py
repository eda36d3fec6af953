"""Telling people of a run, by mail, chat or webhook: one message per run, and only of what they chose.

events.py      what in a run is worth telling          report.py   the run in words       pure
message.py     the report as text and as an HTML page (mail.html)                         pure
addresses.py   the URLs of the services, and how to speak of them without their secrets   pure
sending.py     hands the message to courier.py, which is a process of its own and knows apprise
"""

from __future__ import annotations

from taxi_luigi.config.notifications import Settings, ordinal
from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.logs import log
from taxi_luigi.history.results import RunResult
from taxi_luigi.runs.notify import addresses, events


def check(settings: Settings) -> None:
    """Raises ConfigError for a URL that apprise does not take; asks no service. Imports apprise, if there is a URL."""
    if not settings.urls:
        return
    from taxi_luigi.runs.notify import courier

    for number, url in enumerate(settings.urls, 1):
        try:
            courier.service(url)
        except courier.Unusable as error:
            which = f"the {ordinal(number)}, {url.partition('://')[0]}://…,"
            why = addresses.hidden(str(error), settings.urls).rstrip(".")
            raise ConfigError(
                f"[notify] urls: {which} cannot be used: {why}; https://appriseit.com/services/ has the form of each"
            ) from None


def tell(result: RunResult, settings: Settings) -> None:
    """Tells people of the run if something happened that they chose. Never raises: what goes wrong is a log line."""
    if not settings.urls:
        return
    try:
        if events.happened(result, settings.not_published_for) & settings.events:
            from taxi_luigi.runs.notify import message, sending

            sending.send(message.compose(result, settings.not_published_for), settings.urls)
    except Exception:  # noqa: BLE001 a defect of ours here must not change how the run ends
        log.exception("Nobody was told of this run")
