"""Sizes, durations and plurals for people."""

import pytest

from taxi_luigi.core import units


@pytest.mark.parametrize(("number", "text"), [(12, "12 bytes"), (100_000, "100.0 kB"), (47_600_000, "47.6 MB")])
def test_sizes_are_in_powers_of_1000(number: int, text: str) -> None:
    assert units.size(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (1_234, "1,234 rows")])
def test_one_thing_has_no_s(number: int, text: str) -> None:
    assert units.plural(number, "row") == text
