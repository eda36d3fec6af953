"""Clean one raw file: write the clean month, its rejects, and the receipt of both.

Rows stream through in Arrow batches, read and checked on one thread and written on another, so memory does not grow
with the month. Columns are matched in column_mapping.py, rules are defined in rules.py.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from taxi_luigi.core.errors import AccountError, Refusal
from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
from taxi_luigi.core.text import cut, listed, one_line, shown
from taxi_luigi.core.units import plural
from taxi_luigi.tlc.datasets import DATASETS, Dataset, SourceForm, plain
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import guards
from taxi_luigi.transform import rejects as rejected_rows
from taxi_luigi.transform.arrow_utils import constant
from taxi_luigi.transform.clean_settings import CleanRules
from taxi_luigi.transform.column_mapping import Conformed, Layout, conform, match, names_of
from taxi_luigi.transform.hints import is_merge_marker, time_hint
from taxi_luigi.transform.parquet_writer import MonthFiles, rows_written
from taxi_luigi.transform.profile import Profile
from taxi_luigi.transform.readers import Chunk, RawFile, open_raw
from taxi_luigi.transform.readers.ahead import ahead
from taxi_luigi.transform.receipt_builder import FIRST_YEAR, Tally, last_year, make_receipt, required_columns
from taxi_luigi.transform.rules import FILL_MISSING_PASSENGERS, RULES, fill_passengers, microseconds

ROW_GROUP = 131_072
"""The fewest rows of a row group but the last. Warehouses read row groups in parallel, DuckDB in pieces of 122,880.

Twice as many took 45 MB more and no less time, and made files 0.5 % smaller (Nov 2026).
"""

MOST_REJECTED = 32_768
"""Rejected rows that end a row group early: until they are written, their raw rows are in memory too."""

MOST_BYTES = 256 << 20
"""Bytes of rows, kept and rejected, that end a row group early; 30 MB are usual, but texts have no length limit."""

Progress = Callable[[int, int], None]

logger = logging.getLogger("luigi-interface")


@dataclass(frozen=True)
class Cleaned:
    """The result of one chunk."""

    records: int
    kept: pa.RecordBatch
    rejects: Iterator[pa.RecordBatch]
    """made as they are written"""
    size: int
    """bytes in memory, of both"""


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
    held: CleanReceipt | None = None,
    where: object = None,
) -> CleanReceipt:
    """Write the clean month to `clean` and the rows taken out, if any, to `rejects`.

    Args:
        raw: the raw file; `raw_receipt` is its receipt
        edition: of the clean month, for its receipt
        progress: called in this thread with (records done, records in all; 0 when the total is not known)
        held: receipt of the file that is replaced; None where there is none
        where: the raw file's lasting name, for messages; None: `raw`
    Returns: the receipt that both files have in their footers
    Raises: BadFile for a damaged file, LayoutError for columns that are not those of the record type, Refusal when no
        record can be stored or none has a value in a required column, AccountError when the rows in both footers do
        not add up to those of the raw file. The caller then removes the files at both paths
    """
    where = where or raw
    with open_raw(raw, where) as source:
        layout = _match(dataset, month, source, where)
        _judge_unknown(layout, rules, where)
        tally = Tally(Profile(dataset, month))
        groups = ahead(_grouped(_cleaned(source, layout, rules, tally)))
        with MonthFiles(clean, rejects, layout.schema) as files, closing(groups):
            done = 0
            for group in groups:
                files.write_clean(cleaned.kept for cleaned in group)
                files.write_rejects(rejected_rows.SCHEMA, chain.from_iterable(cleaned.rejects for cleaned in group))
                done += sum(cleaned.records for cleaned in group)
                progress(done, source.records_hint or 0)
            receipt = make_receipt(layout, source, tally, edition, raw_receipt, held, files.encodings)
            files.sign(receipt)
        _balance(receipt, where, clean, rejects)
    if receipt.rows_in and not receipt.records:
        raise Refusal(f"{where}: {describe_rejects(receipt, rejects)}", guards.MOST_REJECTED)
    required = required_columns(layout)
    if receipt.records and required and not tally.filled:
        raise Refusal(
            f"{where}: holds no record: none of its {plural(receipt.records, 'row')} has a value in"
            f" {', '.join(required)}", guards.NO_RECORD,
        )  # fmt: skip
    _log_passengers(receipt, tally, dataset)
    return receipt


def find_layout(dataset: Dataset, month: Month, raw: Path, where: object = None) -> Layout:
    """Return the layout of a raw file, without reading rows. Arguments and errors are those of `clean_month`."""
    with open_raw(raw, where) as source:
        return _match(dataset, month, source, where or raw)


def _match(dataset: Dataset, month: Month, source: RawFile, where: object) -> Layout:
    form: SourceForm = "parquet" if source.format == "parquet" else "csv"
    return match(dataset, month, form, source.schema, where, source.column)


def _judge_unknown(layout: Layout, rules: CleanRules, where: object) -> None:
    if layout.unknown:
        names = listed(layout.unknown, lambda name: f"{shown(cut(name))} ({shown(cut(layout.found[name]))})")
        if rules.unknown_columns == "fail":
            raise Refusal(
                f"{where}: columns that taxi_luigi does not know: {names}; --clean-unknown-columns warn leaves them"
                " out",
                guards.UNKNOWN_COLUMNS,
            )
        logger.warning("%s: left out columns that taxi_luigi does not know: %s", where, names)


def _cleaned(source: RawFile, layout: Layout, rules: CleanRules, tally: Tally) -> Generator[Cleaned, None, None]:
    none = pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in source.schema], schema=source.schema)
    with closing(source.chunks(layout.types)) as chunks:
        for chunk in chain([Chunk(none, 1)], chunks):  # the rules of a month without records are counted, too
            for name, position in layout.unknown.items():
                tally.nulls[name] += chunk.batch.column(position).null_count
            yield _clean_chunk(chunk, layout, rules, tally)


def _clean_chunk(chunk: Chunk, layout: Layout, rules: CleanRules, tally: Tally) -> Cleaned:
    conformed = conform(chunk.batch, layout)
    for reason, texts in conformed.cast_errors.unknown_values.items():
        tally.add_unknown_values(reason, texts)
    if layout.dataset.has("passenger_count"):
        conformed = _passengers(conformed, rules, tally)
    _count_stored(conformed, layout.dataset, layout.month, tally)
    reasons = _reasons(conformed, layout, rules, tally)
    kept, rejects = conformed.batch, []
    if reasons is not None:
        kept = kept.filter(pc.is_null(reasons))
        rejects.append(rejected_rows.of_rows(chunk, reasons, layout.month))
        for entry in pc.value_counts(pc.drop_null(reasons)).to_pylist():
            tally.rejected[entry["values"]] += entry["counts"]
    if chunk.broken:
        rejects.append(rejected_rows.of_broken(chunk, layout.month))
        tally.rejected[rejected_rows.FIELD_COUNT] += len(chunk.broken)
        tally.merge_markers += sum(is_merge_marker(record.text) for record in chunk.broken)
    tally.kept += kept.num_rows
    tally.profile.add(kept)
    if layout.dataset.has("passenger_count"):
        tally.missing_after += kept["passenger_count"].null_count
        tally.zero_after += _zeros(kept)
    size = kept.nbytes + (chunk.batch.nbytes if rejects else 0) + sum(len(record.text) for record in chunk.broken)
    return Cleaned(chunk.batch.num_rows + len(chunk.broken), kept, chain.from_iterable(rejects), size)


def _count_stored(conformed: Conformed, dataset: Dataset, month: Month, tally: Tally) -> None:
    """Count money and pickups of the records that can be stored, before rules take rows out."""
    batch = conformed.batch
    if conformed.cast_errors.errors:
        batch = batch.filter(pc.invert(reduce(pc.or_, conformed.cast_errors.errors.values())))
    for column in dataset.columns:
        if column.required and batch[column.name].null_count < batch.num_rows:
            tally.filled.add(column.name)
    for name in dataset.money:
        tally.sums[name] = tally.sums.get(name, 0.0) + (pc.sum(batch[name]).as_py() or 0.0)
    if not tally.pickups_in_month:
        pickup = batch[dataset.pickup]
        tally.pickups_in_month = _has_within(pickup, month.first_day, month.plus(1).first_day)
        if not tally.plausible_pickups:
            tally.plausible_pickups = _has_within(pickup, date(FIRST_YEAR, 1, 1), date(last_year() + 1, 1, 1))


def _has_within(pickups: pa.Array, first: date, end: date) -> bool:
    """Return whether any pickup lies from one day to before another."""
    days = [constant(microseconds(day), pickups.type) for day in (first, end)]
    return bool(pc.and_(pc.greater_equal(pickups, days[0]), pc.less(pickups, days[1])).true_count)


def _reasons(conformed: Conformed, layout: Layout, rules: CleanRules, tally: Tally) -> pa.StringArray | None:
    """Return per row the first reason to take it out, else null; None when no row has one. Count every rule."""
    masks = dict(conformed.cast_errors.errors)
    for name, rule in RULES.items():
        mask = rule.mask(conformed.batch, layout.dataset, layout.month)
        if mask is not None:
            tally.rules[name] += mask.true_count
            if name in rules.reject and mask.true_count:
                masks[name] = pc.fill_null(mask, False)
    if not masks:
        return None
    return pc.case_when(pc.make_struct(*masks.values(), field_names=list(masks)), *masks)


def _passengers(conformed: Conformed, rules: CleanRules, tally: Tally) -> Conformed:
    """Count missing and zero passenger counts as published; fill missing ones where that is switched on."""
    unreadable = conformed.cast_errors.errors.get("unreadable:passenger_count")
    missing = conformed.batch["passenger_count"].null_count - (unreadable.true_count if unreadable else 0)
    tally.rules[FILL_MISSING_PASSENGERS] += missing
    tally.zero_before += _zeros(conformed.batch)
    if not (rules.fill_missing_passengers and missing):
        return conformed
    tally.changed[FILL_MISSING_PASSENGERS] += missing
    return replace(conformed, batch=fill_passengers(conformed.batch))


def _zeros(batch: pa.RecordBatch) -> int:
    return int(pc.equal(batch["passenger_count"], constant(0, pa.int32())).true_count)


def _grouped(parts: Generator[Cleaned, None, None]) -> Generator[list[Cleaned], None, None]:
    """Group chunks into row groups; yield at least one, so that a month without rows has a file, too."""
    group: list[Cleaned] = []
    kept = rejected = size = 0
    with closing(parts):
        for part in parts:
            group.append(part)
            kept += part.kept.num_rows
            rejected += part.records - part.kept.num_rows
            size += part.size
            if kept >= ROW_GROUP or rejected >= MOST_REJECTED or size >= MOST_BYTES:
                yield group
                group, kept, rejected, size = [], 0, 0, 0
    yield group


def _balance(receipt: CleanReceipt, where: object, clean: Path, rejects: Path) -> None:
    kept, rejected = rows_written(clean), rows_written(rejects)
    if receipt.rows_in != kept + rejected or (kept, rejected) != (receipt.rows_kept, receipt.rows_rejected):
        raise AccountError(
            f"{where}: holds {receipt.rows_in:,} records, but {kept:,} were kept and {rejected:,} rejected; nothing was"
            " published. If another file does not help, report it"
        )


def describe_rejects(receipt: CleanReceipt, rejects: Path) -> str:
    """Describe the records of a month that could not be stored, for messages; '' where all could.

    Args:
        receipt: of the month
        rejects: the file of rejects that `clean_month` wrote
    Returns: `3 of its 8 records cannot be stored (unreadable:total_amount in 3); the first is 'VendorID=2, …'`,
        followed by a hint at the format of the first time that could not be read
    """
    lost = {reason: rows for reason, rows in receipt.rejected.items() if reason not in RULES}
    if not lost:
        return ""
    reasons = one_line(", ".join(f"{reason} in {rows:,}" for reason, rows in lost.items()), 500)
    first = one_line(_first(DATASETS[receipt.color], lost, rejects), 200)
    some = f"{receipt.rows_in - receipt.records:,} of its {receipt.rows_in:,} records cannot be stored"
    head = some if receipt.records else f"none of its {receipt.rows_in:,} records can be stored"
    return f"{head} ({reasons}); the first is {first!r}{_hint(DATASETS[receipt.color], lost, rejects)}"


def _first(dataset: Dataset, lost: Collection[str], rejects: Path) -> str:
    """Return the values of the first record that cannot be stored, those with errors first."""
    values = rejected_rows.first_values(rejects, lost)
    faulty = {name for column in dataset.columns for name in names_of(column) if f"unreadable:{column.name}" in lost}
    ordered = sorted(values, key=lambda name: plain(name) not in faulty)
    return ", ".join(f"{cut(name)}={values[name]}" for name in ordered)


def _hint(dataset: Dataset, lost: Collection[str], rejects: Path) -> str:
    for column in dataset.columns:
        reason = f"unreadable:{column.name}"
        if reason in lost and column.type == "timestamp[us]":
            values = rejected_rows.first_values(rejects, {reason})
            for name in map(cut, names_of(column)):
                found = next((value for raw, value in values.items() if plain(raw) == name), "")
                if hint := time_hint(found):
                    return f"; {found!r} {hint}"
    return ""


def _log_passengers(receipt: CleanReceipt, tally: Tally, dataset: Dataset) -> None:
    if dataset.has("passenger_count"):
        logger.info(
            "%s %s: passenger_count missing in %s rows before, %s after; zero in %s before, %s after",
            receipt.color,
            receipt.month,
            *(f"{rows:,}" for rows in (receipt.rules[FILL_MISSING_PASSENGERS], tally.missing_after)),
            *(f"{rows:,}" for rows in (tally.zero_before, tally.zero_after)),
            extra={"detail": True},
        )
