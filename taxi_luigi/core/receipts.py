"""The account of one month, and the edition that names which account it is.

A raw file's receipt is a small JSON beside it; a clean file carries its own in the parquet footer under `FOOTER_KEY`.
Pure: nothing here opens a file.
"""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from types import UnionType
from typing import Any, Self, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import quote

Record = TypeVar("Record")

FOOTER_KEY = "taxi_luigi.receipt"

LAYOUT = "layout"
"""`CleanReceipt.missing` of a column that the month's layout has: without it the file is refused"""
DROPPED = "dropped"
"""of one that only the month's layout in the other form, csv or parquet, has, though the files in this form have it"""
OTHER_FORM = "other form"
"""of one that only the month's layout in the other form has, as with TLC's own csv files"""


@dataclass(frozen=True)
class SourceFingerprint:
    """What a source states about a file before it is fetched: enough to notice that it was rewritten."""

    etag: str | None
    last_modified: str | None
    bytes: int | None


@dataclass(frozen=True)
class Edition:
    """Which published file was cleaned, and how: `SOURCE-RECIPE`, with `-STAMP` when `--force` made it.

    SOURCE digests (ETag, Last-Modified, length). RECIPE is `RULES_MAPPING`: digests of the cleaning rules with the
    schema's version, and of the month's column mapping; editions of before 2026-12 have RULES alone.
    """

    source: str
    recipe: str
    stamp: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the result of str()."""
        source, recipe, *stamp = text.split("-", 2)
        return cls(source, recipe, *stamp)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Parse an edition; None for a text that is none of ours."""
        return cls.parse(text) if text.count("-") in (1, 2) else None

    def serves(self, wanted: Self, any_force: bool = False) -> bool:
        """Whether a month held in this edition is the one required: the same file, cleaned the same way.

        Args:
            wanted: the edition that is required
            any_force: also one that was forced earlier, as by a run at the same time
        """
        same = (self.source, self.recipe) == (wanted.source, wanted.recipe)
        return same and (any_force or self.stamp >= wanted.stamp)

    @property
    def for_raw(self) -> str:
        """The part that a raw file is bound to: a change of rules needs no new download."""
        return "-".join(filter(None, (self.source, self.stamp)))

    def __str__(self) -> str:
        return "-".join(filter(None, (self.source, self.recipe, self.stamp)))


@dataclass(frozen=True)
class Failure:
    """Why a month's file was not taken at its last attempt; kept as a small JSON beside the raw file."""

    check: str
    """what refused it (`Refusal.check`), or `file`: the file or its layout is at fault"""
    why: str
    """one line"""
    source: str
    """the SOURCE part of an edition: which published file"""
    recipe: str
    """the RECIPE part: how it was cleaned"""
    settings: str
    """`clean_settings.check_version`"""
    records: int | None = None
    """of a file refused by `fewest_rows`: its records"""

    @property
    def refused(self) -> bool:
        """Whether the settings or the month that is held were the reason, rather than the file alone."""
        return self.check != FILE

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raise ValueError for a text that is no such record."""
        return _record(cls, text)


FILE = "file"
"""`Failure.check` of a file that cannot be read, or whose columns do not make trips"""


def digest(*parts: object) -> str:
    """Return ten hex digits that change when any part does."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:10]


def source_digest(seen: SourceFingerprint) -> str:
    """Return the SOURCE part of an edition."""
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
    later: tuple[str, ...] = field(default=(), compare=False)
    """fields that a later version has written; not in the JSON"""

    @property
    def source(self) -> str:
        """The SOURCE part of the edition: which published file it is.

        It is not computed from this receipt's length, which is not the source's where the file was sent compressed.
        """
        return self.edition.partition("-")[0]

    def to_json(self) -> str:
        return json.dumps(_written(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raise ValueError for a text that is not a raw receipt."""
        return _receipt(cls, _load(text))


@dataclass(frozen=True)
class ReceiptSummary:
    """What is copied from a clean file's receipt to where no footer is read: object metadata, markers."""

    edition: str
    sha256: str
    """of the raw file"""
    rows: int
    source: str = field(compare=False)
    """the raw file's URL, of which labels keep an ASCII form"""
    records: int | None = field(default=None, compare=False)
    """records of the raw file that can be stored, with those that rules took out; None: written before this was kept"""

    def same_content(self, other: ReceiptSummary) -> bool:
        """Whether both are of the same rows, even if made at different times."""
        mine, its = Edition.read(self.edition), Edition.read(other.edition)
        if mine is None or its is None or not mine.serves(its, any_force=True):
            return self.edition == other.edition and self == other
        return (self.sha256, self.rows) == (other.sha256, other.rows)

    def labels(self) -> dict[str, str]:
        """Return short ASCII texts, the URL percent-encoded where it is not ASCII."""
        labels = {
            "edition": self.edition,
            "sha256": self.sha256,
            "rows": str(self.rows),
            "source": quote(self.source, safe=string.punctuation),
        }
        return labels if self.records is None else labels | {"records": str(self.records)}

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self | None:
        """Parse the result of `labels`; None when they are not ours."""
        try:
            records = int(labels["records"]) if "records" in labels else None
            return cls(labels["edition"], labels["sha256"], int(labels["rows"]), labels["source"], records)
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
    """parquet, csv or csv.gz, by the bytes, not the name"""
    layout: dict[str, str]
    """source column → Arrow type, as found, each cut where it is long; of unknown columns only the first"""
    left_out: dict[str, dict[str, Any]]
    """unknown column → {"type": Arrow type, "nulls": null share from 0 to 1}; those for which there is no room are one
    entry, which has their number as "columns" too"""
    rows_in: int
    rows_kept: int
    rejected: dict[str, int]
    """reason → rows taken out; a row counts once, under its first reason"""
    rules: dict[str, int]
    """rule → rows that it applies to, whether or not it is switched on"""
    changed: dict[str, int] = field(default_factory=dict)
    """rule → rows in which it changed a value"""
    unmapped: dict[str, dict[str, int]] = field(default_factory=dict)
    """`unknown_code:COLUMN` → text that is in no value map, cut where it is long → rows that have no value for it"""
    versions: dict[str, str] = field(default_factory=dict)
    """schema, taxi_luigi, pyarrow"""
    sums: dict[str, float] = field(default_factory=dict)
    """money column of the file → dollars in all records that can be stored, to the cent; empty: written before this was
    kept, or a file without any"""
    profile: dict[str, list[int]] = field(default_factory=dict)
    """trips kept by hour, day, fare, miles and kind of payment (transform/profile.py); empty: written before"""
    missing: dict[str, str] = field(default_factory=dict)
    """columns that a layout of the month has and the file lacks → LAYOUT, DROPPED or OTHER_FORM"""
    warnings: list[str] = field(default_factory=list)
    """what is odd about the month though nothing is wrong with it, a phrase each"""
    replaced: dict[str, Any] = field(default_factory=dict)
    """edition, records and sums of the file that this one replaced; empty where there was none"""
    encodings: dict[str, str] = field(default_factory=dict)
    """column of times → parquet encoding chosen for the clean file; empty: no rows, or written before this was kept"""
    later: tuple[str, ...] = field(default=(), compare=False)
    """fields that a later version has written, those of `raw` too; not in the JSON"""

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def records(self) -> int:
        """Records of the raw file that can be stored, with those that rules took out."""
        return self.rows_in - sum(rows for reason, rows in self.rejected.items() if reason not in self.rules)

    @property
    def summary(self) -> ReceiptSummary:
        return ReceiptSummary(self.edition, self.raw.sha256, self.rows_kept, self.raw.url, self.records)

    def to_json(self) -> str:
        return json.dumps(_written(self) | {"raw": _written(self.raw)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raise ValueError for a text that is not a clean receipt."""
        values = _load(text)
        raw = values.get("raw")
        if not isinstance(raw, dict):
            raise ValueError("not a clean receipt: no raw receipt in it")  # noqa: TRY004 the text is wrong, not its type
        values["raw"] = _receipt(RawReceipt, raw)
        receipt = _receipt(cls, values)
        return replace(receipt, later=receipt.later + receipt.raw.later)


def _receipt(kind: type[Record], values: dict[str, Any]) -> Record:
    """Return the receipt of these values; those that this version does not know are named in `later` alone."""
    types = _types(cast(Any, kind))
    read: dict[str, Any] = {name: value for name, value in values.items() if name in types}
    for name, value in read.items():
        if not _is_a(value, types[name]):
            raise ValueError(f"not a {kind.__name__}: its {name} has another type")
    try:
        return kind(**read, later=tuple(sorted(values.keys() - types.keys())))  # type: ignore[call-arg]
    except TypeError as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error


@cache
def _types(kind: type) -> dict[str, Any]:
    """Return field → type of a receipt, without `later`."""
    return {name: each for name, each in get_type_hints(kind).items() if name != "later"}


def _is_a(value: object, kind: Any) -> bool:
    """Return whether a value of JSON is of a type, as `dict[str, int]`; the numbers of lists are not looked at."""
    if type(kind) is type:  # first, as most are
        return isinstance(value, int | float if kind is float else kind)
    if kind is Any:
        return True
    outer, inner = get_origin(kind), get_args(kind)
    if outer is UnionType:
        return any(_is_a(value, each) for each in inner)
    return isinstance(value, outer) and (outer is list or all(_is_a(each, inner[1]) for each in value.values()))


def _written(receipt: RawReceipt | CleanReceipt) -> dict[str, Any]:
    values = asdict(receipt)
    del values["later"]
    return values


def _record(kind: type[Record], text: str) -> Record:
    try:
        return kind(**_load(text))
    except TypeError as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error


def _load(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except RecursionError as error:
        raise ValueError("not a receipt: nested without end") from error
    if not isinstance(fields, dict):
        raise ValueError("not a receipt: not a JSON object")  # noqa: TRY004 the text is wrong, not its type
    return fields
