"""Asking several stores at the same time, saying which does not answer, and going on without it.

What is asked, and whether a silence matters, is its caller's.
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
"""seconds for one answer to a question about what is there, and for which one that fails is asked again: a store that
is down costs the sum at most. Sending and fetching files has the store's own limits."""

_NOTICED = 2.0
"""seconds after which a silence is said: an answer takes a few hundred milliseconds"""


@contextmanager
def warn_if_slow(place: str, limit: float = ANSWER + AGAIN) -> Iterator[None]:
    """In the block, a place that does not answer is named in one line while it is still waited for."""
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
    """Store → what it answered, or the error of one that could not be asked, in the order of the questions.

    Each question, whatever it asks of its store, ends with the store's first error: a silent one costs a minute, and
    costs it once. Any other exception is raised here, when all have ended.
    """
    answers: dict[str, T] = {}
    errors: dict[str, Exception] = {}

    def ask(name: str, question: Callable[[], T]) -> None:
        try:
            answers[name] = question()
        except Exception as error:  # noqa: BLE001 a thread has nobody to raise to
            errors[name] = error

    # Daemons: Ctrl-C does not wait for a store that is silent.
    threads = [Thread(target=ask, args=each, name=each[0], daemon=True) for each in questions.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told: dict[str, T | TaxiError] = {}
    for name in questions:
        error = errors.get(name)
        if error is None:
            told[name] = answers[name]
        elif isinstance(error, TaxiError):
            told[name] = error
        else:
            raise error
    return told
