"""`taxi-luigi verify`: counts every month again in every place, whatever its receipts and markers say.

judge.py says in what counts disagree, stores.py asks lakes and warehouses, count.py puts a month together,
reports/verify_text.py writes it as text. A month that a run changes at this moment can show as a difference that is
none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from taxi_luigi.core.errors import UsageError
from taxi_luigi.inventory.count import ColorCounts
from taxi_luigi.inventory.judge import Found, differences
from taxi_luigi.inventory.stores import Stores, Tell
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, Selection


@dataclass(frozen=True)
class Line:
    """One month verified; `differences` is empty when all its counts agree."""

    color: str
    month: Month
    found: Found
    differences: tuple[str, ...]


def months(
    colors: Sequence[str], selection: Selection | None, today: date, judge_published: bool, tell: Tell
) -> Iterator[Line]:
    """Verifies month by month, color by color; each is yielded as soon as it is counted.

    No colors: those of which any place holds something. No selection: every month that any place holds. With one, a
    month that it names is verified even where it is nowhere; of its others, those that are held. `tell` is called with
    a line for a store that cannot be asked. Raises ConfigError, and UsageError for a selection before these colors.
    """
    chosen = selection.resolve(today) if selection else None
    datasets = [DATASETS[color] for color in colors or DATASETS]
    if chosen is not None and max(chosen) < min(dataset.first_month for dataset in datasets):
        first = ", ".join(f"{dataset.color} begins in {dataset.first_month}" for dataset in datasets)
        raise UsageError(f"no month of {selection}: {first}")
    stores = Stores(tell)
    counts = [ColorCounts(dataset, stores, today) for dataset in datasets]
    if not colors:
        counts = [each for each in counts if each.held] or counts
    for each in counts:
        for month in sorted(each.held if chosen is None else _wanted(chosen, each)):
            found = each.find(month)
            yield Line(each.dataset.color, month, found, differences(found, judge_published))


def _wanted(chosen: dict[Month, bool], counts: ColorCounts) -> set[Month]:
    first = counts.dataset.first_month
    return {month for month, named in chosen.items() if month in counts.held or (named and month >= first)}
