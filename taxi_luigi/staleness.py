"""Whether a month that is held is still the right one: from TLC's file of today, by the rules of today. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from taxi_luigi.receipt import Edition, Seen, source_digest


class Why(Enum):
    """Why a month is to be done; the values are what people read."""

    MISSING = "missing"
    REPUBLISHED = "republished"
    RULES_CHANGED = "rules changed"
    FORCED = "forced"


@dataclass(frozen=True)
class Right:
    """The edition that a month should have, and why it has not."""

    edition: Edition
    why: Why


def wanted_edition(held: Iterable[str], seen: Seen | None, recipe: str) -> Right | None:
    """What a month held in these editions should be instead; None when it is right everywhere.

    `seen` is what the source says of its file now, None where it was not asked or did not answer: then the file is
    taken for unchanged. `recipe` digests rules and schema version. An edition that is none of ours counts for nothing.
    """
    editions = [edition for edition in map(Edition.read, held) if edition is not None]
    if not editions:
        return None
    source = editions[0].source if seen is None else source_digest(seen)
    right = Edition(source, recipe)
    if any(edition.source != source for edition in editions):
        return Right(right, Why.REPUBLISHED)
    if any(edition.recipe != recipe for edition in editions):
        return Right(right, Why.RULES_CHANGED)
    return None
