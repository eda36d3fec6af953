"""The cleaning rules: for each a name, a reason, and a mask of the rows it applies to.

Every rule is counted for every month; only those that are switched on take rows out. A missing value never matches a
rule. Filling missing passenger counts comes first: together with no_passengers it also takes out the trips without a
count, as one of the course's flows does (passenger_count > 0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi.tlc.datasets import Dataset
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform.arrow_utils import constant
from taxi_luigi.transform.clean_settings import RULE_REASONS

_ZERO, _UNKNOWN, _OUTSIDE = (constant(value, pa.int32()) for value in (0, 264, 265))

Mask = Callable[[pa.RecordBatch, Dataset, Month], pa.BooleanArray | None]

FILL_MISSING_PASSENGERS = "fill_missing_passengers"
"""The key in receipts of missing passenger counts (`rules`) and filled ones (`changed`)."""


@dataclass(frozen=True)
class Rule:
    """One rule; `mask` takes a batch in canonical columns, and returns None when the record type lacks the column."""

    name: str
    reason: str
    mask: Mask


RULES: dict[str, Rule] = {}
"""By name. A row that several rules match has the first of them as its reason."""


def _rule(mask: Mask) -> Mask:
    RULES[mask.__name__] = Rule(mask.__name__, RULE_REASONS[mask.__name__], mask)
    return mask


@_rule
def no_passengers(batch: pa.RecordBatch, dataset: Dataset, month: Month) -> pa.BooleanArray | None:
    """Match rows with 0 passengers, as the course's flows do."""
    return pc.equal(batch["passenger_count"], _ZERO) if dataset.has("passenger_count") else None


@_rule
def dropoff_before_pickup(batch: pa.RecordBatch, dataset: Dataset, month: Month) -> pa.BooleanArray | None:
    """Match strictly earlier dropoffs: vendor 7 has both at the same time, 1.2 to 1.6 % of a month from 2025-03 on."""
    return pc.less(batch[dataset.dropoff], batch[dataset.pickup])


@_rule
def outside_file_month(batch: pa.RecordBatch, dataset: Dataset, month: Month) -> pa.BooleanArray | None:
    """Match pickups outside the month: a handful in most files, in years from 2001 to 2098."""
    pickup = batch[dataset.pickup]
    first, following = (constant(microseconds(each.first_day), pickup.type) for each in (month, month.plus(1)))
    return pc.or_(pc.less(pickup, first), pc.greater_equal(pickup, following))


@_rule
def negative_total(batch: pa.RecordBatch, dataset: Dataset, month: Month) -> pa.BooleanArray | None:
    """Match negative totals, mostly refunds: each has vendor, times and zones of the trip that it reverses."""
    return pc.less(batch["total_amount"], _ZERO) if dataset.has("total_amount") else None


@_rule
def zero_distance(batch: pa.RecordBatch, dataset: Dataset, month: Month) -> pa.BooleanArray | None:
    """Match a distance of exactly 0, a meter that did not run; a negative distance is another defect."""
    return pc.equal(batch[dataset.distance], _ZERO) if dataset.distance else None


@_rule
def unknown_zone(batch: pa.RecordBatch, dataset: Dataset, month: Month) -> pa.BooleanArray | None:
    """Match trips with an unknown zone at either end."""
    if not dataset.has("pulocationid"):
        return None
    return pc.or_kleene(_nowhere(batch["pulocationid"]), _nowhere(batch["dolocationid"]))


@_rule
def zero_coordinates(batch: pa.RecordBatch, dataset: Dataset, month: Month) -> pa.BooleanArray | None:
    """Match a coordinate of 0; only the layouts before zones have coordinates, which are kept as published."""
    if not dataset.has("pickup_longitude"):
        return None
    ends = [batch[f"{end}_{axis}"] for end in ("pickup", "dropoff") for axis in ("longitude", "latitude")]
    return reduce(pc.or_kleene, [pc.equal(each, _ZERO) for each in ends])


def _nowhere(zone: pa.Array) -> pa.BooleanArray:
    return pc.and_(pc.greater_equal(zone, _UNKNOWN), pc.less_equal(zone, _OUTSIDE))


def microseconds(day: date) -> int:
    """Return the midnight that begins a day, in microseconds since 1970-01-01."""
    return (day - date(1970, 1, 1)).days * 86_400_000_000


def fill_passengers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with 0 for every missing passenger_count."""
    position = batch.schema.get_field_index("passenger_count")
    return batch.set_column(position, batch.schema.field(position), pc.fill_null(batch.column(position), _ZERO))
