"""The settings of `[clean]`, typed: which rules take rows out, and how much worse than expected a month may be.

Pure, and free of pyarrow, so that a run with nothing to do can compare editions without it. What a rule matches is in
rules.py; what happens beyond a limit is in guards.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.receipts import digest
from taxi_luigi.tlc.datasets import SCHEMA_VERSION

RULE_REASONS = {
    "no_passengers": "no passengers: passenger_count is 0",
    "dropoff_before_pickup": "the trip ends before it begins",
    "outside_file_month": "the trip begins outside the month in the file's name",
    "negative_total": "total_amount is below zero",
    "zero_distance": "the distance is exactly 0",
    "unknown_zone": "pickup or dropoff in zone 264 (unknown) or 265 (outside New York City)",
    "zero_coordinates": "a longitude or latitude is exactly 0: the place is not known",
}
"""The rules by name, in the order in which a row that several apply to is given its reason → what each finds."""


@dataclass(frozen=True)
class CleanRules:
    """The switches of `[clean]`. Raises ConfigError for a rule that does not exist."""

    reject: frozenset[str] = frozenset()
    """rules whose rows are taken out"""
    fill_missing_passengers: bool = False
    """a missing passenger_count becomes 0"""
    unknown_columns: Literal["warn", "fail"] = "warn"

    def __post_init__(self) -> None:
        for name in sorted(self.reject - RULE_REASONS.keys()):
            raise ConfigError(f"[clean] reject: there is no rule {name!r}; there are {', '.join(RULE_REASONS)}")

    def version(self, schema: int = SCHEMA_VERSION) -> str:
        """Ten hex digits that change when the rules would keep or change other rows, or with the schema's version."""
        return digest(schema, sorted(self.reject), self.fill_missing_passengers)


@dataclass(frozen=True)
class Limits:
    """How much worse than expected a month's file may be before the month is refused."""

    most_rejected: float = 0.01
    """share of the file's records, 0 to 1, that cannot be stored; rows taken out by rules do not count.

    TLC's own months have none (128 real ones, November 2026).
    """
    missing_columns: Literal["fail", "warn"] | frozenset[str] = "fail"
    """what happens when a column of the month's layout is missing; a set names the columns that may be"""
    fewest_rows: float = 0.9
    """share, 0 to 1, of the records held that a replacement must have at least"""


def check_version(rules: CleanRules, limits: Limits) -> str:
    """Ten hex digits that change with any setting that can refuse a month: a refusal holds until then."""
    columns = limits.missing_columns
    missing = columns if isinstance(columns, str) else sorted(columns)
    return digest(limits.most_rejected, missing, limits.fewest_rows, rules.unknown_columns)
