"""Queries to several stores at the same time, and a warning for a store that does not answer.

The caller decides what follows from an unreachable store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread, Timer
from typing import TypeVar

from taxi_luigi.core.errors import TaxiError
from taxi_luigi.core.logs import log

T = TypeVar("T")

ANSWER, AGAIN = 10.0, 20.0
"""seconds to wait for one response to a listing or query, and to go on retrying one that fails: a store that is down
costs the sum at most. Uploads and downloads have the store's own limits."""

_NOTICED = 2.0
"""seconds before the warning: a response takes a few hundred milliseconds"""


@contextmanager
def warn_if_slow(place: str, limit: float = ANSWER + AGAIN) -> Iterator[None]:
    """Log one warning when the block, which queries `place`, takes longer than 2 s.

    Args:
        place: the store, as messages have it
        limit: seconds after which the block gives up by itself
    """
    line = "%s has not answered for %g s; waiting for it for %g s at most"
    timer = Timer(_NOTICED, log.warning, (line, place, _NOTICED, limit))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # so that no thread is there when tasks are forked


def ask_all(questions: Mapping[str, Callable[[], T]]) -> dict[str, T | TaxiError]:
    """Query all stores, each in a thread of its own.

    Args:
        questions: store → its queries; they end with the store's first error, so that an unreachable one costs its time
            limit once
    Returns:
        store → the result, or its TaxiError, in the order of the questions
    Raises:
        any other exception of a question, when all have ended
    """
    answers: dict[str, T] = {}
    errors: dict[str, Exception] = {}

    def ask(name: str, question: Callable[[], T]) -> None:
        try:
            answers[name] = question()
        except Exception as error:  # noqa: BLE001 raised below, in the caller's thread
            errors[name] = error

    # Daemons: Ctrl-C does not wait for a store that does not answer.
    threads = [Thread(target=ask, args=each, name=each[0], daemon=True) for each in questions.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results: dict[str, T | TaxiError] = {}
    for name in questions:
        error = errors.get(name)
        if error is None:
            results[name] = answers[name]
        elif isinstance(error, TaxiError):
            results[name] = error
        else:
            raise error
    return results
