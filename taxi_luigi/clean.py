"""One raw file → one clean month, its rejects, and the account of both.

Rows stream through in Arrow batches: reading and checking on one thread, writing on another, so memory does not grow
with the month. What a column or a rule is, is known in conform.py and rules.py.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi import rejects as rejected_rows
from taxi_luigi.conform import Conformed, Layout, conform, match
from taxi_luigi.datasets import Dataset
from taxi_luigi.errors import LayoutError
from taxi_luigi.formats import Chunk, RawFile, open_raw
from taxi_luigi.months import Month
from taxi_luigi.receipt import CleanReceipt, RawReceipt
from taxi_luigi.rules import FILL_MISSING_PASSENGERS, RULES, CleanRules, fill_passengers

ROW_GROUP = 262_144
"""Rows in a row group, at least, but for the last: what warehouses read in parallel."""

Progress = Callable[[int, int], None]

logger = logging.getLogger("luigi-interface")


@dataclass
class Tally:
    """Counts of one month while it streams through."""

    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    nulls: Counter[str] = field(default_factory=Counter)
    """in columns that are left out"""
    missing_after: int = 0
    zero_after: int = 0
    """passenger counts in the rows kept"""


@dataclass(frozen=True)
class Cleaned:
    """What one chunk became."""

    records: int
    kept: pa.RecordBatch
    rejects: list[pa.RecordBatch]


def clean_month(
    dataset: Dataset,
    month: Month,
    raw: Path,
    raw_receipt: RawReceipt,
    edition: str,
    rules: CleanRules,
    clean: Path,
    rejects: Path,
    progress: Progress,
) -> CleanReceipt:
    """Writes the clean month at `clean` and, only when there are any, the rows taken out at `rejects`.

    Both carry the receipt that is returned in their footers. `progress` is called from this thread with (records done,
    records in all, 0 when that is not known beforehand). Raises BadFile for a damaged file, LayoutError for columns
    that make no trips of this color, AccountError when the rows in both footers are not those of the raw file; then
    neither path exists.
    """
    with _nothing_on_failure(clean, rejects), open_raw(raw) as source:
        layout = match(dataset, month, source.schema, raw)
        _judge_unknown(layout, rules, raw)
        tally = Tally()
        with _Output(layout, clean, rejects) as output:
            done = 0
            for groups in _ahead(_grouped(_cleaned(source, layout, rules, tally))):
                for cleaned in groups:
                    done += cleaned.records
                output.write(groups)
                progress(done, source.records_hint or 0)
            receipt = _receipt(layout, source, tally, edition, raw_receipt, rules)
            output.sign(receipt)
        _balance(receipt, raw, clean, rejects)
    _log_passengers(receipt, tally, dataset)
    return receipt


def _judge_unknown(layout: Layout, rules: CleanRules, raw: Path) -> None:
    if layout.unknown:
        names = ", ".join(f"{name} ({layout.found[name]})" for name in layout.unknown)
        if rules.unknown_columns == "fail":
            raise LayoutError(
                f"{raw}: columns that taxi_luigi does not know: {names}; [clean] unknown_columns = warn leaves them out"
            )
        logger.warning("%s: left out columns that taxi_luigi does not know: %s", raw, names)


def _cleaned(source: RawFile, layout: Layout, rules: CleanRules, tally: Tally) -> Iterator[Cleaned]:
    for chunk in source.chunks():
        for name, position in layout.unknown.items():
            tally.nulls[name] += chunk.batch.column(position).null_count
        yield _clean_chunk(chunk, layout, rules, tally)


def _clean_chunk(chunk: Chunk, layout: Layout, rules: CleanRules, tally: Tally) -> Cleaned:
    conformed = conform(chunk.batch, layout)
    reasons = _reasons(conformed, layout, rules, tally)
    kept, rejects = conformed.batch, []
    if reasons is not None:
        kept = kept.filter(pc.is_null(reasons))
        rejects.append(rejected_rows.of_rows(chunk, reasons, layout.month))
    if chunk.broken:
        rejects.append(rejected_rows.of_broken(chunk, layout.month))
    for batch in rejects:
        for entry in pc.value_counts(batch["reason"]).to_pylist():
            tally.rejected[entry["values"]] += entry["counts"]
    tally.kept += kept.num_rows
    if layout.dataset.has("passenger_count"):
        kept = _passengers(kept, rules, tally)
    return Cleaned(chunk.batch.num_rows + len(chunk.broken), kept, rejects)


def _reasons(conformed: Conformed, layout: Layout, rules: CleanRules, tally: Tally) -> pa.StringArray | None:
    """For every row its first reason to be taken out, else null; None when no row has one. Counts every rule."""
    masks = dict(conformed.faults)
    for name, rule in RULES.items():
        mask = rule.mask(conformed.batch, layout.dataset, layout.month)
        if mask is not None:
            tally.rules[name] += mask.true_count
            if name in rules.reject and mask.true_count:
                masks[name] = pc.fill_null(mask, False)
    if not masks:
        return None
    return pc.case_when(pc.make_struct(*masks.values(), field_names=list(masks)), *masks)


def _passengers(kept: pa.RecordBatch, rules: CleanRules, tally: Tally) -> pa.RecordBatch:
    missing = kept["passenger_count"].null_count
    if rules.fill_missing_passengers and missing:
        tally.changed[FILL_MISSING_PASSENGERS] += missing
        kept = fill_passengers(kept)
    tally.missing_after += kept["passenger_count"].null_count
    tally.zero_after += pc.equal(kept["passenger_count"], 0).true_count
    return kept
