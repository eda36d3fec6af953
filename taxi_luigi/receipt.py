"""The account of one month, and the edition that names which account it is.

A raw file's receipt is a small JSON beside it; a clean file carries its own in the parquet footer under `FOOTER_KEY`.
Pure: nothing here opens a file.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self
from urllib.parse import quote

FOOTER_KEY = "taxi_luigi.receipt"


@dataclass(frozen=True)
class Seen:
    """What a source says of a file before it is fetched: enough to notice that it was rewritten."""

    etag: str | None
    last_modified: str | None
    bytes: int | None


@dataclass(frozen=True)
class Edition:
    """Which published file, cleaned how: `SOURCE-RECIPE`, with `-STAMP` when a person forced it.

    SOURCE digests (ETag, Last-Modified, length); RECIPE digests the cleaning rules and the schema version.
    """

    source: str
    recipe: str
    stamp: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The reverse of str()."""
        source, recipe, *stamp = text.split("-", 2)
        return cls(source, recipe, *stamp)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """As `parse`; None for a text that is no edition of ours."""
        return cls.parse(text) if text.count("-") in (1, 2) else None

    def same_but_for_stamp(self, text: str) -> bool:
        """Whether a text names an edition of the same file by the same rules."""
        other = Edition.read(text)
        return other is not None and (other.source, other.recipe) == (self.source, self.recipe)

    @property
    def for_raw(self) -> str:
        """The part that a raw file is bound to: a change of rules needs no new download."""
        return "-".join(filter(None, (self.source, self.stamp)))

    def __str__(self) -> str:
        return "-".join(filter(None, (self.source, self.recipe, self.stamp)))


def digest(*parts: object) -> str:
    """Ten hex digits that change when any part does."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:10]


def source_digest(seen: Seen) -> str:
    """The SOURCE part of an edition."""
    return digest(seen.etag, seen.last_modified, seen.bytes)


@dataclass(frozen=True)
class RawReceipt:
    """What was downloaded: `bytes` and `sha256` are of the file as stored, `url` is where it came from."""

    url: str
    etag: str | None
    last_modified: str | None
    bytes: int
    sha256: str
    edition: str
    """`Edition.for_raw`"""
    downloaded_at: str
    """UTC, ISO 8601, whole seconds"""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError when the text is not a raw receipt."""
        try:
            return cls(**_load(text))
        except TypeError as error:
            raise ValueError(f"not a raw receipt: {error}") from error


@dataclass(frozen=True)
class Essentials:
    """What is copied from a clean file's receipt to where no footer is read: object metadata, markers."""

    edition: str
    sha256: str
    """of the raw file"""
    rows: int
    source: str
    """the raw file's URL"""

    def labels(self) -> dict[str, str]:
        """As short ASCII texts, the URL percent-encoded where it is not ASCII."""
        return {
            "edition": self.edition,
            "sha256": self.sha256,
            "rows": str(self.rows),
            "source": quote(self.source, safe=string.punctuation),
        }

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self | None:
        """The reverse of `labels`; None when they are not ours."""
        try:
            return cls(labels["edition"], labels["sha256"], int(labels["rows"]), labels["source"])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class CleanReceipt:
    """The account of one cleaned month. `rows_in == rows_kept + sum(rejected.values())`, always."""

    edition: str
    color: str
    month: str
    raw: RawReceipt
    raw_format: str
    """parquet, csv or csv.gz: what the bytes are, whatever the file is called"""
    layout: dict[str, str]
    """source column → Arrow type, as found, each cut where it is long; only the first of those that we do not know"""
    left_out: dict[str, dict[str, Any]]
    """columns that we do not know → {"type": Arrow type, "nulls": null share from 0 to 1}; those for which there is no
    room are one entry, which has their number as "columns" too"""
    rows_in: int
    rows_kept: int
    rejected: dict[str, int]
    """reason → rows taken out; a row counts once, under its first reason"""
    rules: dict[str, int]
    """rule → rows that it applies to, whether or not it is switched on"""
    changed: dict[str, int] = field(default_factory=dict)
    """rule → rows in which it changed a value"""
    unmapped: dict[str, dict[str, int]] = field(default_factory=dict)
    """`unknown_code:COLUMN` → text, cut where it is long → rows that have no such value, as no map knows the text"""
    versions: dict[str, str] = field(default_factory=dict)
    """schema, taxi_luigi, pyarrow"""

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def essentials(self) -> Essentials:
        return Essentials(self.edition, self.raw.sha256, self.rows_kept, self.raw.url)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError when the text is not a clean receipt."""
        fields = _load(text)
        try:
            fields["raw"] = RawReceipt(**fields["raw"])
            return cls(**fields)
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a clean receipt: {error}") from error


def _load(text: str) -> dict[str, Any]:
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("not a receipt: not a JSON object")  # noqa: TRY004 the text is wrong, not its type
    return fields
