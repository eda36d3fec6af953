"""What a run says at its end."""

from taxi_luigi.holdings import Backlog, Missing
from taxi_luigi.months import Month
from taxi_luigi.summary import Outcome, lines

JANUARY, FEBRUARY, MARCH = Month(2024, 1), Month(2024, 2), Month(2024, 3)


def missing(month: Month) -> Missing:
    return Missing("green", month, ("local",), ("duckdb", "postgres"))


def done(month: Month, *stores: str, rows: int = 10) -> list[Outcome]:
    return [Outcome("green", str(month), "AnyTask", store, rows) for store in stores]


def test_a_month_counts_as_loaded_when_every_store_that_lacked_it_has_it() -> None:
    backlog = Backlog([missing(JANUARY), missing(FEBRUARY)], {"green": [MARCH]}, {})
    outcomes = [*done(JANUARY, "local", "duckdb", "postgres"), *done(FEBRUARY, "local", "duckdb")]
    assert lines(backlog, outcomes) == ["green: 1 month loaded (10 rows), 1 already there, 1 not finished (2024-02)"]


def test_a_failed_month_is_named_with_its_reason_and_the_others_go_on() -> None:
    backlog = Backlog([missing(JANUARY), missing(FEBRUARY)], {}, {})
    outcomes = [
        *done(JANUARY, "local", "duckdb"),
        Outcome("green", "2024-01", "LoadMonth", "postgres", why="it is down"),
        *done(FEBRUARY, "local", "duckdb", "postgres"),
    ]
    assert lines(backlog, outcomes) == [
        "green: 1 month loaded (10 rows), 0 already there, 1 failed",
        "green 2024-01 failed: LoadMonth postgres: it is down",
    ]


def test_the_last_try_of_a_task_counts() -> None:
    backlog = Backlog([missing(JANUARY)], {}, {})
    outcomes = [
        Outcome("green", "2024-01", "DownloadMonth", why="reset"),
        Outcome("green", "2024-01", "DownloadMonth"),
        *done(JANUARY, "local", "duckdb", "postgres", rows=5),
    ]
    assert lines(backlog, outcomes) == ["green: 1 month loaded (5 rows), 0 already there"]


def test_months_that_are_not_published_are_named_once_whether_or_not_a_person_named_them() -> None:
    backlog = Backlog([missing(JANUARY)], {}, {"green": [JANUARY, FEBRUARY]})
    assert lines(backlog, []) == ["green: 0 months loaded, 0 already there, 2 not published (2024-01, 2024-02)"]
