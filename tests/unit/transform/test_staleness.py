"""Why a month that is held is not the right one any more, by its edition alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taxi_luigi.core.receipts import Edition, SourceFingerprint, source_digest
from taxi_luigi.tlc.datasets import DATASETS, SCHEMA_VERSION
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.staleness import Reason, Recipe, is_current, wanted_edition

SEEN, REWRITTEN = SourceFingerprint('"a"', None, 10), SourceFingerprint('"b"', None, 10)
SOURCE = source_digest(SEEN)
RULES = CleanRules()
TODAY = Recipe.of(RULES, DATASETS["green"], Month(2024, 1))


def held(recipe: str) -> str:
    return str(Edition(SOURCE, recipe))


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (str(TODAY), None),
        (f"{CleanRules(frozenset({'zero_distance'})).version()}_{TODAY.mapping}", Reason.RULES_CHANGED),
        (f"{RULES.version(SCHEMA_VERSION - 1)}_{TODAY.mapping}", Reason.SCHEMA_CHANGED),
        (f"{RULES.version()}_00000000", Reason.MAPPING_CHANGED),
        (RULES.version(), None),
        (f"{RULES.version(SCHEMA_VERSION + 1)}_00000000", None),
        (RULES.version(SCHEMA_VERSION - 1), Reason.SCHEMA_CHANGED),
        (CleanRules(frozenset({"zero_distance"})).version(), Reason.RULES_CHANGED),
    ],
)
def test_what_changed_since_a_month_was_cleaned(recipe: str, why: Reason | None) -> None:
    right = wanted_edition([held(recipe)], SEEN, TODAY)
    assert (right and right.why) == why
    assert is_current(held(recipe), SOURCE, TODAY) is (why is None)


def test_an_edition_without_a_mapping_was_cleaned_by_the_first_one() -> None:
    later = replace(TODAY, mapping="12345678")
    right = wanted_edition([held(RULES.version())], SEEN, later)
    assert right is not None
    assert right.why is Reason.MAPPING_CHANGED
    assert right.edition == Edition(SOURCE, str(later))


def test_a_month_of_a_later_schema_is_a_newer_versions() -> None:
    assert TODAY.is_later(held(f"{RULES.version(SCHEMA_VERSION + 1)}_00000000"))
    assert not any(TODAY.is_later(edition) for edition in (held(str(TODAY)), held(RULES.version(1)), "by hand", ""))


def test_a_rewritten_file_is_the_first_reason() -> None:
    right = wanted_edition([held(f"{RULES.version()}_00000000")], REWRITTEN, TODAY)
    assert right is not None
    assert right.why is Reason.REPUBLISHED


def test_a_source_that_was_not_looked_at_is_taken_for_unchanged() -> None:
    assert wanted_edition([held(str(TODAY))], None, TODAY) is None


def test_editions_of_others_count_for_nothing() -> None:
    assert wanted_edition(["by hand", ""], SEEN, TODAY) is None
    assert not is_current("by hand", SOURCE, TODAY)
