"""The typed settings of `[clean]`: the rules that take rows out, and the limits beyond which a month is refused.

Pure, without pyarrow, so that a run with nothing to do compares editions without importing it. The masks of the rules
are in rules.py, the checks of the limits in guards.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from taxi_luigi.core.errors import ConfigError
from taxi_luigi.core.receipts import digest
from taxi_luigi.core.settings import names, setting, share
from taxi_luigi.tlc.datasets import DATASETS, FILE_MONTH, SCHEMA_VERSION

RULE_REASONS = {
    "no_passengers": "no passengers: passenger_count is 0",
    "dropoff_before_pickup": "the trip ends before it begins",
    "outside_file_month": "the trip begins outside the month in the file's name",
    "negative_total": "total_amount is below zero",
    "zero_distance": "the distance is exactly 0",
    "unknown_zone": "pickup or dropoff in zone 264 (unknown) or 265 (outside New York City)",
    "zero_coordinates": "a longitude or latitude is exactly 0: the place is not known",
}
"""Rule → what it matches. A row that several rules match has the first of them as its reason."""


def _rules(text: str) -> frozenset[str]:
    return frozenset(names(text))


def _fill(text: str) -> bool:
    if text not in ("", "0"):
        raise ValueError(f"is 0 or empty, not {text!r}")
    return text == "0"


def _warn_or_fail(text: str) -> Literal["warn", "fail"]:
    if text == "warn":
        return "warn"
    if text == "fail":
        return "fail"
    raise ValueError(f"is warn or fail, not {text!r}")


def _missing_columns(text: str) -> Literal["fail", "warn"] | frozenset[str]:
    if text in ("fail", "warn"):
        return _warn_or_fail(text)
    columns = names(text)
    known = {column.name for dataset in DATASETS.values() for column in dataset.columns} - {FILE_MONTH}
    unknown = sorted({*columns} - known)
    if not columns or unknown:
        what = f"; no record type has a column {unknown[0]!r}" if unknown else ""
        raise ValueError(f"is fail, warn, or names of columns as docs/schema.md has them, not {text!r}{what}")
    return frozenset(columns)


@dataclass(frozen=True)
class CleanRules:
    """The switches of `[clean]`. Raise ConfigError for a rule that does not exist."""

    reject: frozenset[str] = setting(
        "",
        f"The rules whose rows are taken out, separated by commas: {', '.join(RULE_REASONS)}. Rows that cannot be "
        "stored are always taken out. All go to `rejected/`, with their reason.",
        _rules,
    )
    fill_missing_passengers: bool = setting(
        "", "`0`: a missing passenger count becomes 0. Empty: it stays missing.", _fill
    )
    unknown_columns: Literal["warn", "fail"] = setting(
        "warn",
        "A column that TLC added and the package does not know is left out and recorded. `warn`: a log line; `fail`: "
        "the month stops.",
        _warn_or_fail,
    )

    def __post_init__(self) -> None:
        for name in sorted(self.reject - RULE_REASONS.keys()):
            raise ConfigError(f"[clean] reject: there is no rule {name!r}; there are {', '.join(RULE_REASONS)}")

    def version(self, schema: int = SCHEMA_VERSION) -> str:
        """Return ten hex digits that differ with the rules' effect on rows and with the schema's version."""
        return digest(schema, sorted(self.reject), self.fill_missing_passengers)


@dataclass(frozen=True)
class Limits:
    """The limits beyond which a month's file is refused.

    The held version of a refused month is kept, and later runs skip its file until it or these settings change.
    """

    most_rejected: float = setting(
        "0.01",
        "The share of a month's records, 0 to 1, that cannot be stored at most; rows that rules take out do not count. "
        "Beyond it the month is refused (docs/operating.md, A worse month).",
        share,
    )
    """TLC's own files have no such record (128 months, November 2026)"""
    missing_columns: Literal["fail", "warn"] | frozenset[str] = setting(
        "fail",
        "When a column is missing that TLC's files of that month have: `fail`; `warn`: it is empty, and named at the "
        "run's end; or the names of the columns that may be missing, separated by commas.",
        _missing_columns,
    )
    fewest_rows: float = setting(
        "0.9",
        "The share of the records that are held, 0 to 1, that a file in their place must have at least. `--force` "
        "overrides it.",
        share,
    )


def check_version(rules: CleanRules, limits: Limits) -> str:
    """Return ten hex digits that differ with any setting that can refuse a month; a refusal is valid until then."""
    columns = limits.missing_columns
    missing = columns if isinstance(columns, str) else sorted(columns)
    return digest(limits.most_rejected, missing, limits.fewest_rows, rules.unknown_columns)
