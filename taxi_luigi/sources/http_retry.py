"""Which responses of a web server are retried, after how long, and their messages.

404, 410, 403 with S3's AccessDenied       NotPublished: there is no such file
other 403 (the firewall before TLC's CDN),
408, 425, 429, 5xx, reset, stall, …        TransientError: retried with backoff
anything else                              SourceError at once

Errors before there is a response are classified in http_exchange.py.
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
from taxi_luigi.core.units import plural
from taxi_luigi.sources.environment import proxy_of
from taxi_luigi.sources.http_exchange import Answer, TransientError, first_words, password_required
from taxi_luigi.sources.transport import NotPublished

log = logging.getLogger(__name__)
T = TypeVar("T")

_LONGEST_PAUSE = 60.0
"""seconds; what our own backoff grows to"""


@dataclass
class RetryPolicy:
    """How often a request is repeated after transient errors, with exponential backoff.

    Args:
        attempts: consecutive failures before it gives up
        backoff: seconds before the second attempt, doubled for each one after
        max_retry_after: the longest Retry-After, in seconds, that is waited for
    """

    attempts: int
    backoff: float
    max_retry_after: float
    failed: int = 0
    since: float = field(default_factory=time.monotonic)
    """when the last attempt failed or the first one began, in seconds of the monotonic clock"""

    def reset(self) -> None:
        """Reset the count of failures after progress."""
        self.failed = 0

    def call(self, url: str, attempt: Callable[[], T]) -> T:
        """Call `attempt` until it does not raise TransientError.

        Args:
            url: without secrets, for messages
            attempt: called without arguments
        Returns:
            the result of the successful attempt
        Raises:
            SourceError: all attempts failed, or the server requests too long a wait
        """
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
            wait = f", which asks to wait {last.pause:.0f} s" if last.pause > self.max_retry_after else ""
            times = plural(self.failed, "attempt")
            raise SourceError(
                f"{url}: gave up after {times}, the last: {last}{wait}; run the same again later"
            ) from last

    def _count(self, _: tenacity.RetryCallState) -> None:
        self.failed += 1
        self.since = time.monotonic()

    def _pause(self, state: tenacity.RetryCallState) -> float:
        longest: float = min(self.backoff * 2 ** min(self.failed - 1, 20), _LONGEST_PAUSE)
        # Half of it is random, so that many clients do not retry at the same moment.
        return max(longest * random.uniform(0.5, 1), _failure(state).pause)

    def _ends(self, state: tenacity.RetryCallState) -> bool:
        return self.failed >= self.attempts or _failure(state).pause > self.max_retry_after


def _failure(state: tenacity.RetryCallState) -> TransientError:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, TransientError), "tenacity calls these only after a TransientError"
    return failure


def check_status(answer: Answer, url: str, setting: str) -> None:
    """Check that a response is the file or a part of it.

    Args:
        answer: the response, of which at most the opening is read
        url: without secrets, for messages
        setting: the setting to correct, for messages
    Raises:
        NotPublished: there is no such file
        TransientError: another attempt may succeed
        SourceError: any other status
    """
    status = answer.status
    if status in (200, 206):
        return
    if status in (404, 410):
        raise NotPublished(f"{url}: not published (HTTP {status}){answer.via}")
    answered = f"HTTP {status} {http.client.responses.get(status, '')}".strip()
    if status == 403:
        opening = answer.opening()
        # S3 and firewalls both answer 403, S3 for a missing file; only its body has AccessDenied.
        if opening.lstrip().startswith(b"<") and b"<Code>AccessDenied</Code>" in opening:
            raise NotPublished(f"{url}: not published (HTTP 403, AccessDenied){answer.via}")
        words = first_words(opening, *answer.addresses)
        raise TransientError(f"{answered}, but not S3's AccessDenied: {words}{answer.via}", answer.pause)
    if status == 407:
        raise SourceError(f"{url}: {password_required(proxy_of(answer.response.url))}")
    if status in (408, 425, 429) or status >= 500:
        raise TransientError(f"{answered}{answer.via}", answer.pause)
    raise SourceError(f"{url}: the server answers {answered}{answer.via}; check {setting}")
