"""What a place holds of a month before another is put there, and the checks of guards.py against it."""

from __future__ import annotations

from taxi_luigi import config
from taxi_luigi.core.errors import BadFile, Refusal, StorageError
from taxi_luigi.core.receipts import LAYOUT, CleanReceipt, Edition, Failure
from taxi_luigi.storage.lake import Lake
from taxi_luigi.tlc.datasets import DATASETS
from taxi_luigi.tlc.months import Month
from taxi_luigi.transform import guards
from taxi_luigi.transform.guards import Holding
from taxi_luigi.warehouses import Marker


def is_forced(edition: str) -> bool:
    """Whether `--force` asked for this edition."""
    read = Edition.read(edition)
    return read is not None and bool(read.stamp)


def receipt_in(lake: Lake, color: str, month: Month) -> CleanReceipt | None:
    """The receipt of what a lake holds of a month; None when it holds nothing of ours, or what cannot be read."""
    if lake.store.stat(lake.name(color, month)) is None:
        return None
    try:
        receipt = lake.footer(color, month).receipt
    except (FileNotFoundError, BadFile):
        return None
    return receipt if receipt is not None and (receipt.color, receipt.month) == (color, str(month)) else None


def in_lake(lake: Lake, new: CleanReceipt) -> Holding | None:
    """What a lake holds of the month that `new` is about."""
    month = Month.parse(new.month)
    held = receipt_in(lake, new.color, month)
    if held is None:
        return None
    return Holding.of(held, lake.filled(new.color, month) if _other_form(new) else frozenset())


def in_warehouse(name: str, marker: Marker, new: CleanReceipt) -> Holding:
    """What a warehouse holds of the month that `new` is about, by its marker."""
    month, columns = Month.parse(new.month), _other_form(new)
    filled = config.warehouse(name).filled(DATASETS[new.color], month, columns) if columns else frozenset()
    return Holding(marker.rows if marker.records is None else marker.records, {}, filled)


def _other_form(new: CleanReceipt) -> list[str]:
    """The columns that a month lacks, and that are missed only where values of them are held."""
    return [name for name, kind in new.missing.items() if kind != LAYOUT]


def put_in_place(new: CleanReceipt, held: Holding | None, place: str, address: object) -> str:
    """Refuses a month that is worse than what a place holds, and remembers that; else says before → after.

    Args:
        new: of the clean file that is to be put there
        held: what is there; None: nothing
        place: `lake NAME` or `warehouse NAME`
        address: where the clean file is, for people
    Returns: records and money before → after, '' where nothing is replaced
    Raises: Refusal
    """
    raw = config.raw_month(new.color, Month.parse(new.month))
    if held is None:
        raw.taken(place)  # it was refused for what was there then
        return ""
    try:
        guards.check_replacement(new, held, config.limits(), is_forced(new.edition), address, place)
    except Refusal as refusal:
        edition = Edition.parse(new.edition)
        raw.failed(
            Failure(refusal.check, str(refusal), edition.source, edition.recipe, config.check_version(), new.records),
            place,
        )
        raise
    raw.taken(place)
    return guards.change(held, Holding.of(new), new.color)


def full_receipt(lake: Lake, color: str, month: Month) -> CleanReceipt:
    """The receipt of a clean file that has just been made. Raises StorageError when it is not there any more."""
    receipt = receipt_in(lake, color, month)
    if receipt is None:
        raise StorageError(f"{lake.url(color, month)} has gone since it was made; run the same command again")
    return receipt
