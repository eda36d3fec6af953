"""Asking several stores at once: none waits for another, and one that does not answer keeps no answer back."""

from __future__ import annotations

from threading import Barrier

import pytest

from taxi_luigi.asking import ask_all
from taxi_luigi.errors import StorageError


def test_answers_come_in_the_order_of_the_questions() -> None:
    assert list(ask_all({"b": lambda: 1, "a": lambda: 2, "c": lambda: 3}).items()) == [("b", 1), ("a", 2), ("c", 3)]
    assert ask_all({}) == {}


def test_all_are_asked_at_the_same_time() -> None:
    both = Barrier(2, timeout=10)  # breaks, with an error, unless two wait at once
    assert set(ask_all({"a": both.wait, "b": both.wait}).values()) == {0, 1}


def test_one_that_cannot_be_asked_is_its_error_and_the_others_answer() -> None:
    refused = StorageError("gs://bucket does not answer")

    def ask() -> int:
        raise refused

    assert ask_all({"gcs": ask, "duckdb": lambda: 212}) == {"gcs": refused, "duckdb": 212}


def test_a_none_is_an_answer() -> None:
    assert ask_all({"gcs": lambda: None}) == {"gcs": None}


def test_a_defect_is_not_taken_for_silence() -> None:
    with pytest.raises(ZeroDivisionError):
        ask_all({"gcs": lambda: 1 // 0, "duckdb": lambda: 212})
