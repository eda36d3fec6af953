"""Which figures of a month are unlike those of the months before it and of the same month in earlier years. Pure.

Figures are the month's records, the share of rows without a value in each column, and the share of rows that each
cleaning rule applies to. A figure is unusual when it is farther from the median of its reference months than
_DEVIATIONS times their median absolute deviation, and than a least distance. Of 493 published counts, the rule finds 13
unusual, 11 of them from March 2020 to June 2021 (Nov 2026).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from taxi_luigi.core.receipts import CleanReceipt
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month

RECORDS, NULLS, RULE = "records", "null ", "rule "
"""the names of figures: `records`, `null COLUMN`, `rule RULE`"""

_BEFORE, _YEARS = 2, 5
"""months before a month, and earlier years of the same month, that are its reference"""
FEWEST = 4
"""reference months without which nothing is judged"""
_DEVIATIONS = 4.0
_NORMAL = 1.4826
"""what makes a median absolute deviation comparable with a standard deviation"""
_LEAST_RATIO, _LEAST_SHARE = 0.2, 0.05
"""the least distance: of the logarithms of records, and of shares from 0 to 1"""


@dataclass(frozen=True)
class Unusual:
    """One figure of a month that is unlike its reference."""

    figure: str
    value: float
    expected: float
    """the median of the reference months"""


def reference(month: Month) -> list[Month]:
    """Return the months that a month is compared with."""
    return [month.plus(-each) for each in range(1, _BEFORE + 1)] + [
        month.plus(-12 * each) for each in range(1, _YEARS + 1)
    ]


def figures(receipt: CleanReceipt, nulls: Mapping[str, int]) -> dict[str, float]:
    """Return figure → value of a clean month; columns that its file does not have are left out.

    Args:
        receipt: of the month
        nulls: column → rows of its clean file without a value
    """
    found: dict[str, float] = {RECORDS: receipt.records}
    there = (each.name for each in DATASETS[receipt.color].columns if each.names_in(receipt.layout))
    found |= {
        f"{NULLS}{name}": nulls[name] / receipt.rows_kept for name in there if name in nulls and receipt.rows_kept
    }
    found |= {f"{RULE}{name}": number / receipt.rows_in for name, number in receipt.rules.items() if receipt.rows_in}
    return found


def unusual(month: Month, months: Mapping[Month, Mapping[str, float]]) -> list[Unusual]:
    """Return the figures of a month that are unlike those of its reference months.

    Args:
        month: one of `months`
        months: month → its figures, as far as they are known
    """
    before = [months[each] for each in reference(month) if each in months]
    found = []
    for figure, value in months[month].items():
        known = [each[figure] for each in before if figure in each]
        expected = _expected(value, known, figure == RECORDS)
        if expected is not None:
            found.append(Unusual(figure, value, expected))
    return found


def _expected(value: float, known: Iterable[float], of_records: bool) -> float | None:
    """The median of the known values, when this one is far from it; None for a usual one."""
    scale = math.log1p if of_records else float
    values = [scale(each) for each in known]
    if len(values) < FEWEST:
        return None
    middle = median(values)
    deviation = _NORMAL * median(abs(each - middle) for each in values)
    if abs(scale(value) - middle) <= max(_DEVIATIONS * deviation, _LEAST_RATIO if of_records else _LEAST_SHARE):
        return None
    return math.expm1(middle) if of_records else middle


def phrases(found: Iterable[Unusual]) -> list[str]:
    """Return what is unusual in a month. Columns with the same shares are one phrase: values lack in the same rows."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    texts = []
    for each in found:
        kind, _, name = each.figure.partition(" ")
        if each.figure == RECORDS:
            texts.append(f"{each.value:,.0f} records, where about {each.expected:,.0f} are usual")
        else:
            alike.setdefault((kind, f"{each.value:.1%}", f"{each.expected:.1%}"), []).append(name)
    for (kind, value, expected), names in alike.items():
        one, which = len(names) == 1, ", ".join(names)
        if kind == NULLS.strip():
            what = f"{which} {'is' if one else 'are'} empty in"
        else:
            what = f"the rule{'' if one else 's'} {which} {'applies' if one else 'apply'} to"
        texts.append(f"{what} {value} of the rows, where {expected} is usual")
    return texts
