"""Asking several stores at the same time, and going on when one of them does not answer.

What is asked, and whether a silence matters, is its caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Thread
from typing import TypeVar

from taxi_luigi.errors import TaxiError

T = TypeVar("T")


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
