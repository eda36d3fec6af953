"""Sizes, durations and plurals for people."""

import pytest

from taxi_luigi.core import units


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 bytes"), (12, "12 bytes"), (100_000, "100.0 kB"), (47_600_000, "47.6 MB")]
)
def test_sizes_are_in_powers_of_1000(number: int, text: str) -> None:
    assert units.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"), (0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
        (72, "1 min 12 s"), (3_599.4, "59 min 59 s"), (3_599.6, "1 h 00 min"), (3_720, "1 h 02 min"),
    ],
)  # fmt: skip
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert units.duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (1_234, "1,234 rows")])
def test_one_thing_has_no_s(number: int, text: str) -> None:
    assert units.plural(number, "row") == text
