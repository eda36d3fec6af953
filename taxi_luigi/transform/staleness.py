"""Decide whether a held month is current: made from the source's file of now by the cleaning of now. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cache

from taxi_luigi.core.receipts import Edition, SourceFingerprint, source_digest
from taxi_luigi.tlc.datasets import SCHEMA_VERSION, Dataset
from taxi_luigi.tlc.datasets.mapping import first_mapping_digest, mapping_digest
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.clean_settings import CleanRules

_LATER = 20
"""versions of the schema that are looked ahead"""


class Reason(Enum):
    """Why a month is planned; the values are shown to users."""

    MISSING = "missing"
    REPUBLISHED = "republished"
    RULES_CHANGED = "rules changed"
    SCHEMA_CHANGED = "schema changed"
    MAPPING_CHANGED = "mapping changed"
    FORCED = "forced"


@cache
def _other_schemas(rules: CleanRules) -> tuple[frozenset[str], frozenset[str]]:
    """Return the digests of the rules with earlier and with later versions of the schema; the same for every month."""
    versions = range(1, SCHEMA_VERSION), range(SCHEMA_VERSION + 1, SCHEMA_VERSION + _LATER)
    earlier, later = (frozenset(map(rules.version, each)) for each in versions)
    return earlier, later


@dataclass(frozen=True)
class Recipe:
    """How this version with these settings cleans a month; its text is the RECIPE part of an edition."""

    rules: str
    """digest of the rules, with the schema's version"""
    mapping: str
    """digest of the month's column mapping"""
    first_mapping: str
    """digest of the mapping of months whose edition has none"""
    earlier_schemas: frozenset[str]
    """digests of the same rules with earlier versions of the schema"""
    later_schemas: frozenset[str] = frozenset()
    """the same with versions of the schema that only a later version of taxi_luigi has"""

    @classmethod
    def of(cls, rules: CleanRules, dataset: Dataset, month: Month) -> Recipe:
        """Return the recipe by which these rules and the code's column mapping clean a month of the record type."""
        earlier, later = _other_schemas(rules)
        first = first_mapping_digest(dataset, month)
        return cls(rules.version(), mapping_digest(dataset, month), first, earlier, later)

    def is_later(self, edition: str) -> bool:
        """Return whether a later version of taxi_luigi made a month of this edition, by the same rules."""
        held = Edition.read(edition)
        return held is not None and held.recipe.partition("_")[0] in self.later_schemas

    def change_since(self, recipe: str) -> Reason | None:
        """Return why a month cleaned by `recipe` is stale; None when its rows would be the same.

        None also for a month of a later schema, which is a later version's.
        """
        rules, _, mapping = recipe.partition("_")
        if rules in self.later_schemas:
            return None
        if rules != self.rules:
            return Reason.SCHEMA_CHANGED if rules in self.earlier_schemas else Reason.RULES_CHANGED
        return None if (mapping or self.first_mapping) == self.mapping else Reason.MAPPING_CHANGED

    def reverts(self, held: Iterable[str]) -> bool:
        """Return whether a month of one of these editions was cleaned by other rules; texts of others are ignored."""
        editions = filter(None, map(Edition.read, held))
        return any(self.change_since(edition.recipe) is Reason.RULES_CHANGED for edition in editions)

    def __str__(self) -> str:
        return f"{self.rules}_{self.mapping}"


@dataclass(frozen=True)
class Right:
    """The edition that a stale month should have, and why it is stale."""

    edition: Edition
    why: Reason


def wanted_edition(held: Iterable[str], seen: SourceFingerprint | None, recipe: Recipe) -> Right | None:
    """Return the edition that should replace those of a held month; None when all are current.

    Args:
        held: editions of the month in all places; texts that are not editions are ignored
        seen: fingerprint of the source's file now; None where it is not known, and then assumed to be unchanged
        recipe: of the month
    """
    editions = [edition for edition in map(Edition.read, held) if edition is not None]
    if not editions:
        return None
    source = editions[0].source if seen is None else source_digest(seen)
    right = Edition(source, str(recipe))
    if any(edition.source != source for edition in editions):
        return Right(right, Reason.REPUBLISHED)
    changes = (recipe.change_since(edition.recipe) for edition in editions)
    why = next((change for change in changes if change is not None), None)
    return None if why is None else Right(right, why)


def is_current(edition: str, source: str, recipe: Recipe) -> bool:
    """Return whether an edition was made from that published file and would have the same rows by this recipe.

    Args:
        edition: of the held month
        source: fingerprint of the published file, as in an edition
        recipe: of the month
    """
    held = Edition.read(edition)
    return held is not None and held.source == source and recipe.change_since(held.recipe) is None
