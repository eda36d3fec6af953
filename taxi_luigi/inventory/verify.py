"""`taxi-luigi verify`: every month counted anew in every place, and in what the counts disagree.

Receipts and markers are read too, but only to compare them with the counts. `differences` is pure; what
counts files is below it. A month that a run changes meanwhile can be shown with a difference that it does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import file_digest
from itertools import chain
from urllib.parse import unquote, urlsplit

from taxi_luigi import config
from taxi_luigi.core.errors import BadFile, TaxiError, force_command
from taxi_luigi.core.logs import failure_line
from taxi_luigi.core.parquet_footer import read_footer
from taxi_luigi.core.receipts import CleanReceipt, RawReceipt
from taxi_luigi.core.units import plural
from taxi_luigi.inventory.inventory import CLEAN, RAW, Inventory, Place
from taxi_luigi.storage.raw_month import rejects_name
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month, month_range
from taxi_luigi.tlc.published import counts_apply_to, published_rows
from taxi_luigi.transform.readers import count_records, sniff


@dataclass(frozen=True)
class Count:
    """What one place holds of a month."""

    place: str
    """raw, clean, rejected, or the name of a lake or warehouse"""
    rows: int | None = None
    """None: nothing is there, or it cannot be counted"""
    recorded: int | None = None
    """rows by the receipt or marker that goes with it"""
    error: str = ""
    """why what is there cannot be counted or trusted, in one line"""
    known: bool = True
    """False: the place could not be listed"""
    refused: bool = False
    """whether the clean month was refused as worse than what is held here, which rightly stays"""

    @property
    def absent(self) -> bool:
        """Whether the place holds nothing."""
        return self.known and self.rows is None and not self.error

    def __str__(self) -> str:
        if self.rows is not None:
            return f"{self.rows:,}"
        return "–" if self.absent else "?"


@dataclass(frozen=True)
class MonthCounts:
    """One month in every place."""

    raw: Count
    clean: Count
    """the workspace's, which is also the lake called local"""
    rejected: Count
    lakes: Sequence[Count]
    """those of luigi.cfg, but for local"""
    warehouses: Sequence[Count]
    clean_is_lake: bool
    """whether local is one of the lakes, so that a month without a clean file is a difference"""
    other_raw: bool = False
    """whether the raw file is another than the clean month was made from, so that its records are not that month's"""
    refused: bool = False
    """whether that other raw file was refused, so that the clean month rightly stays"""
    published: int | None = None
    """rows that TLC published in the form of the raw file"""
    from_tlc: bool = False
    """whether the month came from a host to which the published counts apply: TLC's, or the csv mirror's"""

    @property
    def counts(self) -> tuple[Count, ...]:
        """All of them, in the order in which they are shown."""
        return self.raw, self.clean, self.rejected, *self.lakes, *self.warehouses

    @property
    def kept(self) -> Count | None:
        """The first of the counts that should all be the clean month's."""
        stored = (self.clean, *self.lakes, *self.warehouses)
        return next((count for count in stored if count.rows is not None and not count.refused), None)

    @property
    def records(self) -> int | None:
        """Rows of the file that is held: the raw file's, or where that is not kept, those kept and rejected."""
        if self.raw.rows is not None and not self.other_raw:
            return self.raw.rows
        kept, rejected = self.kept, self.rejected.recorded if self.rejected.rows is None else self.rejected.rows
        return None if kept is None or kept.rows is None or rejected is None else kept.rows + rejected

    @property
    def unlike_published(self) -> bool:
        """Whether a month from TLC or the csv mirror has another number of records than TLC published."""
        counted = self.records is not None and self.published is not None
        return self.from_tlc and counted and self.records != self.published


@dataclass(frozen=True)
class VerifiedMonth:
    """One month with its counts; `differences` is empty when all of them agree."""

    color: str
    month: Month
    counts: MonthCounts
    differences: tuple[str, ...]


def verified_months(
    inventory: Inventory,
    colors: Iterable[str],
    selected: Mapping[tuple[str, Month], bool] | None,
    today: date,
    compare_published: bool,
) -> Iterator[VerifiedMonth]:
    """Verify month by month, color by color; each is yielded as soon as it is counted.

    Args:
        inventory: all places, with the rows of the warehouses counted
        colors: the record types, of those in the inventory
        selected: (color, month) → whether it was named; None for every month that any place holds. A named month is
            verified even where no place holds it; of the others, those that are held
        today: raw files of months up to this one are looked for
        compare_published: whether other rows than TLC published are a difference, whatever the source
    """
    for color in colors:
        held = held_months(inventory, color, today)
        chosen = held if selected is None else {
            month for (of_color, month), named in selected.items() if of_color == color and (named or month in held)
        }  # fmt: skip
        for month in sorted(chosen):
            counts = _count(inventory, color, month)
            yield VerifiedMonth(color, month, counts, differences(counts, compare_published))


def held_months(inventory: Inventory, color: str, today: date) -> set[Month]:
    """Return every month with something in some place, such as a raw file without a receipt or rows without a marker.

    Args:
        inventory: of all places
        color: the record type
        today: the month of this date is the last one
    """
    months = month_range(DATASETS[color].first_month, Month.of(today))
    raw = {month for month in months if inventory.has_raw_file(color, month)}
    return raw.union(*(place.months(color) for place in inventory.places))


def differences(counts: MonthCounts, compare_published: bool = False) -> tuple[str, ...]:
    """Return in what a month's counts disagree, one phrase each; places that could not be listed do not count.

    raw, where it is kept, is the file that was downloaded and cleaned, and = clean + rejected; clean = every lake =
    every warehouse, but for a place that refused the month; each count = the receipt or marker beside it; each required
    lake and warehouse has the month. With `compare_published`, raw = published, whatever the source.
    """
    stored = (counts.raw, counts.clean, *counts.lakes, *counts.warehouses)
    if all(count.absent for count in stored):
        return ("nowhere",)
    errors = (f"{count.place}: {count.error}" for count in counts.counts if count.error)
    held = any(count.rows is not None or count.error for count in stored)
    return tuple(
        chain(
            errors,
            _lacking(counts) if held else (),
            _raw_and_rejected(counts),
            _stores(counts),
            _off(Count("TLC's file", counts.records), counts.published, "published") if compare_published else (),
        )
    )


def _lacking(counts: MonthCounts) -> Iterator[str]:
    required = (*([counts.clean] if counts.clean_is_lake else []), *counts.lakes, *counts.warehouses)
    for count in required:
        if count.absent:
            yield f"{count.place} lacks the month"


def _raw_and_rejected(counts: MonthCounts) -> Iterator[str]:
    """Compare the raw file and the rejects with the clean rows and with the receipt."""
    kept, rejected = counts.kept, counts.rejected.rows
    if counts.other_raw:
        if not counts.refused:
            yield "raw is another file than the one that was cleaned"
    else:
        if kept is not None and kept.rows is not None and rejected is not None:
            yield from _off(counts.raw, kept.rows + rejected, f"{kept.place} + rejected")
        yield from _off(counts.raw, counts.raw.recorded, "the receipt")
    yield from _off(counts.rejected, counts.rejected.recorded, "the receipt")


def _stores(counts: MonthCounts) -> Iterator[str]:
    """Compare every store with the first that could be counted; those that agree, with their receipt or marker."""
    kept = counts.kept
    # A warehouse that is loaded from a lake that refused the month still holds what that lake holds.
    stays = {count.rows for count in counts.counts if count.refused}
    files = ((count, "receipt") for count in (counts.clean, *counts.lakes))
    tables = ((count, "marker") for count in counts.warehouses)
    for count, record in chain(files, tables):
        if kept is None or count.rows is None or count.error:
            continue
        if count.rows != kept.rows and count.rows not in stays:
            yield from _off(count, kept.rows, kept.place)
        elif count.recorded is None:
            yield f"{count.place} has no {record} of the month"
        else:
            yield from _off(count, count.recorded, f"its {record}")


def _off(count: Count, expected: int | None, other: str) -> Iterator[str]:
    """The phrase for a count that is not the one expected; none when either is not known."""
    off = 0 if count.rows is None or expected is None else count.rows - expected
    if off:
        yield f"{count.place} has {plural(abs(off), 'row')} {'more' if off > 0 else 'fewer'} than {other}"


def _count(inventory: Inventory, color: str, month: Month) -> MonthCounts:
    """Count the month in every place. Reads the whole raw file, so this can take minutes."""
    files = {place.key: _in_lake(place, color, month) for place in inventory.places if place.kind in ("clean", "lake")}
    receipt = next((receipt for _, receipt in files.values() if receipt), None)
    clean = files.pop(CLEAN)[0]
    if color in inventory.place(RAW).errors:  # raw/ and rejected/ are in the same store
        stored, rejected = _RawFile(Count("raw", known=False)), Count("rejected", known=False)
    else:
        stored = _raw_file(_raw_name(color, month, receipt), force_command(color, month))
        rejected = _rejected(rejects_name(color, month))
    raw, form, url = stored.count, stored.form, stored.url or config.source().url(color, month)
    if receipt is not None:
        raw = replace(raw, recorded=receipt.rows_in)
        form, url = receipt.raw_format, receipt.raw.url
        rejected = replace(rejected, recorded=receipt.rows_rejected)
    # A month of which nothing else is here was perhaps cleaned on another machine, which has kept its rejects.
    if rejected.absent and not (raw.absent and clean.absent and rejected.recorded != 0):
        rejected = replace(rejected, rows=0)
    tables = {place.key: _in_table(place, color, month) for place in inventory.places if place.kind == "warehouse"}
    failures = inventory.failures(color, [month]).get(month, {})

    def with_refusal(key: str, count: Count) -> Count:
        """Of a place that holds other rows than the clean file, because it refused the month."""
        differs = None not in (count.rows, clean.rows) and count.rows != clean.rows
        return replace(count, refused=True) if differs and key in failures else count

    return MonthCounts(
        raw=raw,
        clean=clean,
        rejected=rejected,
        lakes=[with_refusal(key, count) for key, (count, _) in files.items()],
        warehouses=[with_refusal(key, count) for key, count in tables.items()],
        clean_is_lake=inventory.place(CLEAN).required,
        other_raw=receipt is not None and stored.downloaded not in ("", receipt.raw.sha256),
        refused="" in failures,
        from_tlc=counts_apply_to(url),
        published=published_rows(color, month, "parquet" if form == "parquet" else "csv") if form else None,
    )


def _in_lake(place: Place, color: str, month: Month) -> tuple[Count, CleanReceipt | None]:
    if color in place.errors:
        return Count(place.name, known=False), None
    if month not in place.months(color):
        return Count(place.name), None
    lake = config.clean_lake() if place.kind == "clean" else config.lake(place.name)
    try:
        footer = lake.footer(color, month)
    except FileNotFoundError:
        return Count(place.name), None
    except (TaxiError, OSError) as error:
        return Count(place.name, error=failure_line(error) or ""), None
    receipt = footer.receipt
    if receipt is not None and (receipt.color, receipt.month) != (color, str(month)):
        return Count(place.name, error=f"by its receipt it is {receipt.color} {receipt.month}"), None
    return Count(place.name, footer.rows, receipt.rows_kept if receipt else None), receipt


def _in_table(place: Place, color: str, month: Month) -> Count:
    """A marker without rows is a month of no rows."""
    if color in place.errors:
        return Count(place.name, known=False)
    held = place.months(color).get(month)
    return Count(place.name) if held is None else Count(place.name, held.counted, held.rows)


def _raw_name(color: str, month: Month, receipt: CleanReceipt | None) -> str:
    """The raw file that the clean one was made from, which may have come from another source than today's."""
    name = config.raw_month(color, month).name
    if receipt is None or receipt.raw.url == config.source().url(color, month):
        return name
    folder, _, file_name = name.rpartition("/")
    return f"{folder}/{unquote(urlsplit(receipt.raw.url).path.rpartition('/')[2]) or file_name}"


@dataclass(frozen=True)
class _RawFile:
    """A raw file in the workspace."""

    count: Count
    form: str = ""
    """parquet, csv or csv.gz; '' where there is nothing to count"""
    downloaded: str = ""
    """sha256 of what was downloaded under this name, by its receipt or else by its bytes; '' for nothing"""
    url: str = ""
    """where it came from; '' where no receipt has it"""


_OTHER_BYTES = "its bytes are not those that were downloaded"


def _raw_file(name: str, again: str) -> _RawFile:
    """Count the raw file, and compare its bytes with its receipt; `again` is the command that downloads it anew."""
    form, rows, wrong, store = "", None, [], config.workspace()
    try:
        with store.reading(name) as path:
            size = path.stat().st_size
            with path.open("rb") as file:
                found = file_digest(file, "sha256").hexdigest()
            try:
                rows, form = count_records(path), sniff(path)
            except BadFile as error:
                wrong.append(str(error).replace(str(path), store.url(name)))
        receipt = _raw_receipt(name)
    except FileNotFoundError:
        return _RawFile(Count("raw"))
    except (TaxiError, OSError) as error:
        return _RawFile(Count("raw", error=failure_line(error) or ""))
    if isinstance(receipt, str):
        wrong.append(receipt)
    elif receipt.bytes != size:
        wrong.append(f"{_OTHER_BYTES} ({size:,} bytes, {receipt.bytes:,} by its receipt)")
    elif receipt.sha256 != found:
        wrong.append(f"{_OTHER_BYTES} (sha256 {found[:12]}…, {receipt.sha256[:12]}… by its receipt)")
    count = Count("raw", rows, error=f"{'; '.join(wrong)}; fetch it again: {again}" if wrong else "")
    downloaded, url = (found, "") if isinstance(receipt, str) else (receipt.sha256, receipt.url)
    return _RawFile(count, form, downloaded, url)


def _raw_receipt(name: str) -> RawReceipt | str:
    """The receipt beside a raw file, or what is wrong with it."""
    try:
        with config.workspace().open(f"{name}.receipt.json") as file:
            return RawReceipt.from_json(file.read().decode())
    except FileNotFoundError:
        return "it has no receipt beside it"
    except ValueError:
        return "the receipt beside it is damaged"


def _rejected(name: str) -> Count:
    store = config.workspace()
    try:
        with store.open(name) as file:
            return Count("rejected", read_footer(file, store.url(name)).rows)
    except FileNotFoundError:
        return Count("rejected")
    except (TaxiError, OSError) as error:
        return Count("rejected", error=failure_line(error) or "")
