"""Asking several stores at once: none waits for another, and one that does not answer keeps no answer back."""

from __future__ import annotations

import logging
import threading
from threading import Barrier, Event

import pytest

from taxi_luigi.core import concurrency
from taxi_luigi.core.cloud import aws
from taxi_luigi.core.concurrency import ask_all
from taxi_luigi.core.errors import StorageError
from taxi_luigi.warehouses.bigquery.connection import Connection


def test_answers_come_in_the_order_of_the_questions() -> None:
    assert list(ask_all({"b": lambda: 1, "a": lambda: 2, "c": lambda: 3}).items()) == [("b", 1), ("a", 2), ("c", 3)]
    assert ask_all({}) == {}


def test_all_questions_run_at_the_same_time() -> None:
    both = Barrier(2, timeout=10)  # breaks, with an error, unless two wait at once
    assert set(ask_all({"a": both.wait, "b": both.wait}).values()) == {0, 1}


def test_one_that_fails_is_its_error_and_the_others_answer() -> None:
    refused = StorageError("gs://bucket does not answer")

    def ask() -> int:
        raise refused

    assert ask_all({"gcs": ask, "duckdb": lambda: 212}) == {"gcs": refused, "duckdb": 212}


def test_a_none_is_an_answer() -> None:
    assert ask_all({"gcs": lambda: None}) == {"gcs": None}


def test_a_defect_is_not_taken_for_silence() -> None:
    with pytest.raises(ZeroDivisionError):
        ask_all({"gcs": lambda: 1 // 0, "duckdb": lambda: 212})


def test_a_place_that_does_not_answer_is_named_while_it_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(concurrency, "_NOTICED", 0.01)
    said = Event()
    caplog.handler.addFilter(lambda _record: said.set() or True)
    logger = logging.getLogger("luigi-interface")
    logger.addHandler(caplog.handler)
    try:
        with concurrency.warn_if_slow("lake gcs (http://127.0.0.1:1)"):
            assert said.wait(10)
    finally:
        logger.removeHandler(caplog.handler)
    assert "lake gcs (http://127.0.0.1:1) has not answered for 0.01 s; waiting for it for 30 s at most" in caplog.text


def test_a_place_that_answers_is_not_named_and_no_thread_is_left() -> None:
    before = threading.active_count()
    with concurrency.warn_if_slow("lake gcs"):
        pass
    assert threading.active_count() == before


def test_a_question_about_what_is_there_takes_30_seconds_at_most() -> None:
    """Whatever the settings say of files that are sent."""
    connection = Connection("bq", "p", "d", None, None, "http://127.0.0.1:1", 600.0).with_short_timeouts()
    assert connection.patience + connection.request == concurrency.ANSWER + concurrency.AGAIN == 30
    bucket = aws.Bucket("lake s3", "bucket", timeout=300.0).looking()
    assert bucket.timeout * aws.LOOKS < 25  # with botocore's pauses of up to 3 s
