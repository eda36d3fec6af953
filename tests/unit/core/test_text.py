"""Texts of other people's files, cut to what a line and a receipt have room for."""

from __future__ import annotations

import pytest

from taxi_luigi.core.text import LONGEST, cut, listed, shown


def test_a_text_that_fits_stays_as_it_is() -> None:
    for text in ("", "N", "x" * LONGEST, "\0\n"):
        assert cut(text) == text


def test_a_long_text_is_its_beginning_and_its_length() -> None:
    assert cut("A" * 5_242_880) == "A" * 36 + "… (5,242,880 characters)"
    assert cut("x" * 61) == "x" * 43 + "… (61 characters)"
    assert cut("é" * 200, 100) == "é" * 82 + "… (200 characters)"


def test_texts_of_different_lengths_stay_different() -> None:
    assert cut("A" * 1_000) != cut("A" * 1_001)


@pytest.mark.parametrize("length", [61, 100, 999, 1_000, 10**6])
def test_what_is_cut_is_not_cut_again(length: int) -> None:
    once = cut("x" * length)
    assert len(once) == LONGEST
    assert cut(once) == cut(once, 100) == once


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("a\nb", r"a\nb"),
        ("x" * 5_000, "x" * 59 + "…"),
        ("\0" * 5_000, r"\x00" * 14 + r"\x0…"),
        (7, "7"),
    ],
)
def test_what_a_line_shows_can_be_printed(text: object, is_shown: str) -> None:
    assert shown(text) == is_shown


def test_a_line_names_as_many_as_it_has_room_for() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(2_000))).endswith("28, 29 and 1,970 more")
    long = listed(["x" * 100] * 40)
    assert long.endswith(" and 15 more")
    assert len(long) < 1_600
