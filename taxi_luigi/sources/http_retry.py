"""Which answers of a web server are tried again, how long we wait, and what they are called in one line.

404, 410, 403 with S3's AccessDenied       there is no such file: NotPublished
other 403 (the firewall before TLC's CDN),
408, 425, 429, 5xx, reset, stall, …        Transient: again, with backoff
anything else                              SourceError at once

What goes wrong before there is an answer is in http_exchange.py.
"""

from __future__ import annotations

import http.client
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from taxi_luigi.core.errors import SourceError
from taxi_luigi.sources.environment import proxy_of
from taxi_luigi.sources.http_exchange import Answer, TransientError, first_words, wants_password
from taxi_luigi.sources.transport import NotPublished

log = logging.getLogger(__name__)
T = TypeVar("T")

_LONGEST_PAUSE = 60.0
"""seconds; what our own backoff grows to"""


@dataclass
class RetryPolicy:
    """How many failures in a row are borne, and for how long a server may ask us to wait (seconds)."""

    attempts: int
    backoff: float
    max_retry_after: float
    failed: int = 0
    since: float = field(default_factory=time.monotonic)
    """seconds of the monotonic clock; when the last attempt failed, or the first one began"""

    def start_anew(self) -> None:
        """Something was gained: failures are counted from here."""
        self.failed = 0

    def call(self, url: str, attempt: Callable[[], T]) -> T:
        """Calls `attempt` until it does not raise Transient; SourceError, naming the public url, when patience ends."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            after=self._count,
            wait=self._pause,
            stop=self._ends,
            before_sleep=lambda state: log.warning(
                "%s: %s; again in %.1f s", url, _failure(state), state.upcoming_sleep
            ),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except TransientError as last:
            wish = f", which asks to wait {last.pause:.0f} s" if last.pause > self.max_retry_after else ""
            times = f"{self.failed} attempt{'s' * (self.failed > 1)}"
            raise SourceError(
                f"{url}: gave up after {times}, the last: {last}{wish}; run the same again later"
            ) from last

    def _count(self, _: tenacity.RetryCallState) -> None:
        self.failed += 1
        self.since = time.monotonic()

    def _pause(self, state: tenacity.RetryCallState) -> float:
        longest: float = min(self.backoff * 2 ** min(self.failed - 1, 20), _LONGEST_PAUSE)
        # Half of it is left to chance, so that many clients do not come back at the same moment.
        return max(longest * random.uniform(0.5, 1), _failure(state).pause)

    def _ends(self, state: tenacity.RetryCallState) -> bool:
        return self.failed >= self.attempts or _failure(state).pause > self.max_retry_after


def _failure(state: tenacity.RetryCallState) -> TransientError:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, TransientError), "tenacity calls these only after a Transient"
    return failure


def judge(answer: Answer, url: str, setting: str) -> None:
    """Returns when the answer is the file or a part of it; raises NotPublished, TransientError or SourceError when not.

    `setting` is what a person may have written wrong.
    """
    status = answer.status
    if status in (200, 206):
        return
    if status in (404, 410):
        raise NotPublished(f"{url}: not published (HTTP {status}){answer.via}")
    said = f"HTTP {status} {http.client.responses.get(status, '')}".strip()
    if status == 403:
        opening = answer.opening()
        # S3 hides which names it has: a missing file is 403, and so is being shut out, but only the first says this.
        if opening.lstrip().startswith(b"<") and b"<Code>AccessDenied</Code>" in opening:
            raise NotPublished(f"{url}: not published (HTTP 403, AccessDenied){answer.via}")
        words = first_words(opening, *answer.addresses)
        raise TransientError(f"{said}, but not S3's AccessDenied: {words}{answer.via}", answer.pause)
    if status == 407:
        raise SourceError(f"{url}: {wants_password(proxy_of(answer.response.url))}")
    if status in (408, 425, 429) or status >= 500:
        raise TransientError(f"{said}{answer.via}", answer.pause)
    raise SourceError(f"{url}: the server answers {said}{answer.via}; check {setting}")
